# Branch coverage by the unit tests: a build of its own, see README.md.
EXTRA_DIST += \
	test/coverage/README.md \
	test/coverage/coverage.h \
	test/coverage/coverage.py \
	test/coverage/coverage.sh
