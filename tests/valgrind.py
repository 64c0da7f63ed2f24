#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the unit tests under valgrind's memcheck: reads of what nobody wrote, reads and writes of what is not there, and memory
that nobody can free any more are errors, in the processes that a test starts, too.

usage: tests/valgrind.py [--build DIRECTORY] [--jobs N] [--origins] [PROGRAM...]      PROGRAM: as tests/unit/wire/packet_test

Ends with "N programs clean, N failed, N left out". What memcheck said is in DIRECTORY/valgrind.
"""

import argparse
import concurrent.futures
import os
import pathlib
import shutil
import subprocess
import sys
import time

import run

TIMEOUT_S = 2 * 3600
SUPPRESSIONS = run.TOP / "tests/valgrind.supp"
# What cannot run there, and why.
_UNKNOWN = "valgrind does not know the system calls of {}, so that nothing there would be confined"
LEFT_OUT = {
    "tests/unit/confine_test": _UNKNOWN.format("seccomp and Landlock"),
    "tests/unit/base/sandbox_calls_test": _UNKNOWN.format("seccomp"),
    "tests/unit/base/sandbox_files_test": _UNKNOWN.format("Landlock"),
    "tests/unit/base/tool_confined_test": _UNKNOWN.format("seccomp and Landlock"),
    "tests/unit/base/descriptors_test": "valgrind lets nobody change the hard limit of descriptors",
}


def command(program, logs, origins):
    # A malloc() of the test's own stays in its place, before memcheck's.
    return ["valgrind", "-q", "--leak-check=full", "--errors-for-leak-kinds=definite,possible", "--num-callers=30",
            "--soname-synonyms=somalloc=nouserintercepts", f"--track-origins={'yes' if origins else 'no'}", f"--suppressions={SUPPRESSIONS}", "--gen-suppressions=all",
            f"--log-file={logs}/%p.log", program]


def run_program(program, arguments):
    """Its name, and what is wrong, line by line."""
    name = str(program.relative_to(run.TOP / arguments.build))
    logs = run.TOP / arguments.build / "valgrind" / program.parent.name / program.name
    logs.mkdir(parents=True)
    logs.chmod(0o777)  # for processes that become somebody else
    start = time.monotonic()
    try:
        done = subprocess.run(command(program, logs, arguments.origins), cwd=run.TOP, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIMEOUT_S, check=False,
                              env=dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP"))
        output = done.stdout.decode("utf-8", "replace")
        (logs / "output.tap").write_text(output, encoding="utf-8")
        count = run.read_tap(name, output, done.returncode)
        wrong = count.details if count.failed else []
    except subprocess.TimeoutExpired:
        wrong = [f"{name}: not done after {TIMEOUT_S} s"]
    for log in sorted(logs.glob("*.log")):
        said = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.startswith(("==", "{"))]
        if said:
            wrong += [f"{name}: {log.relative_to(run.TOP)}", *(f"    {line}" for line in said[:60])]
    print(f"{'failed' if wrong else 'clean':8}{time.monotonic() - start:7.1f} s  {name}", flush=True)
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build/valgrind", help="where the programs are")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--origins", action="store_true", help="say where a value comes from that nobody wrote; half as fast")
    parser.add_argument("programs", nargs="*", metavar="PROGRAM")
    arguments = parser.parse_args()
    shutil.rmtree(run.TOP / arguments.build / "valgrind", ignore_errors=True)
    wanted = [pathlib.Path(name) for name in arguments.programs] or \
        [source.relative_to(run.TOP).with_suffix("") for source in sorted((run.TOP / "tests/unit").rglob("*_test.c"))]
    left_out = [path for path in wanted if str(path) in LEFT_OUT]
    programs = [run.TOP / arguments.build / path for path in wanted if path not in left_out]
    with concurrent.futures.ThreadPoolExecutor(max_workers=arguments.jobs) as pool:
        wrong = list(pool.map(lambda program: run_program(program, arguments), programs))
    for path in left_out:
        print(f"left out  {path}: {LEFT_OUT[str(path)]}")
    for lines in filter(None, wrong):
        print("\n".join(lines))
    failed = sum(map(bool, wrong))
    print(f"{len(programs) - failed} programs clean, {failed} failed, {len(left_out)} left out")
    return 0 if programs and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
