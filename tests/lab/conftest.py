# SPDX-License-Identifier: GPL-2.0-or-later
"""Run as root: /usr/bin/python3 -m pytest tests/lab. `--full` plays every cell, otherwise a pairwise selection."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="every cell of the lab, not a pairwise selection")
    parser.addoption("--part", metavar="K/N", help="the K-th of N parts of about the same length")


def _weight(item):
    """In seconds, about."""
    import cells
    cell = getattr(item, "callspec", None) and item.callspec.params.get("cell")
    return 300 if cell and cells.is_slow(cell.attack, cell.sender) else 1


def pytest_collection_modifyitems(config, items):
    """Cells may go to different parts; what else is in one file shares fixtures and stays together."""
    if not config.getoption("--part"):
        return
    part, parts = map(int, config.getoption("--part").split("/"))
    pieces = {}
    for item in items:
        is_cell = "cell" in getattr(getattr(item, "callspec", None), "params", ())
        pieces.setdefault(item.nodeid if is_cell else str(item.path), []).append(item)
    total = sum(map(_weight, items))
    kept, before = [], 0
    for piece in pieces.values():
        if min(parts - 1, before * parts // total) == part - 1:
            kept += piece
        before += sum(map(_weight, piece))
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


@pytest.fixture(scope="session")
def lab():
    """One lab for all tests; each starts with a reset."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    import lab as the_lab
    with the_lab.Lab() as one:
        yield one
