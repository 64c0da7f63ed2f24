#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs every suite and adds up: a line for each, what failed, and as the last line "N passed, N failed, N skipped".

usage: tests/run.py [--full] [--build DIRECTORY] [SUITE...]        suites: unit lab vm

Exit status 0 only when something ran and nothing failed.
"""

import argparse
import collections
import concurrent.futures
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree

TOP = pathlib.Path(__file__).resolve().parent.parent
UNIT_TIMEOUT_S = 1200  # one program, under sanitizers, too
LONG = {"HOPGUARD_FLOWS": "1000000"}  # what unit tests do more of, when all is tested
SUITE_TIMEOUT_S = {False: 13 * 60, True: 4 * 3600}  # lab or vm: pairwise, every cell
# Side by side: they wait for timers of mail servers more than they compute. Behind them, beside one another alone, those that
# measure how long somebody waits.
LAB_PARTS = {False: 5, True: 10}
LAB_ALONE_PARTS = 3
INTERRUPT_PATIENCE_S = 60  # for taking down what a suite set up

Count = collections.namedtuple("Count", "passed failed skipped details")


def add(counts):
    counts = list(counts)
    return Count(sum(c.passed for c in counts), sum(c.failed for c in counts), sum(c.skipped for c in counts),
                 [line for c in counts for line in c.details])


def failure(details):
    return Count(0, 1, 0, details)


def read_tap(name, output, status):
    """What cmocka prints in its TAP form. A program that died owes the tests of its plan."""
    planned = sum(int(number) for number in re.findall(r"^1\.\.(\d+)$", output, re.M))
    skipped = len(re.findall(r"^(?:not )?ok \d+ # SKIP", output, re.M))
    passed = len(re.findall(r"^ok \d+ - ", output, re.M))
    wrong = re.findall(r"^not ok \d+ - (.*)$", output, re.M)
    details = [f"{name}: {test}" for test in wrong]
    failed = max(len(wrong), planned - passed - skipped)
    if status != 0 and failed == 0:
        failed = 1
    if failed and (failed > len(wrong) or status < 0):
        details.append(f"{name}: exit status {status}, {planned - passed - skipped} of {planned} tests without success")
    if failed:
        details += [f"    {line}" for line in output.splitlines() if not line.startswith("ok ")][-40:]
    if planned == 0:
        return failure([f"{name}: ran no test, exit status {status}"])
    return Count(passed, failed, skipped, details)


def run_unit_program(program, results, is_full):
    name = f"{program.parent.name}/{program.name}"
    environment = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP", **(LONG if is_full else {}))
    tap = results / f"{program.parent.name}-{program.name}.tap"
    try:
        with open(tap, "wb") as output:  # no pipe, which a process that it leaves behind would keep open
            done = subprocess.run([program], env=environment, cwd=TOP, stdin=subprocess.DEVNULL, stdout=output,
                                  stderr=subprocess.STDOUT, timeout=UNIT_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return failure([f"{name}: not done after {UNIT_TIMEOUT_S} s"])
    except OSError as error:
        return failure([f"{name}: {error}"])
    output = tap.read_text(encoding="utf-8", errors="replace")
    return read_tap(name, output, done.returncode)


def run_unit(arguments, results):
    sources = sorted((TOP / "tests/unit").rglob("*_test.c"))
    programs = [TOP / arguments.build / source.relative_to(TOP).with_suffix("") for source in sources]
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        return add(pool.map(lambda program: run_unit_program(program, results, arguments.full), programs))


def read_junit(path):
    counts = []
    for suite in xml.etree.ElementTree.parse(path).getroot().iter("testsuite"):
        tests, errors, failures, skipped = (int(suite.get(key, 0)) for key in ("tests", "errors", "failures", "skipped"))
        details = []
        for case in suite.iter("testcase"):
            for what in (*case.findall("failure"), *case.findall("error")):
                message = " ".join(what.get("message", "").split())[:300]
                details.append(f"{case.get('classname')}: {case.get('name')}: {message}")
        counts.append(Count(tests - errors - failures - skipped, errors + failures, skipped, details))
    return add(counts)


def wait(process, timeout_s):
    """Its exit status. What takes too long is asked to clean up, then killed."""
    try:
        return process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(INTERRUPT_PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    return None


def run_pytest(folder, arguments, results, name="", options=()):
    name = name or folder
    report, log = results / f"{name}.xml", results / f"{name}.log"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "junit_family=xunit1",
               f"--junit-xml={report}", *options]
    if arguments.full and folder == "lab":
        command.append("--full")
    environment = dict(os.environ, HOPGUARD=str(TOP / arguments.build / "hopguard"), PYTHONDONTWRITEBYTECODE="1")
    with open(log, "wb") as output:
        process = subprocess.Popen([*command, f"tests/{folder}"], env=environment, cwd=TOP, stdin=subprocess.DEVNULL,
                                   stdout=output, stderr=subprocess.STDOUT)
        status = wait(process, SUITE_TIMEOUT_S[arguments.full])
    try:
        count = read_junit(report)
    except (OSError, xml.etree.ElementTree.ParseError) as error:
        count = failure([f"{name}: no report: {error}"])
    if status is None:
        count = add([count, failure([f"{name}: not done after {SUITE_TIMEOUT_S[arguments.full]} s"])])
    elif status != 0 and count.failed == 0:
        count = add([count, failure([f"{name}: pytest ended with status {status}"])])
    if count.failed:
        count.details.append(f"{name}: all of it in {log.relative_to(TOP)}")
    return count


def run_lab_parts(arguments, results, company, parts):
    def run_part(part):
        return run_pytest("lab", arguments, results, f"lab-{company}-{part}",
                          (f"--company={company}", f"--part={part}/{parts}"))

    with concurrent.futures.ThreadPoolExecutor(max_workers=parts) as pool:
        return add(pool.map(run_part, range(1, parts + 1)))


def run_lab(arguments, results):
    count = add([run_lab_parts(arguments, results, "crowd", LAB_PARTS[arguments.full]),
                 run_lab_parts(arguments, results, "alone", LAB_ALONE_PARTS)])
    if arguments.full and not count.failed:
        reports, outputs = sorted(results.glob("lab-*.xml")), sorted(results.glob("*.tap"))
        count = add([count, write_table("docs/attacks.md", "tests/lab/tables.py", reports)])
        if outputs:  # the unit tests ran as well
            count = add([count, write_table("docs/evasions.md", "tests/lab/evasions.py", reports + outputs)])
            count = add([count, write_table("docs/faults.md", "tests/lab/faults.py", reports + outputs)])
    return count


def write_table(page, program, results):
    """Every cell's outcome, for the documentation."""
    done = subprocess.run([sys.executable, TOP / program, *results], cwd=TOP, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        return failure(done.stderr.splitlines())
    (TOP / page).write_text(done.stdout, encoding="utf-8")
    return Count(0, 0, 0, [])


SUITES = {
    "unit": run_unit,
    "lab": run_lab,
    "vm": lambda arguments, results: run_pytest("vm", arguments, results),
}
# The virtual machine computes all the time, on one core; the lab waits more than it computes, and wants to be alone in the end.
LANES = [["vm"], ["unit", "lab"]]


def run_suite(name, arguments, results):
    start = time.monotonic()
    count = SUITES[name](arguments, results)
    lines = [f"{name:8}{count.passed:5} passed {count.failed:4} failed {count.skipped:4} skipped "
             f"{time.monotonic() - start:7.1f} s", *(f"  {line}" for line in count.details)]
    print("\n".join(lines), flush=True)
    return count


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="every cell of the lab")
    parser.add_argument("--build", default="build", help="where the programs are")
    parser.add_argument("suites", nargs="*", choices=[[], *SUITES], metavar="SUITE", help=" ".join(SUITES))
    arguments = parser.parse_args()
    results = TOP / arguments.build / "test-results"
    shutil.rmtree(results, ignore_errors=True)
    results.mkdir(parents=True)

    def run_lane(names):
        return add([run_suite(name, arguments, results) for name in names if name in (arguments.suites or SUITES)])

    with concurrent.futures.ThreadPoolExecutor(max_workers=len(LANES)) as pool:
        total = add(pool.map(run_lane, LANES))
    print(f"{total.passed} passed, {total.failed} failed, {total.skipped} skipped")
    return 0 if total.passed and not total.failed else 1


if __name__ == "__main__":
    sys.exit(main())
