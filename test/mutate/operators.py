"""Mutants of a C file, from its tokens.

The code is formatted by clang-format and that is made use of: a binary operator has blanks on both
sides, a function's name stands at the start of a line, its body between lines of one brace.
"""

import re

TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n\\]+)
      |(?P<comment>/\*.*?\*/|//[^\n]*)
      |(?P<string>"(?:\\.|[^"\\])*")
      |(?P<char>'(?:\\.|[^'\\])*')
      |(?P<number>\.?[0-9](?:[eE][+-]|[0-9a-zA-Z.])*)
      |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
      |(?P<op>->|\+\+|--|<<=|>>=|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|\.\.\.|.)""",
    re.X | re.S,
)

RELATIONAL = {
    "<": ["<=", ">="],
    "<=": ["<", ">"],
    ">": [">=", "<="],
    ">=": [">", "<"],
    "==": ["!="],
    "!=": ["=="],
}
LOGICAL = {"&&": ["||"], "||": ["&&"]}
ARITHMETIC = {
    "+": ["-"],
    "-": ["+"],
    "*": ["/"],
    "/": ["*"],
    "%": ["*"],
    "|": ["&"],
    "&": ["|"],
    "^": ["|"],
    "<<": [">>"],
    ">>": ["<<"],
    "+=": ["-="],
    "-=": ["+="],
    "|=": ["&="],
    "*=": ["/="],
    "++": ["--"],
    "--": ["++"],
}

# What only gives memory back: the sanitizers' leak check judges it, these tests run without.
RELEASES = re.compile(r"^(free|\w+_free|json_decref|\w+_done|uv_close|sql_resetp)$")
# How much is asked for: too much does no harm, too little is found by the sanitizers.
ALLOCATES = {"xcalloc", "xrealloc", "ARENA_NEW", "sizeof"}
# Our own bugs, as in test/coverage.
ASSERTS = {"assert", "abort"}


class Token:
    """One token: kind, text, where it stands."""

    def __init__(self, kind, text, start, line):
        self.kind, self.text, self.start, self.line = kind, text, start, line
        self.end = start + len(text)


class Mutant:
    """One change of a file: source[start:end] becomes text."""

    def __init__(self, file, function, operator, start, end, line, text):
        self.file, self.function, self.operator = file, function, operator
        self.start, self.end, self.line, self.text = start, end, line, text

    def apply(self, source):
        """The whole file with the change."""
        return source[: self.start] + self.text + source[self.end :]

    def words(self, source):
        """The statement's lines before and after, blanks folded: the same wherever it stands."""
        first = source.rfind("\n", 0, self.start) + 1
        last = source.find("\n", self.end)
        fold = lambda s: " ".join(s.replace("\\\n", " ").split())
        return (
            fold(source[first:last]),
            fold(source[first : self.start] + self.text + source[self.end : last]),
        )


def tokenize(source):
    """Tokens without blanks and comments. A directive is one token, but for the body of a macro."""
    tokens, at, line = [], 0, 1
    while at < len(source):
        if source[at] == "#" and (at == 0 or source[at - 1] == "\n"):
            end = at
            while True:
                end = source.find("\n", end)
                if source[end - 1] != "\\":
                    break
                end += 1
            plain = re.match(r"#define [A-Z_0-9]+[ \t\\\n]+(?=[^\s])", source[at:end])
            stop = at + plain.end() if plain else end
            tokens.append(Token("directive", source[at:stop], at, line))
            line += source.count("\n", at, stop)
            at = stop
            continue
        match = TOKEN.match(source, at)
        if match.lastgroup not in ("space", "comment"):
            tokens.append(Token(match.lastgroup, match.group(), at, line))
        line += match.group().count("\n")
        at = match.end()
    return tokens


def enums_of(text):
    """{enumerator: [all of its enum, in order]} of a header's plain enums and X lists."""
    found = {}
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    for body in re.findall(r"\benum(?: \w+)? \{([^}#]*)\}", text):
        names = [n for n in re.findall(r"^\s*([A-Z]\w*)", body.replace(",", "\n"), re.M)]
        names = [n for n in names if not n.endswith("_N")]
        if len(names) > 1:
            found.update({n: names for n in names})
    for body in re.findall(r"#define MOVER_\w+\(X\)((?:.*\\\n)*.*\n)", text):
        names = re.findall(r"X\((\w+),", body)
        found.setdefault("", []).append(names)
    return found


def swap(name, names):
    """The next one of the same enum."""
    return names[(names.index(name) + 1) % len(names)]


class File:
    """A C file on its way to a list of mutants."""

    def __init__(self, name, source, enums):
        self.name, self.source, self.enums = name, source, enums
        self.tokens = tokenize(source)
        self.mutants = []
        self.scan_functions()

    def scan_functions(self):
        """For each token its function's name, "" outside; and what the function returns."""
        lines = self.source.split("\n")
        names, types, name, inside, kind = [], [], "", False, ""
        for i, line in enumerate(lines):
            head = re.match(r"([a-z_]\w*)\(", line)
            if head and not inside and i > 0:
                name, kind = head.group(1), lines[i - 1].strip()
            if line == "{":
                inside = True
            names.append(name if inside else "")
            types.append(kind if inside else "")
            if line == "}":
                inside = False
        self.function_at = lambda t: names[t.line - 1]
        self.type_at = lambda t: types[t.line - 1]

    def add(self, operator, first, last, text):
        """A mutant that replaces the tokens from first to last."""
        self.mutants.append(
            Mutant(self.name, self.function_at(first), operator, first.start, last.end, first.line, text)
        )

    def spaced(self, i):
        """Whether the operator at i is a binary one."""
        t = self.tokens[i]
        return self.source[t.start - 1] in " \t" and self.source[t.end] in " \t\n"

    def close(self, i):
        """Index of the bracket that closes the one at i."""
        depth = 0
        for k in range(i, len(self.tokens)):
            if self.tokens[k].text in "([{" and self.tokens[k].kind == "op":
                depth += 1
            elif self.tokens[k].text in ")]}" and self.tokens[k].kind == "op":
                depth -= 1
                if depth == 0:
                    return k
        raise ValueError("unbalanced")

    def skipped(self):
        """Indices of tokens that are not touched: assertions, sizes of allocations."""
        out = set()
        for i, t in enumerate(self.tokens[:-1]):
            if t.text in ALLOCATES | ASSERTS and self.tokens[i + 1].text == "(":
                out.update(range(i, self.close(i + 1) + 1))
            if t.text == "abort":  # and the condition above it
                k = i - 1
                while self.tokens[k].text not in (";", "{", "}"):
                    out.add(k)
                    k -= 1
        return out

    def operators(self, skip):
        """Relational, logical and arithmetic operators; constants; enumerators."""
        for i, t in enumerate(self.tokens):
            if i in skip:
                continue
            prev = self.tokens[i - 1].text if i > 0 else ""
            if t.kind == "op":
                if t.text in RELATIONAL and self.spaced(i):
                    for text in RELATIONAL[t.text]:
                        self.add("relational", t, t, text)
                elif t.text in LOGICAL:
                    self.add("logical", t, t, LOGICAL[t.text][0])
                elif t.text in ("++", "--") or (t.text in ARITHMETIC and self.spaced(i)):
                    self.add("arithmetic", t, t, ARITHMETIC[t.text][0])
                elif t.text == "!":
                    self.add("logical", t, t, "")
            elif t.kind == "number":
                self.number(i, t, prev)
            elif t.text in ("true", "false"):
                self.add("constant", t, t, "false" if t.text == "true" else "true")
            elif t.kind == "name" and t.text in self.enums and prev != "case":
                self.add("enumerator", t, t, swap(t.text, self.enums[t.text]))

    def number(self, i, t, prev):
        """n becomes n + 1, n - 1 and 0. {0} is how C says "nothing"."""
        if prev == "{" and self.tokens[i + 1].text == "}":
            return
        if prev == "[" and self.function_at(t) == "":
            return
        match = re.fullmatch(r"(0x[0-9a-fA-F]+|[0-9.]+(?:e[+-]?\d+)?)(\w*)", t.text)
        if match is None:
            return
        if re.fullmatch(r"\d+|0x[0-9a-fA-F]+", match.group(1)):
            n = int(match.group(1), 0)
            values = [n + 1] + ([n - 1] if n > 0 else []) + ([0] if n > 1 else [])
        else:
            values = [float(match.group(1)) + 1, 0.0]
        for value in values:
            self.add("constant", t, t, f"{value}{match.group(2)}")

    def conditions(self, skip):
        """if, while and ?: the other way round."""
        for i, t in enumerate(self.tokens):
            if i in skip:
                continue
            if t.text in ("if", "while") and self.tokens[i + 1].text == "(":
                end = self.close(i + 1)
                inside = self.tokens[i + 2 : end]
                alone = not any(x.text in LOGICAL for x in inside)
                if not alone or not (inside[0].text == "!" or any(x.text in RELATIONAL for x in inside)):
                    text = self.source[inside[0].start : inside[-1].end]
                    self.add("negate", inside[0], inside[-1], f"!({text})")
            elif t.text == "?":
                k, depth = i - 1, 0
                while depth > 0 or self.tokens[k].text not in ("(", "[", "{", ",", ";", "=", "return", "?", ":", "+=", "|="):
                    depth += self.tokens[k].text in (")", "]")
                    depth -= self.tokens[k].text in ("(", "[")
                    k -= 1
                first, last = self.tokens[k + 1], self.tokens[i - 1]
                if not any(x.text in RELATIONAL for x in self.tokens[k + 1 : i]):
                    self.add("negate", first, last, f"!({self.source[first.start:last.end]})")

    def returns(self, skip):
        """return x becomes return 0, or true and false."""
        for i, t in enumerate(self.tokens):
            if t.text != "return" or i in skip or self.tokens[i + 1].text == ";":
                continue
            end = i + 1
            while self.tokens[end].text != ";":
                end += 1
            first, last = self.tokens[i + 1], self.tokens[end - 1]
            old = self.source[first.start : last.end]
            kind = self.type_at(t).replace("static ", "").replace("const ", "")
            if kind.startswith("struct ") and not kind.endswith("*"):
                continue
            if kind == "bool":
                values = ["true", "false"]
            elif kind.endswith("*"):
                values = ["NULL"]
            elif kind == "int" and old == "0":
                values = ["-1"]
            else:
                values = ["0"]
            for value in values:
                if value != old and not (old in ("true", "false", "0") and value != "-1"):
                    self.add("return", first, last, value)

    def statement_end(self, i):
        """Index of the ; that ends the statement at i, or None when there is a block in it."""
        while self.tokens[i].text != ";":
            if self.tokens[i].text in "([" and self.tokens[i].kind == "op":
                i = self.close(i)
            elif self.tokens[i].text in ("{", "}"):
                return None
            i += 1
        return i

    def is_declaration(self, i):
        """Two names in a row, a * between them or not."""
        k = i + 1
        while self.tokens[k].text == "*" and not self.spaced(k):
            k += 1
        return self.tokens[i].kind == "name" and self.tokens[k].kind == "name"

    def deletions(self, skip):
        """A statement is gone; a case label is gone."""
        for i, t in enumerate(self.tokens):
            if self.function_at(t) == "" or i in skip or i == 0:
                continue
            prev = self.tokens[i - 1]
            if t.text == "case":
                end = i
                while self.tokens[end].text != ":":
                    end += 1
                self.add("case", t, self.tokens[end], "")
                continue
            starts = prev.text in (";", "{", "}", "else", "do") or (
                prev.text == ":" and self.is_label(i - 1)
            ) or (prev.text == ")" and self.heads(i - 1))
            if not starts or t.text in ("if", "while", "for", "switch", "else", "do", "default", "{", "}", ";"):
                continue
            if self.in_for(i):
                continue
            if t.text == "return" and (self.tokens[i + 1].text != ";"):
                continue
            end = self.statement_end(i)
            if end is None or (t.text not in ("return", "break", "continue") and self.is_declaration(i)):
                continue
            called = self.tokens[i + 3] if t.text == "(" and self.tokens[i + 1].text == "void" else t
            if RELEASES.match(called.text) and self.tokens[i + 1 if called is t else i + 4].text == "(":
                continue
            self.add("statement", t, self.tokens[end], ";")

    def is_label(self, i):
        """Whether the : at i ends a case label."""
        k = i
        while self.tokens[k].text not in (";", "{", "}", "?"):
            if self.tokens[k].text in ("case", "default"):
                return True
            k -= 1
        return False

    def heads(self, i):
        """Whether the ) at i closes the head of an if, while, for or switch."""
        depth, k = 0, i
        while True:
            depth += self.tokens[k].text == ")"
            depth -= self.tokens[k].text == "("
            if depth == 0:
                break
            k -= 1
        return self.tokens[k - 1].text in ("if", "while", "for", "json_array_foreach", "json_object_foreach")

    def in_for(self, i):
        """Whether i stands in the brackets of a for."""
        depth = 0
        for k in range(i, max(i - 60, 0), -1):
            if self.tokens[k].text in ("{", "}"):
                return False
            depth += self.tokens[k].text == ")"
            depth -= self.tokens[k].text == "("
            if depth < 0:
                return self.tokens[k - 1].text == "for"
        return False

    def table(self):
        """mover_table: another event, state, effect or journal state in a row."""
        states, effects, events = self.enums[""]
        moves = ["KEEP", "PLANNED", "STEERED", "VERIFIED", "SETTLED", "DONE", "REVERTING", "BLOCKED",
                 "REVERTED", "GAVE_UP", "FOREIGN", "REFUSED"]
        shapes = {"ROW": [states, events, states], "EV": [events], "X": [None, effects, moves, None]}
        for i, t in enumerate(self.tokens[:-1]):
            if t.text not in shapes or self.tokens[i + 1].text != "(":
                continue
            args = [x for x in self.tokens[i + 2 : self.close(i + 1)] if x.text != ","]
            if len(args) != len(shapes[t.text]):
                continue
            for arg, names in zip(args, shapes[t.text]):
                if names is not None and arg.text in names:
                    self.add("enumerator", arg, arg, swap(arg.text, names))

    def all(self):
        """Every mutant, in the order of the file."""
        if self.name.endswith("mover_table.h"):
            text = self.source
            at = text.index("#define MOVER_STATES")
            end = text.index("\n\n", at)
            body = text[:at] + text[at:end].replace("#define MOVER_STATES(X)", "                       ", 1)
            self.tokens = tokenize(body)
            self.table()
            return self.mutants
        skip = self.skipped()
        self.operators(skip)
        self.conditions(skip)
        self.returns(skip)
        self.deletions(skip)
        if self.name.endswith("mover_table.c"):
            self.table()
        self.mutants.sort(key=lambda m: (m.start, m.end, m.text))
        return self.mutants
