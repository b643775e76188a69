# --- CloudSim's benchmark against its golden files -------------------------------------------------

check_PROGRAMS += test/cloudsim/golden
test_cloudsim_golden_SOURCES = test/cloudsim/golden.c
test_cloudsim_golden_LDADD = libsim.a $(libraries)

EXTRA_DIST += test/cloudsim/compilers.sh test/cloudsim/golden.sh test/cloudsim/synthetic.csv
