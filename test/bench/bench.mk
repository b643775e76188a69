# --- benchmarks: numbers, never a verdict ----------------------------------------------------------

benches = \
	test/bench/bench_decide \
	test/bench/bench_decode \
	test/bench/bench_memory \
	test/bench/bench_store
test_bench_bench_decide_SOURCES = test/bench/bench_decide.c test/bench/bench.c test/bench/bench.h
test_bench_bench_decide_LDADD = $(libraries)
test_bench_bench_decode_SOURCES = test/bench/bench_decode.c test/bench/bench.c test/bench/bench.h test/bench/docs.c test/bench/docs.h
test_bench_bench_decode_LDADD = $(libraries)
test_bench_bench_memory_SOURCES = test/bench/bench_memory.c test/bench/bench.c test/bench/bench.h test/bench/docs.c test/bench/docs.h
test_bench_bench_memory_LDADD = $(libraries)
test_bench_bench_store_SOURCES = test/bench/bench_store.c test/bench/bench.c test/bench/bench.h test/bench/docs.c test/bench/docs.h
test_bench_bench_store_LDADD = $(libraries)
test_bench_ablation_SOURCES = test/bench/ablation.c
test_bench_ablation_LDADD = libsim.a $(libraries)
EXTRA_PROGRAMS = $(benches) test/bench/ablation
CLEANFILES += $(benches) test/bench/ablation

.PHONY: bench
bench: $(benches)
	@for program in $(benches); do (cd $(srcdir) && $(abs_builddir)/$$program $(BENCH_FLAGS)) || exit 1; done

# Some 20 minutes of two processors: every day by what learnt on the others, 10 orders, both rules.
.PHONY: bench-cloudsim
bench-cloudsim: forager$(EXEEXT)
	FORAGER=$(abs_builddir)/forager $(srcdir)/test/bench/cloudsim.sh $(FORAGER_DAYS)

# Which part of the linear policy earns what, on three days alone: both rules, some 20 minutes.
.PHONY: bench-ablation
bench-ablation: test/bench/ablation$(EXEEXT)
	$(srcdir)/test/bench/ablation.sh test/bench/ablation$(EXEEXT) $(FORAGER_DAYS) zd1
	$(srcdir)/test/bench/ablation.sh test/bench/ablation$(EXEEXT) $(FORAGER_DAYS) zd0

EXTRA_DIST += \
	test/bench/ablation.sh \
	test/bench/cloudsim.sh \
	test/bench/footprint.sh \
	test/bench/scale.sh
