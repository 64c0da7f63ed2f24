#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""How many instructions the guard needs for a packet and a session: counted by callgrind, so that noise has no part in it.

usage: tests/bench/instructions.py [--build DIRECTORY] [--record]

Compares with tests/bench/instructions.json and fails where a figure has grown by more than its bound, or fallen by more: then the
record is not true any more, and --record (make bench-record) writes it anew. Counted are daemon/'s own instructions and its
calls of libraries, not what libraries do: that changes with each machine's processor and is not ours.

The record is of one compiler and its flags. With others there is nothing to compare with: exit status 77.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
RECORD = TOP / "tests/bench/instructions.json"
BOUND = 0.03
OWN = re.compile(r"(\./)?daemon/")
SKIPPED = 77


class Unlike(Exception):
    """Nothing to compare with; says why."""


def compiler(build):
    """What made the program, as far as it decides on instructions."""
    flags = (TOP / build / "flags").read_text(encoding="utf-8").split()
    version = subprocess.run([flags[0], "-dumpfullversion"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    machine = subprocess.run([flags[0], "-dumpmachine"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    kept = [word for word in flags[1:] if word.startswith(("-O", "-f", "-m", "-D", "-U"))]
    return {"compiler": f"{version} {machine}", "flags": " ".join(kept)}


class Reader:
    """One dump of callgrind: instructions of our files by function, and how often they call others."""

    def __init__(self, path):
        self.names = {}
        self.own, self.calls_out = {}, 0
        self.file = self.function = self.called = ""
        self.is_called_cost = False
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            self.take(line)

    def name(self, kind, text):
        """Names are told once, then by number."""
        number, _, rest = text.partition(" ")
        key = (kind, number)
        if rest:
            self.names[key] = rest
        return self.names.get(key, text)

    def take(self, line):
        kind, equals, rest = line.partition("=")
        if equals and kind in ("fl", "fn", "cfi", "cfl", "calls", "fi", "fe", "cfn", "ob", "cob"):
            self.take_name(kind, rest)
        elif line and line[0] in "+-*0123456789":
            if not self.is_called_cost and OWN.match(self.file):
                self.own[self.function] = self.own.get(self.function, 0) + int(line.split()[1])
            self.is_called_cost = False

    def take_name(self, kind, rest):
        if kind in ("fl", "fi", "fe", "cfi", "cfl"):
            name = self.name("file", rest)
            if kind == "fl":  # the function's own: what is inlined counts as its
                self.file, self.called = name, ""
            elif kind in ("cfi", "cfl"):
                self.called = name
        elif kind == "fn":
            self.function, self.called = self.name("function", rest), self.file
        elif kind == "cfn":
            self.name("function", rest)
        elif kind in ("ob", "cob"):
            self.name("object", rest)
        else:
            self.is_called_cost = True
            if OWN.match(self.file) and not OWN.match(self.called or self.file):
                self.calls_out += int(rest.split()[0])
            self.called = ""


def count(build):
    """{kind of session: figures}, and our functions by instructions of all."""
    program = TOP / build / "tests/bench/count_packets"
    with tempfile.TemporaryDirectory() as directory:
        done = subprocess.run(
            ["valgrind", "--tool=callgrind", "--toggle-collect=count_packet", "--dump-after=count_scene_end",
             f"--callgrind-out-file={directory}/out", program],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, env={"PATH": os.environ["PATH"]})
        if done.returncode:
            sys.exit(f"instructions: exit {done.returncode}\n{done.stdout}{done.stderr}")
        found, functions = {}, {}
        for number, line in enumerate(done.stdout.splitlines()):
            name, sessions, packets = line.split()
            dump = Reader(pathlib.Path(f"{directory}/out.{2 * number + 2}"))  # the first of each pair is before caches are warm
            own = sum(dump.own.values())
            found[name] = {"packets": int(packets), "session": round(own / int(sessions)),
                           "packet": round(own / int(sessions) / int(packets)), "calls": round(dump.calls_out / int(sessions))}
            functions[name] = sorted(dump.own.items(), key=lambda item: -item[1])
    return found, functions


def compare(kept, found):
    """What is not as it was."""
    wrong = []
    if set(kept) != set(found):
        wrong.append(f"kinds of session: {sorted(kept)} recorded, {sorted(found)} counted")
    for name in sorted(set(kept) & set(found)):
        for key in ("packets", "session", "packet", "calls"):
            was, now = kept[name][key], found[name][key]
            if abs(now - was) > BOUND * was:
                wrong.append(f"{name}: {key} {was} recorded, {now} counted: {now / was - 1:+.1%}, the bound is {BOUND:.0%}")
    return wrong


def check(build="build"):
    """Nothing wrong: an empty list. Raises Unlike."""
    if not shutil.which("valgrind"):
        raise Unlike("valgrind is not installed")
    record = json.loads(RECORD.read_text(encoding="ascii"))
    made = compiler(build)
    for key, value in made.items():
        if record[key] != value:
            raise Unlike(f"the record is of {record[key]}, this is {value}")
    found, _ = count(build)
    return compare(record["sessions"], found)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--functions", type=int, default=0, metavar="N", help="the N dearest of each kind")
    options = parser.parse_args()
    if options.record or options.functions:
        found, functions = count(options.build)
        for name, figures in found.items():
            print(f"{name:6} {figures['session']:9} a session, {figures['packet']:7} a packet, {figures['packets']} packets, "
                  f"{figures['calls']} calls of libraries")
            for function, instructions in functions[name][:options.functions]:
                print(f"  {instructions / sum(value for _, value in functions[name]):6.1%} {function}")
        if options.record:
            RECORD.write_text(json.dumps({**compiler(options.build), "sessions": found}, indent=1) + "\n", encoding="ascii")
        return 0
    try:
        wrong = check(options.build)
    except Unlike as why:
        print(f"instructions: nothing to compare with: {why}")
        return SKIPPED
    print("\n".join(wrong) or "instructions: as recorded")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
