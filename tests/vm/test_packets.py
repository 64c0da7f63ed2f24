# SPDX-License-Identifier: GPL-2.0-or-later
"""Which packets come through the queues by nft's rules: the same as by those of iptables."""

import pytest
from test_rules_packets import *  # noqa: F401,F403: every test of the lab is one of this folder, too


@pytest.fixture(scope="module", params=("nft",))
def backend(request):
    return request.param


@pytest.fixture(scope="module")
def row(shared_row):
    return shared_row
