#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes what became of every way to be read differently as docs/evasions.md, from what one run's tests said: all of the lab and of
the unit tests, or of the files that evasion_rows.py names, with --full.

usage: tests/lab/evasions.py REPORT.xml... OUTPUT.tap... >docs/evasions.md
"""

import collections
import os
import platform
import re
import subprocess
import sys
import xml.etree.ElementTree

import evasion_rows
import openings
import tricks

HEAD = """# Segments that receivers read differently, and what becomes of them

Written by tests/lab/evasions.py from the results of those tests that its rows stand on, as `make check-full` ends by it
({version}, {count} tests, all as expected); do not edit.

Whoever is on the path can make packets that one program takes and another does not. If hopguard took what the client's kernel
drops, or dropped what that takes, it would judge another dialogue than the one that is held. So in each case below one thing has
to hold: *what the client's kernel delivers is what hopguard read, or nothing is delivered*; and in none does a recipient of a
promised destination leave.

Where a row names no other, the far end says a *false* reply to EHLO in the way that is named, and then a *true* one in its
place; they differ in whether they offer STARTTLS. *Linux* tells which of the two the client's program reads without hopguard,
seen on this kernel ({kernel}), or says it in words where no such test is. *BSD* and *Windows* are what their documents, RFCs,
published tests or common knowledge say; nobody ran them here. *Seen* is what the client reads behind hopguard, and how many tests of
the row passed. Compared are, octet for octet, what the client's program read and each copy that left the gateway for it, also of those that
were to die behind it; what hopguard says of the offer of STARTTLS in what it read; and that the far end got a beginning of what the client said.
What each trick sends is in tests/lab/tricks.py and openings.py.

| case | Linux | BSD | Windows | hopguard | seen |
|---|---|---|---|---|---|
"""


def read_reports(paths):
    """Test names with how often each passed; outcomes by (way, trick); what failed."""
    passed, outcomes, wrong = collections.Counter(), collections.defaultdict(list), []
    for path in paths:
        for case in xml.etree.ElementTree.parse(path).getroot().iter("testcase"):
            name = f"{case.get('classname').rsplit('.', 1)[-1]}: {case.get('name').split('[')[0]}"
            if any(case.find(what) is not None for what in ("failure", "error", "skipped")):
                wrong.append(name)
                continue
            passed[name] += 1
            words = {one.get("name"): one.get("value") for one in case.iter("property")}
            if "evasion" in words:
                way, trick, family = words["evasion"].split()
                outcomes[way, trick].append((family, words["outcome"]))
    return passed, outcomes, wrong


def read_outputs(paths):
    passed, wrong = collections.Counter(), []
    for path in paths:
        program = os.path.basename(path).removesuffix(".tap").rsplit("-", 1)[-1]
        with open(path, encoding="utf-8") as file:
            for is_wrong, name in re.findall(r"^(not )?ok \d+ - (\w+)", file.read(), re.M):
                if is_wrong:
                    wrong.append(f"{program}: {name}")
                else:
                    passed[f"{program}: {name}"] += 1
    return passed, wrong


def said(outcomes):
    """What the outcomes of both families come to."""
    words = {outcome for _, outcome in outcomes}
    if len(words) == 1:
        return words.pop()
    return ", ".join(f"{outcome} (IPv{family})" for family, outcome in sorted(outcomes))


def cells_of(row, passed, outcomes):
    """The row's text; raises KeyError with what it lacks."""
    count, before, behind = 0, [], []
    for trick in row.tricks:
        before.append(said(outcomes["without", trick]))
        behind.append(said(outcomes["guarded", trick]))
        count += len(outcomes["without", trick]) + len(outcomes["guarded", trick])
        if "" in (before[-1], behind[-1]) or not outcomes["without", trick] or not outcomes["guarded", trick]:
            raise KeyError(trick)
    for test in row.tests:
        if not passed[test]:
            raise KeyError(test)
        count += passed[test]
    linux = ". ".join(filter(None, ("; ".join(dict.fromkeys(before)), row.linux)))
    seen = "; ".join(filter(None, ("; ".join(dict.fromkeys(behind)), f"{count} test{'s' * (count > 1)}")))
    return f"| {row.case} | {linux} | {row.bsd} | {row.windows} | {row.act} | {seen} |", count


def main():
    passed, outcomes, wrong = read_reports([path for path in sys.argv[1:] if path.endswith(".xml")])
    units, wrong_units = read_outputs([path for path in sys.argv[1:] if path.endswith(".tap")])
    lines, total, lacking = [], 0, []
    for row in evasion_rows.ROWS:
        try:
            line, count = cells_of(row, passed + units, outcomes)
        except KeyError as error:
            lacking.append(f"{row.case}: {error.args[0]}")
            continue
        lines.append(line)
        total += count
    told = {trick for row in evasion_rows.ROWS for trick in row.tricks}
    lacking += [f"no row has {trick}" for trick in (*tricks.ALL, *openings.ALL) if trick not in told]
    if wrong or wrong_units or lacking:
        print("evasions: no table", *wrong, *wrong_units, *lacking, sep="\n", file=sys.stderr)
        return 1
    version = subprocess.run(["git", "describe", "--always", "--dirty"], stdout=subprocess.PIPE, text=True,
                             check=False).stdout.strip()
    print(HEAD.format(version=version or "no commit", count=total, kernel=platform.release()), end="")
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
