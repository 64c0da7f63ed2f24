# SPDX-License-Identifier: GPL-2.0-or-later
"""The module loaded, a gateway's rules with its match, and who asks it what passes. The fixtures are for the tests of it."""

import itertools
import platform
import subprocess

import passage
import pytest
from passage import packet, tcp
from rules_world import ADDRESS

KMOD = f"/hopguard/build/kmod/{platform.release()}/xt_smtpbody.ko"
BACKENDS = ("iptables", "iptables-legacy", "nft")
PASSED = "0x10000000"
# nft has no such match: a chain of iptables-nft before it marks what passes.
NFT = f"""table inet smtp {{
chain forward {{
    type filter hook forward priority -140;
    tcp dport 25 meta mark & {PASSED} != 0 accept
    tcp sport 25 meta mark & {PASSED} != 0 accept
    tcp dport 25 drop
    tcp sport 25 drop
}}
}}
"""
BODY = b"A line of a message.\r\n"


def run(*words):
    return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


def load():
    done = run("insmod", KMOD)
    assert not done.returncode, done.stdout


class Site:
    """The gateway's rules, what they let arrive, and the module's ear in the gateway's network."""

    def __init__(self, row):
        self.row = row
        assert not run("modprobe", "x_tables").returncode
        load()
        row.gateway.network_command(["nft", "flush ruleset"])
        for family, table in itertools.product((4, 6), ("raw", "mangle")):
            row.tables("iptables-legacy", "-t", table, "-F", family=family)
            # What a client's own kernel says of answers that it did not ask for would freeze the flow.
            if table == "mangle":
                row.tables("iptables-legacy", "-A", "OUTPUT", "-p", "tcp", "--tcp-flags", "RST", "RST", "-j", "DROP",
                           family=family, host=row.client)
        self.wire, self.kernel = passage.Wire(row), passage.Family(row.gateway)
        self.back = passage.Wire(row, is_back=True)
        self._ports = itertools.count(20000)
        self._backend = None

    def close(self):
        self.rule(None)
        self.kernel.close()
        self.wire.close()
        self.back.close()
        assert not run("rmmod", "xt_smtpbody").returncode

    def rule(self, backend):
        """What passes by the module is accepted, and the rest dropped, for it would be queued."""
        if backend == self._backend:
            return
        before, self._backend = self._backend, None
        for family in (4, 6):
            if before:
                self._tables(before, family, "-F", "FORWARD")
            for side, rest in itertools.product(("--dport", "--sport"), self._rules(backend)):
                self._tables(backend, family, "-A", "FORWARD", "-p", "tcp", side, "25", *rest)
        if "nft" in (backend, before):
            self.row.gateway.network_command(["nft", "-f", "-"], text=NFT if backend == "nft" else "delete table inet smtp\n")
        self._backend = backend

    def _tables(self, backend, family, *words):
        name = "iptables-legacy" if backend == "iptables-legacy" else "iptables"
        self.row.tables(name, "-t", "mangle", *words, family=family)

    @staticmethod
    def _rules(backend):
        if backend == "nft":
            return [("-m", "smtpbody", "-j", "MARK", "--set-mark", PASSED)]
        return [("-m", "smtpbody", "-j", "ACCEPT"), ("-j", "DROP")] if backend else []

    def flow(self, family, **changed):
        place = ADDRESS[family]
        return passage.Flow(place["client"], place["server"], next(self._ports), self.wire.ingress).other(**changed)

    def armed(self, family, seq=1000, tail=b"\r\n", **changed):
        flow = self.flow(family, **changed)
        self.kernel.arm(flow, seq, tail)
        return flow

    def send(self, flow, seq, payload=BODY, **header):
        return self.wire.send(flow, packet(flow, tcp(flow, seq, payload, **header)))

    def passes(self, flow, seq=1000):
        """Whether the flow goes on there."""
        return self.send(flow, seq)


@pytest.fixture(scope="module")
def world(shared_row):
    one = Site(shared_row)
    # Where nobody forgets all: looked for much later.
    one.elsewhere, one.early = passage.Family(shared_row.server), one.flow(4)
    one.elsewhere.arm(one.early, 1, timeout=1)
    assert one.elsewhere.look(one.early)
    yield one
    one.elsewhere.close()
    one.close()


@pytest.fixture
def site(world):
    world.rule("iptables-legacy")
    return world


@pytest.fixture(params=(4, 6), ids=("ipv4", "ipv6"))
def family(request):
    return request.param
