#!/usr/bin/env python3
"""Branch coverage of the code that must be exact, by the unit tests.

Usage: coverage.py --list SOURCE | coverage.py SOURCE BUILD [--json FILE] [--verbose]

BUILD was configured with --enable-coverage, and the programs that --list names are built. Each
test runs on its own, so that FILE says which test executes which line. Exit 0: every branch of
TARGETS is taken, but for those of RULES.
"""

import argparse
import concurrent.futures
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

TARGETS = ["swarm/*.c", "agent/mover*.c", "storage/journal.c", "policy/guard.c"]

# Unit tests by the noun that they are about; a program whose main takes a filter runs by test.
TESTS = ["constraint", "eligibility", "filter", "guard", "journal", "mover*", "order", "spec*", "steer"]
# The table's own page, held against what the table prints.
PAGES = {"moves-manual": "docs/moves.md"}

# Branches that no test is to take: (name, why, whether line n - 1 of lines is one).
RULES = [
    (
        "abort",
        "abort() and its condition: a bug of ours, or no memory",
        lambda lines, n: any(x.strip().startswith("abort();") for x in lines[n : n + 2]),
    ),
]


def targets(source):
    """Files of TARGETS, as paths in the tree."""
    found = [f for pattern in TARGETS for f in glob.glob(os.path.join(source, pattern))]
    return sorted(os.path.relpath(f, source) for f in found)


def programs(source):
    """The unit tests' programs, as make names them."""
    found = [f for t in TESTS for f in glob.glob(os.path.join(source, f"test/unit/test_{t}.c"))]
    return sorted(os.path.relpath(f, source)[:-2] for f in found)


def cases(source, build):
    """Everything that is run: (name, command, page to compare its output with or None)."""
    found = []
    for program in programs(source):
        path = os.path.join(build, program)
        with open(os.path.join(source, program + ".c")) as f:
            text = f.read()
        if "cmocka_set_test_filter" in text:
            names = re.findall(r"\bcmocka_unit_test\w*\((\w+)", text)
            found += [(f"{program}:{n}", [path, n], None) for n in names]
        else:
            found.append((program, [path], None))
    for program, page in PAGES.items():
        found.append((program, [os.path.join(build, program)], os.path.join(source, page)))
    return found


def run(command, page, env, timeout, preexec=None):
    """Runs one case. Returns (passed, what it said)."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=env,
            timeout=timeout,
            preexec_fn=preexec,
        )
    except subprocess.TimeoutExpired:
        return False, "timeout"
    if page is not None and done.returncode == 0:
        with open(page, "rb") as f:
            if f.read() != done.stdout:
                return False, f"differs from {page}"
    return done.returncode == 0, (done.stdout + done.stderr).decode(errors="replace")


def gcov(scratch, build, files):
    """Counts of one run: {file: {line: (count, [branch counts])}}."""
    data = {}
    there = [f[:-2] + ".gcda" for f in files if os.path.exists(os.path.join(scratch, f[:-2] + ".gcda"))]
    if not there:
        return data
    for gcda in there:
        gcno = gcda[:-5] + ".gcno"
        os.symlink(os.path.join(build, gcno), os.path.join(scratch, gcno))
    out = subprocess.run(
        ["gcov", "--json-format", "--branch-probabilities", "--stdout"] + there,
        cwd=scratch,
        stdout=subprocess.PIPE,
        check=True,
    ).stdout.decode()
    for doc in out.splitlines():
        for entry in json.loads(doc)["files"]:
            name = next((f for f in files if ("/" + entry["file"]).endswith("/" + f)), None)
            if name is None:
                continue
            for line in entry["lines"]:
                at = data.setdefault(name, {}).setdefault(line["line_number"], [0, []])
                at[0] += line["count"]
                at[1] += [b["count"] for b in line["branches"]]
    return data


def collect(source, build, files, jobs):
    """Runs every case. Returns ({case: counts}, names of failed cases)."""
    scratch = tempfile.mkdtemp(prefix="forager-coverage.")
    strip = len([p for p in build.split("/") if p])

    def one(i, case):
        name, command, page = case
        here = os.path.join(scratch, str(i))
        os.makedirs(here)
        env = dict(os.environ, GCOV_PREFIX=here, GCOV_PREFIX_STRIP=str(strip))
        passed, said = run(command, page, env, 300)
        if not passed:
            print(f"{name} failed:\n{said}", file=sys.stderr)
        return name, passed, gcov(here, build, files)

    try:
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            done = list(pool.map(one, *zip(*enumerate(cases(source, build)))))
    finally:
        shutil.rmtree(scratch)
    return {n: d for n, _, d in done}, [n for n, passed, _ in done if not passed]


def merge(runs, name):
    """Sums the counts of one file."""
    total = {}
    for data in runs.values():
        for n, (count, branches) in data.get(name, {}).items():
            at = total.setdefault(n, [0, [0] * len(branches)])
            at[0] += count
            at[1] = [a + b for a, b in zip(at[1], branches)]
    return total


def report(source, name, total, verbose):
    """One row of the table. Returns (branches, taken, missing lines, excluded lines)."""
    with open(os.path.join(source, name)) as f:
        lines = f.read().split("\n") + [""]
    n_lines = n_run = n_branches = n_taken = 0
    missing, out = [], []
    for n, (count, branches) in sorted(total.items()):
        rule = next((r for r in RULES if r[2](lines, n - 1)), None)
        if rule is not None:
            out.append((n, rule[0], lines[n - 1].strip()))
            continue
        n_lines += 1
        n_run += count > 0
        n_branches += len(branches)
        n_taken += sum(b > 0 for b in branches)
        if count == 0 or min(branches, default=1) == 0:
            missing.append((n, branches, lines[n - 1].strip()))
    print(f"{name:28} {n_run:5} /{n_lines:5} {n_taken:6} /{n_branches:5}"
          f"  {100 * n_taken / max(n_branches, 1):6.1f} %")
    if verbose:
        for n, branches, text in missing:
            print(f"    {n}: {branches} {text}")
    return n_branches, n_taken, missing, out


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("source")
    parser.add_argument("build", nargs="?")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--json")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--jobs", type=int, default=2 * os.cpu_count(), help="tests at a time: they mostly wait")
    args = parser.parse_args()
    source = os.path.abspath(args.source)
    if args.list:
        print("\n".join(programs(source) + list(PAGES)))
        return 0
    build = os.path.abspath(args.build)
    files = targets(source)
    runs, failed = collect(source, build, files, args.jobs)
    if args.json:
        with open(args.json, "w") as f:
            json.dump({"source": source, "runs": runs}, f)
    print(f"{'file':28} {'lines run':>12} {'branches taken':>14}")
    rows = [(name, *report(source, name, merge(runs, name), args.verbose)) for name in files]
    branches, taken = sum(r[1] for r in rows), sum(r[2] for r in rows)
    print(f"{'all':28} {'':12} {taken:6} /{branches:5}  {100 * taken / branches:6.1f} %")
    outs = [(name, *o) for name, _, _, _, out in rows for o in out]
    for key, why, _ in RULES:
        print(f"excluded, rule {key} ({why}):")
        for name, n, rule, text in outs:
            if rule == key:
                print(f"    {name}:{n}: {text}")
    bad = len(failed)
    for name, n_branches, _, _, _ in rows:
        if n_branches == 0:
            print(f"not covered: {name}: no test executes it", file=sys.stderr)
            bad += 1
    for name, _, _, missing, _ in rows:
        for n, counts, text in missing:
            print(f"not covered: {name}:{n}: {text}  {counts or ''}", file=sys.stderr)
            bad += 1
    print(f"RELIABILITY|branch coverage of swarm, mover, journal, guard|"
          f"{branches} branches in {len(files)} files, {len(runs)} unit tests|"
          f"every branch is taken by a test|{branches - taken + len(failed)}")
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
