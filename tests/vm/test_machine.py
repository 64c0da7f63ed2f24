# SPDX-License-Identifier: GPL-2.0-or-later
"""The emulated machine itself. Its kernel may warn of nothing while the program works on it."""

import re

import pytest

pytestmark = pytest.mark.outside


@pytest.fixture
def machine(request):
    return request.config.machine()


def test_the_machine_ran_to_its_end_and_said_so(machine):
    assert machine.end, machine.console[-2000:]
    assert sum(machine.end["end"].values()) == len(machine.results)
    assert machine.status == 2 * machine.end["status"] + 1


def test_its_kernel_warned_of_nothing(machine):
    warnings = re.findall(r".*(?:WARNING: CPU|BUG:|Oops|Call Trace).*", machine.console)
    assert warnings == []
