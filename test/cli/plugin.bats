#!/usr/bin/env bats
# `docker forager` by the real docker client, which needs no engine for it. The client is Debian's
# (docker.io), or the one that DOCKER names.

load common

setup() {
	: "${DOCKER:=/usr/bin/docker}"
	[ -x "$DOCKER" ] || skip "no docker client at '$DOCKER': install docker.io or set DOCKER"
	export DOCKER_CONFIG="$BATS_TEST_TMPDIR/docker"
	export DOCKER_HOST="unix://$BATS_TEST_TMPDIR/no.sock"
	unset DOCKER_CONTEXT DOCKER_TLS_VERIFY DOCKER_CERT_PATH
	mkdir -p "$DOCKER_CONFIG/cli-plugins"
	ln -s "$FORAGER" "$DOCKER_CONFIG/cli-plugins/docker-forager"
}

# docker_expect STATUS ARGUMENTS…
docker_expect() {
	local want=$1
	shift
	run "$DOCKER" "$@"
	echo "status $status: $output"
	[ "$status" -eq "$want" ]
}

@test "docker lists it, with its version, and has nothing against it" {
	docker_expect 0 --help
	[[ "$output" =~ "forager*"\ +"Placement agent for Docker Swarm" ]]
	run "$DOCKER" info
	has "forager: Placement agent for Docker Swarm"
	lacks "WARNING: Plugin"
}

@test "docker forager VERB does what forager VERB does" {
	expect 0 nodes --format json
	wanted=$output
	docker_expect 0 forager -c "$CONF" nodes --format json
	[ "$output" = "$wanted" ]
	docker_expect 0 forager nodes -c "$CONF" -q --no-trunc --filter 'node=a*'
	expect 0 nodes -q --no-trunc --filter 'node=a*'
}

@test "exit codes pass through docker" {
	docker_expect 0 forager --version
	docker_expect 1 forager --state-dir "$BATS_TEST_TMPDIR" status
	has "no database"
	docker_expect 2 forager stats
	has "did you mean 'status'?"
	docker_expect 2 forager
	docker_expect 2 forager move --from -1 --to -x
	docker_expect 1 forager -c "$CONF" move shop --from alpha --to beta
	lacks "docker forager"
}

@test "help, in all the ways that docker asks for it" {
	for words in 'forager --help' 'forager -h' 'forager help' 'help forager'; do
		# shellcheck disable=SC2086
		docker_expect 0 $words
		has 'Usage: forager [OPTIONS] VERB'
		has 'undo ID|--all'
	done
	for words in 'forager move --help' 'forager help move' 'help forager move'; do
		# shellcheck disable=SC2086
		docker_expect 0 $words
		has 'Usage: forager move SERVICE --from A --to B'
	done
}

@test "docker's own options: the engine is taken over, the rest is docker's business" {
	docker_expect 0 -D --log-level error forager -c "$CONF" config show --format json --filter option=host
	has "unix://$BATS_FILE_TMPDIR/no.sock"
	for words in '-H tcp://10.1.2.3:2375' '--host tcp://10.1.2.3:2375' '--host=tcp://10.1.2.3:2375'; do
		# shellcheck disable=SC2086
		docker_expect 0 $words forager -c "$CONF" config show --format json --filter option=host
		has '"value":"tcp://10.1.2.3:2375"'
		has '"source":"--docker-host"'
	done
	docker_expect 0 --config "$DOCKER_CONFIG" forager -c "$CONF" config check
}
