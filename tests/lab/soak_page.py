#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes docs/soak.md from the results of the two long runs of soak.py; refuses what is not good, too short, or the other run.

usage: tests/lab/soak_page.py KILLS/soak.json SOAK/soak.json >docs/soak.md
"""

import argparse
import json
import sys

import soak_site

KILLS_MIN, SOAK_S_MIN = 1000, 3600

PAGE = """# An hour of faults, and a thousand kills

Written by tests/lab/soak_page.py from what tests/lab/soak.py measured; do not edit.

Both runs go through a gateway of the lab in `mode = enforce` with `on-failure = closed` and two queues. Many clients send at a
time: a third of them letters over TLS to destinations that promise it, a third in clear to destinations that promise nothing, a
third in clear to destinations that promise TLS and whose STARTTLS an attacker on the far side takes away. None of these last
may be taken, and of them the far end may see only what needs no verdict: EHLO, MAIL FROM, QUIT, and the verb of RCPT TO. An
honest letter that is refused for now or broken off is sent again {again_s} s later, as a queue does, until it is taken. Each
fault comes when the processes are on their feet again after the last one. {busy}

| | kills | soak |
|---|---|---|
{rows}

*Leaked*: octets at the far end of a broken promise beside those above, and connections that began or went on in clear while
nobody listened. *Lost*: honest letters that never came, or that are not there as their clients were told.

What fails in the soak, by chance: {faults}.
Rules that somebody else flushes are not among them: what passes until they are back passes unjudged, and [faults.md](faults.md)
has that.

## Memory, files and sockets

In the soak each process but the supervisor is spared for a while, so that a long life of it is seen, and the supervisor for as
long as all of them together. Compared are the two halves of what comes after the first 40% of that life: the most of resident
memory, and how many files and sockets there are most of the time.

| process | life, s | memory, KiB | files | sockets |
|---|---|---|---|---|
{lives}

![Memory, files, sockets and letters over the time of the soak](soak.svg)
"""

WORDS = {
    "kill": "deaths by SIGKILL",
    "crash": "by SIGSEGV and SIGABRT",
    "hang": "processes that are stopped until they go on or are killed",
    "starve": "processes whose allocations fail",
    "start anew": "restarts",
    "reload good file": "reloads",
    "reload bad file": "reloads of a bad file",
    "unplug": "cables",
    "overrun": "queues without room",
    "silence name servers": "name servers that do not answer",
    "step clock": "clocks",
    "slow disk": "a slow disk",
}

ROWS = (
    ("program", lambda one: one["version"]),
    ("clients at a time", lambda one: one["workers"]),
    ("seed", lambda one: one["seed"]),
    ("seconds", lambda one: one["seconds"]),
    ("faults", lambda one: f"{sum(one['faults'].values())}, one every {one['seconds'] / sum(one['faults'].values()):.1f} s"),
    ("deaths by our hand", lambda one: ", ".join(f"{name} {count}" for name, count in sorted(one["deaths"].items()))),
    ("sessions", lambda one: f"{sessions(one)}, {sessions(one) / one['seconds']:.0f} a second"),
    ("honest letters that arrived", lambda one: one["sent"]),
    ("honest letters kept for another try", lambda one: f"{one['kept']} times{reasons(one)}"),
    ("stripped letters refused", lambda one: one["stripped"] - one["passed"]),
    ("**leaked**", lambda one: f"**{one['leaked'] + one['passed']}**"),
    ("**lost**", lambda one: f"**{one['lost']}**"),
)


def sessions(one):
    return one["sent"] + one["kept"] + one["stripped"]


def reasons(one):
    first = [f"`{why}` {count}" if " " not in why else f"{why} {count}" for why, count in list(one["why"].items())[:4]]
    return f" (most for {', '.join(first)})" if first else ""


def busy(kills, soak):
    """How busy the machine was; runs of before that was measured keep what their page said."""
    if any(one.get("processor") is None for one in (kills, soak)):
        return ("So many clients keep both cores of the machine\n"
                "busy, with what else it does: more of them, or clients that make no pauses, bring no more sessions a second.")
    return (f"The machine's {soak['processors']} processors, with what else\nit did, were busy for {kills['processor']} % of the time "
            f"of the kills, and for {soak['processor']} % of that of the soak.")


def change(pair):
    return f"{pair[0]} → {pair[1]}"


def faults_of(kills, soak):
    """Why these two are not what the page says of them."""
    for name, one in (("kills", kills), ("soak", soak)):
        if not one["is_good"] or one["leaked"] or one["passed"] or one["lost"]:
            yield f"{name}: not good: {one}"
        if one["version"].endswith("-dirty"):
            yield f"{name}: of sources that were not committed"
        yield from (f"{name}: no words for the fault {what}" for what in one["faults"] if what not in WORDS)
    if set(kills["faults"]) != {"kill"} or kills["faults"]["kill"] < KILLS_MIN:
        yield f"kills: not {KILLS_MIN} of them, and nothing else"
    if soak["seconds"] < SOAK_S_MIN:
        yield f"soak: {soak['seconds']} s are no hour"
    yield from (f"soak: no life of {role}" for role in soak_site.ROLES if not soak["lives"].get(role))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kills", metavar="KILLS/soak.json", type=argparse.FileType(encoding="ascii"))
    parser.add_argument("soak", metavar="SOAK/soak.json", type=argparse.FileType(encoding="ascii"))
    arguments = parser.parse_args()
    kills, soak = json.load(arguments.kills), json.load(arguments.soak)
    wrong = list(faults_of(kills, soak))
    if wrong:
        sys.exit("\n".join(["soak_page: no page", *wrong]))
    lives = "\n".join(f"| {role} | {life['life_s']} | {change(life['kb'])} | {change(life['files'])} | {change(life['sockets'])} |"
                      for role, life in soak["lives"].items())
    print(PAGE.format(again_s=soak_site.AGAIN_S, busy=busy(kills, soak), lives=lives,
                      rows="\n".join(f"| {name} | {of(kills)} | {of(soak)} |" for name, of in ROWS),
                      faults=", ".join(words for name, words in WORDS.items() if soak["faults"].get(name))), end="")


if __name__ == "__main__":
    main()
