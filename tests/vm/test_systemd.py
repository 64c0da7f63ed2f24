# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine that systemd starts, with hopguard installed and enabled: rules before the network, the guard behind its unit's walls,
and what becomes of rules when it dies, starts again, and is stopped."""

import json
import os
import subprocess

import namespaces
import pytest

pytestmark = pytest.mark.kernel("6.1", "systemd")
GUARD, RULES = "hopguard.service", "hopguard-rules.service"


def run(*words):
    return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


def shown(unit, name):
    return run("systemctl", "show", "--property", name, "--value", unit).stdout.strip()


def is_in():
    return "table inet hopguard" in run("nft", "list", "tables").stdout


def bodies():
    return "HOPGUARD-BODY" in run("iptables-legacy-save").stdout


def status():
    return json.loads(run("/usr/sbin/hopguard", "status", "--json").stdout)


def journal():
    return run("journalctl", "--no-pager", "-u", "hopguard*").stdout


def is_up():
    return shown(GUARD, "ActiveState") == "active"


@pytest.fixture(autouse=True)
def running():
    assert namespaces.wait_until(is_up, 60), journal()


def test_rules_are_in_before_the_network_is():
    assert (shown(RULES, "ActiveState"), shown(RULES, "Result")) == ("active", "success"), journal()
    done = int(shown(RULES, "ExecMainExitTimestampMonotonic"))
    network = int(shown("network-pre.target", "ActiveEnterTimestampMonotonic"))
    assert 0 < done <= network < int(shown(GUARD, "ExecMainStartTimestampMonotonic"))
    assert is_in()


def test_behind_its_units_walls_the_guard_has_all_that_it_needs():
    said = status()
    # There is no name server to be had in here.
    assert {one["subject"] for one in said.get("degraded", ())} <= {"DNSSEC"}, said
    assert shown(GUARD, "NRestarts") == "0", journal()
    assert said["passage"]["kernel"] == "ebpf" and bodies(), journal()
    with open(f"/proc/{shown(GUARD, 'MainPID')}/status", encoding="ascii") as file:
        supervisor = dict(line.split(":", 1) for line in file)
    assert "0" not in supervisor["Uid"].split() and supervisor["NoNewPrivs"].strip() == "1"


def test_all_its_processes_have_its_units_share_of_the_processors_and_push_nobody_off():
    group = "/sys/fs/cgroup" + shown(GUARD, "ControlGroup")
    with open(f"{group}/cpu.weight", encoding="ascii") as file:
        assert int(file.read()) == 1000
    with open(f"{group}/cgroup.procs", encoding="ascii") as file:
        pids = [int(line) for line in file]
    assert len(pids) >= 5, pids
    assert {os.sched_getscheduler(pid) for pid in pids} == {os.SCHED_BATCH}


def test_who_is_killed_comes_back_behind_rules_that_stayed():
    before = shown(GUARD, "MainPID")
    run("kill", "-9", before)
    assert is_in()
    assert namespaces.wait_until(lambda: is_up() and shown(GUARD, "MainPID") not in ("0", before), 60), journal()
    assert is_in() and status()["passage"]["kernel"] == "ebpf"


def test_a_restart_leaves_rules_and_a_stop_takes_them_out():
    before = run("nft", "list", "table", "inet", "hopguard").stdout
    assert not run("systemctl", "restart", GUARD).returncode, journal()
    assert "queue" in before and run("nft", "list", "table", "inet", "hopguard").stdout == before
    assert not run("systemctl", "stop", GUARD).returncode, journal()
    assert not is_in() and not bodies()
    assert "hopguard-passage" not in run("ls", "/run").stdout
    assert not run("systemctl", "start", GUARD).returncode, journal()
    assert is_in() and bodies() and status()["passage"]["kernel"] == "ebpf"


def test_a_machine_with_a_configuration_that_is_refused_starts_behind_the_last_rules():
    path = "/etc/hopguard/hopguard.conf"
    os.makedirs(os.path.dirname(path), exist_ok=True)
    before = open(path, encoding="utf-8").read() if os.path.exists(path) else None
    rules = run("nft", "list", "table", "inet", "hopguard").stdout
    assert "queue" in rules
    # As a boot does it.
    run("systemctl", "stop", GUARD, RULES)
    run("nft", "delete", "table", "inet", "hopguard")
    try:
        with open(path, "a", encoding="utf-8") as file:
            file.write("\nmode = nonsense\n")
        assert run("systemctl", "start", RULES).returncode
        assert (shown(RULES, "ActiveState"), shown(RULES, "ExecMainStatus")) == ("failed", "2"), journal()
        assert "mode:" in journal() and is_in(), journal()
        run("systemctl", "start", GUARD)
        assert namespaces.wait_until(lambda: shown(GUARD, "ExecMainStatus") == "2", 20), journal()
        assert is_in() and not is_up()
    finally:
        if before is None:
            os.unlink(path)
        else:
            with open(path, "w", encoding="utf-8") as file:
                file.write(before)
        run("systemctl", "restart", RULES)
        run("systemctl", "reset-failed", GUARD)
        run("systemctl", "start", GUARD)
    assert namespaces.wait_until(is_up, 60) and is_in(), journal()
