# Fuzzing. `make fuzz` builds the targets with clang in fuzzing/ and runs each for FUZZ_SECONDS;
# `make check` of any build replays the corpus. README.md here tells more.
fuzz_sources = \
	test/fuzz/cli.c \
	test/fuzz/config.c \
	test/fuzz/constraint.c \
	test/fuzz/database.c \
	test/fuzz/decode.c \
	test/fuzz/fuzz.c \
	test/fuzz/fuzz.h \
	test/fuzz/http.c \
	test/fuzz/labels.c \
	test/fuzz/records.c \
	test/fuzz/spec.c \
	test/fuzz/stats.c \
	test/fuzz/weights.c \
	test/unit/http_server.c \
	test/unit/http_server.h
fuzz_libs = libcli.a libsim.a $(libraries) $(SMARTCOLS_LIBS)

check_PROGRAMS += test/fuzz/replay
test_fuzz_replay_SOURCES = test/fuzz/replay.c $(fuzz_sources)
test_fuzz_replay_CPPFLAGS = $(AM_CPPFLAGS) $(SMARTCOLS_CFLAGS)
test_fuzz_replay_LDADD = $(fuzz_libs)
TESTS += test/fuzz/corpus.sh
dist_check_SCRIPTS += test/fuzz/corpus.sh

EXTRA_LIBRARIES =
if FUZZING
fuzz_programs = \
	test/fuzz/fuzz-cli \
	test/fuzz/fuzz-config \
	test/fuzz/fuzz-constraint \
	test/fuzz/fuzz-database \
	test/fuzz/fuzz-decode \
	test/fuzz/fuzz-http \
	test/fuzz/fuzz-labels \
	test/fuzz/fuzz-records \
	test/fuzz/fuzz-spec \
	test/fuzz/fuzz-stats \
	test/fuzz/fuzz-weights

EXTRA_PROGRAMS += $(fuzz_programs)
EXTRA_LIBRARIES += test/fuzz/libfuzz.a
CLEANFILES += $(fuzz_programs) test/fuzz/libfuzz.a
test_fuzz_libfuzz_a_SOURCES = $(fuzz_sources)
test_fuzz_libfuzz_a_CPPFLAGS = $(AM_CPPFLAGS) $(SMARTCOLS_CFLAGS)
fuzzer_libs = test/fuzz/libfuzz.a $(fuzz_libs)
fuzzer_ldflags = $(AM_LDFLAGS) -fsanitize=fuzzer
test_fuzz_fuzz_cli_SOURCES = test/fuzz/fuzzer.c
test_fuzz_fuzz_cli_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_TARGET=fuzz_cli
test_fuzz_fuzz_cli_LDFLAGS = $(fuzzer_ldflags)
test_fuzz_fuzz_cli_LDADD = $(fuzzer_libs)
test_fuzz_fuzz_config_SOURCES = test/fuzz/fuzzer.c
test_fuzz_fuzz_config_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_TARGET=fuzz_config
test_fuzz_fuzz_config_LDFLAGS = $(fuzzer_ldflags)
test_fuzz_fuzz_config_LDADD = $(fuzzer_libs)
test_fuzz_fuzz_constraint_SOURCES = test/fuzz/fuzzer.c
test_fuzz_fuzz_constraint_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_TARGET=fuzz_constraint
test_fuzz_fuzz_constraint_LDFLAGS = $(fuzzer_ldflags)
test_fuzz_fuzz_constraint_LDADD = $(fuzzer_libs)
test_fuzz_fuzz_database_SOURCES = test/fuzz/fuzzer.c
test_fuzz_fuzz_database_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_TARGET=fuzz_database
test_fuzz_fuzz_database_LDFLAGS = $(fuzzer_ldflags)
test_fuzz_fuzz_database_LDADD = $(fuzzer_libs)
test_fuzz_fuzz_decode_SOURCES = test/fuzz/fuzzer.c
test_fuzz_fuzz_decode_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_TARGET=fuzz_decode
test_fuzz_fuzz_decode_LDFLAGS = $(fuzzer_ldflags)
test_fuzz_fuzz_decode_LDADD = $(fuzzer_libs)
test_fuzz_fuzz_http_SOURCES = test/fuzz/fuzzer.c
test_fuzz_fuzz_http_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_TARGET=fuzz_http
test_fuzz_fuzz_http_LDFLAGS = $(fuzzer_ldflags)
test_fuzz_fuzz_http_LDADD = $(fuzzer_libs)
test_fuzz_fuzz_labels_SOURCES = test/fuzz/fuzzer.c
test_fuzz_fuzz_labels_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_TARGET=fuzz_labels
test_fuzz_fuzz_labels_LDFLAGS = $(fuzzer_ldflags)
test_fuzz_fuzz_labels_LDADD = $(fuzzer_libs)
test_fuzz_fuzz_records_SOURCES = test/fuzz/fuzzer.c
test_fuzz_fuzz_records_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_TARGET=fuzz_records
test_fuzz_fuzz_records_LDFLAGS = $(fuzzer_ldflags)
test_fuzz_fuzz_records_LDADD = $(fuzzer_libs)
test_fuzz_fuzz_spec_SOURCES = test/fuzz/fuzzer.c
test_fuzz_fuzz_spec_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_TARGET=fuzz_spec
test_fuzz_fuzz_spec_LDFLAGS = $(fuzzer_ldflags)
test_fuzz_fuzz_spec_LDADD = $(fuzzer_libs)
test_fuzz_fuzz_stats_SOURCES = test/fuzz/fuzzer.c
test_fuzz_fuzz_stats_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_TARGET=fuzz_stats
test_fuzz_fuzz_stats_LDFLAGS = $(fuzzer_ldflags)
test_fuzz_fuzz_stats_LDADD = $(fuzzer_libs)
test_fuzz_fuzz_weights_SOURCES = test/fuzz/fuzzer.c
test_fuzz_fuzz_weights_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_TARGET=fuzz_weights
test_fuzz_fuzz_weights_LDFLAGS = $(fuzzer_ldflags)
test_fuzz_fuzz_weights_LDADD = $(fuzzer_libs)
endif

# Builds the fuzzers without running them; nothing without --enable-fuzzing.
fuzz-programs: $(fuzz_programs)

FUZZ_SECONDS = 600

.PHONY: fuzz fuzz-programs
fuzz:
	@command -v clang >/dev/null || { echo 'make fuzz: clang is needed (Debian: clang, libclang-rt-14-dev)' >&2; exit 1; }
	@$(MKDIR_P) fuzzing
	@test -e fuzzing/Makefile || (cd fuzzing && '$(abs_top_srcdir)/configure' -q CC=clang CFLAGS='-O1 -g' --enable-fuzzing)
	@$(MAKE) -s -C fuzzing fuzz-programs
	@FUZZ_SECONDS='$(FUZZ_SECONDS)' '$(top_srcdir)/test/fuzz/run.sh' fuzzing

EXTRA_DIST += \
	test/fuzz/README.md \
	test/fuzz/fuzzer.c \
	test/fuzz/run.sh \
	test/fuzz/words.dict
