# What breaks things around unchanged programs (test/fault/README.md says how to run each suite).
fault_programs = \
	test/fault/clock_ctl \
	test/fault/power
check_PROGRAMS += $(fault_programs)
test_fault_clock_ctl_SOURCES = test/fault/clock_ctl.c test/fault/clock_shim.h
test_fault_clock_ctl_LDADD = -lm
test_fault_power_SOURCES = \
	test/fault/power.c \
	test/fault/power_session.c \
	test/fault/power_session.h \
	test/fault/power_vfs.c \
	test/fault/power_vfs.h
test_fault_power_LDADD = $(libraries)

# Preloaded libraries: never sanitized, they go into any build's programs.
fault_shims = \
	test/fault/clock_shim.so \
	test/fault/memory_shim.so
check_DATA = $(fault_shims)
CLEANFILES += $(fault_shims)
fault_shim_flags = -std=gnu17 -O2 -g -fPIC -shared -Wall -Wextra -Wshadow -Wmissing-prototypes -Wformat=2

test/fault/clock_shim.so: test/fault/clock_shim.c test/fault/clock_shim.h
	$(AM_V_GEN)$(MKDIR_P) test/fault && $(CC) $(AM_CPPFLAGS) $(fault_shim_flags) -o $@ $(srcdir)/test/fault/clock_shim.c
test/fault/memory_shim.so: test/fault/memory_shim.c
	$(AM_V_GEN)$(MKDIR_P) test/fault && $(CC) $(AM_CPPFLAGS) $(fault_shim_flags) -o $@ $(srcdir)/test/fault/memory_shim.c

# All that test/fault/all.sh needs.
.PHONY: fault-programs
fault-programs: foragerd$(EXEEXT) forager$(EXEEXT) $(fault_programs) $(fault_shims) test/cli/fixture$(EXEEXT) \
	test/fake/engine$(EXEEXT)

EXTRA_DIST += \
	test/fault/README.md \
	test/fault/actors.sh \
	test/fault/all.sh \
	test/fault/clock.sh \
	test/fault/clock_shim.c \
	test/fault/descriptors.sh \
	test/fault/flips.sh \
	test/fault/kills.sh \
	test/fault/lib.sh \
	test/fault/memory.sh \
	test/fault/memory_shim.c \
	test/fault/world.sh
