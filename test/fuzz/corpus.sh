#!/bin/sh
# Replays the corpus of every fuzzed door in this build, whatever compiled it: a table of cases.
set -eu
replay=${REPLAY:-test/fuzz/replay}
corpus=${top_srcdir:-.}/test/fuzz/corpus
files=$(find "$corpus" -type f | wc -l)
bytes=$(find "$corpus" -type f -exec cat {} + | wc -c)
# Enough for every door, small enough to be read.
[ "$files" -le 400 ] && [ "$bytes" -le 300000 ] || {
	echo "corpus: $files files with $bytes bytes; at most 400 with 300000" >&2
	exit 1
}
said=$("$replay" "$corpus")
[ "$said" = "$files files" ] || {
	echo "corpus: $said were replayed of $files" >&2
	exit 1
}
echo "corpus: $files files, nothing found"
echo "RELIABILITY|corpus of the fuzzed doors|$files inputs, known failures among them|no crash, round trips exact|0"
