#!/bin/sh
# Fails when a manual page has mandoc warnings.
set -eu
cd "$(dirname "$0")/.."
status=0
for page in docs/man/*.[1-8]; do
	mandoc -T lint -W warning "$page" || status=1
done
[ "$status" = 0 ] && echo "manual: $(ls docs/man | wc -l) pages without a warning"
exit "$status"
