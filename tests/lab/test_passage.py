# SPDX-License-Identifier: GPL-2.0-or-later
"""The passage of message bodies in the kernel, by its eBPF program: exact to the octet, by random bodies and by real packets."""

import itertools
import subprocess
import time

import pytest

import passage_lab
import servers
from passage_lab import ACK, DATA, FIN, MARK, RST, SYN, URG
from rules_world import BACKENDS

# Streams for every day, and for `--full`.
SCAN, SCAN_FULL = 300000, 10 ** 7
EBPF, EBPF_FULL = 30000, 10 ** 7
PACKET_STREAMS, PACKET_STREAMS_FULL = 60, 3000


@pytest.fixture(scope="module")
def world():
    one = passage_lab.World()
    yield one
    one.close()


@pytest.fixture(scope="module", params=BACKENDS)
def backend(request, world):
    with world.matching(request.param):
        yield request.param


def fuzz(*words):
    done = subprocess.run([servers.test_tool("body_fuzz"), *map(str, words)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    print(done.stdout)


@pytest.mark.parametrize("count", (SCAN, pytest.param(SCAN_FULL, marks=pytest.mark.full)))
def test_the_scan_agrees_with_a_slow_look_at_random_bodies_cut_at_random(count):
    fuzz(count, time.time_ns() % 2 ** 32)


@pytest.mark.parametrize("count", (EBPF, pytest.param(EBPF_FULL, marks=pytest.mark.full)))
def test_the_ebpf_program_agrees_with_a_slow_look_at_random_bodies_cut_at_random(count):
    fuzz("--ebpf", count, time.time_ns() % 2 ** 32)


def agree(world, family, seq, tail, segments):
    world.port = world.port % 60000 + 1
    oracle = world.arm(family, seq, tail)
    want = [(begin, flags, payload) for begin, payload, flags, odd in segments if oracle.takes(begin, payload, flags, odd)]
    packets = [world.segment(family, begin, payload, flags, odd) for begin, payload, flags, odd in segments]
    assert world.deliver(packets) == want
    assert world.take_back(family) == oracle.place
    return oracle


@pytest.mark.parametrize("family", (4, 6))
@pytest.mark.parametrize("count", (PACKET_STREAMS, pytest.param(PACKET_STREAMS_FULL, marks=pytest.mark.full)))
def test_of_random_bodies_on_the_wire_those_segments_pass_that_may(world, backend, family, count):
    seed = time.time_ns()
    passed = 0
    for number, (seq, tail, segments) in enumerate(itertools.islice(passage_lab.streams(seed), count)):
        try:
            oracle = agree(world, family, seq, tail, segments)
        except AssertionError as error:
            raise AssertionError(f"stream {number} of seed {seed}: {error}") from error
        assert not MARK.search(oracle.passed)
        passed += len(oracle.passed) - 2
    assert passed > 0


@pytest.mark.parametrize("family", (4, 6))
@pytest.mark.parametrize("size", (1, 1024, 1448, 1449, 4096, 16383, 65160, 65400))
def test_segments_of_every_size_are_read_whole(world, backend, family, size):
    text = b"x" * size
    for ending in (b"x", b"\n", b"\n.", b"\n.\r", b".\n"):
        segment = (text + ending)[-size:]
        agree(world, family, 7, b"\r\n", [(7, segment, DATA, False), (7 + size, b"more", ACK, False)])
        # Nor is a mark overlooked where it stands across what is read at a time.
        if size > 2048:
            for at in (0, 1439, 1440, *range(2043, 2050), (size - 4) // 2048 * 2048 - 2, size - 4):
                agree(world, family, 7, b"xx", [(7, text[:at] + b"\r.\n" + text[at + 3:], DATA, False)])


@pytest.mark.parametrize("flags", (ACK | FIN, ACK | SYN, ACK | RST, ACK | URG, SYN, RST, 0))
@pytest.mark.parametrize("payload", (b"", b"text"))
def test_more_than_text_freezes(world, backend, flags, payload):
    agree(world, 4, 1, b"\r\n", [(1, payload, flags, False), (1, b"text", DATA, False)])


def test_the_same_flow_by_another_interface_is_another(world, backend):
    world.port += 1
    assert world.say("arm", 4, 1, "0d0a", interface="toserver") == "ok"
    assert world.deliver([world.segment(4, 1, b"text")]) == []
    assert world.say("back", 4, interface="toserver") == "1 0d0a"
