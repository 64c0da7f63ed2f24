# SPDX-License-Identifier: GPL-2.0-or-later
"""The authorities that certificates are judged by, on their way to the verifier."""

import os
import shutil

import alone
import authority
import pytest

SYSTEM_PLACE = "/etc/ssl/certs"


@pytest.fixture(scope="module")
def hosts(root):
    one = alone.Alone()
    yield one
    one.end()


@pytest.fixture(scope="module")
def pem(hosts):
    return authority.Authority(hosts.directory).certificate


@pytest.fixture
def machine(hosts):
    yield hosts
    hosts.close()


def lines(machine, *words):
    return [line for line in machine.guard.output().splitlines() if all(word in line for word in words)]


def says(machine, *words, times=1):
    return machine.wait_until(lambda: len(lines(machine, *words)) >= times, timeout_s=8)


def copied(machine, pem, name):
    """In a place that the daemon's user may read."""
    path = os.path.join(machine.directory, name)
    shutil.copy(pem, path)
    os.chmod(path, 0o644)
    return path


def test_without_a_name_those_of_the_system_are_taken(machine):
    machine.start(*alone.MONITOR)
    assert says(machine, "authorities taken", "file=/etc/ssl/certs/ca-certificates.crt"), machine.guard.output()


def test_those_of_a_file_are_taken_and_again_by_a_verifier_that_starts_anew(machine, pem):
    path = copied(machine, pem, "first.pem")
    machine.start(*alone.MONITOR, f"tls.ca-file={path}")
    assert says(machine, "authorities taken", path, "count=1")
    machine.kill(machine.processes()["verifier"])
    assert says(machine, "authorities taken", path, "count=1", times=2)


def test_a_file_that_changes_is_read_again_and_a_bad_one_leaves_what_was(machine, pem):
    path = copied(machine, pem, "second.pem")
    guard = machine.start(*alone.MONITOR, f"tls.ca-file={path}")
    with open(pem, encoding="ascii") as file:
        text = file.read()
    assert says(machine, "authorities taken", "count=1")
    with open(path, "w", encoding="ascii") as file:
        file.write(text + text.replace("MII", "AAA", 1))
    event = guard.wait_for(lambda one: one["event"] == "degraded" and path in one["text"], timeout_s=8)
    assert event and "what was trusted before stays" in event["text"] and "certificate 2" in event["text"]
    shutil.copy(pem, path)
    assert says(machine, "authorities taken", "count=1", times=2)
    assert guard.wait_for(lambda one: one["event"] == "recovered", timeout_s=8)


def test_a_machine_without_any_says_what_that_comes_to_until_it_has_some(machine, pem):
    machine.host.run(["mount", "-t", "tmpfs", "none", SYSTEM_PLACE])
    try:
        guard = machine.start(*alone.MONITOR)
        event = guard.wait_for(lambda one: one["event"] == "degraded" and "no authority is known" in one["text"], timeout_s=8)
        assert event and "install ca-certificates" in event["text"] and SYSTEM_PLACE in event["text"], guard.events()
        subjects = ("CA file", "DNSSEC")  # of the guard's troubles, as no name server can be reached: none hides another
        assert machine.wait_until(lambda: set(subjects) <= {one["subject"] for one in guard.status().get("degraded", [])}, timeout_s=15)
        shown = machine.ask("status").stdout
        assert shown.count("degraded  ") >= 2 and "no authority is known" in shown, shown
        machine.host.run(["cp", pem, f"{SYSTEM_PLACE}/ca-certificates.crt"])
        assert guard.wait_for(lambda one: one["event"] == "recovered" and one["subject"] == "CA file", timeout_s=8)
        assert machine.wait_until(lambda: {one["subject"] for one in guard.status()["degraded"]} == {"DNSSEC"})
    finally:
        machine.host.run(["umount", SYSTEM_PLACE])


@pytest.mark.parametrize("content", [None, "no certificate\n"])
def test_a_file_that_is_none_starts_nothing_and_says_so_in_one_line(machine, content):
    path = os.path.join(machine.directory, "third.pem")
    if content:
        with open(path, "w", encoding="ascii") as file:
            file.write(content)
    guard = machine.start(*alone.MONITOR)
    guard.stop()
    bad = machine.command("run", "--config", guard.configuration, "--set", f"tls.ca-file={path}")
    assert bad.returncode == 2
    assert len(bad.stderr.splitlines()) == 1 and "tls.ca-file" in bad.stderr and path in bad.stderr
    assert machine.own_rules() == []


def test_a_reload_with_such_a_file_leaves_all_as_it_was(machine, pem):
    path = copied(machine, pem, "fourth.pem")
    guard = machine.start(*alone.MONITOR)
    with open(guard.configuration, "w", encoding="ascii") as file:
        file.write('tls { ca-file = "/nonexistent.pem" }\n')
    refused = machine.ask("reload")
    assert refused.returncode == 2 and "tls.ca-file" in refused.stderr
    with open(guard.configuration, "w", encoding="ascii") as file:
        file.write(f'tls {{ ca-file = "{path}" }}\n')
    assert machine.ask("reload").returncode == 0
    assert says(machine, "authorities taken", path)
