# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel module: whose a flow is, who may ask for what, where its rules stand, and how it comes and goes."""

import contextlib
import ctypes
import errno
import itertools
import os
import platform
import re
import socket
import struct
import subprocess

import namespaces
import passage
import pytest
import servers
from meanwhile import Meanwhile
from passage import packet, tcp
from smtpbody_site import BACKENDS, BODY, family, load, run, site, world  # noqa: F401: the fixtures are used by their names

PARAMETER = "/sys/module/xt_smtpbody/parameters/flows_max"
# 10,000 with both back-ends. A kernel that looks at itself is slow, and no program has more than a minute.
BATCHES, STREAMS = 10, 500


@contextlib.contextmanager
def busy():
    """Somebody on each processor who never waits."""
    others = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(os.cpu_count())]
    try:
        yield
    finally:
        for one in others:
            one.kill()
            one.wait()


def test_a_flow_is_that_of_one_zone(site, family):
    rule = ("PREROUTING", "-p", "tcp", "--dport", "25", "-j", "CT", "--zone", "7")
    site.row.tables("iptables-legacy", "-t", "raw", "-A", *rule, family=family)
    try:
        flow = site.armed(family)
        zoned = flow.other(zone=7)
        assert not site.passes(flow) and site.kernel.look(flow)[2]
        site.kernel.arm(zoned, 1000)
        assert site.passes(zoned) and site.kernel.look(flow) == (1000, b"\r\n", True)
    finally:
        site.row.tables("iptables-legacy", "-t", "raw", "-D", *rule, family=family)


def test_a_flow_is_that_of_one_interface_port_and_address(site, family):
    right = site.flow(family)
    other = "192.0.2.3" if family == 4 else "2001:db8:1::3"
    for wrong in (dict(ingress=right.ingress + 1), dict(ingress=0), dict(source_port=right.source_port + 1), dict(port=26),
                  dict(client=right.server, server=right.client), dict(client=other)):
        site.kernel.arm(right.other(**wrong), 1000)
    assert not site.passes(right)
    site.kernel.arm(right, 1000)
    assert site.passes(right)
    site.kernel.forget_all()


def test_a_flow_is_that_of_one_network_namespace(site, family):
    elsewhere = passage.Family(site.row.client)
    flow = site.flow(family)
    elsewhere.arm(flow, 1000)
    assert not site.passes(flow) and site.kernel.look(flow) is None
    site.kernel.arm(flow, 1000)
    elsewhere.forget_all()
    assert site.passes(flow)
    elsewhere.close()


def test_to_arm_again_is_to_go_on_from_there(site, family):
    flow = site.armed(family)
    site.kernel.arm(flow, 5000, b"ab")
    assert not site.passes(flow, 1000)
    site.kernel.arm(flow, 5000, b"ab")
    assert site.passes(flow, 5000)


def test_totals_count_what_passed_and_what_froze(site, family):
    def totals():
        return [site.kernel.total(kind) for kind in (passage.SEGMENTS, passage.OCTETS, passage.FROZEN)]

    flow, before = site.armed(family), totals()
    assert site.passes(flow) and not site.passes(flow) and not site.passes(flow)
    assert [now - then for now, then in zip(totals(), before)] == [1, len(BODY), 1]
    assert site.kernel.total(passage.INTERFACE) == 2


def test_owners_forget_their_own(site):
    flows = {owner: site.flow(4) for owner in (2500, 2501)}
    for owner, flow in flows.items():
        site.kernel.arm(flow, 1000, owner=owner)
    site.kernel.forget_all(2500)
    assert site.kernel.look(flows[2500]) is None and site.kernel.look(flows[2501])


def test_what_a_socket_armed_is_forgotten_with_it(site):
    gone = passage.Family(site.row.gateway)
    flow, kept = site.flow(4), site.armed(4)
    gone.arm(flow, 1000)
    assert site.kernel.look(flow)
    gone.close()
    assert site.kernel.look(flow) is None and not site.passes(flow)
    assert site.passes(kept)


def test_all_are_forgotten_whoever_else_wants_the_processor(site):
    """Few, for each that goes then has the table shrunk, by somebody who is woken; and again, for where they lie is chance."""
    flows = [site.flow(4) for _ in range(40)]
    with busy():
        for number in range(150):
            for flow in flows[:10 + number % 30]:
                site.kernel.arm(flow, 1000)
            site.kernel.forget_all()
            assert site.kernel.total(passage.FLOWS) == 0, number


def test_there_are_only_so_many(site):
    site.kernel.forget_all()
    with open(PARAMETER, "r+", encoding="ascii") as file:
        before = file.read()
        file.write("3\n")
    try:
        flows = [site.armed(4) for _ in range(3)]
        with pytest.raises(OSError) as refused:
            site.armed(4)
        assert refused.value.errno == errno.ENOSPC
        assert [site.kernel.total(kind) for kind in (passage.FLOWS, passage.FLOWS_MAX)] == [3, 3]
        site.kernel.arm(flows[0], 2000)
        site.kernel.take_back(flows[1])
        site.armed(4)
    finally:
        with open(PARAMETER, "w", encoding="ascii") as file:
            file.write(before)


def without(flow, kind):
    return [pair for pair in flow.attributes() if pair[0] != kind]


def test_a_request_that_says_too_little_or_something_else_is_refused(site):
    flow = site.flow(4)
    place = [(passage.NEXT_SEQ, bytes(4)), (passage.TAIL, b"\r\n")]
    wrong = [without(flow, kind) + place for kind in (passage.FAMILY, passage.SOURCE, passage.DESTINATION, passage.SOURCE_PORT,
                                                      passage.DESTINATION_PORT)]
    wrong += [flow.attributes() + place[:1], flow.attributes() + place[1:]]
    wrong += [without(flow, passage.SOURCE) + [(passage.SOURCE, bytes(length))] + place for length in (0, 3, 5, 16, 17)]
    wrong += [without(flow, passage.FAMILY) + [(passage.FAMILY, bytes([number]))] + place for number in (0, 1, 7, 10)]
    wrong += [flow.attributes() + place + [(passage.TAIL, b"\r\n.")], flow.attributes() + place + [(99, b"1234")]]
    wrong += [flow.attributes() + place + [(passage.TIMEOUT, struct.pack("=I", seconds))] for seconds in (0, 86401, 0xffffffff)]
    before = site.kernel.total(passage.FLOWS)
    for pairs in wrong:
        with pytest.raises(OSError):
            site.kernel.ask(passage.ARM, pairs, acknowledged=True)
    assert site.kernel.total(passage.FLOWS) == before


def in_child(act):
    """What the child that did it has as its exit status: 0, or an error's number."""
    child = os.fork()
    if not child:
        status = 255
        try:
            act()
            status = 0
        except OSError as error:
            status = error.errno
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_who_may_not_administer_the_network_may_ask_nothing(site):
    flow = site.armed(4)
    for command in range(passage.INFO, passage.FORGET_ALL + 1):
        kernel = passage.Family(site.row.gateway)

        def ask_as_nobody(command=command, kernel=kernel):
            os.setuid(65534)
            kernel.ask(command, flow.attributes())

        assert in_child(ask_as_nobody) == errno.EPERM
        kernel.close()
    assert site.kernel.look(flow)


def objects_of_a_flows_size():
    """In the kernel's memory, nearly: what each processor has at hand is counted as well."""
    with open("/proc/slabinfo", encoding="ascii") as file:
        return sum(int(line.split()[1]) for line in file if re.match(r"kmalloc-(cg-)?128 ", line))


def test_a_network_that_ends_takes_its_flows_along(site):
    """Nothing is left of them in memory. Their socket goes first, without which the network could not end."""
    class Here:
        socket = staticmethod(socket.socket)

    before, count = objects_of_a_flows_size(), 2000

    def arm_in_new_network():
        ctypes.CDLL(None).unshare(namespaces.CLONE_NEWNET)
        kernel = passage.Family(Here)
        flow = site.flow(4)
        for number in range(count):
            kernel.arm(flow.other(source_port=number + 1), 1000)
        if objects_of_a_flows_size() < before + count // 2:
            raise OSError(errno.ENOMSG, "flows that take no memory")

    assert in_child(arm_in_new_network) == 0
    # What notices wrong accesses keeps what was freed.
    if "kasan" not in platform.release():
        assert namespaces.wait_until(lambda: objects_of_a_flows_size() < before + count // 2)


def test_what_passed_nothing_for_its_time_is_forgotten(world):
    assert namespaces.wait_until(lambda: world.elsewhere.look(world.early) is None)


@pytest.mark.parametrize("backend", BACKENDS[:2])
def test_rules_say_what_they_are_and_stand_only_where_they_mean_something(site, backend, family):
    site.rule(backend)
    assert "-p tcp -m tcp --dport 25 -m smtpbody -j ACCEPT" in site.row.save(backend, family)
    listed = site.row.tables(backend, "-t", "mangle", "-L", "FORWARD", "-n", family=family)
    assert "smtpbody" in listed
    rule = ("-m", "smtpbody", "-j", "ACCEPT")
    for wrong in (("PREROUTING", "-p", "tcp"), ("FORWARD",), ("FORWARD", "-p", "udp"), ("FORWARD", "!", "-p", "tcp")):
        with pytest.raises(namespaces.LabError):
            site.row.tables(backend, "-t", "mangle", "-A", *wrong, *rule, family=family)
    assert "smtpbody match" in site.row.tables(backend, "-m", "smtpbody", "--help", family=family)


@pytest.mark.parametrize("backend", BACKENDS[:2])
def test_random_streams_pass_just_as_far_as_the_scan_in_user_space_says(site, backend):
    """The program asks the module as the guard does, and says what differed."""
    host = site.row.client
    rules = [("OUTPUT", "-p", "tcp", side, "25", *rest) for side in ("--dport", "--sport")
             for rest in (("-m", "smtpbody", "-j", "ACCEPT"), ("-j", "DROP"))]
    rules += [("INPUT", "-p", "tcp", side, "25", "-j", "DROP") for side in ("--dport", "--sport")]

    def tables(verb):
        for rule, family in itertools.product(rules, (4, 6)):
            site.row.tables(backend, "-t", "mangle", verb, *rule, family=family, host=host)

    tables("-A")
    try:
        said = [host.network_command([servers.test_tool("smtpbody_streams"), str(STREAMS), f"{backend}{number}"], check=False)
                for number in range(BATCHES)]
    finally:
        tables("-D")
    assert all(one.splitlines()[-1].startswith(f"{STREAMS} streams, 0 differ") for one in said), said


class Traffic(Meanwhile):
    """Segments of a body, one after the other, for as long as the `with` lasts."""

    def __init__(self, site, flow):
        super().__init__()
        self._site, self._flow = site, flow

    def __exit__(self, *_):
        super().__exit__()
        self._site.wire.drain()

    def _run(self):
        for number in itertools.count():
            if self._is_over.is_set():
                return
            self._site.wire.put(4, packet(self._flow, tcp(self._flow, 1000 + number * len(BODY), BODY)))


def test_the_module_stays_while_a_rule_needs_it_and_goes_under_traffic(site):
    with Traffic(site, site.armed(4)):
        assert run("rmmod", "xt_smtpbody").returncode
        for _ in range(2):
            site.rule(None)
            site.kernel.close()
            # As hopguard's, while it runs without a rule of it.
            holder, left = passage.Family(site.row.gateway), site.flow(4)
            holder.arm(left, 1000)
            done = run("rmmod", "xt_smtpbody")
            assert not done.returncode, done.stdout
            # All goes on while it is away. What the server's own kernel says of it is heard as well.
            site.wire.drain()
            while not site.wire.hear().endswith(BODY):
                pass
            load()
            site.kernel = passage.Family(site.row.gateway)
            assert site.kernel.look(left) is None
            holder.close()
            site.rule("iptables-legacy")
    flow = site.armed(4)
    assert site.passes(flow)


def test_without_the_module_nobody_answers(site):
    site.rule(None)
    site.kernel.close()
    assert not run("rmmod", "xt_smtpbody").returncode
    try:
        with pytest.raises(FileNotFoundError):
            passage.Family(site.row.gateway)
    finally:
        load()
        site.kernel = passage.Family(site.row.gateway)
