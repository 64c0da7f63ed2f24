#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Many sessions at a time through a guard in `closed`, while every few seconds something fails: nothing leaks, nothing is
lost, and nothing grows.

usage: tests/lab/soak.py [--minutes N] [--kills N] [--pause SECONDS] [--workers N] [--seed N] [--out DIRECTORY]

--kills ends after so many faults, all of them deaths by SIGKILL; without it, faults of all kinds for --minutes. Writes soak.csv
(a line every few seconds: letters, leaks, memory, sockets, files and threads of every process) and soak.svg. Exit status 0 only when
nothing leaked, nothing was lost, and memory, sockets and files at the end are those of the beginning.
"""

import argparse
import contextlib
import csv
import os
import random
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import faults_lab  # noqa: E402
import lab as the_lab  # noqa: E402
import load  # noqa: E402
import namespaces  # noqa: E402
import soak_plot  # noqa: E402

SAMPLE_S = 5
PAUSE_S = 3            # between two faults, at most
KILL_PAUSE_S = 1
FORGIVEN_S = 10.5      # of health, after which a death is no more than the first
ROLES = ("supervisor", "guard0", "guard1", "scout", "verifier", "ledger")
GROWTH = 1.25          # of resident memory, from the first third's most to the last third's
GROWTH_KB = 4096       # and at least so much, or it is noise


class Soak(faults_lab.Faults):
    def __init__(self, lab, workers):
        super().__init__(lab, "closed", workers={kind: workers for kind in load.KINDS})
        self.totals = dict.fromkeys(("faults", *faults_lab.Count._fields, "missing", "leaked"), 0)
        self.killed = {}  # by name: when
        self.began = time.monotonic()

    # What is done

    def kill_one(self, number=signal.SIGKILL):
        """One that was well for long enough, so that its successor comes at once."""
        while not (rested := [name for name in ROLES if time.monotonic() - self.killed.get(name, 0) > FORGIVEN_S]):
            time.sleep(0.1)
        name = random.choice(rested)
        if name == "supervisor":
            self.kill(name, number)
            self.killed.clear()
        else:
            pids = [self.guard.processes()[name]]
            self.send(pids, number)
            self.wait_until_whole(pids)
        self.killed[name] = time.monotonic()

    def crash(self):
        self.kill_one(random.choice((signal.SIGSEGV, signal.SIGABRT)))

    def hang(self):
        name = random.choice(("guards", "scout", "verifier", "ledger"))
        pids = self.pids(name)
        self.send(pids, signal.SIGSTOP)
        if random.random() < 0.5:
            time.sleep(random.uniform(0.1, 5))
            self.send(pids, signal.SIGCONT)
            self.wait_until_whole()
        else:
            self.wait_until_whole(pids, 2 * faults_lab.HANG_S)

    def starve(self):
        self.shifts.starve(self.pids(random.choice(("guards", "scout", "verifier", "ledger"))))
        time.sleep(random.uniform(0.5, 3))
        self.shifts.starve()
        self.wait_until_whole()

    def unplug(self):
        with self.lab.world.unplugged():
            time.sleep(random.uniform(0.1, 1))

    def reload_all(self):
        self.reload()

    def restart_all(self):
        self.restart()
        self.wait_until_whole()

    FAULTS = (kill_one, kill_one, crash, hang, starve, unplug, reload_all, restart_all)

    # What is seen

    def settle(self, is_last=False):
        """Counts what ended, and forgets it: for loads that no memory could keep."""
        outcomes, self.load.outcomes = self.load.outcomes, []
        # A letter may be kept by the sink before its client hears so, never after.
        missing, count = self.load.missing_of(outcomes), self.count_of(outcomes)
        recipients = {one.letter.recipient for one in outcomes}
        letters = self.lab.sink.letters
        letters[:] = [one for one in list(letters) if not recipients.intersection(one.recipients)]
        unjudged = self.load.watch.unjudged(is_last)
        for name, number in (*count._asdict().items(), ("missing", len(missing)), ("leaked", len(unjudged))):
            self.totals[name] += number
        if missing or unjudged or count.passed:
            print("BAD", round(time.monotonic() - self.began, 1), missing[:3], unjudged[:3], flush=True)

    def sample(self):
        row = {"seconds": round(time.monotonic() - self.began, 1), **self.totals}
        processes = {}
        with contextlib.suppress(namespaces.LabError, ValueError, KeyError):
            processes = self.guard.processes()
        for role in ROLES:
            row.update({f"{role} {what}": number for what, number in self._about(processes.get(role)).items()})
        return row

    def _about(self, pid):
        if not pid:
            return dict.fromkeys(("kb", "files", "sockets"), "")
        text = self.guard.host.run(["sh", "-c", f"grep VmRSS /proc/{pid}/status; ls -l /proc/{pid}/fd"], check=False)
        kb = [line.split()[1] for line in text.splitlines() if line.startswith("VmRSS")]
        return {"kb": int(kb[0]) if kb else "", "files": text.count(" -> "), "sockets": text.count("-> socket:")}


def grown(rows):
    """Columns whose last third is above the first: a process that was born a moment ago is small, so the most counts."""
    found, third = [], len(rows) // 3
    for name in [f"{role} {what}" for role in ROLES for what in ("kb", "files", "sockets")]:
        first, last = (max([row[name] for row in part if row[name] != ""], default=0) for part in (rows[:third], rows[-third:]))
        slack = max(GROWTH_KB, first * (GROWTH - 1)) if name.endswith("kb") else 2
        if third and last > first + slack:
            found.append(f"{name}: {first} -> {last}")
    return found


def run(arguments, soak, writer, rows):
    end, sampled = time.monotonic() + 60 * arguments.minutes, 0
    while soak.totals["faults"] < arguments.kills if arguments.kills else time.monotonic() < end:
        fault = Soak.kill_one if arguments.kills else random.choice(Soak.FAULTS)
        fault(soak)
        soak.totals["faults"] += 1
        time.sleep(random.uniform(0.2, 1) * arguments.pause)
        if time.monotonic() - sampled > SAMPLE_S:
            sampled = time.monotonic()
            soak.settle()
            rows.append(soak.sample())
            writer.writerow(rows[-1])
            print(f"{rows[-1]['seconds']:8.1f} s {soak.totals} {fault.__name__}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--pause", type=float)
    parser.add_argument("--workers", type=int, default=16, help="sessions at a time, of each kind")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--out", default="build/soak")
    arguments = parser.parse_args()
    arguments.pause = arguments.pause or (KILL_PAUSE_S if arguments.kills else PAUSE_S)
    random.seed(arguments.seed)
    print(f"seed {arguments.seed}", flush=True)
    os.makedirs(arguments.out, exist_ok=True)
    rows = []
    with the_lab.Lab(with_senders=()) as lab, open(os.path.join(arguments.out, "soak.csv"), "w", newline="",
                                                   encoding="ascii") as file:
        soak = Soak(lab, arguments.workers)
        writer = csv.DictWriter(file, list(soak.sample()))
        writer.writeheader()
        run(arguments, soak, writer, rows)
        assert soak.load.wait_until_flowing(), "mail does not flow again"
        soak.load.stop()
        soak.settle(is_last=True)
        rows.append(soak.sample())
        writer.writerow(rows[-1])
        lab.guard_at(None)
    soak_plot.write(os.path.join(arguments.out, "soak.svg"), rows, ROLES)
    growth = grown(rows) if not arguments.kills else []
    totals = soak.totals
    print(f"{totals} in {rows[-1]['seconds']} s", *growth, sep="\n")
    return 1 if totals["leaked"] or totals["missing"] or totals["passed"] or growth or not totals["sent"] else 0


if __name__ == "__main__":
    sys.exit(main())
