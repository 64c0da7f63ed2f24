# SPDX-License-Identifier: GPL-2.0-or-later
"""The emulated machine itself. Its kernel may warn of nothing while the program works on it."""

import re

import pytest

pytestmark = pytest.mark.outside


@pytest.fixture
def machines(request):
    booted = [one() for one in request.config.machines.values()]
    assert booted, "no test that runs inside was asked for: so nothing can be said of a machine"
    return booted


def test_the_machines_ran_to_their_end_and_said_so(machines):
    for machine in machines:
        assert machine.end, machine.console[-2000:]
        assert sum(machine.end["end"].values()) == len(machine.results)
        assert machine.status == 2 * machine.end["status"] + 1


def test_their_kernels_warned_of_nothing(machines):
    for machine in machines:
        warnings = re.findall(r".*(?:WARNING: |BUG: |Oops|Call Trace).*", machine.console)
        assert warnings == []
