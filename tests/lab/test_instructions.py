# SPDX-License-Identifier: GPL-2.0-or-later
"""The guard needs no more instructions for a packet than tests/bench/instructions.json says."""

import os
import sys

import pytest
import servers

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bench"))

import instructions  # noqa: E402


def test_packets_and_sessions_take_as_many_instructions_as_recorded():
    if servers.is_sanitized():
        pytest.skip("sanitizers add their own")
    try:
        wrong = instructions.check(os.path.dirname(servers.hopguard()))
    except instructions.Unlike as why:
        pytest.skip(str(why))
    assert not wrong, "\n".join([*wrong, "if it has to be so: make bench-record"])


def test_growth_beyond_the_bound_is_told_and_so_is_a_record_that_is_too_high():
    kept = {"plain": {"packets": 19, "session": 100000, "packet": 5000, "calls": 600}}
    assert not instructions.compare(kept, {"plain": {"packets": 19, "session": 102900, "packet": 5100, "calls": 610}})
    for figure in (103100, 96900):
        wrong = instructions.compare(kept, {"plain": kept["plain"] | {"session": figure}})
        assert len(wrong) == 1 and f"100000 recorded, {figure} counted" in wrong[0]
    assert instructions.compare(kept, {})
