# A scripted Docker Engine and what is tested with it.
check_PROGRAMS += test/fake/engine
test_fake_engine_SOURCES = \
	test/fake/clock.c \
	test/fake/enforcer.c \
	test/fake/engine.c \
	test/fake/engine.h \
	test/fake/engine_stream.c \
	test/fake/fault.c \
	test/fake/fault.h \
	test/fake/machine.c \
	test/fake/main.c \
	test/fake/orchestrator.c \
	test/fake/render.c \
	test/fake/render.h \
	test/fake/restart.c \
	test/fake/route.c \
	test/fake/route.h \
	test/fake/rules.h \
	test/fake/scheduler.c \
	test/fake/script.c \
	test/fake/script.h \
	test/fake/shape.c \
	test/fake/shape.h \
	test/fake/stats.c \
	test/fake/stats.h \
	test/fake/times.c \
	test/fake/times.h \
	test/fake/updater.c \
	test/fake/wire.c \
	test/fake/world.c \
	test/fake/world.h \
	test/fake/write.c \
	test/fake/write.h \
	test/unit/http_server.c \
	test/unit/http_server.h
test_fake_engine_LDADD = $(libraries)

EXTRA_DIST += test/fake/README.md
