# SPDX-License-Identifier: GPL-2.0-or-later
"""Message bodies pass in a newer kernel, too, by the module that was built for it and by eBPF."""

import kernels
import pytest
import test_passage
from test_passage import (  # noqa: F401: tests of this file, too
    test_a_body_passes_in_the_kernel_and_what_follows_it_is_judged, test_this_kernel_takes_the_program_and_it_agrees_with_a_slow_look)

pytestmark = kernels.kernel("6.12")


@pytest.fixture(scope="module", params=(test_passage.WAYS[0], test_passage.WAYS[4]), ids="-".join)
def way(request, net):
    yield from test_passage.go(request.param, net)
