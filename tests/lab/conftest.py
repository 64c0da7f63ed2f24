# SPDX-License-Identifier: GPL-2.0-or-later
"""Run as root: /usr/bin/python3 -m pytest tests/lab. `--full` plays every cell, otherwise a pairwise selection."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="every cell of the lab, not a pairwise selection")


@pytest.fixture(scope="session")
def lab():
    """One lab for all tests; each starts with a reset."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    import lab as the_lab
    with the_lab.Lab() as one:
        yield one
