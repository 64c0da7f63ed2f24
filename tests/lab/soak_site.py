# SPDX-License-Identifier: GPL-2.0-or-later
"""Letters that are sent until they arrive, through a guard that has one fault after the other, and what is seen of both."""

import collections
import contextlib
import os
import re
import shutil
import signal
import time

import faults_lab
import load
import mishaps
import namespaces
import servers

ROLES = ("supervisor", "guard0", "guard1", "scout", "verifier", "ledger")
CHILDREN = ROLES[1:]
FIGURES = ("pid", "kb", "files", "sockets")
FORGIVEN_S = 10.5      # of health, after which a death is no more than the first
QUICK_DEATHS = 2       # before that: so many successors come at once, or almost
AGAIN_S = 5            # until a letter that was kept is sent again
PATIENCE_S = 300       # until all is whole, and until some letter arrives: the machine may have other work
ROUNDS = 20            # in the end, for letters that are still kept
HOUR_S = 3600
SLOW_MS = 300
FLOOD = 75_000         # packets; a queue has room for 65,536
BAD = "on-failure = open\nqueues = 3\nnonsense\n"


def processor_ticks():
    """Of all of the machine's processors since it started: idle ones, and all."""
    with open("/proc/stat", encoding="ascii") as file:
        ticks = [int(number) for number in file.readline().split()[1:9]]
    return ticks[3] + ticks[4], sum(ticks)


class PatientLoad(load.Load):
    """A letter that its client keeps is sent again a little later, as a queue does."""

    def __init__(self, lab, workers):
        super().__init__(lab, workers)
        self._kept = {kind: collections.deque() for kind in load.HONEST}

    def letter(self, kind):
        kept = self._kept.get(kind)
        with contextlib.suppress(IndexError):
            if kept and kept[0][0] < time.monotonic():
                return kept.popleft()[1]
        return super().letter(kind)

    def note(self, outcome):
        super().note(outcome)
        if outcome.letter.kind in load.HONEST and outcome.result != "sent":
            self._kept[outcome.letter.kind].append((time.monotonic() + AGAIN_S, outcome.letter))

    def kept(self):
        return sum(map(len, self._kept.values()))

    def send_kept(self):
        """Once the load is over: those that are kept still."""
        for _ in range(ROUNDS):
            if not self.kept():
                return
            for kind, waiting in self._kept.items():
                for _ in range(len(waiting)):
                    letter = waiting.popleft()[1]
                    self.note(load.Dialogue(self.lab.world.sender, letter).go())
            time.sleep(1)


def why(outcome):
    """Why a letter was kept, in a word or two."""
    found = re.search(r"hopguard: ([\w-]+)", outcome.why)
    return found[1] if found else f"{outcome.result} after {outcome.place}"


class Soak(faults_lab.Faults):
    """`chance` chooses what happens, to whom. Whoever is `spared` neither dies nor hangs, and nor does the supervisor then,
    so that a long life of each is seen."""

    make_load = PatientLoad
    start_patience_s = PATIENCE_S

    def __init__(self, lab, chance, workers, pause_s):
        load.Load.pause_s = pause_s
        super().__init__(lab, "closed", workers={kind: workers for kind in load.KINDS})
        self.chance = chance
        self.spared = None
        self.totals = dict.fromkeys((*faults_lab.Count._fields, "missing", "leaked"), 0)
        self.faults, self.kept_why, self.deaths = (collections.Counter() for _ in range(3))
        self.killed = {}  # by name: how often since it was well for long enough, and when at last
        self.began = self.flowed = time.monotonic()
        self._ticks = processor_ticks()

    def prepare(self, guard):
        # Another build in the meantime would be an upgrade.
        binary = os.path.join(self.lab.world.directory, "hopguard")
        shutil.copy(servers.hopguard(), binary)
        guard.program = [binary]
        super().prepare(guard)

    def wait_until_whole(self, gone=(), timeout_s=PATIENCE_S):
        super().wait_until_whole(gone, timeout_s)

    # What is done

    def victim(self, choice=ROLES):
        """One that may die, and whose successor comes soon then."""
        choice = [name for name in choice if name != self.spared and (not self.spared or name != "supervisor")]
        while not (ready := [name for name in choice if self.deaths_of(name) < QUICK_DEATHS]):
            time.sleep(0.1)
        return self.chance.choice(ready)

    def deaths_of(self, name):
        """Since it was well for long enough."""
        count, last = self.killed.get(name, (0, 0))
        return count if time.monotonic() - last < FORGIVEN_S else 0

    def note_death(self, name):
        self.killed[name] = self.deaths_of(name) + 1, time.monotonic()

    def one(self, name):
        return [self.guard.processes()[name]]

    def kill(self, name=None, number=signal.SIGKILL):
        name = name or self.victim()
        self.deaths[name] += 1
        if name == "supervisor":
            said_and_left = super().kill(name, number)
            self.note_unheard(said_and_left)
            self.killed.clear()
            return
        pids = self.one(name)
        self.send(pids, number)
        self.wait_until_whole(pids)
        self.note_death(name)

    def note_unheard(self, said_and_left):
        """What went on while nobody listened: nothing but TLS that was judged may."""
        left = [segment for segment in said_and_left[1] if faults_lab.is_new(segment)]
        self.totals["leaked"] += len(left)
        if left:
            print("BAD: left while nobody listened:", left[:3], flush=True)

    def crash(self):
        self.kill(None, self.chance.choice((signal.SIGSEGV, signal.SIGABRT)))

    def hang(self):
        name = self.victim(CHILDREN)
        pids = self.one(name)
        self.send(pids, signal.SIGSTOP)
        if self.chance.random() < 0.7:
            time.sleep(self.chance.uniform(0.1, 4))
            self.send(pids, signal.SIGCONT)
            self.wait_until_whole()
        else:
            self.wait_until_whole(pids)
            self.note_death(name)

    def starve(self):
        name = self.victim(CHILDREN)
        self.shifts.starve(self.one(name))
        time.sleep(self.chance.uniform(0.5, 3))
        self.shifts.starve()
        self.wait_until_whole()
        self.note_death(name)

    def unplug(self):
        with self.lab.world.unplugged():
            time.sleep(self.chance.uniform(0.1, 1))

    def reload_good_file(self):
        self.reload()

    def reload_bad_file(self):
        with open(self.guard.configuration, "w", encoding="utf-8") as file:
            file.write(BAD)
        self.reload()
        with open(self.guard.configuration, "w", encoding="utf-8") as file:
            file.write("")

    def start_anew(self):
        self.note_unheard(self.restart(patience_s=PATIENCE_S))
        self.killed.clear()
        self.wait_until_whole()

    def silence_name_servers(self):
        with mishaps.without_name_servers(self.lab.world.far):
            time.sleep(self.chance.uniform(0.5, 4))

    def step_clock(self):
        self.shifts.set(shift_s=self.chance.choice((HOUR_S, -2 * HOUR_S)))
        time.sleep(self.chance.uniform(0.5, 3))
        self.shifts.set()

    def slow_disk(self):
        self.shifts.set(delay_ms=SLOW_MS)
        time.sleep(self.chance.uniform(1, 3))
        self.shifts.set()

    def overrun(self):
        pids = self.pids("guards")
        self.send(pids, signal.SIGSTOP)
        mishaps.flood(self.lab.world.sender, self.load.destinations["clear"][0].addresses[0], FLOOD)
        self.send(pids, signal.SIGCONT)
        self.wait_until_whole()

    # As often as they stand here.
    ALL = (kill, kill, kill, crash, crash, hang, starve, starve, unplug, unplug, reload_good_file, reload_bad_file, start_anew,
           silence_name_servers, step_clock, slow_disk, overrun)

    def fail(self, kills_only):
        fault = Soak.kill if kills_only else self.chance.choice(Soak.ALL)
        if fault is Soak.start_anew and self.spared:
            fault = Soak.reload_good_file
        elif fault is Soak.overrun and str(self.spared).startswith("guard"):
            fault = Soak.unplug  # a flood's half-open flows are many, and live for a minute
        self.faults[fault.__name__.replace("_", " ")] += 1
        fault(self)

    # What is seen

    def settle(self, is_last=False):
        """Counts what ended, and forgets it: for loads that no memory could keep."""
        count = len(self.load.outcomes)
        outcomes = self.load.outcomes[:count]
        del self.load.outcomes[:count]
        missing, counts = self.load.missing_of(outcomes), self.count_of(outcomes)
        self._forget_letters({one.letter.recipient for one in outcomes if one.result == "sent"})
        unjudged = self.load.watch.unjudged(is_last)
        for name, number in (*counts._asdict().items(), ("missing", len(missing)), ("leaked", len(unjudged))):
            self.totals[name] += number
        self.kept_why.update(why(one) for one in outcomes if one.letter.kind in load.HONEST and one.result != "sent")
        if missing or unjudged or counts.passed:
            print("BAD", round(time.monotonic() - self.began, 1), missing[:3], unjudged[:3], flush=True)
        if counts.sent:
            self.flowed = time.monotonic()
        assert time.monotonic() - self.flowed < PATIENCE_S, "mail does not flow"
        # What the guard told, in a file and to syslog, would fill memory and disk.
        os.truncate(self.guard.event_path, 0)
        self.guard.mark()
        for syslog in self.lab.syslogs.values():
            syslog.reset()

    def _forget_letters(self, recipients):
        # A letter may be kept by the sink before its client hears so, never after. More may come at the end meanwhile.
        letters = self.lab.sink.letters
        count = len(letters)
        letters[:count] = [one for one in letters[:count] if not recipients.intersection(one.recipients)]

    def sample(self):
        row = {"seconds": round(time.monotonic() - self.began, 1), "faults": sum(self.faults.values()), **self.totals,
               "spared": self.spared or "", "processor": self._processor()}
        processes = {}
        with contextlib.suppress(namespaces.LabError, ValueError, KeyError):
            processes = self.guard.processes()
        for role in ROLES:
            row.update({f"{role} {what}": number for what, number in self._about(processes.get(role)).items()})
        return row

    def _processor(self):
        """For what part of the time since the last sample the machine's processors were busy, in percent, whoever kept them so."""
        before, self._ticks = self._ticks, processor_ticks()
        idle, ticks = (now - then for now, then in zip(self._ticks, before))
        return round(100 * (1 - idle / ticks), 1) if ticks else ""

    def _about(self, pid):
        text = self.guard.host.run(["sh", "-c", f"grep VmRSS /proc/{pid}/status; ls -l /proc/{pid}/fd"], check=False) if pid else ""
        kb = [line.split()[1] for line in text.splitlines() if line.startswith("VmRSS")]
        if not kb:
            return dict.fromkeys(FIGURES, "")
        return {"pid": pid, "kb": int(kb[0]), "files": text.count(" -> "), "sockets": text.count("-> socket:")}
