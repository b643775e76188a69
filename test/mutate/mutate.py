#!/usr/bin/env python3
"""Automatic mutation of the code that must be exact.

Usage: mutate.py SOURCE BUILD COVERAGE [--sample N] [--seed N] [--file PATTERN] [--least PERCENT]

BUILD is the one of test/coverage, COVERAGE what coverage.py --json wrote. Each mutant is one change
of one file: it is compiled alone at -O1, with assertions and without sanitizers, laid over the
library (LD_PRELOAD), and the tests that execute its line run until one fails. Nothing is written
into SOURCE or BUILD.

killed      a test failed, crashed or did not end
survived    all passed: the tests would not notice this error
the same    gcc makes the same machine code of it, it is no change
no code     the compiler refuses it
"""

import argparse
import concurrent.futures
import fnmatch
import glob
import hashlib
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../coverage"))
import coverage  # noqa: E402 (its folder stands beside ours)
import operators  # noqa: E402

HEADERS = ["model/*.h", "swarm/*.h", "agent/mover*.h", "docker/types.h", "storage/journal.h", "policy/goal.h"]
# The rows of its table stand in the header.
EXTRA = {"agent/mover_table.h": "agent/mover_table.c"}
# A test that waits for time may fail because the machine is busy: one of these must fail twice.
TWICE_S = 0.2


def limits():
    """A mutant may want all memory."""
    resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class World:
    """The library as a shared one, the tests' programs over it, and what each test executes."""

    def __init__(self, source, build, data, jobs, quick):
        self.source, self.build, self.jobs, self.quick = source, build, jobs, quick
        self.work = tempfile.mkdtemp(prefix="forager-mutate.")
        self.runs = data["runs"]
        self.flags = subprocess.run(
            ["make", "-s", "-C", build, "--eval=print: ; @echo $(AM_CPPFLAGS)", "print"],
            stdout=subprocess.PIPE, check=True,
        ).stdout.decode().splitlines()[-1].split()
        self.libs = subprocess.run(
            ["make", "-s", "-C", build, "--eval=print: ; @echo $(libraries) $(CMOCKA_LIBS)", "print"],
            stdout=subprocess.PIPE, check=True,
        ).stdout.decode().splitlines()[-1].split()
        self.link()

    def close(self):
        """Takes the temporary files away."""
        shutil.rmtree(self.work)

    def gcc(self, *words):
        """Runs gcc in the build. Returns whether it succeeded."""
        return subprocess.run(
            ["gcc", *words], cwd=self.build, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ).returncode == 0

    def link(self):
        """libforager.so and the programs of the cases."""
        others = [w for w in self.libs if w != "libforager.a"]
        lib = os.path.join(self.work, "libforager.so")
        if not self.gcc("-shared", "--coverage", "-o", lib, "-Wl,--whole-archive", "libforager.a",
                        "-Wl,--no-whole-archive", *others):
            raise SystemExit("mutate: cannot link the library")
        self.cases = {}
        for name, command, page in coverage.cases(self.source, self.build):
            if self.quick and ":" in name:
                continue
            program = os.path.relpath(command[0], self.build)
            made = os.path.join(self.work, program.replace("/", "_"))
            if not os.path.exists(made):
                objects = glob.glob(os.path.join(self.build, program + "-*.o"))
                if program == "moves-manual":
                    objects = [os.path.join(self.build, "agent/moves_manual.o")]
                if not objects or not self.gcc("--coverage", "-o", made, *objects, "-L" + self.work,
                                               "-lforager", "-Wl,-rpath," + self.work, *others):
                    raise SystemExit(f"mutate: cannot link {program}")
            self.cases[name] = ([made, *command[1:]], page)

    def compile(self, name, text, here):
        """The file's mutant as a shared object. Returns (path, hash of its code) or None."""
        os.makedirs(here, exist_ok=True)
        at = os.path.join(here, name)
        os.makedirs(os.path.dirname(at), exist_ok=True)
        with open(at, "w") as f:
            f.write(text)
        c = at
        if name in EXTRA:
            c = os.path.join(here, EXTRA[name])
            shutil.copy(os.path.join(self.source, EXTRA[name]), c)
        obj, so = os.path.join(here, "mutant.o"), os.path.join(here, "mutant.so")
        base = os.path.basename(c)
        flags = ["-std=gnu17", "-ffp-contract=off", "-fno-strict-aliasing", "-O1", "-fPIC", "-w",
                 f"-ffile-prefix-map={here}/=", "-fcf-protection=none"]
        if not self.gcc(*flags, "-iquote", here, *self.flags, "-c", c, "-o", obj):
            return None
        with open(obj, "rb") as f:
            code = hashlib.sha1(f.read()).hexdigest()
        if not self.gcc("-shared", "-o", so, obj):
            raise SystemExit(f"mutate: cannot link a mutant of {base}")
        return so, code

    def run(self, case, so, timeout):
        """Whether the case passes over the mutant; seconds."""
        command, page = self.cases[case]
        env = dict(os.environ, LD_PRELOAD=so, GCOV_PREFIX=os.path.dirname(so.split(":")[0]) + "/gcov",
                   CMOCKA_MESSAGE_OUTPUT="STDOUT")
        start = time.monotonic()
        passed, _ = coverage.run(command, page, env, timeout, limits)
        return passed, time.monotonic() - start

    def baseline(self, files):
        """Every case must pass over the unchanged files. Notes how long each takes, and the code."""
        made = []
        self.code = {}
        for name in files:
            with open(os.path.join(self.source, name)) as f:
                text = f.read()
            so = self.compile(name, text, os.path.join(self.work, "base", name.replace("/", "_")))
            if so is None:
                raise SystemExit(f"mutate: {name} does not compile")
            made.append(so[0])
            self.code[name] = so[1]
        used = [c for c in self.cases if any(self.executes(c, EXTRA.get(f, f), None) for f in files)]
        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            done = list(pool.map(lambda c: self.run(c, ":".join(made), 120), used))
        for case, (passed, _) in zip(used, done):
            if not passed:
                raise SystemExit(f"mutate: {case} fails over the unchanged files")
        self.seconds = {case: took for case, (_, took) in zip(used, done)}

    def executes(self, case, name, lines):
        """Whether the case runs one of the file's lines (None: any)."""
        counts = self.runs.get(case, {}).get(name, {})
        if lines is None:
            return any(c[0] > 0 for c in counts.values())
        return any(counts.get(str(n), [0])[0] > 0 for n in lines)

    def judge(self, mutant, source, i):
        """Returns (what became of it, the case that killed it)."""
        here = os.path.join(self.work, f"m{i}")
        try:
            made = self.compile(mutant.file, mutant.apply(source), here)
            if made is None:
                return "no code", ""
            if made[1] == self.code[mutant.file]:
                return "the same", ""
            return self.race(mutant, source, made[0])
        finally:
            shutil.rmtree(here, ignore_errors=True)

    def race(self, mutant, source, so):
        """Runs the cases that execute the mutant's lines, the quickest first."""
        name = EXTRA.get(mutant.file, mutant.file)
        n = source.count("\n", mutant.start, mutant.end)
        lines = self.lines_of(name, mutant, n)
        for case in sorted(self.seconds, key=self.seconds.get):
            if not self.executes(case, name, lines):
                continue
            limit = 3 + 4 * self.seconds[case]
            if self.run(case, so, limit)[0]:
                continue
            if self.seconds[case] > TWICE_S and self.run(case, so, limit)[0]:
                continue
            return "killed", case
        return "survived", ""

    def lines_of(self, name, mutant, n):
        """The mutant's lines; gcov notes a statement of several at its first. Data: any line."""
        if mutant.function == "" or mutant.file in EXTRA:
            return None
        known = {int(k) for run in self.runs.values() for k in run.get(name, {})}
        first = mutant.line
        while first not in known and first > mutant.line - 12:
            first -= 1
        return range(first, mutant.line + n + 1)


def read_survivors(path):
    """{(file, function, before, after): reason}: text between tabs, # and blank lines are notes."""
    known = {}
    with open(path) as f:
        for line in f:
            if line.strip() and not line.startswith("#"):
                words = line.rstrip("\n").split("\t")
                if len(words) != 5:
                    raise SystemExit(f"mutate: {path}: not five fields: {line}")
                known[tuple(words[:4])] = words[4]
    return known


def mutants_of(source, files):
    """Every mutant of the files, with its file's text."""
    enums = {}
    for pattern in HEADERS:
        for header in sorted(glob.glob(os.path.join(source, pattern))):
            with open(header) as f:
                found = operators.enums_of(f.read())
            lists = found.pop("", None)
            enums.update(found)
            if lists:
                enums[""] = lists
    out = []
    for name in files:
        with open(os.path.join(source, name)) as f:
            text = f.read()
        out += [(m, text) for m in operators.File(name, text, enums).all()]
    return out


def key_of(mutant, text):
    """As in the file of survivors."""
    return (mutant.file, mutant.function or "-", *mutant.words(text))


def table(results, known):
    """One row a file, one for all. Returns the last row's numbers."""
    print(f"{'file':24} {'mutants':>7} {'killed':>7} {'survived':>8} {'explained':>9} {'killed':>8}"
          f"   {'the same':>8} {'no code':>7}")
    total = None
    for name in sorted({m.file for m, _, _, _ in results}) + ["all"]:
        mine = [r for r in results if name in (r[0].file, "all")]
        count = {k: sum(r[2] == k for r in mine) for k in ("killed", "survived", "the same", "no code")}
        explained = sum(r[2] == "survived" and key_of(r[0], r[1]) in known for r in mine)
        n = count["killed"] + count["survived"]
        total = n, count["killed"], count["survived"], explained
        print(f"{name:24} {n:7} {count['killed']:7} {count['survived']:8} {explained:9} "
              f"{100 * count['killed'] / max(n, 1):6.1f} %   {count['the same']:8} {count['no code']:7}",
              flush=True)
    return total


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("source")
    parser.add_argument("build")
    parser.add_argument("coverage")
    parser.add_argument("--sample", type=int, default=0, help="so many mutants, chosen by --seed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--file", action="append", default=[], help="a pattern; several are allowed")
    parser.add_argument("--operator", help="of this kind only")
    parser.add_argument("--least", type=float, default=0, help="percent that must be killed")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--quick", action="store_true", help="only tests that wait for nothing")
    parser.add_argument("--verbose", action="store_true", help="print each mutant's end")
    args = parser.parse_args()
    source = os.path.abspath(args.source)
    with open(args.coverage) as f:
        data = json.load(f)
    known = read_survivors(os.path.join(source, "test/mutate/survivors"))
    files = [f for f in coverage.targets(source) + list(EXTRA)
             if not args.file or any(fnmatch.fnmatch(f, p) for p in args.file)]
    todo = mutants_of(source, files)
    if args.operator:
        todo = [t for t in todo if t[0].operator == args.operator]
    if args.sample:
        todo = random.Random(args.seed).sample(todo, min(args.sample, len(todo)))
    world = World(source, os.path.abspath(args.build), data, args.jobs, args.quick)
    try:
        world.baseline(sorted({m.file for m, _ in todo}))
        with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
            def one(i):
                m, text = todo[i]
                end, by = world.judge(m, text, i)
                if args.verbose or (end == "survived" and key_of(m, text) not in known):
                    before, after = m.words(text)
                    print("\t".join([end, m.file, m.function or "-", before, after, by]), flush=True)
                return m, text, end, by
            results = list(pool.map(one, range(len(todo))))
    finally:
        world.close()
    n, killed, survived, explained = table(results, known)
    if not args.sample and not args.operator:
        used = {key_of(m, t) for m, t, end, _ in results if end == "survived"}
        for key in known:
            if key not in used and key[0] in files:
                print("no longer a survivor\t" + "\t".join(key))
    percent = 100 * killed / max(n, 1)
    missed = percent < args.least
    print(f"RELIABILITY|mutation of swarm, mover, journal, guard{' (sample)' if args.sample else ''}|"
          f"{n} mutants, {killed} killed ({percent:.1f} %), {explained} survivors explained|"
          f"at least {args.least:.0f} % of single errors in the code fail a unit test|{int(missed)}")
    return missed


if __name__ == "__main__":
    sys.exit(main())
