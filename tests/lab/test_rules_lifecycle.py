# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules put in, put in again, taken out; what others have there stays as it was."""

import fcntl
import json
import subprocess
import threading
import time

import pytest

import rules_world
import servers
from rules_world import BACKENDS

FOREIGN = (
    ("-t", "mangle", "-A", "FORWARD", "-p", "tcp", "--tcp-flags", "SYN,RST", "SYN", "-j", "TCPMSS", "--set-mss", "1300"),
    ("-t", "mangle", "-N", "HOPGUARDIAN"),
    ("-t", "mangle", "-A", "HOPGUARDIAN", "-j", "RETURN"),
    ("-t", "mangle", "-A", "OUTPUT", "-j", "HOPGUARDIAN"),
    ("-t", "raw", "-A", "OUTPUT", "-o", "lo", "-j", "CT", "--notrack"),
    ("-t", "filter", "-A", "FORWARD", "-m", "conntrack", "--ctstate", "INVALID", "-j", "DROP"),
    ("-t", "nat", "-A", "POSTROUTING", "-o", "toserver", "-j", "MASQUERADE"),
)


@pytest.fixture(params=BACKENDS)
def backend(request):
    return request.param


@pytest.fixture(scope="module")
def shared_row():
    one = rules_world.Row()
    yield one
    one.close()


@pytest.fixture
def row(shared_row):
    """With no rule of anybody's."""
    shared_row.flush()
    return shared_row


def everything(row):
    """All rules of all kinds, without counters, and what routes by marks."""
    return {(kind, family): row.save(kind, family) for kind in BACKENDS for family in (4, 6)} | routing(row)


def routing(row):
    return {("routing", family): row.gateway.network_command(
        ["sh", "-c", f"ip -{family} rule; ip -{family} route show table all"]) for family in (4, 6)}


def with_foreign_rules(row, backend):
    for family in (4, 6):
        for rule in FOREIGN:
            row.tables(backend, *rule, family=family)
    for other in BACKENDS:
        for family in (4, 6):
            for table in ("raw", "mangle"):
                row.tables(other, "-t", table, "-L", "-n", family=family)


def test_a_removal_leaves_every_rule_of_others_as_it_was(row, backend):
    with_foreign_rules(row, backend)
    before = everything(row)
    row.rules("apply", backend)
    assert "HOPGUARD-FORWARD" in row.save(backend) and "HOPGUARD-FORWARD" in row.save(backend, 6)
    row.rules("remove", backend)
    assert everything(row) == before
    row.rules("apply", backend)
    row.rules("remove", "auto")
    assert everything(row) == before


def test_others_rules_stay_while_ours_are_in(row, backend):
    with_foreign_rules(row, backend)
    before = row.save(backend).splitlines()
    row.rules("apply", backend)
    after = row.save(backend).splitlines()
    assert [line for line in after if "HOPGUARD-" not in line] == before


def test_to_put_them_in_twice_is_the_same_as_once(row, backend):
    row.rules("apply", backend)
    once = everything(row)
    row.rules("apply", backend)
    assert everything(row) == once
    assert row.save(backend).count("-A FORWARD -j HOPGUARD-FORWARD\n") == 1


def test_new_settings_replace_the_old_rules_whole(row, backend):
    row.rules("apply", backend, "ports={25,587}", "exempt.servers={203.0.113.9}")
    row.rules("apply", backend, "queue-first=3000")
    text = row.save(backend)
    assert "587" not in text and "203.0.113.9" not in text and "2500" not in text and "3000:3001" in text


def routes(row, family, *commands):
    for command in commands:
        row.gateway.network_command(["ip", f"-{family}", *command.split()])


def test_answers_to_probes_in_a_clients_name_find_their_way_only_while_the_rules_are_in(row, backend):
    # Somebody else's, beside ours: same priority, same table, a mark that overlaps.
    for family in (4, 6):
        routes(row, family, "rule add priority 26 fwmark 0x8000000/0x8000000 lookup 2525",
               "route add local default dev lo table 2526")
    before = routing(row)
    row.rules("apply", backend)
    first = routing(row)
    for family in (4, 6):
        assert "fwmark 0xa000000/0xa000000 lookup 2525 proto 25" in first["routing", family]
        assert "fwmark 0xa000000/0xa000000 iif lo lookup main proto 25" in first["routing", family]
        assert "local default dev lo table 2525 proto 25" in first["routing", family]
    # Other bits are ours now: none of the old ones stays.
    row.rules("apply", backend, "mark-mask=0x0f0")
    assert "0xa0/0xa0" in routing(row)["routing", 4] and "0xa000000/0xa000000" not in routing(row)["routing", 4]
    row.rules("apply", backend)
    assert routing(row) == first
    # Nothing is sent in a client's name, so nothing needs a way back.
    row.rules("apply", backend, "tls.tls13=block")
    assert routing(row) == before
    row.rules("apply", backend)
    row.rules("remove", backend)
    assert routing(row) == before
    for family in (4, 6):
        routes(row, family, "rule del priority 26 fwmark 0x8000000/0x8000000 lookup 2525",
               "route del local default dev lo table 2526")


def test_our_jump_goes_first_again_when_others_came_before_it(row, backend):
    row.rules("apply", backend)
    row.tables(backend, "-t", "mangle", "-I", "FORWARD", "-j", "ACCEPT")
    row.rules("apply", backend)
    jumps = [line for line in row.save(backend).splitlines() if line.startswith("-A FORWARD")]
    assert jumps == ["-A FORWARD -j HOPGUARD-FORWARD", "-A FORWARD -j ACCEPT"]


def test_another_back_end_takes_the_rules_over(row, backend):
    other = BACKENDS[1 - BACKENDS.index(backend)]
    row.rules("apply", backend)
    row.rules("apply", other)
    assert "HOPGUARD" not in row.save(backend) and "HOPGUARD" not in row.save(backend, 6)
    assert "HOPGUARD" in row.save(other) and "HOPGUARD" in row.save(other, 6)


def test_removing_what_is_not_there_is_no_error(row, backend):
    row.rules("remove", backend)
    row.rules("remove", "auto")
    assert "HOPGUARD" not in "".join(everything(row).values())


def test_a_mistake_in_the_configuration_keeps_no_rule_in():
    script = "mount -t tmpfs none /etc && mkdir /etc/hopguard && echo mode=nonsense >/etc/hopguard/hopguard.conf && " \
             "! \"$0\" rules apply && \"$0\" rules remove"
    done = subprocess.run(["unshare", "--mount", "--net", "sh", "-c", script, servers.hopguard()], check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0 and done.stdout == "rules removed\n", done
    assert len(done.stderr.splitlines()) == 1 and "/etc/hopguard/hopguard.conf:1: mode:" in done.stderr


def test_rules_of_the_last_configuration_stand_in_for_one_that_is_refused(row, backend, tmp_path):
    kept, file = tmp_path / "kept", tmp_path / "hopguard.conf"

    def apply(text, status):
        file.write_text(text)
        done = subprocess.run([*row.gateway.command(["true"])[:-1], servers.hopguard(), "rules", "apply", "--config", file,
                               "--fallback", kept], check=False, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert done.returncode == status, done
        return done.stderr.splitlines()

    common = f"backend = {backend}\nmode = enforce\nclients = {{ 192.0.2.0/24 }}\n"
    said = apply("mode = nonsense\n", 2)
    assert len(said) == 3 and f"{file}:1: mode" in said[0] and str(kept) in said[1] + said[2]
    assert "HOPGUARD" not in "".join(everything(row).values())
    assert apply(f"{common}on-failure = open\n", 0) == []
    assert apply(f"{common}on-failure = closed\n", 0) == []
    right = row.save(backend)
    assert "HOPGUARD" in right
    row.rules("remove", backend)
    said = apply(f"{common}on-failure = open\nqueues = none\n", 2)
    assert len(said) == 2 and f"{file}:5: queues" in said[0] and str(kept) in said[1]
    assert row.save(backend) == right
    # What was refused is not what is kept.
    row.rules("remove", backend)
    apply("queues = no\n", 2)
    assert row.save(backend) == right
    assert apply(f"{common}on-failure = open\n", 0) == []
    assert row.save(backend) != right


def test_a_place_that_takes_no_copy_keeps_no_rule_out(row, backend):
    said = row.gateway.network_command([servers.hopguard(), "rules", "apply", "--backend", backend, "--set", rules_world.CLIENTS,
                                        "--fallback", "/proc/nowhere/kept"])
    assert "NFQUEUE" in row.save(backend) and "hopguard: /proc/nowhere/kept: No such file or directory" in said
    refused = row.gateway.network_command([servers.hopguard(), "rules", "print", "--fallback", "/tmp/kept"], check=False)
    assert refused == "hopguard: --fallback goes with `apply`: nothing else puts rules in\n"


def test_the_back_end_found_is_one_this_kernel_can(row):
    said = json.loads(row.gateway.network_command(
        [servers.hopguard(), "rules", "apply", "--json", "--set", rules_world.CLIENTS]))
    assert said["rules"] == "applied"
    if said["backend"] == "nft":
        assert "queue" in row.gateway.network_command(["nft", "list", "table", "inet", "hopguard"])
    else:
        assert "NFQUEUE" in row.save(said["backend"])
        refused = row.rules("apply", "nft", check=False)
        assert refused.count("\n") == 1 and "hopguard:" in refused
        assert "hopguard" not in row.gateway.network_command(["nft", "list", "tables"])
    assert "HOPGUARD-TRIAL" not in "".join(everything(row).values())


def test_a_rule_of_somebody_who_uses_our_chain_is_kept_and_told(row, backend):
    row.rules("apply", backend)
    row.tables(backend, "-t", "mangle", "-A", "FORWARD", "-i", "lo", "-j", "HOPGUARD-FORWARD")
    said = row.rules("remove", backend, check=False)
    assert said.startswith("hopguard: ") and said.count("\n") == 1
    assert "-A FORWARD -i lo -j HOPGUARD-FORWARD" in row.save(backend)


def test_without_the_right_it_says_so_and_nothing_else(row):
    done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", servers.hopguard(),
                           "rules", "remove"], capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert done.stderr == "hopguard: firewall rules need root, or CAP_NET_ADMIN\n"


def test_a_held_lock_of_the_iptables_programs_is_waited_for(row):
    with open("/run/xtables.lock", "a", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        threading.Timer(1.5, fcntl.flock, (lock, fcntl.LOCK_UN)).start()
        start = time.monotonic()
        row.rules("apply", "iptables-legacy")
        assert time.monotonic() - start > 1
    assert "HOPGUARD" in row.save("iptables-legacy")


@pytest.fixture
def bridge():
    """Client and server in one network, a bridge without an address between them."""
    one = rules_world.Row()
    bridging = "/proc/sys/net/bridge/bridge-nf-call-iptables"
    one.gateway.ip("link add br0 type bridge", "link set br0 up", "addr flush dev toclient", "addr flush dev toserver",
                   "link set toclient master br0", "link set toserver master br0")
    for host, four, six in ((one.client, "192.0.2.2", "2001:db8:1::2"), (one.server, "192.0.2.25", "2001:db8:1::25")):
        host.ip("addr flush dev out", f"addr add {four}/24 dev out", f"addr add {six}/64 dev out nodad")
    present = one.gateway.network_command(
        ["sh", "-c", f"for f in {bridging} {bridging.replace('ip', 'ip6')}; do echo 1 >$f || exit; done; echo yes"],
        check=False)
    if not present.endswith("yes\n"):
        pytest.skip("this kernel has no br_netfilter")
    yield one
    one.close()


@pytest.mark.parametrize("address", ("192.0.2.25", "2001:db8:1::25"))
def test_a_bridge_without_an_address_brings_its_mail_to_the_guard(bridge, backend, address):
    bridge.rules("apply", backend)
    with bridge.accepting() as guard:
        local = bridge.talk(bridge.client, address)
        seen = guard.of(local)
    assert {hook for _, hook, *_ in seen} == {"forward"}
    assert {destination == 25 for _, _, _, destination, _ in seen} == {True, False}
