#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Many sessions at a time through a guard in `closed`, while every few seconds something fails: nothing leaks, nothing is
lost, and nothing grows.

usage: tests/lab/soak.py [--minutes N] [--kills N] [--pause SECONDS] [--workers N] [--haste] [--seed N] [--out DIRECTORY]

--kills ends after so many faults, all of them deaths by SIGKILL; without it, faults of all kinds for --minutes. Writes soak.csv
(a line every few seconds: letters, leaks, how busy the machine is, memory, files and sockets of every process), soak.svg and soak.json, from which
soak_page.py makes docs/soak.md. Exit status 0 only when nothing leaked, every letter arrived, and memory, files and sockets
stay what they were.
"""

import argparse
import csv
import json
import os
import random
import subprocess
import sys
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import lab as the_lab  # noqa: E402
import load  # noqa: E402
import soak_lives  # noqa: E402
import soak_plot  # noqa: E402
import soak_site  # noqa: E402

SAMPLE_S = 5
PAUSE_S = 2            # between two faults, at most
KILL_PAUSE_S = 0.5
HASTY_S = 0.002        # between two steps of a session, at most
# Who is spared when, in parts of the whole: long lives to be seen, and some time in which the supervisor, too, may die.
SPARED = ((1 / 6, None), (0.3, "guard0"), (13 / 30, "guard1"), (17 / 30, "scout"), (0.7, "verifier"), (5 / 6, "ledger"), (1, None))


def version():
    """Of the program: the last commit that changed it."""
    daemon = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "daemon")
    commit, changes = (subprocess.run(["git", "-C", daemon, *words, "--", "."], stdout=subprocess.PIPE, text=True,
                                      check=False).stdout
                       for words in (("log", "-1", "--format=%h"), ("status", "--porcelain")))
    return (commit.strip() or "no commit") + ("-dirty" if changes else "")


def run(arguments, soak, note):
    """Until its time, or its kills, are over."""
    sampled, end_s = 0, 60 * arguments.minutes
    while True:
        passed_s = time.monotonic() - soak.began
        done = sum(soak.faults.values()) / arguments.kills if arguments.kills else passed_s / end_s
        if done >= 1:
            return
        if not arguments.kills:
            soak.spared = next(name for until, name in SPARED if done < until)
        soak.fail(bool(arguments.kills))
        time.sleep(soak.chance.uniform(0.2, 1) * arguments.pause)
        if time.monotonic() - sampled > SAMPLE_S:
            sampled = time.monotonic()
            soak.settle()
            note(soak)


def finish(soak):
    assert soak.load.wait_until_flowing(timeout_s=soak_site.PATIENCE_S), "mail does not flow again"
    soak.load.stop()
    seconds = time.monotonic() - soak.began
    soak.load.send_kept()
    soak.settle(is_last=True)
    return seconds


def result_of(arguments, soak, rows, seconds, error):
    totals = soak.totals
    lives = {} if arguments.kills else {role: soak_lives.of(rows, role) for role in soak_site.ROLES}
    is_bad = error or totals["leaked"] or totals["missing"] or totals["passed"] or soak.load.kept() or not totals["sent"]
    busy = [row["processor"] for row in rows if row["processor"] != ""]
    is_good = not is_bad and all(one and one["is_flat"] for one in lives.values())
    return {"is_good": is_good, "error": error, "version": arguments.version, "seed": arguments.seed,
            "workers": arguments.workers * len(load.KINDS), "seconds": round(seconds), **totals,
            "lost": totals["missing"] + soak.load.kept(), "faults": dict(soak.faults), "deaths": dict(soak.deaths),
            "why": dict(soak.kept_why.most_common()), "lives": lives, "processors": os.cpu_count(),
            "processor": round(sum(busy) / len(busy)) if busy else None}


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--pause", type=float)
    parser.add_argument("--workers", type=int, default=16, help="sessions at a time, of each kind")
    parser.add_argument("--haste", action="store_true", help="sessions without the pauses that senders make")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--out", default="build/soak")
    arguments = parser.parse_args()
    arguments.pause = arguments.pause or (KILL_PAUSE_S if arguments.kills else PAUSE_S)
    arguments.version = version()
    return arguments


def main():
    arguments = parse()
    print(f"seed {arguments.seed}", flush=True)
    os.makedirs(arguments.out, exist_ok=True)
    rows, error = [], ""
    with the_lab.Lab(with_senders=()) as lab, open(os.path.join(arguments.out, "soak.csv"), "w", newline="",
                                                   encoding="ascii") as file:
        soak = soak_site.Soak(lab, random.Random(arguments.seed), arguments.workers,
                              HASTY_S if arguments.haste else load.PAUSE_S)
        writer = csv.DictWriter(file, list(soak.sample()))
        writer.writeheader()

        def note(soak):
            rows.append(soak.sample())
            writer.writerow(rows[-1])
            file.flush()
            print(f"{rows[-1]['seconds']:8.1f} s {rows[-1]['faults']} faults {soak.totals} waiting {soak.load.kept()}", flush=True)

        try:
            run(arguments, soak, note)
            seconds = finish(soak)
            note(soak)
            lab.guard_at(None)
        except Exception as trouble:
            traceback.print_exc()
            print(soak.guard.output()[-5000:])
            error, seconds = repr(trouble), time.monotonic() - soak.began
        result = result_of(arguments, soak, rows, seconds, error)
    with open(os.path.join(arguments.out, "soak.json"), "w", encoding="ascii") as file:
        json.dump(result, file, indent=1)
    soak_plot.write(os.path.join(arguments.out, "soak.svg"), rows, soak_site.ROLES)
    print(json.dumps(result, indent=1))
    return 0 if result["is_good"] else 1


if __name__ == "__main__":
    sys.exit(main())
