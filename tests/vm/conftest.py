# SPDX-License-Identifier: GPL-2.0-or-later
"""Run it as any user: /usr/bin/python3 -m pytest tests/vm. The tests of this folder run in an emulated machine, under a
kernel that can do what this one perhaps cannot. pytest collects them here, boots the machine once with all those that
were asked for, and reports here what became of each in there; there, this same file sends it. Tests of another kernel
have a machine of their own.
"""

import json
import os
import platform
import sys
import time

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "lab")]
KERNEL = "6.1"
IS_INSIDE = os.environ.get("HOPGUARD_VM") == "inside"
RESULTS = "/dev/ttyS1"


# A kernel that only tests/vm/kasan.sh makes.
collect_ignore = [] if IS_INSIDE or os.path.exists(f"{HERE}/../../build/test-servers/kernel-kasan") else ["test_smtpbody_kasan.py"]


class CaseFailed(Exception):
    pass


class Sender:
    """Inside: one line for each case, and one when all is done."""

    def __init__(self):
        self._file = open(RESULTS, "w", encoding="ascii")
        self._texts, self._counts, self._start = [], {}, 0

    def _say(self, **said):
        self._file.write(json.dumps(said) + "\n")
        self._file.flush()

    def pytest_runtest_logstart(self):
        self._texts, self._start = [], time.monotonic()

    def pytest_runtest_logreport(self, report):
        if report.outcome != "passed":
            self._texts.append((report.outcome, report.longreprtext + "".join(
                f"\n--- {name}\n{text}" for name, text in report.sections)))

    def pytest_runtest_logfinish(self, nodeid):
        outcome = self._texts[0][0] if self._texts else "passed"
        self._counts[outcome] = self._counts.get(outcome, 0) + 1
        self._say(case=nodeid, outcome=outcome, seconds=round(time.monotonic() - self._start, 2),
                  text="\n".join(text for _, text in self._texts))

    def pytest_sessionfinish(self, exitstatus):
        self._say(end=self._counts, status=int(exitstatus))


class Booted:
    """Outside: the machine, booted when it is first asked for. A machine that cannot be has but one reason."""

    def __init__(self, *kind):
        self.cases, self._kind, self._machine, self._error = [], kind, None, None

    def __call__(self):
        if not self._machine and not self._error:
            import machine
            try:
                self._machine = machine.Machine(self.cases, *self._kind)
            except (machine.MachineError, OSError) as error:
                self._error = error
        if self._error:
            raise CaseFailed(f"there is no machine: {self._error}")
        return self._machine


class Case(pytest.Item):
    """Outside: stands for a test that runs inside."""

    machine = None  # a Booted

    def runtest(self):
        machine = self.machine()
        result = machine.results.get(self.nodeid)
        if not result:
            raise CaseFailed(f"the machine did not report: {machine.console[-2000:]}")
        self.add_report_section("call", "machine", f"{result['seconds']} s")
        if result["outcome"] != "passed":
            raise CaseFailed(f"{result['outcome']}: {result['text']}")

    def repr_failure(self, excinfo, style=None):
        return str(excinfo.value) if isinstance(excinfo.value, CaseFailed) else super().repr_failure(excinfo, style)

    def reportinfo(self):
        return self.path, 0, self.name


def pytest_configure(config):
    config.addinivalue_line("markers", "outside: about the emulated machine itself, runs on this one")
    config.addinivalue_line("markers", f"kernel(name, first): runs under that one of build/test-servers, "
                            f"not under {KERNEL}, and with that first process")
    if IS_INSIDE:
        config.pluginmanager.register(Sender())


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    if IS_INSIDE:
        items[:] = [item for item in items if not item.get_closest_marker("outside")]
        return
    config.machines = {}
    items[:] = [item if item.get_closest_marker("outside") else stand_in(item, config.machines) for item in items]
    if platform.machine() != "x86_64":
        for item in items:
            item.add_marker(pytest.mark.skip(reason="this machine's programs do not run on the emulated one"))


def stand_in(item, machines):
    marker = item.get_closest_marker("kernel")
    kind = marker.args if marker else (KERNEL,)
    case = Case.from_parent(item.parent, name=item.name)
    case.machine = machines.setdefault(kind, Booted(*kind))
    case.machine.cases.append(item.nodeid)
    return case


@pytest.fixture(scope="session")
def shared_row():
    """Client, gateway and server, see rules_world.py: made once, since processes start slowly in here."""
    import rules_world
    row = rules_world.Row()
    yield row
    row.close()


@pytest.fixture(scope="module")
def net():
    """The little Internet with a guard in it, see guarded.py."""
    import guarded
    one = guarded.Guarded()
    yield one
    one.stop()
    one.close()
