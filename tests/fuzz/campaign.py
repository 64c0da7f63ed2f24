#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs fuzz targets, one after the other, and adds up in docs/fuzzing.md what each has been through.

usage: tests/fuzz/campaign.py [--seconds N] [--jobs N] [--record] [TARGET...]
       tests/fuzz/campaign.py --table          only brings the page's table up to date with the targets and what is built;
                                               says which are not, of which it knows nothing
       tests/fuzz/campaign.py --minimise       what was learned goes into the seeds, as far as it reaches more

A count belongs to sources: those of the objects that the linker took for a target, and all that they include from the
repository, without comments and layout. When they change, it starts anew. With --record a target runs on to its goal at
most; without names, those that have reached it are left out, and those that will soon come first.

tests/fuzz/NAME.options: [libfuzzer], passed on; [campaign] goal, executions wanted, and long_len: inputs of up to that length
for a part of the time, where libfuzzer's max_len keeps the others short.
"""

import argparse
import concurrent.futures
import configparser
import dataclasses
import datetime
import hashlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
FUZZ = TOP / "tests/fuzz"
BUILD = TOP / "build/fuzz"
PAGE = TOP / "docs/fuzzing.md"
GOAL = 20_000_000
SEED_LEN_MAX = 4096
SEEDS_LEN_MAX = 48 * 1024  # of one target
CAREFUL_SHARE = 0.2  # of the time
# On the wall, so that it ends at all where others have the processor. What one input may take of it says each_input.c.
UNIT_TIMEOUT_S = 1200
STOP_PATIENCE_S = 1500  # beyond the time: reading what was learned, a last input, the sanitizer's report
TABLE_BEGIN = "<!-- written by tests/fuzz/campaign.py -->"
TABLE_END = "<!-- end -->"
HEAD = ("| target | what it asserts | sources | commit | executions | seconds | goal | met |\n"
        "|---|---|---|---|---:|---:|---:|---|\n")
ROW = re.compile(r"^\| `(\w+)` \| .* \| (\w+|–) \| (\w+|–) \| ([\d,]+) \| ([\d,]+) \| [\d,]+ \| \S+ \|$", re.M)
COMMENT_OR_LITERAL = re.compile(r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'""", re.S)


@dataclasses.dataclass
class Record:
    digest: str = "–"
    commit: str = "–"
    executions: int = 0
    seconds: int = 0


@dataclasses.dataclass
class Outcome:
    name: str
    executions: int
    seconds: float  # of a processor: others may want it, too
    failure: str  # empty: none


class Target:
    def __init__(self, name):
        self.name = name
        self.source = FUZZ / f"{name}_fuzz.c"
        self.program = BUILD / f"{name}_fuzz"
        self.seeds = FUZZ / "corpus" / name
        self.learned = BUILD / "corpus" / name
        self.options = configparser.ConfigParser()
        self.options.read(FUZZ / f"{name}.options")
        self.goal = self.options.getint("campaign", "goal", fallback=GOAL)
        self.long_len = self.options.getint("campaign", "long_len", fallback=0)

    def flags(self):
        options = dict(self.options["libfuzzer"]) if self.options.has_section("libfuzzer") else {}
        if "dict" in options:
            options["dict"] = str(FUZZ / options["dict"])
        return [f"-{key}={value}" for key, value in options.items()]

    def claim(self):
        """The first comment of the source that is no licence, in one line."""
        for comment in re.findall(r"/\*(.*?)\*/", self.source.read_text(encoding="utf-8"), re.S):
            if "SPDX-License-Identifier" not in comment:
                return " ".join(re.sub(r"^\s*\*", "", comment, flags=re.M).split()).replace("|", "\\|")
        sys.exit(f"{self.source}: no comment says what it asserts")

    def digest(self):
        """Of all that makes the program what it is, as far as it is in the repository."""
        if not self.is_built():
            sys.exit(f"fuzz: {self.program.relative_to(TOP)} is not built from its sources: make fuzz does it")
        digest = hashlib.sha256()
        for path in sorted(self.sources()):
            digest.update(f"{path.relative_to(TOP)}\n{meaning(path.read_text(encoding='utf-8'))}\n".encode())
        return digest.hexdigest()[:12]

    def commit(self):
        """The last one that changed them."""
        return git("log", "-1", "--format=%h", "--abbrev=12", "--", *self.sources()).strip()

    def sources(self):
        objects = [self.program.with_name(f"{self.program.name}.o")]
        link_map = self.program.with_name(f"{self.program.name}.map").read_text(encoding="utf-8", errors="replace")
        objects += [TOP / path for path in set(re.findall(r"^(build/fuzz/daemon/\S+\.o)", link_map, re.M))]
        if len(objects) == 1:
            sys.exit(f"{self.program}.map does not say what the linker took")
        found = set()
        for one in objects:
            text = one.with_suffix(".d").read_text(encoding="utf-8").replace("\\\n", " ")
            words = text.split("\n", 1)[0].split(":", 1)[1].split()
            found |= {path for path in ((TOP / word).resolve() for word in words) if path.is_relative_to(TOP)}
        return {path for path in found if path.suffix in (".c", ".h")}

    def is_built(self):
        return self.program.exists() and all(path.exists() and path.stat().st_mtime <= self.program.stat().st_mtime
                                             for path in self.sources())


def meaning(text):
    """C without comments and layout: neither changes what a target does."""
    literals = []

    def keep(match):
        if match[0].startswith("/"):
            return " "
        literals.append(match[0])
        return f"\0{len(literals) - 1}\0"

    words = " ".join(COMMENT_OR_LITERAL.sub(keep, text).split())
    return re.sub(r"\0(\d+)\0", lambda match: literals[int(match[1])], words)


def all_targets():
    return [Target(path.name.removesuffix("_fuzz.c")) for path in sorted(FUZZ.glob("*_fuzz.c"))]


def read_records():
    text = PAGE.read_text(encoding="utf-8")
    return {name: Record(digest, commit, int(executions.replace(",", "")), int(seconds.replace(",", "")))
            for name, digest, commit, executions, seconds in ROW.findall(text)}


def write_records(records):
    """The page keeps its words; between the marks stands the table of all targets."""
    rows = HEAD
    for target in all_targets():
        record = records.get(target.name, Record())
        met = "yes" if record.executions >= target.goal else "no"
        rows += (f"| `{target.name}` | {target.claim()} | {record.digest} | {record.commit} | {record.executions:,} | "
                 f"{record.seconds:,} | {target.goal:,} | {met} |\n")
    before, rest = PAGE.read_text(encoding="utf-8").split(TABLE_BEGIN)
    PAGE.write_text(f"{before}{TABLE_BEGIN}\n\n{rows}\n{TABLE_END}{rest.split(TABLE_END)[1]}", encoding="utf-8")


def still_true(records):
    """Without those of sources that are others now, where the program is built from them."""
    for target in all_targets():
        if target.name not in records or not target.is_built():
            continue
        if records[target.name].digest == target.digest():
            records[target.name].commit = target.commit()
        else:
            del records[target.name]
    return records


def git(*arguments):
    return subprocess.run(["git", "-C", TOP, *arguments], stdout=subprocess.PIPE, text=True, check=True).stdout


def require_clean():
    """Sources as they were committed. Only the page itself may differ: it is what this writes."""
    changed = [line for line in git("status", "--porcelain").splitlines() if line[3:] != str(PAGE.relative_to(TOP))]
    if changed:
        sys.exit("fuzz: nothing is recorded of sources that were not committed:\n" + "\n".join(changed))


class Progress:
    """One line for each target that is done; on a terminal also what runs now."""

    def __init__(self):
        self.lock = threading.Lock()
        self.is_terminal = sys.stdout.isatty()

    def say(self, line):
        with self.lock:
            print(f"\r\033[K{line}" if self.is_terminal else line, flush=True)

    def show(self, line):
        if self.is_terminal:
            with self.lock:
                print(f"\r\033[K{line[:110]}", end="", flush=True)


def last_pulse(log):
    with open(log, "rb") as file:
        file.seek(max(0, log.stat().st_size - 4096))
        lines = [line for line in file.read().decode("utf-8", "replace").splitlines() if line.startswith("#")]
    return " ".join(lines[-1].split()) if lines else ""


def first_fault(log):
    """What a sanitizer, libFuzzer or a target itself said first."""
    pattern = re.compile(r"ERROR: \w+Sanitizer|runtime error|not so:|Assertion|ERROR: libFuzzer|\.c:\d+: |\.h:\d+: ")
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((line.strip()[:200] for line in lines if pattern.search(line)), "")


def environment():
    """A freed block need not be kept for long here, nor who asked for it known: both take time. An input that fails is played again."""
    return {"ASAN_OPTIONS": "quarantine_size_mb=8:malloc_context_size=0", **os.environ}


def wait_for(process, target, until, progress):
    """What it took; later than `until` it is ended."""
    start = time.monotonic()
    pid, status, usage = 0, 0, None
    while not pid:
        time.sleep(0.2)
        progress.show(f"  {target.name} {time.monotonic() - start:.0f} s {last_pulse(BUILD / f'{target.name}.log')}")
        if time.monotonic() > until:
            os.kill(process.pid, signal.SIGKILL)  # kill() of its own would take the status of one that has just ended
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime


def run_part(target, seconds, runs, flags, progress):
    """One process; flags come behind the target's own."""
    target.learned.mkdir(parents=True, exist_ok=True)
    log = BUILD / f"{target.name}.log"
    command = [target.program, *target.flags(), *flags, f"-max_total_time={max(1, round(seconds))}", f"-runs={runs or -1}",
               f"-timeout={UNIT_TIMEOUT_S}", "-print_final_stats=1", f"-artifact_prefix={BUILD}/{target.name}-", target.learned]
    if target.seeds.is_dir():
        command.append(target.seeds)
    with open(log, "wb") as output:
        process = subprocess.Popen(command, cwd=TOP, env=environment(), stdin=subprocess.DEVNULL, stdout=output,
                                   stderr=output)
        taken = wait_for(process, target, time.monotonic() + seconds + STOP_PATIENCE_S, progress)
    text = log.read_text(encoding="utf-8", errors="replace")
    executed = re.search(r"^stat::number_of_executed_units: (\d+)$", text, re.M)
    executions = int(executed[1]) if executed else 0
    if process.returncode == 0 and executed:
        return Outcome(target.name, executions, taken, "")
    kept = re.search(r"Test unit written to (\S+)", text)
    return Outcome(target.name, executions, taken,
                   f"exit status {process.returncode}: {first_fault(log) or 'see the log'}\n"
                   f"    {log.relative_to(TOP)}{', input in ' + kept[1] if kept else ''}")


def run(target, seconds, runs, progress):
    """First with long inputs, and with care for those that reach what is rare; then as many as can be. runs 0: no matter how many."""
    taken = Outcome(target.name, 0, 0.0, "")
    careful = [f"-max_len={target.long_len}"] if target.long_len else []
    for share, flags in ((CAREFUL_SHARE, careful), (1 - CAREFUL_SHARE, ["-entropic=0"])):
        part = run_part(target, seconds * share, max(1, runs - taken.executions) if runs else 0, flags, progress)
        taken = Outcome(target.name, taken.executions + part.executions, taken.seconds + part.seconds, part.failure)
        if part.failure:
            break
    return taken


def report(outcome, target, record):
    rate = outcome.executions / max(outcome.seconds, 0.001)
    line = f"  {outcome.name:20}{outcome.executions:12,} in {outcome.seconds:7.1f} s of a processor, {rate:9,.0f}/s"
    if record:
        line += f"   {record.executions:12,} of {target.goal:,}"
    if outcome.failure:
        line += f"\n  {outcome.name}: FAILED, {outcome.failure}"
    return line


class Campaign:
    def __init__(self, arguments):
        self.arguments = arguments
        if arguments.record:
            require_clean()
        self.progress = Progress()
        self.lock = threading.Lock()
        known = {target.name: target for target in all_targets()}
        wrong = [name for name in arguments.targets if name not in known]
        if wrong:
            sys.exit(f"fuzz: no such target: {' '.join(wrong)}; there are {' '.join(known)}")
        self.targets = [known[name] for name in arguments.targets] or list(known.values())

    def left(self, target, digest):
        """Executions to the goal; 0: it is reached."""
        record = read_records().get(target.name, Record())
        done = record.executions if record.digest == digest else 0
        return max(0, target.goal - done)

    def seconds_left(self, target):
        """To the goal, as far as one can know."""
        record = read_records().get(target.name, Record())
        if not self.arguments.record or record.executions == 0:
            return 0
        return self.left(target, target.digest()) * record.seconds / record.executions

    def add(self, target, digest, outcome):
        with self.lock:
            records = read_records()
            record = records.get(target.name, Record())
            if record.digest != digest:
                record = Record()
            if not outcome.failure and target.digest() == digest:
                record = Record(digest, target.commit(), record.executions + outcome.executions,
                                record.seconds + round(outcome.seconds))
            records[target.name] = record
            write_records(records)
            return record

    def play(self, target):
        digest = target.digest()
        runs = self.left(target, digest) if self.arguments.record else 0
        if self.arguments.record and runs == 0 and not self.arguments.targets:
            return None
        outcome = run(target, self.arguments.seconds, runs, self.progress)
        record = self.add(target, digest, outcome) if self.arguments.record else None
        self.progress.say(report(outcome, target, record))
        return outcome

    def run(self):
        start = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(max_workers=self.arguments.jobs) as pool:
            targets = self.targets if self.arguments.targets else sorted(self.targets, key=self.seconds_left)
            outcomes = [outcome for outcome in pool.map(self.play, targets) if outcome]
        failed = [outcome.name for outcome in outcomes if outcome.failure]
        taken = datetime.timedelta(seconds=round(time.monotonic() - start))
        print(f"{sum(o.executions for o in outcomes):,} executions of {len(outcomes)} targets in {taken}, "
              f"{len(failed)} failed{': ' + ' '.join(failed) if failed else ''}")
        return 1 if failed else 0


def minimise(target):
    """Seeds again, small ones first; then what was learned, as far as it reaches what they do not, and as there is room."""
    merged = BUILD / "merged" / target.name
    shutil.rmtree(merged, ignore_errors=True)
    merged.mkdir(parents=True)
    target.learned.mkdir(parents=True, exist_ok=True)
    target.seeds.mkdir(parents=True, exist_ok=True)
    flags = [flag for flag in target.flags() if not flag.startswith("-max_len")]
    subprocess.run([target.program, *flags, "-merge=1", f"-max_len={SEED_LEN_MAX}", merged, target.seeds, target.learned],
                   cwd=TOP, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    named = {hashlib.sha1(path.read_bytes()).hexdigest(): path.name for path in target.seeds.iterdir()}
    room, count = SEEDS_LEN_MAX, 0
    kept = {}
    for path in sorted(merged.iterdir(), key=lambda path: (path.name not in named, path.stat().st_size)):
        room -= path.stat().st_size
        if room < 0:
            break
        kept[named.get(path.name, path.name[:12])] = path.read_bytes()
        count += 1
    for path in target.seeds.iterdir():
        path.unlink()
    for name, octets in kept.items():
        (target.seeds / name).write_bytes(octets)
    print(f"  {target.name:20}{count:5} seeds, {sum(map(len, kept.values())):7} octets", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=10, help="for each target")
    parser.add_argument("--jobs", type=int, default=1, help="targets at a time")
    parser.add_argument("--record", action="store_true", help="add up in docs/fuzzing.md")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--minimise", action="store_true")
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    arguments = parser.parse_args()
    if arguments.table:
        write_records(still_true(read_records()))
        unknown = [target.name for target in all_targets() if not target.is_built()]
        if unknown:
            print("campaign: not built as the sources are, so their rows stay as they were:", *unknown, file=sys.stderr)
        return 1 if unknown else 0
    if arguments.minimise:
        for target in Campaign(arguments).targets:
            minimise(target)
        return 0
    return Campaign(arguments).run()


if __name__ == "__main__":
    sys.exit(main())
