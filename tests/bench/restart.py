#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""How long hopguard is away when it, or a process of its, starts again with much to remember. Needs root, and `make all`.

    tests/bench/restart.py [ROWS OF EACH KIND [TIMES]]

Each time the daemon starts with an empty database and with a full one, one after the other, so that what else the machine does
meets both. Prints the median of each, the least and the most:

    ready      from the start of the program to its event `ready`: rules in, queues bound
    memory     from the start of the program until the scout has all that is remembered, and answers questions
    scout      from the death of the scout (SIGKILL) until its successor has it
    ledger     from the death of the ledger until its successor answers `hopguard status` with the rows of the database
    both       from the death of both until the scout has it
    scout CPU, ledger CPU    processor time of theirs from the start of the program until then

and the resident memory of the scout.
"""

import os
import sqlite3
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lab"))

import alone  # noqa: E402
import namespaces  # noqa: E402

MEMORY = "memory is there"
POLICY = ("version: STSv1\r\nmode: enforce\r\nmx: mx1.{0}\r\nmx: mx2.{0}\r\nmx: *.mail.provider.example\r\n"
          "max_age: 2592000\r\n")


def rows_of(count):
    now = int(time.time() * 1000)
    for number in range(count):
        domain = f"customer-{number}.example.org"
        policy = (domain, f"20260101T{number:06}", now, now, 2592000, 0, POLICY.format(domain).encode())
        place = (f"mx.{domain}", bytes((10, *number.to_bytes(3, "big"))), now - 200000000, now, 772, os.urandom(32), 0)
        yield policy, place, (domain, now - 200000000, now, 2, 0)


def fill(guard, count):
    path = os.path.join(guard.state, "hopguard.db")
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("BEGIN")
    for policy, place, met in rows_of(count):
        database.execute("INSERT INTO policy (domain, policy_id, fetched_ms, saved_ms, left_s, written_s, text) "
                         "VALUES (?, ?, ?, ?, ?, ?, ?)", policy)
        database.execute("INSERT INTO place (host, address, first_ms, last_ms, tls_version, key, written_s) "
                         "VALUES (?, ?, ?, ?, ?, ?, ?)", place)
        database.execute("INSERT INTO met (domain, first_ms, last_ms, days, written_s) VALUES (?, ?, ?, ?, ?)", met)
    database.execute("COMMIT")
    database.close()
    for name in os.listdir(guard.state):
        os.chown(os.path.join(guard.state, name), *namespaces.USERS["hopguard"])


def until(holds, timeout_s=60):
    """Seconds until holds() is."""
    begin = time.monotonic()
    while not holds():
        if time.monotonic() - begin > timeout_s:
            raise namespaces.LabError("it did not come")
        time.sleep(0.002)
    return time.monotonic() - begin


class Machine:
    def __init__(self, count):
        self.count = count
        self.resident = 0
        self.one = alone.Alone()
        self.guard = self.one.start(*alone.MONITOR, "queues=1")
        self.guard.stop()
        fill(self.guard, count)

    def remembered(self):
        return self.guard.output().count(MEMORY)

    def database(self):
        return self.guard.status()["database"]

    def start(self):
        before = self.remembered()
        self.guard.mark()
        begin = time.monotonic()
        self.guard.start(timeout_s=60)
        ready_s = time.monotonic() - begin
        until(lambda: self.remembered() > before)
        figures = {"ready": ready_s, "memory": time.monotonic() - begin}
        for name in ("scout", "ledger"):
            fields = self.of_process(name, "stat").rsplit(")", 1)[1].split()
            figures[f"{name} CPU"] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        self.resident = int(self.of_process("scout", "statm").split()[1]) * os.sysconf("SC_PAGE_SIZE")
        return figures

    def of_process(self, name, file):
        path = f"/proc/{self.one.host.pid}/root/proc/{self.one.processes()[name]}/{file}"
        with open(path, encoding="utf-8") as opened:
            return opened.read()

    def rest(self):
        """Until all processes count as healthy, and start again at once."""
        until(self.one.is_whole)
        time.sleep(11)

    def kill(self, *names):
        self.rest()
        before = self.remembered()
        pids = [self.one.processes()[name] for name in names]
        begin = time.monotonic()
        for pid in pids:
            self.one.kill(pid)
        return before, begin

    def kill_scout(self, *names):
        before, begin = self.kill("scout", *names)
        until(lambda: self.remembered() > before)
        return time.monotonic() - begin

    def kill_ledger(self):
        before, begin = self.kill("ledger")

        def is_back():
            try:
                return self.database()["places"] == self.count and self.remembered() == before
            except (namespaces.LabError, ValueError, KeyError):
                return False

        until(is_back)
        return time.monotonic() - begin

    def measure(self):
        figures = self.start()
        figures["scout"] = self.kill_scout()
        figures["ledger"] = self.kill_ledger()
        figures["both"] = self.kill_scout("ledger")
        self.guard.stop()
        return figures

    def size(self):
        return os.path.getsize(os.path.join(self.guard.state, "hopguard.db"))


def report(name, machine, runs):
    print(f"{name}: {machine.count} rows of each of three kinds, {machine.size() / 1048576:.1f} MiB; "
          f"the scout has {machine.resident / 1048576:.0f} MiB resident")
    for what in runs[0]:
        seconds = [run[what] for run in runs]
        print(f"  {what:10} {statistics.median(seconds):6.2f} s   {min(seconds):.2f} to {max(seconds):.2f}")


def main():
    if sys.argv[1:2] in (["-h"], ["--help"]):
        print(__doc__)
        return
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100000
    times = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    machines = {"empty": Machine(0), "full": Machine(count)}
    runs = {name: [] for name in machines}
    for _ in range(times):
        for name, machine in machines.items():
            runs[name].append(machine.measure())
    for name, machine in machines.items():
        report(name, machine, runs[name])
        machine.one.end()


if __name__ == "__main__":
    main()
