# SPDX-License-Identifier: GPL-2.0-or-later
"""Connections that stand and say nothing, tens of thousands at a time: opening, holding and closing all at once loses no packet
in the queue, and the guard's memory is what is promised of each."""

import subprocess
import time

import floods_lab
import namespaces
import pytest
import servers
import world
from floods_lab import LED, STORM_PORT

PLACES, WORKERS = 10, 4
OCTETS_A_FLOW = 512
OCTETS_ONCE = 2 << 20            # spares, what the first connections brought along, and whole pages


@pytest.fixture(scope="module")
def net(root):
    with floods_lab.Floods() as one:
        yield one


def dropped(net):
    """By the kernel, for want of room: in the queue, and in the guard's socket; and what the guard itself counted."""
    rows = [[int(field) for field in line.split()]
            for line in net.world.gateway.run(["cat", "/proc/net/netfilter/nfnetlink_queue"]).splitlines()]
    counters = net.counters()
    return {"queue": sum(row[5] for row in rows), "socket": sum(row[6] for row in rows),
            **{name: counters[name] for name in ("queue_overruns", "hold_overflows", "dropped_malformed", "dropped_early",
                                                 "flows_driven_out")}}


@pytest.mark.parametrize("count", [5000, pytest.param(50000, marks=pytest.mark.full)])
def test_a_crowd_opens_stays_and_leaves_at_once_without_a_drop(net, count):
    net.stand()
    before = net.resident_kib()["guard0"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    tool = servers.test_tool("idle_crowd")
    server = net.world.far.spawn([tool, "server", WORKERS, STORM_PORT], **pipes)
    client = net.world.sender.spawn([tool, "client", WORKERS, LED, world.far_address(100, 4), PLACES, STORM_PORT, count], **pipes)
    try:
        assert [server.stdout.readline() for _ in range(WORKERS)] == ["ready\n"] * WORKERS
        start = time.monotonic()
        assert client.stdout.readline() == f"open {count}\n"
        opened = dropped(net), time.monotonic() - start
        time.sleep(2)
        held, known = dropped(net), net.counters()["flows_now"]
        packets = [net.counters()["packets"]]
        octets = (net.resident_kib()["guard0"] - before) * 1024
        start = time.monotonic()
        client.stdin.write("\n")
        client.stdin.flush()
        assert client.stdout.readline() == f"closed {count}\n"
        closed = dropped(net), time.monotonic() - start
        packets.append(net.counters()["packets"])
        print(f"{count}: packets in the queue to open and to close", packets[0] / count, (packets[1] - packets[0]) / count)
        print(f"{count}: open after {opened[1]:.1f} s {opened[0]}; {octets // count} octets each")
        print(f"{count}: closed after {closed[1]:.1f} s {closed[0]}")
        assert known >= count
        assert not any(opened[0].values()) and not any(held.values()) and not any(closed[0].values())
        assert octets <= OCTETS_ONCE + count * OCTETS_A_FLOW
    finally:
        namespaces.stop(client)
        namespaces.stop(server)
        net.stop()
