/* Foreign text made valid and harmless; see utf8.h. */
#include "base/utf8.h"

#include <stdint.h>

#include "base/util.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* Length of the UTF-8 sequence at s (1 … 4) and its code point; 0 when it is none. */
static size_t
decode(const unsigned char *s, size_t size, uint32_t *ret)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	uint32_t c;

	if (n == 0 || s[0] > 0xf4 || n > size)
		return 0;
	c = n == 1 ? s[0] : s[0] & (0x7fU >> n);
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*ret = c;
	return n;
}

/* What could drive a terminal, forge a line or reorder what stands beside it. */
static bool
harmful(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x061c || c == 0x200e || c == 0x200f ||
	       c == 0x2028 || c == 0x2029 || (c >= 0x202a && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

static char *
copy(const char *s, size_t size, bool clean, size_t *ret_size)
{
	char *to = xcalloc(size + 1, sizeof(REPLACEMENT) - 1), *end = to;

	for (size_t i = 0; i < size;) {
		uint32_t c = 0;
		size_t n = decode((const unsigned char *) s + i, size - i, &c);

		if (n == 0 || (clean && harmful(c))) {
			memcpy(end, REPLACEMENT, sizeof(REPLACEMENT) - 1);
			end += sizeof(REPLACEMENT) - 1;
		} else {
			memcpy(end, s + i, n);
			end += n;
		}
		i += MAX(n, 1);
	}
	if (ret_size != NULL)
		*ret_size = (size_t) (end - to);
	return to;
}

char *
utf8_clean(const char *s, size_t size)
{
	return copy(s, size, true, NULL);
}

char *
utf8_copy(const char *s, size_t size, size_t *ret_size)
{
	return copy(s, size, false, ret_size);
}

void
utf8_clean_line(char *s)
{
	size_t size = strlen(s), to = 0;

	for (size_t i = 0; i < size;) {
		uint32_t c = 0;
		size_t n = decode((const unsigned char *) s + i, size - i, &c);

		if (n == 0 || harmful(c)) {
			s[to++] = n == 1 ? ' ' : '?';
		} else {
			memmove(s + to, s + i, n);
			to += n;
		}
		i += MAX(n, 1);
	}
	s[to] = '\0';
}

char *
utf8_json_ascii(char *json)
{
	static const char escaped[] = "\\u007f";
	size_t n = 0;
	char *more, *to;

	for (const char *p = json; *p != '\0'; p++)
		n += *p == '\x7f';
	if (n == 0)
		return json;
	more = to = xcalloc(strlen(json) + n * (sizeof(escaped) - 2) + 1, 1);
	for (const char *p = json; *p != '\0'; p++) {
		if (*p == '\x7f')
			to = stpcpy(to, escaped);
		else
			*to++ = *p;
	}
	free(json);
	return more;
}
