# Mutation of the code that must be exact: see README.md.
EXTRA_DIST += \
	test/mutate/README.md \
	test/mutate/mutate.py \
	test/mutate/mutate.sh \
	test/mutate/operators.py \
	test/mutate/survivors
