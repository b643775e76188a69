# Shared by the CLI's tests. FORAGER: the program; FIXTURE: what makes its database. Both default to
# where make puts them.
: "${FORAGER:=$BATS_TEST_DIRNAME/../../forager}"
: "${FIXTURE:=$BATS_TEST_DIRNAME/../../test/cli/fixture}"

# A configuration of our own: the machine's /etc/forager must not matter. Once a file, for speed.
setup_file() {
	[ -x "$FORAGER" ] || skip "no program at '$FORAGER': set FORAGER"
	[ -x "$FIXTURE" ] || skip "no program at '$FIXTURE': set FIXTURE"
	export FORAGER FIXTURE
	export STATE="$BATS_FILE_TMPDIR/state"
	export CONF="$BATS_FILE_TMPDIR/forager.conf"
	mkdir "$STATE"
	printf '[agent]\nstate-dir = %s\n[docker]\nhost = unix://%s/no.sock\n' \
		"$STATE" "$BATS_FILE_TMPDIR" >"$CONF"
	"$FIXTURE" "$STATE"
}

forager() {
	"$FORAGER" -c "$CONF" "$@"
}

# run, stdout only, its status checked: expect STATUS ARGUMENTS…
expect() {
	local want=$1
	shift
	run forager "$@"
	echo "status $status: $output"
	[ "$status" -eq "$want" ]
}

has() {
	[[ "$output" == *"$1"* ]] || {
		echo "missing: $1" >&2
		return 1
	}
}

lacks() {
	[[ "$output" != *"$1"* ]] || {
		echo "should not be there: $1" >&2
		return 1
	}
}

# No control character but line ends, and no mark of direction, whatever the names were.
harmless() {
	! printf '%s' "$output" | LC_ALL=C grep -qP '[\x00-\x09\x0b-\x0c\x0e-\x1f\x7f]' || return 1
	! printf '%s' "$output" | LC_ALL=C grep -qP '\xe2\x80[\xaa-\xae]'
}
