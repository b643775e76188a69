# The rig compiles its own programs; the tarball ships their sources.
EXTRA_DIST += \
	test/rig/README.md \
	test/rig/all.sh \
	test/rig/busy.c \
	test/rig/canary.sh \
	test/rig/cgroup.sh \
	test/rig/chat.c \
	test/rig/demo.sh \
	test/rig/dns.c \
	test/rig/dns.h \
	test/rig/engine \
	test/rig/failures.sh \
	test/rig/hang.sh \
	test/rig/hold.c \
	test/rig/image.sh \
	test/rig/load.c \
	test/rig/load.sh \
	test/rig/moves.sh \
	test/rig/node.sh \
	test/rig/readers.sh \
	test/rig/relay/relay.c \
	test/rig/request.c \
	test/rig/request.h \
	test/rig/rig \
	test/rig/rig.sh \
	test/rig/selftest.sh \
	test/rig/swarm.sh \
	test/rig/tally.c \
	test/rig/tally.h \
	test/rig/tap.sh \
	test/rig/web.c \
	test/rig/workload.c \
	test/rig/workload.h
