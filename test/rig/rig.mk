# The rig compiles its own programs; the tarball ships their sources.
EXTRA_DIST += \
	test/rig/README.md \
	test/rig/all.sh \
	test/rig/busy.c \
	test/rig/canary.sh \
	test/rig/cgroup.sh \
	test/rig/chat.c \
	test/rig/demo.sh \
	test/rig/differential.sh \
	test/rig/dns.c \
	test/rig/dns.h \
	test/rig/engine \
	test/rig/failures.sh \
	test/rig/hang.sh \
	test/rig/hold.c \
	test/rig/image.sh \
	test/rig/kills.sh \
	test/rig/landmines.sh \
	test/rig/load.c \
	test/rig/load.sh \
	test/rig/mover.sh \
	test/rig/managers.sh \
	test/rig/moves.sh \
	test/rig/node.sh \
	test/rig/nodes.sh \
	test/rig/people.sh \
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

# What compares the scripted engine with a real one; differential.sh runs it in a rig.
check_PROGRAMS += test/rig/differ/differ
test_rig_differ_differ_SOURCES = \
	test/rig/differ/act.c \
	test/rig/differ/act.h \
	test/rig/differ/differ.c \
	test/rig/differ/draw.c \
	test/rig/differ/draw.h \
	test/rig/differ/follow.c \
	test/rig/differ/follow.h \
	test/rig/differ/form.c \
	test/rig/differ/form.h \
	test/rig/differ/model.c \
	test/rig/differ/model.h \
	test/rig/differ/refuse.c \
	test/rig/differ/refuse.h \
	test/rig/differ/refuse_all.c \
	test/rig/differ/side.c \
	test/rig/differ/side.h \
	$(fake_engine_sources)
test_rig_differ_differ_LDADD = $(libraries)
