# SPDX-License-Identifier: GPL-2.0-or-later
"""Message bodies pass in this kernel by its eBPF: behind nft's rules by marks of iptables-nft, else by a match of the rules."""

import os
import subprocess

import clients
import guarded
import namespaces
import pytest
from guarded import PLAIN, PROTECTED
from servers import PROGRAM

BODY = 640 * (b"x" * 997 + b".\r\n")


@pytest.fixture(scope="module")
def net():
    one = guarded.Guarded()
    yield one
    one.stop()
    one.close()


def test_this_kernel_takes_the_program_and_it_agrees_with_a_slow_look():
    fuzz = os.path.join(os.path.dirname(PROGRAM), "tests/tools/body_fuzz")
    done = subprocess.run([fuzz, "--ebpf", "1000", "1"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("backend", ("nft", "iptables", "iptables-legacy"))
@pytest.mark.parametrize("place", ("routed", "host"))
def test_a_body_passes_in_the_kernel_and_what_follows_it_is_judged(net, backend, place):
    guard = net.guard_at(place, f"backend={backend}", "passage=ebpf")
    assert guard.status()["passage"] == {"kernel": "ebpf"}
    client, recipient = net.send(4, number=PLAIN, client=clients.Client, body=BODY)
    assert [letter.text for letter in net.sink.find(recipient)] == [BODY + b"\r\n.\r\n"], client.replies

    def passed():
        return guard.status()["counters"]["passage_octets"]
    assert namespaces.wait_until(lambda: passed() > 0.7 * len(BODY)), guard.status()["counters"]
    client, _ = net.send(4, number=PROTECTED, client=clients.Client)
    assert client.refusal
    net.stop()
    left = net.host(place).run(["sh", "-c", "iptables-nft-save; iptables-legacy-save; nft list tables; ls /run"])
    assert "HOPGUARD" not in left and "hopguard" not in left
