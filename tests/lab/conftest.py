# SPDX-License-Identifier: GPL-2.0-or-later
"""Run as root: /usr/bin/python3 -m pytest tests/lab. `--full` plays every cell, otherwise a pairwise selection."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="every cell of the lab, not a pairwise selection")
    parser.addoption("--part", metavar="K/N", help="the K-th of N parts of about the same length")


# Tests of these files take so many seconds each, about; others take one.
SECONDS = {"test_attacks_guarded": 1.4, "test_attacks_unguarded": 0.6, "test_authorities": 2, "test_binary": 0.1, "test_check": 0.4,
           "test_check_keys": 0.7, "test_check_places": 0.5, "test_check_use": 0.6, "test_dane_destinations": 0.1,
           "test_dane_resolver": 0.6, "test_dns_questions": 3.4, "test_dns_watch": 3.4, "test_evasions": 0.9,
           "test_faults_disk": 8, "test_faults_load": 4, "test_faults_processes": 6, "test_faults_world": 6,
           "test_files": 4.5, "test_floods": 9, "test_forged": 3.7, "test_handshakes": 9, "test_install": 2.6,
           "test_keys_honest": 2.6, "test_keys_middle": 0.5, "test_keys_servers": 0.5, "test_memory": 5,
           "test_mtasts_fetch": 0.4, "test_mtasts_life": 1.2, "test_other_places": 1.4, "test_prefetch": 5, "test_probe": 3.1,
           "test_processes_control": 2.3, "test_processes_life": 2.5, "test_promises_list": 1.5, "test_promises_sts": 2.6,
           "test_promises_table": 0.5, "test_reasons": 4, "test_receivers": 4, "test_replay": 2, "test_replay_live": 1.8,
           "test_rules_flushed": 6, "test_rules_lifecycle": 1.9, "test_rules_packets": 0.4, "test_segments": 2.5}


def _weight(item):
    """In seconds, about."""
    import cells
    cell = getattr(item, "callspec", None) and item.callspec.params.get("cell")
    return 300 if cell and cells.is_slow(cell.attack, cell.sender) else SECONDS.get(item.path.stem, 1)


def pytest_configure(config):
    config.addinivalue_line("markers", "full: too long for every day: played with --full only")


def pytest_collection_modifyitems(config, items):
    """Cells may go to different parts; what else is in one file shares fixtures and stays together."""
    if not config.getoption("--full"):
        long = [item for item in items if item.get_closest_marker("full")]
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]
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
        if min(parts - 1, int(before * parts / total)) == part - 1:
            kept += piece
        before += sum(map(_weight, piece))
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


def _need_root():
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")


@pytest.fixture(scope="session")
def lab():
    """One lab for all tests; each starts with a reset."""
    _need_root()
    import lab as the_lab
    with the_lab.Lab() as one:
        yield one


@pytest.fixture(scope="module")
def machine():
    """A host without neighbours; each test ends what it started there."""
    _need_root()
    import alone
    one = alone.Alone()
    yield one
    one.end()


@pytest.fixture(scope="module")
def site(request):
    """The lab of promises, with what the module's own furnish() puts there."""
    _need_root()
    import promises_lab
    with promises_lab.Promises() as one:
        request.module.furnish(one)
        yield one
