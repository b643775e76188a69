#!/usr/bin/env python3
"""Automatic mutation of the code that must be exact.

Usage: mutate.py SOURCE BUILD COVERAGE [--sample N] [--seed N] [--file PATTERN] [--least PERCENT]
                 [--log FILE] [--jobs N] [--quick]

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
import collections
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
# The code carries gcov's counters; what would write them to files, a hundred at each end, is nothing.
GCOV = """
#include <unistd.h>
void __gcov_init(void *info) { (void) info; }
void __gcov_exit(void) {}
void __gcov_merge_add(void *counters, unsigned n) { (void) counters; (void) n; }
pid_t __gcov_fork(void) { return fork(); }
"""


def limits():
    """A mutant may want all memory."""
    resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class World:
    """The library as a shared one, the tests' programs over it, and what each test executes."""

    def __init__(self, source, args):
        self.source, self.build, self.coverage = source, os.path.abspath(args.build), args.coverage
        self.jobs, self.quick, self.most = args.jobs, args.quick, args.most
        self.work = tempfile.mkdtemp(prefix="forager-mutate.")
        with open(self.coverage) as f:
            self.runs = json.load(f)["runs"]
        self.kills = collections.Counter()
        self.flags = subprocess.run(
            ["make", "-s", "-C", self.build, "--eval=print: ; @echo $(AM_CPPFLAGS)", "print"],
            stdout=subprocess.PIPE, check=True,
        ).stdout.decode().splitlines()[-1].split()
        self.libs = subprocess.run(
            ["make", "-s", "-C", self.build, "--eval=print: ; @echo $(libraries) $(CMOCKA_LIBS)", "print"],
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
        lib, mute = os.path.join(self.work, "libforager.so"), os.path.join(self.work, "gcov.c")
        with open(mute, "w") as f:
            f.write(GCOV)
        if not self.gcc("-shared", "-fPIC", "-o", lib, mute, "-Wl,--whole-archive", "libforager.a",
                        "-Wl,--no-whole-archive", "-Wl,-z,defs", *others):
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
                if not objects or not self.gcc("-o", made, *objects, "-L" + self.work,
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
        env = dict(os.environ, LD_PRELOAD=so, CMOCKA_MESSAGE_OUTPUT="STDOUT")
        start = time.monotonic()
        passed, said = coverage.run(command, page, env, timeout, limits)
        return passed, said == "timeout", time.monotonic() - start

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
        self.seconds = self.measured(used, ":".join(made))
        if self.most:
            self.seconds = {c: s for c, s in self.seconds.items() if s <= self.most}

    def measured(self, used, made):
        """{case: seconds} over the unchanged files; what an earlier run found out is in BUILD."""
        path = os.path.join(self.build, "seconds.json")
        known = {}
        if os.path.exists(path) and os.path.getmtime(path) > os.path.getmtime(self.coverage):
            with open(path) as f:
                known = json.load(f)
        todo = [c for c in used if c not in known]
        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            for case, (passed, _, took) in zip(todo, pool.map(lambda c: self.run(c, made, 300), todo)):
                if not passed:
                    raise SystemExit(f"mutate: {case} fails over the unchanged files")
                known[case] = took
        with open(path, "w") as f:
            json.dump(known, f)
        return {c: known[c] for c in used}

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
        """Runs the cases that execute the mutant's lines: the quickest first, and those that noticed
        others of its function."""
        name = EXTRA.get(mutant.file, mutant.file)
        n = source.count("\n", mutant.start, mutant.end)
        lines = self.lines_of(name, mutant, n)
        place = name, mutant.function
        for case in sorted(self.seconds, key=lambda c: self.seconds[c] / (1 + self.kills[place, c])):
            if self.executes(case, name, lines) and self.fails(case, so):
                self.kills[place, case] += 1
                return "killed", case
        return "survived", ""

    def fails(self, case, so):
        """Whether the case notices it. The machine may be busy: who waits for time must fail twice,
        and who does not end, too, in twice the time, and the unchanged program must end."""
        limit = 2 + 5 * self.seconds[case]
        passed, hung, _ = self.run(case, so, limit)
        if passed:
            return False
        if hung:
            return self.run(case, "", limit)[0] and not self.run(case, so, 2 * limit)[0]
        return ":" not in case or not self.run(case, so, limit)[0]

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


def numbered(todo):
    """Each mutant's name in a log: its key, and the how-many-eth of this key it is."""
    seen = collections.Counter()
    out = []
    for mutant, text in todo:
        key = key_of(mutant, text)
        seen[key] += 1
        out.append((*key, str(seen[key])))
    return out


def some_of_each(todo, n, seed):
    """n of each file, the files in turn: what is done of it at any time is a sample, too."""
    rng = random.Random(seed)
    by_file = {}
    for t in todo:
        by_file.setdefault(t[0].file, []).append(t)
    for mine in by_file.values():
        rng.shuffle(mine)
    return [mine[i] for i in range(n) for mine in by_file.values() if i < len(mine)]


def read_log(path):
    """{name: (end, case)} of an earlier run's log, without the survivors: tests only become more."""
    done = {}
    if path and os.path.exists(path):
        with open(path) as f:
            for line in f:
                *name, end, by = line.rstrip("\n").split("\t")
                done[tuple(name)] = end, by
    return {n: d for n, d in done.items() if d[0] != "survived"}


def table(results, known):
    """One row a file, one for all."""
    print(f"{'file':24} {'mutants':>7} {'killed':>7} {'survived':>8} {'explained':>9} {'killed':>8}"
          f"   {'the same':>8} {'no code':>7}")
    for name in sorted({m.file for m, _, _, _ in results}) + ["all"]:
        mine = [r for r in results if name in (r[0].file, "all")]
        count = {k: sum(r[2] == k for r in mine) for k in ("killed", "survived", "the same", "no code")}
        explained = sum(r[2] == "survived" and key_of(r[0], r[1]) in known for r in mine)
        n = count["killed"] + count["survived"]
        print(f"{name:24} {n:7} {count['killed']:7} {count['survived']:8} {explained:9} "
              f"{100 * count['killed'] / max(n, 1):6.1f} %   {count['the same']:8} {count['no code']:7}",
              flush=True)


def row(what, results, n_all, known, least):
    """One line for docs/reliability.md; least 0: of one file. Returns whether too few were killed."""
    survivors = [r for r in results if r[2] == "survived"]
    explained = sum(key_of(r[0], r[1]) in known for r in survivors)
    killed = sum(r[2] == "killed" for r in results)
    percent = 100 * killed / max(killed + len(survivors), 1)
    tried = f"a sample of {len(results)} of " if len(results) < n_all else ""
    print(f"RELIABILITY|{what}|{tried}{n_all} mutants: "
          f"{killed} killed ({percent:.1f} %), {len(survivors)} survived, {explained} of them explained, "
          f"{len(results) - killed - len(survivors)} no change or no code|" + (
              f"at least {least:.0f} % of single errors in the code fail a unit test|{int(percent < least)}"
              if least else
              f"a single error in the code fails a unit test or is explained|{len(survivors) - explained}"))
    return percent < least


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("source")
    parser.add_argument("build")
    parser.add_argument("coverage")
    parser.add_argument("--sample", type=int, default=0, help="so many mutants, chosen by --seed")
    parser.add_argument("--each", type=int, default=0, help="so many of each file; more add to fewer")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--file", action="append", default=[], help="a pattern; several are allowed")
    parser.add_argument("--operator", help="of this kind only")
    parser.add_argument("--least", type=float, default=0, help="percent that must be killed")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--quick", action="store_true", help="only tests that wait for nothing")
    parser.add_argument("--most", type=float, default=0, help="only tests that take no more seconds")
    parser.add_argument("--log", help="append each one's end; but for survivors, those there are not run again")
    parser.add_argument("--verbose", action="store_true", help="print each mutant's end")
    args = parser.parse_args()
    source = os.path.abspath(args.source)
    known = read_survivors(os.path.join(source, "test/mutate/survivors"))
    files = [f for f in coverage.targets(source) + list(EXTRA)
             if not args.file or any(fnmatch.fnmatch(f, p) for p in args.file)]
    todo = mutants_of(source, files)
    if args.operator:
        todo = [t for t in todo if t[0].operator == args.operator]
    all_of = collections.Counter(m.file for m, _ in todo)
    todo = [(*t, name) for t, name in zip(todo, numbered(todo))]
    if args.sample:
        todo = random.Random(args.seed).sample(todo, min(args.sample, len(todo)))
    elif args.each:
        todo = some_of_each(todo, args.each, args.seed)
    done = read_log(args.log)
    log = open(args.log or os.devnull, "a", buffering=1)
    world = World(source, args)
    try:
        world.baseline(sorted({m.file for m, _, name in todo if name not in done}))
        with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
            def one(i):
                m, text, name = todo[i]
                end, by = done[name] if name in done else world.judge(m, text, i)
                if name not in done:
                    log.write("\t".join([*name, end, by]) + "\n")
                if args.verbose or (end == "survived" and key_of(m, text) not in known):
                    print("\t".join([end, *name[:4], by]), flush=True)
                return m, text, end, by
            results = list(pool.map(one, range(len(todo))))
    finally:
        world.close()
    table(results, known)
    sample = args.sample or args.each
    if not sample and not args.operator:
        used = {key_of(m, t) for m, t, end, _ in results if end == "survived"}
        for key in known:
            if key not in used and key[0] in files:
                print("no longer a survivor\t" + "\t".join(key))
    if not args.sample:
        for name in files:
            mine = [r for r in results if r[0].file == name]
            row(f"mutation of {name}", mine, all_of[name], known, 0)
    return row("mutation of swarm, mover, journal, guard", results, sum(all_of.values()), known, args.least)


if __name__ == "__main__":
    sys.exit(main())
