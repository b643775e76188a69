# Scripts only: what they start is a build of its own, configured as README says.
EXTRA_DIST += \
	test/boot/README.md \
	test/boot/all.sh \
	test/boot/boot.sh \
	test/boot/machine.sh \
	test/boot/sandbox.sh \
	test/boot/source.sh \
	test/boot/tree.sh \
	test/boot/vm.sh \
	test/boot/vm_inside.sh
