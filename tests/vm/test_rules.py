# SPDX-License-Identifier: GPL-2.0-or-later
"""nft's rules put in, put in again, taken out; what others have there stays as it was."""

import json
import os
import re
import subprocess

import pytest
from meanwhile import Meanwhile
from rules_world import ADDRESS, BACKENDS, CLIENTS, FAMILY
from servers import PROGRAM

# Where ours go, too: the same hooks and priorities; a name that begins like ours; chains of iptables-nft beside it.
FOREIGN = """
table inet hopguardian {
    set clients4 { type ipv4_addr; flags interval; elements = { 192.0.2.0/24 }; }
    chain forward {
        type filter hook forward priority mangle; policy accept;
        tcp dport 25 ip saddr @clients4 meta mark set 0x42
    }
    chain output {
        type filter hook output priority raw; policy accept;
        oifname "lo" notrack
    }
}
table ip hopguard {
    chain forward {
        type nat hook postrouting priority srcnat; policy accept;
        oifname "toserver" masquerade
    }
}
"""


UNIT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../systemd/hopguard-rules.service")
CLOSED = ("mode=enforce", "on-failure=closed")


@pytest.fixture
def row(shared_row):
    """Without a rule of anybody's."""
    shared_row.gateway.network_command(["nft", "flush ruleset"])
    return shared_row


def ruleset(row):
    return row.gateway.network_command(["nft", "list ruleset"])


def own_table(row):
    return row.gateway.network_command(["nft", "list table inet hopguard"])


def test_a_removal_leaves_every_table_of_others_as_it_was(row):
    row.gateway.network_command(["nft", "-f", "-"], text=FOREIGN)
    for family in (4, 6):
        row.tables("iptables", "-t", "mangle", "-A", "FORWARD", "-p", "tcp", "--dport", "25", "-j", "ACCEPT",
                   family=family)
    before = ruleset(row)
    for removal in ("nft", "auto"):
        row.rules("apply", "nft")
        assert "table inet hopguard {" in ruleset(row)
        row.rules("remove", removal)
        assert ruleset(row) == before


def test_others_tables_stay_while_ours_is_in(row):
    row.gateway.network_command(["nft", "-f", "-"], text=FOREIGN)
    before = ruleset(row)
    row.rules("apply", "nft")
    assert ruleset(row).replace(own_table(row), "").strip() == before.strip()


def test_to_put_them_in_twice_is_the_same_as_once(row):
    row.rules("apply", "nft")
    once = ruleset(row)
    row.rules("apply", "nft")
    assert ruleset(row) == once


def test_what_is_printed_is_what_is_put_in(row):
    row.rules("apply", "nft")
    put_in = ruleset(row)
    printed = row.rules("print", "nft")
    row.rules("remove", "nft")
    row.gateway.network_command(["nft", "-f", "-"], text=printed)
    assert ruleset(row) == put_in


def test_new_settings_replace_the_old_rules_whole(row):
    row.rules("apply", "nft", "ports={25,587}", "exempt.servers={203.0.113.9}")
    row.rules("apply", "nft", "queue-first=3000")
    text = ruleset(row)
    assert "587" not in text and "203.0.113.9" not in text and "2500" not in text and "3000-3001" in text


@pytest.mark.parametrize("other", BACKENDS)
def test_another_back_end_takes_the_rules_over_and_gives_them_back(row, other):
    row.rules("apply", "nft")
    row.rules("apply", other)
    assert "inet hopguard" not in ruleset(row) and "HOPGUARD" in row.save(other) and "HOPGUARD" in row.save(other, 6)
    row.rules("apply", "nft")
    assert "queue" in own_table(row) and "HOPGUARD" not in row.save(other) + row.save(other, 6)


def unit_setting(name):
    """What the unit that puts rules in before the network says."""
    with open(UNIT, encoding="utf-8") as file:
        return re.search(rf"^{name}=(.*)$", file.read(), re.M)[1]


def loaded():
    with open("/proc/modules", encoding="ascii") as file:
        return {line.split()[0] for line in file}


@pytest.mark.parametrize("backend", ("nft", *BACKENDS))
def test_rules_go_in_with_the_rights_of_the_unit_before_the_network(row, backend):
    first = re.findall(r"modprobe@(\w+)", unit_setting("Wants"))
    for family in (4, 6):  # what another test left in its tables
        for table in ("filter", "mangle", "raw", "nat"):
            row.tables("iptables-legacy", "-t", table, "-F", family=family)
            row.tables("iptables-legacy", "-t", table, "-X", family=family)
    subprocess.run(["modprobe", "-ar", "xt_NFQUEUE", *(f"ip{six}table_{table}" for six in ("", "6")
                                                       for table in ("filter", "mangle", "raw", "nat")),
                    "ip_tables", "ip6_tables"], check=True)
    assert not {"ip_tables", "iptable_mangle", "ip6table_mangle", "xt_NFQUEUE"} & loaded()
    subprocess.run(["modprobe", "-a", *first], check=True)
    rights = ",".join(f"+{right[4:].lower()}" for right in unit_setting("CapabilityBoundingSet").split())
    row.gateway.network_command(["setpriv", f"--bounding-set=-all,{rights}", "--no-new-privs", PROGRAM, "rules", "apply",
                                 "--backend", backend, "--set", CLIENTS])
    assert "HOPGUARD" in row.save(backend) + row.save(backend, 6) if backend in BACKENDS else "queue" in own_table(row)
    row.rules("remove", backend)


def test_left_to_choose_it_takes_nft_and_leaves_no_trial_behind(row):
    said = row.gateway.network_command([PROGRAM, "rules", "apply", "--json", "--set", CLIENTS])
    assert json.loads(said)["backend"] == "nft"
    assert "queue" in own_table(row) and ruleset(row).strip() == own_table(row).strip()


def test_removing_what_is_not_there_is_no_error(row):
    row.rules("remove", "nft")
    row.rules("remove", "auto")
    assert not ruleset(row)


def test_a_table_that_another_program_owns_is_left_to_it_and_that_is_said(row):
    owner = subprocess.Popen(["nsenter", "-t", str(row.gateway.pid), "-n", "--", "nft", "-i"], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, text=True)
    try:
        owner.stdin.write("add table inet hopguard { flags owner; }\nadd chain inet hopguard theirs\nlist tables\n")
        owner.stdin.flush()
        assert "table inet hopguard" in owner.stdout.readline()
        before = ruleset(row)
        for verb in ("apply", "remove"):
            said = row.rules(verb, "nft", check=False)
            assert said.startswith("hopguard: ") and "not permitted" in said and said.count("\n") == 1
            assert ruleset(row) == before
    finally:
        owner.stdin.close()
        owner.wait(5)


class Knocker(Meanwhile):
    """Opens connections, one after the other, for as long as the `with` lasts."""

    def __init__(self, host, address, family):
        super().__init__()
        self.tries, self.opened = 0, 0
        self._host, self._address, self._family = host, address, FAMILY[family]

    def _run(self):
        while not self._is_over.is_set():
            with self._host.socket(self._family) as connection:
                connection.settimeout(0.02)
                self.tries += 1
                try:
                    connection.connect((self._address, 25))
                    self.opened += 1
                except TimeoutError:
                    pass


@pytest.mark.parametrize("family", (4, 6), ids=("ipv4", "ipv6"))
def test_no_packet_gets_by_while_rules_are_replaced(row, family):
    """Nobody listens and the kernel is to drop: what comes about came by between two sets of rules."""
    row.rules("apply", "nft", *CLOSED)
    with Knocker(row.client, ADDRESS[family]["server"], family) as knocker:
        for number in range(3):
            row.rules("apply", "nft", f"queue-first={3000 + number}", *CLOSED)
    assert knocker.tries > 20 and not knocker.opened
