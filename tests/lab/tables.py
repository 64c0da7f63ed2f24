#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes what every cell of the lab came to as docs/attacks.md, from the reports of one whole run.

usage: tests/lab/tables.py REPORT.xml... >docs/attacks.md
"""

import collections
import subprocess
import sys
import xml.etree.ElementTree

import attacks
import cells
import senders
import world

HEAD = """# Ways of losing TLS, and what becomes of them

Written by `make check-full` from its own results ({version}, {count} cells, all as expected); do not edit. Each cell is
a letter in the lab (docs/testing.md): a real mail server, or a client of our own, sends to a domain that promised a key
by DANE, while an attacker on the path plays the attack. What each attack does on the wire is in tests/lab/attacks.py.
"""

WITHOUT = """
## Without hopguard

*falls*: the letter, or what the attack wants, was had by the attacker, over IPv4 as over IPv6 (else the family is
named). *resists*: it was not. *–*: no such cell, see below.
"""

WITH = """
## With hopguard

Each over IPv4 and IPv6, at a router, behind NAT with a rule that drops what is INVALID, on a bridge without addresses,
and on the sender itself. In none did a RCPT or DATA octet in clear reach the far side. *kept*: the letter stays in the
sender's queue. *421*: a client without a queue sees our reply; *reset*: it was already in TLS. *TLS*: the sender was not led astray, the letter arrived
over TLS. *away*: the sender never came in clear, and keeps the letter. Behind it, the reason in syslog and JSON; the
number says how many of the cells ended so, where they differ.
"""

IMPOSSIBLE = """
## Cells that cannot exist

| attack | sender | place | why |
|---|---|---|---|
"""


def outcomes(paths):
    """{test: {(attack, sender): [(family, outcome)]}} of all that passed; how many did not."""
    found = collections.defaultdict(lambda: collections.defaultdict(list))
    wrong = 0
    for path in paths:
        for case in xml.etree.ElementTree.parse(path).getroot().iter("testcase"):
            words = {one.get("name"): one.get("value") for one in case.iter("property")}
            wrong += case.find("failure") is not None or case.find("error") is not None
            if "cell" in words:
                place, attack, sender, family = words["cell"].split()
                found[place][attack, sender].append((family, words["outcome"]))
    return found, wrong


def without(results):
    if not results:
        return "–"
    words = {outcome for _, outcome in results}
    if len(words) == 1:
        return words.pop()
    return ", ".join(f"{outcome} (IPv{family})" for family, outcome in sorted(results))


def guarded(results):
    if not results:
        return "–"
    counts = collections.Counter(outcome for _, outcome in results)
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{outcome} ({count})" for outcome, count in counts.most_common())


def table(rows, text):
    print("| attack | " + " | ".join(senders.ALL) + " |")
    print("|---" * (len(senders.ALL) + 1) + "|")
    for attack in rows:
        print(f"| {attack} | " + " | ".join(text(attack, sender) for sender in senders.ALL) + " |")


def main():
    found, wrong = outcomes(sys.argv[1:])
    count = sum(len(results) for by_cell in found.values() for results in by_cell.values())
    wanted = len(list(cells.without_guard())) + len(list(cells.with_guard()))
    if wrong or count != wanted:
        print(f"tables: {count} of {wanted} cells, {wrong} tests failed: no table", file=sys.stderr)
        return 1
    version = subprocess.run(["git", "describe", "--always", "--dirty"], stdout=subprocess.PIPE, text=True,
                             check=False).stdout.strip()
    bare = found.pop("none")
    print(HEAD.format(version=version or "no commit", count=count), end="")
    print(WITHOUT)
    table(attacks.ATTACKS, lambda attack, sender: without(bare[attack, sender]))
    print(WITH)
    table((cells.HONEST, *attacks.ATTACKS),
          lambda attack, sender: guarded([one for place in world.PLACES for one in found[place][attack, sender]]))
    print(IMPOSSIBLE, end="")
    for attack, sender, place, reason in cells.not_existing():
        print(f"| {attack} | {sender} | {place} | {reason} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
