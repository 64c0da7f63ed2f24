# SPDX-License-Identifier: GPL-2.0-or-later
"""Message bodies pass in this kernel, by its module where it is loaded and else by eBPF: behind nft's rules by marks of
iptables-legacy, else by a match of the rules."""

import os
import platform
import re
import subprocess

import clients
import namespaces
import pytest
from guarded import PLAIN, PROTECTED
from servers import PROGRAM

# So long that what comes to the queue before the kernel may pass the rest is little of it.
BODY = 2560 * (b"x" * 997 + b".\r\n")
MODULE = f"/hopguard/build/kmod/{platform.release()}/xt_smtpbody.ko"
# A guard's start is slow in here, so each way of the rules comes with each kernel part once, and with either place once.
WAYS = (("module", "nft", "routed"), ("module", "iptables", "host"), ("module", "iptables-legacy", "routed"),
        ("ebpf", "nft", "host"), ("ebpf", "iptables", "routed"), ("ebpf", "iptables-legacy", "host"))


@pytest.fixture(scope="module", params=WAYS, ids="-".join)
def way(request, net):
    yield from go(request.param, net)


def go(way, net):
    kernel, backend, place = way
    if kernel == "module":
        subprocess.run(["modprobe", "x_tables"], check=True)
        subprocess.run(["insmod", MODULE], check=True)
    try:
        with net.world.in_order():
            yield kernel, place, net.guard_at(place, f"backend={backend}", "passage=auto")
    finally:
        net.stop()
        # Nothing of ours uses it any more.
        if kernel == "module":
            subprocess.run(["rmmod", "xt_smtpbody"], check=True)


def test_this_kernel_takes_the_program_and_it_agrees_with_a_slow_look():
    fuzz = os.path.join(os.path.dirname(PROGRAM), "tests/tools/body_fuzz")
    done = subprocess.run([fuzz, "--ebpf", "1000", "1"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_body_passes_in_the_kernel_and_what_follows_it_is_judged(net, way):
    kernel, place, guard = way
    said = guard.status()["passage"]
    assert said["kernel"] == kernel and ("not loaded" in said.get("why", "")) == (kernel == "ebpf"), said
    client, recipient = net.send(4, number=PLAIN, client=clients.Client, body=BODY)
    assert [letter.text for letter in net.sink.find(recipient)] == [BODY + b"\r\n.\r\n"], client.replies

    def passed():
        return guard.status()["counters"]["passage_octets"]
    assert namespaces.wait_until(lambda: passed() > 0.9 * len(BODY)), guard.status()["counters"]
    # What acknowledged it as well, by a rule of its own, but where before nft both ways forwarded have one.
    saved = net.host(place).run(["sh", "-c", "iptables-nft-save -c -t mangle; iptables-legacy-save -c -t mangle"])
    chain = "ANSWERED" if "HOPGUARD-ANSWERED" in saved else {"host": "BODY-IN", "routed": "BODY-FWD"}[place]
    [count] = re.findall(rf"\[(\d+):\d+\] -A HOPGUARD-{chain} .*(?:-m smtpbody|--object-pinned)", saved)
    assert int(count) > 0, saved
    client, _ = net.send(4, number=PROTECTED, client=clients.Client)
    assert client.refusal
    # Whoever writes such a rule set to a file can put it in at the next start.
    listed = net.host(place).network_command(["nft", "list ruleset"])
    if "table inet hopguard" in listed:
        assert not re.search(r"xt |BODY", listed)
        net.host(place).network_command(["nft", "-c", "-f", "-"], text=listed)
    net.stop()
    left = net.host(place).run(["sh", "-c", "iptables-nft-save; iptables-legacy-save; nft list tables; ls /run"])
    assert "HOPGUARD" not in left and "hopguard" not in left
