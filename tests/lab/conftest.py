# SPDX-License-Identifier: GPL-2.0-or-later
"""Run as root: /usr/bin/python3 -m pytest tests/lab. `--full` plays every cell, otherwise a pairwise selection."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="every cell of the lab, not a pairwise selection")
    parser.addoption("--company", choices=("crowd", "alone"), help="without, or only, those that measure how long somebody waits")
    parser.addoption("--part", metavar="K/N", help="the K-th of N parts of about the same length")


# Tests of these files take so many seconds each, about; others take one.
SECONDS = {"test_attached": 7, "test_attacks_guarded": 1.25, "test_attacks_unguarded": 0.4, "test_authorities": 2.0,
           "test_bench": 2.3,
           "test_binary": 0.05, "test_check": 0.2, "test_check_findings": 0.7, "test_check_keys": 0.3, "test_check_names": 0.6,
           "test_check_places": 0.4, "test_check_use": 0.7, "test_command_line": 0.1, "test_crowd": 10, "test_dane_destinations": 0.1,
           "test_dane_resolver": 0.6, "test_dns_questions": 2.8, "test_dns_watch": 2.9, "test_evasions": 0.85,
           "test_faults_disk": 7, "test_faults_load": 2.8, "test_faults_processes": 21, "test_faults_world": 5.5, "test_files": 4.9,
           "test_floods": 6.7, "test_forged": 2.7, "test_handshakes": 4.2, "test_install": 2.7, "test_keys_honest": 1.7,
           "test_keys_middle": 0.3, "test_keys_servers": 0.5, "test_memory": 4.5, "test_mtasts_fetch": 0.4,
           "test_mtasts_life": 1.1, "test_other_places": 1.0, "test_pages": 0.3, "test_passage": 0.1, "test_passage_evasions": 2.5,
           "test_passage_guard": 5.2, "test_passage_losses": 3.0, "test_prefetch": 3.5, "test_probe": 2.2, "test_processes_control": 2.1,
           "test_processes_life": 2.7, "test_promises_list": 1.1, "test_promises_sts": 2.3, "test_promises_table": 0.4,
           "test_reasons": 1.9, "test_receivers": 1.6, "test_replay": 0.55, "test_replay_live": 1.8, "test_rules_flushed": 7,
           "test_rules_lifecycle": 0.7, "test_rules_packets": 0.3, "test_segments": 2.9, "test_untouched": 0.3,
           "test_whose_hop": 1.8}


def _weight(item):
    """In seconds, about."""
    import cells
    cell = getattr(item, "callspec", None) and item.callspec.params.get("cell")
    return 300 if cell and cells.is_slow(cell.attack, cell.sender) else SECONDS.get(item.path.stem, 1)


def pytest_configure(config):
    config.addinivalue_line("markers", "full: too long for every day: played with --full only")
    config.addinivalue_line("markers", "alone: measures how long somebody waits: not while much else is played")


def pytest_collection_modifyitems(config, items):
    """Cells may go to different parts; what else is in one file shares fixtures and stays together."""
    if not config.getoption("--full"):
        _keep(config, items, [item for item in items if not item.get_closest_marker("full")])
    company = config.getoption("--company")
    if company:
        _keep(config, items, [item for item in items if bool(item.get_closest_marker("alone")) == (company == "alone")])
    if config.getoption("--part"):
        part, parts = map(int, config.getoption("--part").split("/"))
        _keep(config, items, _shares(items, parts)[part - 1])


def _keep(config, items, kept):
    kept = {id(item) for item in kept}
    config.hook.pytest_deselected(items=[item for item in items if id(item) not in kept])
    items[:] = [item for item in items if id(item) in kept]


def _shares(items, parts):
    """Of about the same time each: the longest files first; then cells, in their order, where there is room."""
    files, cells_apart = {}, []
    for item in items:
        if "cell" in getattr(getattr(item, "callspec", None), "params", ()):
            cells_apart.append(item)
        else:
            files.setdefault(str(item.path), []).append(item)
    shares = [[] for _ in range(parts)]
    taken = [0] * parts
    for file in sorted(files.values(), key=lambda file: -sum(map(_weight, file))):
        least = taken.index(min(taken))
        shares[least] += file
        taken[least] += sum(map(_weight, file))
    each = sum(map(_weight, items)) / parts
    at = 0
    for cell in cells_apart:
        while at < parts - 1 and taken[at] >= each:
            at += 1
        shares[at].append(cell)
        taken[at] += _weight(cell)
    return shares


@pytest.fixture(scope="session")
def root():
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")


@pytest.fixture(scope="session")
def lab(root):
    """One lab for all tests; each starts with a reset."""
    import lab as the_lab
    with the_lab.Lab() as one:
        yield one


@pytest.fixture(scope="module")
def machine(root):
    """A host without neighbours; each test ends what it started there."""
    import alone
    one = alone.Alone()
    yield one
    one.end()


@pytest.fixture(scope="module")
def site(root, request):
    """The lab of promises, with what the module's own furnish() puts there."""
    import promises_lab
    with promises_lab.Promises() as one:
        request.module.furnish(one)
        yield one
