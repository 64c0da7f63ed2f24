#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes what every fault came to as docs/faults.md, from what one run's tests measured.

usage: tests/lab/faults.py REPORT.xml... OUTPUT.tap... >docs/faults.md
"""

import collections
import subprocess
import sys
import xml.etree.ElementTree

import evasions
import fault_rows
import faults_lab

HEAD = """# What fails, and what becomes of mail

Written by tests/lab/faults.py from the results of those tests that its rows stand on, as `make check-full` ends by it
({version}, {count} tests, all as expected); do not edit.

Each fault below is made while two dozen clients send through a gateway in `mode = enforce`: honest letters over TLS and in
clear, and letters whose STARTTLS an attacker takes away. Then two things have to hold: with `on-failure = closed` no octet leaves
that was not judged, with `on-failure = open` no honest connection is lost; and in both no letter is lost that its sender believes
to be taken, and mail flows again.

*closed*, *open*: what hopguard does, and what became of the sessions that ended between the fault and its end. *Sent*: honest
ones that arrived. *Wait*: honest ones that were refused for now or broken off, so that their sender keeps the letter. *Leaked*:
stripped ones that were taken at the far end; *passed*, the same where that is what `open` is for. Where several tests measured
one cell, the numbers are their sum. How each fault is made is in tests/lab/test_faults_*.py: *no memory*, a
*clock* that steps and a *slow* disk are made by a library between the processes and the C library: each allocation of the process
fails, for seconds; one that the kernel ends for want of memory dies by kill -9. The other faults are the kernel's own. *Tests*
counts those that measured the row, and the unit and lab tests that hold the same.

| fault | where | closed | open | tests |
|---|---|---|---|---|
"""


def read_counts(paths):
    """{(fault, where, stance): [faults_lab.Count]} of tests that passed."""
    counts = collections.defaultdict(list)
    for path in paths:
        for case in xml.etree.ElementTree.parse(path).getroot().iter("testcase"):
            if any(case.find(what) is not None for what in ("failure", "error", "skipped")):
                continue
            for one in case.iter("property"):
                if one.get("name") == "fault":
                    fault, where, stance, *numbers = one.get("value").split("; ")
                    counts[fault, where, stance].append(faults_lab.Count(*map(int, numbers)))
    return counts


def cell(stance, words, counts):
    count = faults_lab.Count(*map(sum, zip(*counts)))
    if stance == "closed":
        return f"{words}. {count.sent} sent, {count.kept} wait, {count.passed} of {count.stripped} leaked"
    return f"{words}. {count.sent} sent, {count.kept} lost; {count.passed} of {count.stripped} stripped passed"


def line_of(row, passed, counts):
    """The row's text and how many tests it stands on; raises KeyError with what it lacks."""
    cells, total = [], 0
    for stance, words in (("closed", row.closed), ("open", row.open)):
        measured = counts.get((row.fault, row.where, stance))
        if not measured:
            raise KeyError(stance)
        cells.append(cell(stance, words, measured))
        total += len(measured)
    for test in row.tests:
        if not passed[test]:
            raise KeyError(test)
        total += passed[test]
    return f"| {row.fault} | {row.where} | {' | '.join(cells)} | {total} |", total


def main():
    reports = [path for path in sys.argv[1:] if path.endswith(".xml")]
    passed, _, wrong = evasions.read_reports(reports)
    units, wrong_units = evasions.read_outputs([path for path in sys.argv[1:] if path.endswith(".tap")])
    counts = read_counts(reports)
    lines, total, lacking = [], 0, []
    for row in fault_rows.ROWS:
        try:
            line, count = line_of(row, passed + units, counts)
        except KeyError as error:
            lacking.append(f"{row.fault}, {row.where}: {error.args[0]}")
            continue
        lines.append(line)
        total += count
    told = {(row.fault, row.where) for row in fault_rows.ROWS}
    lacking += [f"no row has {fault}, {where}" for fault, where, _ in counts if (fault, where) not in told]
    if wrong or wrong_units or lacking:
        print("faults: no table", *wrong, *wrong_units, *lacking, sep="\n", file=sys.stderr)
        return 1
    version = subprocess.run(["git", "describe", "--always", "--dirty"], stdout=subprocess.PIPE, text=True,
                             check=False).stdout.strip()
    print(HEAD.format(version=version or "no commit", count=total), end="")
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
