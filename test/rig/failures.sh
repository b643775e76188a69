#!/bin/bash
# Everything that can be wrong around forager, on real engines: a clear sentence with what to do, the
# exit code of docs/ERRORS.md, nothing changed in the Swarm, a database that is not ours or not whole
# left as it is. TAP on standard output, what was said in comments.
#
#   BUILD=DIR failures.sh   DIR holds forager and foragerd
#
# Needs what test/rig/rig needs, and sqlite3.

set -eu

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

if [ "${1:-}" != _inside ]; then
	if ! [ -x "${BUILD:-}/forager" ] || ! [ -x "$BUILD/foragerd" ]; then
		sed -n '2,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
		exit 2
	fi
	BUILD=$(realpath "$BUILD")
	export BUILD
	exec "$here/rig" run --nodes m1:manager w1 alone -- "${BASH_SOURCE[0]}" _inside
fi

# shellcheck source-path=SCRIPTDIR source=rig.sh
. "$RIG_LIB"
# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$here/tap.sh"

nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
as=()          # in front of each program: the user that it runs as
title=''       # of the case
case=''        # its folder
conf=''        # its configuration
says=()        # patterns (grep -E, any case) that each answer must hold
reading=(status nodes services profiles qtable decisions moves recommend 'explain 1' 'query SELECT*FROM(v_hot)')
# Verbs that need the Swarm, and those that find in the database that there is nothing to do.
acting=('move web --from m1 --to w1' 'move web --from m1 --to w1 --force' 'undo --all' 'release --all' 'release web')
writing=('apply 1' 'undo 1' pause resume)

# --- the case --------------------------------------------------------------------------------------

# begin NAME: a folder with a copy of the good state, and the configuration that would act.
begin() {
	as=()
	says=()
	title=$1
	case=$(mktemp -d "$RIG_DIR/case.XXXXXX")
	chmod 755 "$case"
	conf=$case/forager.conf
	[ ! -d "$RIG_DIR/good" ] || cp -a "$RIG_DIR/good" "$case/state"
	configure "unix://$(rig_sock m1)"
}

# configure HOST [LINE…]: LINEs stand in [agent].
configure() {
	local host=$1
	shift
	printf '%s\n' '[docker]' "host = $host" 'timeout = 2s' '[endpoint]' 'template = tcp://{addr}:2375' \
		'[agent]' 'mode = auto' "state-dir = $case/state" 'sample-every = 1s' 'decide-every = 3s' \
		"$@" '[moves]' 'warm-up = 0' 'deploy-quiet = 0' 'sustain = 0' >"$conf"
}

# The bytes of what SQLite keeps; not -shm, an index that readers rebuild, nor an empty -wal.
bytes() {
	(cd "$case/state" && find . -type f ! -empty ! -name '*-shm' ! -name actor.lock -exec sha256sum {} + | LC_ALL=C sort)
}

bytes_are() {
	diff <(echo "$1") <(bytes) >&2
}

# --- what is expected of a program -------------------------------------------------------------------

# One sentence, on stderr; foragerd may log on its way, but not more than one error.
one_sentence() {
	if [ "$1" = foragerd ]; then
		[ "$(grep -c '^<3>' <<<"$told")" = 1 ]
	else
		[ "$(grep -c . <<<"$told")" = 1 ]
	fi
}

says_all() {
	local pattern

	for pattern in "${says[@]}"; do
		grep -qiE -- "$pattern" <<<"$told" || return 1
	done
}

# refused CODE PROGRAM ARGS…
refused() {
	local code=$1 program=$2
	shift 2
	run "${as[@]}" "$RIG_DIR/bin/$program" "$@"
	[ "$rc" = "$code" ] && one_sentence "$program" && says_all && return
	note "$program $*"
	tell
	return 1
}

daemon_refuses() {
	refused "$1" foragerd -c "$conf"
}

# verbs_refuse CODE VERB…: all of them, each said as one word.
verbs_refuse() {
	local code=$1 verb bad=0
	shift
	for verb; do
		# shellcheck disable=SC2086 # a verb and its words
		refused "$code" forager -c "$conf" $verb || bad=1
	done
	return "$bad"
}

verbs_answer() {
	local verb bad=0

	for verb; do
		# shellcheck disable=SC2086 # a verb and its words
		run "${as[@]}" "$RIG_DIR/bin/forager" -c "$conf" $verb
		if [ "$rc" != 0 ] || [ -n "$told" ]; then
			note "forager $verb"
			tell
			bad=1
		fi
	done
	return "$bad"
}

# One answer of the case for the reader of the log.
show() {
	note "$(head -n 1 <<<"$told" | sed "s,$case,CASE,g; s,$RIG_DIR,RIG,g")"
}

no_change_open() {
	local db=$case/state/forager.db

	[ "$(sqlite3 -readonly "$db" 'PRAGMA integrity_check')" = ok ] &&
		[ "$(sqlite3 -readonly "$db" "SELECT count(*) FROM move WHERE ended_wall_ms IS NULL OR state NOT IN ('refused')")" = 0 ]
}

untouched() {
	ok "$title: nothing changed in the Swarm" swarm_is "$before"
}

# --- Docker -----------------------------------------------------------------------------------------

# docker_fails PATTERN…: nothing can be done, what is known can be read.
docker_fails() {
	says=("$@")
	ok "$title: foragerd ends with 1" daemon_refuses 1
	show
	ok "$title: the acting verbs end with 1" verbs_refuse 1 "${acting[@]}"
	show
	ok "$title: the reading verbs answer" verbs_answer "${reading[@]}"
	ok "$title: no change is journalled as open" no_change_open
	untouched
}

# A web server; its pages are HTML. The second one lets Docker's ping through, like a proxy whose
# login page is in the way of all else.
serve_html() {
	local www=$RIG_DIR/www

	mkdir -p "$www"
	echo '<!DOCTYPE html><html><body>Please log in</body></html>' >"$www/index.html"
	busybox httpd -f -p 127.0.0.1:8080 -h "$www" &
	pids+=($!)
	cat >"$www/proxy" <<-'END'
		#!/bin/sh
		read -r method path _
		while read -r line && [ "$line" != "$(printf '\r')" ]; do :; done
		case $path in
		*/_ping) printf 'HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 0\r\nConnection: close\r\n\r\n' ;;
		*) printf 'HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<!DOCTYPE html>\n<html>Please log in</html>\n' ;;
		esac
	END
	chmod 755 "$www/proxy"
	busybox nc -ll -p 8081 -e "$www/proxy" &
	pids+=($!)
	rig_until 10 curl -s -o /dev/null http://127.0.0.1:8080/ || rig_die 'the web server does not answer'
	rig_until 10 curl -s -o /dev/null http://127.0.0.1:8081/ || rig_die 'the proxy does not answer'
}

test_docker() {
	begin 'no Docker socket'
	configure "unix://$RIG_DIR/nothing.sock"
	docker_fails "no Docker socket at '$RIG_DIR/nothing.sock'" 'start docker or set \[docker\] host'

	begin 'nobody listens'
	configure "tcp://$(rig_addr m1):1"
	docker_fails "$(rig_addr m1):1" 'is the engine running\?'

	begin 'no permission'
	as=("${nobody[@]}")
	chown -R 65534:65534 "$case/state"
	docker_fails "no permission to open '$(rig_sock m1)'" 'run as root or as a member of group docker'

	begin 'an engine in no Swarm'
	configure "unix://$(rig_sock alone)"
	docker_fails 'not in a Swarm' 'docker swarm init' '\[docker\] host'

	begin 'a worker'
	configure "unix://$(rig_sock w1)"
	docker_fails 'is a worker, not a manager' 'run forager on a manager' '\[docker\] host'

	begin 'a worker by TCP'
	configure "tcp://$(rig_addr w1):2375"
	docker_fails "$(rig_addr w1):2375" 'is a worker, not a manager' 'run forager on a manager'

	begin 'a web server'
	configure 'tcp://127.0.0.1:8080'
	docker_fails '127.0.0.1:8080' 'check \[docker\] host'

	begin 'HTML instead of JSON'
	configure 'tcp://127.0.0.1:8081'
	docker_fails '127.0.0.1:8081' 'answered with HTML' 'check \[docker\] host'

	begin 'an engine that hangs'
	configure "unix://$(rig_sock alone)"
	rig_node_stop alone
	docker_fails 'no answer from' 'hangs or is overloaded'
	rig_node_cont alone
}

# --- the configuration ------------------------------------------------------------------------------

# config_fails PATTERN…
config_fails() {
	local kept

	says=("$@")
	kept=$(bytes)
	ok "$title: foragerd ends with 2" daemon_refuses 2
	show
	ok "$title: every verb of forager ends with 2" verbs_refuse 2 'config check' 'config show' \
		"${acting[@]}" "${writing[@]}" "${reading[@]}"
	show
	ok "$title: the database is as it was" bytes_are "$kept"
	untouched
}

# line_of TEXT: its number in the configuration.
line_of() {
	grep -nxF "$1" "$conf" | cut -d: -f1
}

test_config() {
	begin 'a wrong key'
	configure "unix://$(rig_sock m1)" 'sample-evry = 5s'
	config_fails "$conf:$(line_of 'sample-evry = 5s'): " "'sample-evry'" "'sample-every'"

	begin 'a wrong section'
	echo '[move]' >>"$conf"
	echo 'per-hour = 4' >>"$conf"
	config_fails "$conf:$(line_of 'per-hour = 4'): " "\[move\]" "\[?moves\]?"

	begin 'a bad value'
	configure "unix://$(rig_sock m1)" 'request-poll = soon'
	config_fails "$conf:$(line_of 'request-poll = soon'): " 'request-poll' "'soon'"

	begin 'a value out of range'
	configure "unix://$(rig_sock m1)" 'sample-stretch = 99'
	config_fails "$conf:$(line_of 'sample-stretch = 99'): " 'sample-stretch' '20'

	begin 'algorithm = tabular'
	printf '%s\n' '[policy]' 'algorithm = tabular' >>"$conf"
	config_fails "$conf:$(line_of 'algorithm = tabular'): " 'tabular' 'use linear'

	begin 'no such configuration'
	rm "$conf"
	config_fails "$conf" 'no such file'

	begin 'something else than a configuration'
	printf '{"mode": "auto"}\n' >"$conf"
	config_fails "$conf:1: " '\[section\]'
}

# --- the database -----------------------------------------------------------------------------------

# database_fails PATTERN…: neither written nor acted upon.
database_fails() {
	local kept

	says=("$@")
	kept=$(bytes)
	ok "$title: foragerd ends with 1" daemon_refuses 1
	show
	ok "$title: the acting verbs end with 1" verbs_refuse 1 "${acting[@]}" "${writing[@]}"
	show
	[ -n "$skip_reading" ] || ok "$title: the reading verbs end with 1" verbs_refuse 1 "${reading[@]}"
	ok "$title: it is as it was, byte for byte" bytes_are "$kept"
	untouched
}

# damage AT_PERCENT BYTES: overwrites the database from there on.
damage() {
	local db=$case/state/forager.db

	head -c "$2" /dev/zero | tr '\0' 'Z' |
		dd of="$db" bs=1 seek=$(($(stat -c %s "$db") * $1 / 100)) conv=notrunc status=none
}

test_database() {
	local skip_reading=''

	begin 'a newer database'
	sqlite3 "$case/state/forager.db" 'PRAGMA user_version = 99'
	database_fails "'$case/state/forager.db'" 'newer forager' 'version 99' 'install that forager again, or move the file away'

	begin "another program's database"
	rm "$case"/state/forager.db*
	sqlite3 "$case/state/forager.db" 'CREATE TABLE address (name TEXT); INSERT INTO address VALUES ("me")'
	database_fails "'$case/state/forager.db'" "another program's database" 'set \[agent\] state-dir'

	begin 'no database but a text'
	rm "$case"/state/forager.db*
	seq 10000 >"$case/state/forager.db"
	database_fails "$case/state/forager.db" 'not a database' 'move'

	begin 'a database whose head is overwritten'
	damage 0 2000
	database_fails "$case/state/forager.db" 'move'

	# What a verb reads may lie in the part that is whole.
	skip_reading=yes
	begin 'a database that is overwritten further on'
	damage 20 60000
	database_fails "$case/state/forager.db" 'damaged|corrupt|malformed' 'move'

	begin 'half a database'
	truncate -s "$(($(stat -c %s "$case/state/forager.db") / 8192 * 4096))" "$case/state/forager.db"
	database_fails "$case/state/forager.db" 'damaged|corrupt|malformed' 'move'
}

# --- the state directory ----------------------------------------------------------------------------

test_state_dir() {
	begin 'no state directory'
	rm -r "$case/state"
	says=("'$case/state" 'create it|start foragerd' '\[agent\] state-dir')
	ok "$title: foragerd ends with 1" daemon_refuses 1
	show
	ok "$title: the acting verbs end with 1" verbs_refuse 1 "${acting[@]}" "${writing[@]}"
	show
	ok "$title: the reading verbs end with 1" verbs_refuse 1 "${reading[@]}"
	show
	ok "$title: it was not created" test ! -e "$case/state"
	untouched

	begin "somebody else's state directory"
	chmod 750 "$case/state"
	as=("${nobody[@]}")
	says=("$case/state" 'no permission|permission denied' 'run (foragerd )?as')
	state_dir_fails "${acting[@]}" "${writing[@]}"
	says=("$case/state/forager.db" 'no permission' 'member of group forager')
	ok "$title: the reading verbs end with 1" verbs_refuse 1 "${reading[@]}"
	show

	begin 'a state directory that cannot be written'
	mount --bind "$case/state" "$case/state"
	mount -o remount,bind,ro "$case/state"
	says=("$case/state" 'read-only' 'mount it writable or set \[agent\] state-dir')
	state_dir_fails "${acting[@]}" pause resume
	ok "$title: the reading verbs answer" verbs_answer "${reading[@]}"
	umount "$case/state"
}

# state_dir_fails VERB…
state_dir_fails() {
	local kept

	kept=$(bytes)
	ok "$title: foragerd ends with 1" daemon_refuses 1
	show
	ok "$title: the acting verbs end with 1" verbs_refuse 1 "$@"
	show
	ok "$title: the database is as it was" bytes_are "$kept"
	untouched
}

# --- foragerd's life --------------------------------------------------------------------------------

logged() {
	grep -qE -- "$1" "$log"
}

daemon_start() {
	log=$(mktemp "$tap_dir/XXXXXX")
	"$RIG_DIR/bin/foragerd" -c "$conf" 2>"$log" &
	daemon=$!
	rig_until 20 logged 'watches the Swarm' || {
		cat "$log" >&2
		rig_die 'foragerd does not start'
	}
}

# ends_well SIGNAL: with status 0, soon.
ends_well() {
	local status=0

	kill "-$1" "$daemon"
	rig_until 15 daemon_ended || kill -KILL "$daemon"
	wait "$daemon" || status=$?
	[ "$status" = 0 ] || note "status $status: $(tail -n 5 "$log")"
	[ "$status" = 0 ]
}

# A child that has ended stays as a zombie until it is waited for.
daemon_ended() {
	! [ -e "/proc/$daemon" ] || grep -q '^State:.Z' "/proc/$daemon/status"
}

value() {
	sqlite3 -readonly "$case/state/forager.db" "$1"
}

decided_more_than() {
	[ "$(value 'SELECT count(*) FROM decision')" -gt "$1" ]
}

test_once() {
	local n

	begin 'foragerd --once'
	mkdir -p "$case/state"
	RUN_MOST_S=90 run "$RIG_DIR/bin/foragerd" -c "$conf" --once
	[ "$rc" = 0 ] || tell
	ok "$title: ends with 0" test "$rc" = 0
	ok "$title: says what it decided" test "$(grep -c . <<<"$said")" = 1
	note "$said"
	n=$(value 'SELECT count(*) FROM decision')
	ok "$title: one decision is stored" test "$n" = 1
	ok "$title: containers of both nodes were measured" test "$(value 'SELECT count(DISTINCT node_id) FROM container c JOIN profile p ON p.id = c.id AND p.kind = '\''container'\'' WHERE p.n_samples > 0')" = 2
	untouched
	cp -a "$case/state" "$RIG_DIR/good"
}

test_life() {
	local n

	begin 'a second foragerd'
	# It must not act here: what a move does is another suite's.
	sed -i 's/^mode = .*/mode = observe/' "$conf"
	daemon_start
	says=("$case/state/actor.lock" 'is held' 'another forager' 'systemctl stop forager')
	ok "$title: ends with 1" daemon_refuses 1
	show
	run "$RIG_DIR/bin/foragerd" -c "$conf" --once
	ok "$title: --once ends with 1, too" test "$rc" = 1

	title='SIGHUP with a bad configuration'
	sed -i 's/^sample-every = 1s/sample-evry = 1s/' "$conf"
	kill -HUP "$daemon"
	ok "$title: is refused with file, line and nearest key" rig_until 10 \
		logged "<3>.*not reloaded, the old one stays.*$conf:$(line_of 'sample-evry = 1s'): .*'sample-every'"
	note "$(grep 'not reloaded' "$log" | sed "s,$case,CASE,g")"
	n=$(value 'SELECT count(*) FROM decision')
	ok "$title: the old one goes on" rig_until 20 decided_more_than "$n"
	title='SIGHUP with another state directory'
	sed -i -e 's/^sample-evry = 1s/sample-every = 1s/' -e "s,^state-dir = .*,state-dir = $RIG_DIR," "$conf"
	kill -HUP "$daemon"
	ok "$title: needs a restart, and says so" rig_until 10 logged '<3>.*not reloaded.*state-dir only change with a restart'
	title='SIGHUP with a good configuration'
	sed -i -e "s,^state-dir = .*,state-dir = $case/state," -e 's/^mode = .*/mode = recommend/' "$conf"
	kill -HUP "$daemon"
	ok "$title: is taken" rig_until 10 logged 'was reloaded: mode=recommend'
	title='SIGTERM'
	ok "$title: ends with 0" ends_well TERM
	ok "$title: the database is whole" test "$(value 'PRAGMA integrity_check')" = ok
	untouched
	title='SIGINT'
	daemon_start
	ok "$title: ends with 0" ends_well INT
	title='SIGKILL'
	daemon_start
	n=$(value 'SELECT count(*) FROM decision')
	rig_until 20 decided_more_than "$n" || true
	kill -KILL "$daemon"
	wait "$daemon" 2>/dev/null || true
	ok "$title: the reading verbs answer" verbs_answer "${reading[@]}"
	daemon_start
	ok "$title: it starts again, and ends with 0" ends_well TERM
	title="foragerd's life"
	untouched
}

# --- the play ---------------------------------------------------------------------------------------

pids=()
# An unprivileged user must be able to run them, wherever the build is.
mkdir -m 755 "$RIG_DIR/bin"
cp "$BUILD/forager" "$BUILD/foragerd" "$RIG_DIR/bin"
rig_image_load m1 w1
rig_swarm_init
rig_swarm_join w1
# Services that would be moved at once, were anything to go on in spite of a failure.
place() {
	rig_docker m1 service create -d --no-resolve-image --name "$1" --stop-grace-period 1s \
		--label forager.mode=auto --label forager.restart=yes --constraint "node.hostname==$2" \
		"forager/$1:1" >/dev/null
	rig_wait_service "$1" 1
	rig_docker m1 service update -d --no-resolve-image --constraint-rm "node.hostname==$2" "$1" >/dev/null
	rig_wait_update "$1"
}
place web m1
place busy m1
place hold w1
before=$(swarm_state)
serve_html
test_once
test_docker
test_config
test_database
test_state_dir
test_life
kill "${pids[@]}"
tap_end
