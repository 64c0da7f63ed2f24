#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Which lines of the program the unit tests and the seeds of the fuzz targets reach, by clang's source-based coverage.

usage: tests/coverage.py [--build DIRECTORY] PARSER...        what `make coverage` calls; files that parse what comes from outside

Prints a line for each file, the least covered last, and exits with 1 where a parser is below PARSER_LINES_MIN.
What is not reached is in DIRECTORY/report.txt, line by line.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import shutil
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
PARSER_LINES_MIN = 95.0
PROGRAM_TIMEOUT_S = 1200


def run_program(command, raw):
    environment = dict(os.environ, LLVM_PROFILE_FILE=f"{raw}/%4m.profraw", CMOCKA_MESSAGE_OUTPUT="TAP")
    try:
        done = subprocess.run(command, env=environment, cwd=TOP, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, timeout=PROGRAM_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return f"{command[0]}: not done after {PROGRAM_TIMEOUT_S} s"
    return f"{command[0]}: exit status {done.returncode}" if done.returncode else ""


def commands(build):
    for source in sorted((TOP / "tests/unit").rglob("*_test.c")):
        yield [build / source.relative_to(TOP).with_suffix("")]
    for source in sorted((TOP / "tests/fuzz").glob("*_fuzz.c")):
        seeds = sorted((TOP / "tests/fuzz/corpus" / source.name.removesuffix("_fuzz.c")).iterdir())
        yield [build / "fuzz" / source.stem, *seeds]


def summaries(library, profile):
    done = subprocess.run(["llvm-cov", "export", "-summary-only", f"-instr-profile={profile}", library],
                          stdout=subprocess.PIPE, check=True)
    for file in json.loads(done.stdout)["data"][0]["files"]:
        path = pathlib.Path(file["filename"]).resolve().relative_to(TOP)
        lines = file["summary"]["lines"]
        if path.suffix == ".c" and lines["count"]:
            yield path, lines["covered"], lines["count"]


def write_report(build, library, profile):
    with open(build / "report.txt", "wb") as output:
        subprocess.run(["llvm-cov", "show", f"-instr-profile={profile}", library], stdout=output, check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build/coverage")
    parser.add_argument("parsers", nargs="+", metavar="PARSER")
    arguments = parser.parse_args()
    build = (TOP / arguments.build).resolve()
    raw, profile, library = build / "raw", build / "profile", build / "libhopguard.so"
    shutil.rmtree(raw, ignore_errors=True)
    raw.mkdir(parents=True)
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        failures = [line for line in pool.map(lambda command: run_program(command, raw), commands(build)) if line]
    subprocess.run(["llvm-profdata", "merge", "-sparse", "-o", profile, *raw.iterdir()], check=True)
    write_report(build, library, profile)
    parsers = {path.resolve().relative_to(TOP) for path in map(pathlib.Path, arguments.parsers)}
    files = sorted(summaries(library, profile), key=lambda file: file[1] / file[2], reverse=True)
    missing = parsers - {path for path, _, _ in files}
    for path, covered, count in files:
        share = 100 * covered / count
        mark = "" if path not in parsers else "parser" if share >= PARSER_LINES_MIN else "parser, TOO FEW"
        print(f"{share:6.1f}% {covered:5} of {count:5}  {path!s:44} {mark}".rstrip())
    few = [path for path, covered, count in files if path in parsers and 100 * covered / count < PARSER_LINES_MIN]
    parsed = [(covered, count) for path, covered, count in files if path in parsers]
    print(f"{100 * sum(c for _, c, _ in files) / sum(n for _, _, n in files):.1f}% of all lines, "
          f"{100 * sum(c for c, _ in parsed) / sum(n for _, n in parsed):.1f}% of {len(parsed)} parsers' lines; "
          f"{len(few)} parsers below {PARSER_LINES_MIN:.0f}%")
    for line in failures:
        print(f"coverage: {line}")
    for path in sorted(missing):
        print(f"coverage: {path}: no such file, or nothing of it in the program")
    return 1 if few or missing or failures else 0


if __name__ == "__main__":
    sys.exit(main())
