# A scripted Docker Engine and what is tested with it.
fake_programs = test/fake/check test/fake/engine test/fake/usage
check_PROGRAMS += $(fake_programs)

# All of the engine but its main().
fake_engine_sources = \
	test/fake/clock.c \
	test/fake/enforcer.c \
	test/fake/engine.c \
	test/fake/engine.h \
	test/fake/engine_stream.c \
	test/fake/fault.c \
	test/fake/fault.h \
	test/fake/group.h \
	test/fake/machine.c \
	test/fake/orchestrator.c \
	test/fake/pipeline.c \
	test/fake/reaper.c \
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
	test/fake/tree.c \
	test/fake/updater.c \
	test/fake/validate.c \
	test/fake/validate.h \
	test/fake/wire.c \
	test/fake/world.c \
	test/fake/world.h \
	test/fake/write.c \
	test/fake/write.h \
	test/unit/http_server.c \
	test/unit/http_server.h

test_fake_engine_SOURCES = test/fake/main.c $(fake_engine_sources)
test_fake_engine_LDADD = $(libraries)

fake_check_sources = \
	test/fake/history.c \
	test/fake/history.h \
	test/fake/invariant.c \
	test/fake/invariant.h \
	test/fake/invariant_priv.h \
	test/fake/invariant_replay.c \
	test/fake/shape.c \
	test/fake/shape.h

test_fake_check_SOURCES = test/fake/check.c $(fake_check_sources)
test_fake_check_LDADD = $(libraries)

test_fake_usage_SOURCES = test/fake/usage.c

if HAVE_CMOCKA
fake_tests = test/fake/test_invariant test/fake/test_rules test/fake/test_world test/fake/test_write
check_PROGRAMS += $(fake_tests)
TESTS += $(fake_tests)
test_fake_test_invariant_SOURCES = test/fake/test_invariant.c $(fake_check_sources)
test_fake_test_invariant_CPPFLAGS = $(test_cflags)
test_fake_test_invariant_LDADD = $(test_libs)
fake_run_sources = test/fake/run.c test/fake/run.h $(fake_engine_sources)
test_fake_test_rules_SOURCES = test/fake/test_rules.c $(fake_run_sources)
test_fake_test_rules_CPPFLAGS = $(test_cflags)
test_fake_test_rules_LDADD = $(test_libs)
test_fake_test_world_SOURCES = test/fake/test_world.c $(fake_run_sources)
test_fake_test_world_CPPFLAGS = $(test_cflags)
test_fake_test_world_LDADD = $(test_libs)
test_fake_test_write_SOURCES = test/fake/test_write.c $(fake_run_sources)
test_fake_test_write_CPPFLAGS = $(test_cflags)
test_fake_test_write_LDADD = $(test_libs)
endif

# All that test/fake/all.sh needs.
.PHONY: fake-programs
fake-programs: foragerd$(EXEEXT) forager$(EXEEXT) $(fake_programs) test/fault/clock_ctl$(EXEEXT) test/fault/clock_shim.so

EXTRA_DIST += \
	test/fake/README.md \
	test/fake/all.sh \
	test/fake/fake.sh \
	test/fake/faults.sh \
	test/fake/landmines.sh \
	test/fake/people.sh \
	test/fake/soak.sh \
	test/fake/undo.sh
