# SPDX-License-Identifier: GPL-2.0-or-later
"""The control socket and a new configuration while it runs."""

import concurrent.futures
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import alone
import namespaces
import pytest
import servers

MEMBER = ["setpriv", "--reuid", "61007", "--regid", "61007", "--groups", "8"]
STRANGER = ["setpriv", "--reuid", "61007", "--regid", "61007", "--clear-groups"]


@pytest.fixture(autouse=True)
def clean(machine):
    yield
    machine.close()


def start(machine, text="", *settings, by_file=()):
    """With a configuration file that the test may change; mode is the file's."""
    machine.start(*alone.MONITOR, "queues=1", *settings)
    machine.guard.stop()
    machine.guard.settings = [setting for setting in machine.guard.settings
                              if not setting.startswith(("mode=", "on-failure=", "events.file=", *by_file))]
    write(machine, text)
    return again(machine)


def again(machine):
    guard = machine.guard
    words = ["run", "--config", guard.configuration]
    for setting in guard.settings:
        words += ["--set", setting]
    with open(guard.output_path, "wb") as output:
        guard.process = machine.host.spawn(guard.command(*words), stdout=output, stderr=output)
    assert machine.wait_until(lambda: " ready: " in guard.output(), timeout_s=10), guard.output()
    return guard


def write(machine, text):
    with open(machine.guard.configuration, "w", encoding="utf-8") as file:
        file.write(text)


def supervisor(machine):
    return machine.processes()["supervisor"]


def events(machine):
    return [json.loads(line) for line in machine.ask("events", "--json").stdout.splitlines()]


def reloaded(machine):
    return [event["text"] for event in events(machine) if event["event"] == "reloaded"]


def test_a_good_file_changes_what_runs(machine):
    start(machine, "mode = monitor\n")
    assert machine.status()["mode"] == "monitor"
    write(machine, "mode = enforce\non-failure = closed\n")
    machine.kill(supervisor(machine), signal.SIGHUP)
    assert machine.wait_until(lambda: machine.status()["mode"] == "enforce")
    assert machine.status()["on_failure"] == "closed"
    assert machine.wait_until(lambda: reloaded(machine))
    assert not any("bypass" in rule for rule in machine.own_rules())


def test_a_bad_file_keeps_the_old_configuration_and_says_so_in_one_line(machine):
    guard = start(machine, "mode = monitor\n")
    write(machine, "mode = monitor\nports = { 99999999 }\n")
    machine.kill(supervisor(machine), signal.SIGHUP)
    assert machine.wait_until(lambda: reloaded(machine))
    assert len(reloaded(machine)) == 1
    assert "refused" in reloaded(machine)[0] and f"{guard.configuration}:2" in reloaded(machine)[0]
    assert len([line for line in guard.output().splitlines() if "reloaded: refused" in line]) == 1
    assert machine.status()["mode"] == "monitor" and machine.is_whole()


def test_reload_tells_the_one_who_asks(machine):
    start(machine)
    assert machine.ask("reload").returncode == 0
    write(machine, "modus = enforce\n")
    bad = machine.ask("reload")
    assert bad.returncode == 2 and "modus" in bad.stderr and len(bad.stderr.splitlines()) == 1


def test_a_reload_of_what_cannot_be_read_ends_as_a_start_of_it_does(machine):
    guard = start(machine)
    for spoil in (lambda: os.unlink(guard.configuration), lambda: write(machine, "#" * 65536)):
        spoil()
        refused = machine.ask("reload")
        assert refused.returncode == 2 and guard.configuration in refused.stderr and len(refused.stderr.splitlines()) == 1
        started = machine.command("run", "--config", guard.configuration)
        assert started.returncode == 2 and started.stderr.split(": ")[1:] == refused.stderr.split(": ")[2:]


def test_who_asks_for_one_reload_after_the_other_is_told_to_wait(machine):
    """And nobody else waits for him: the configuration is read by who hears all children."""
    start(machine, "mode = monitor\n")
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(machine.ask, ["reload"] * 12))
    refused = [one for one in answers if one.returncode != 0]
    assert 2 <= len(refused) <= 7, answers  # five in five seconds, and the next five may have begun
    assert all(one.returncode == 4 and "asked for more than 5 times in 5 seconds: try again" in one.stderr for one in refused), refused
    assert machine.wait_until(lambda: machine.ask("reload").returncode == 0, timeout_s=10)
    before = len(reloaded(machine))
    machine.kill(supervisor(machine), signal.SIGHUP)
    assert machine.wait_until(lambda: len(reloaded(machine)) == before + 1)


def test_who_flushes_all_the_time_does_not_keep_look_ups_from_their_end(machine):
    """Each is answered, and the cache is emptied now and then, after the last one, too."""
    guard = start(machine, "log-level = debug\n")

    def said():
        return re.findall("resolver cache (emptied|put off)", guard.output())
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: machine.ask("flush", f"d{number}.lab"), range(100)))
    assert all(one.returncode in (0, 1) for one in answers), answers
    assert 1 <= said().count("emptied") <= 48 and "put off" in said(), said()
    assert machine.wait_until(lambda: said()[-1] == "emptied")


def test_what_takes_a_new_start_refuses_the_reload_and_is_named(machine):
    start(machine, "queue-first = 2500\nmode = monitor\n")
    write(machine, "queue-first = 2600\nmode = enforce\n")
    refused = machine.ask("reload")
    assert refused.returncode == 2 and "queue-first" in refused.stderr and "restart" in refused.stderr
    assert machine.status()["mode"] == "monitor" and machine.status()["queues"]["first"] == 2500


def test_a_scout_that_may_read_other_files_is_another_one_and_no_death(machine):
    start(machine, f'dns {{ trust-anchor = "{alone.NO_DNS.trust_anchor}" }}\n', by_file=("dns.trust-anchor=",))
    before = machine.processes()
    assert machine.ask("reload").returncode == 0
    assert machine.processes() == before
    # Its anchors are elsewhere now, where the old one may not look.
    anchors = os.path.join(machine.guard.directory, "anchors")
    os.mkdir(anchors)
    os.chmod(anchors, 0o755)
    shutil.copy(alone.NO_DNS.trust_anchor, os.path.join(anchors, "key"))
    write(machine, f'dns {{ trust-anchor = "{anchors}/key" }}\n')
    assert machine.ask("reload").returncode == 0
    assert machine.wait_until(lambda: machine.is_whole() and machine.processes()["scout"] != before["scout"])
    after = machine.processes()
    assert {name: pid for name, pid in after.items() if name != "scout"} == \
        {name: pid for name, pid in before.items() if name != "scout"}
    assert not [event for event in events(machine) if event["event"] == "child-died"]
    assert "cannot read" not in machine.guard.output()
    assert machine.ask("explain", "example.lab").returncode == 1


def test_a_child_born_after_a_reload_has_the_new_configuration(machine):
    start(machine, "mode = monitor\n")
    write(machine, "mode = enforce\n")
    assert machine.ask("reload").returncode == 0
    old = machine.processes()["ledger"]
    machine.kill(old)
    assert machine.wait_until(lambda: machine.processes()["ledger"] != old)
    assert machine.status()["mode"] == "enforce"


def test_a_rotated_event_file_is_opened_anew(machine):
    start(machine)
    path = machine.guard.event_path
    write(machine, f'events {{ file = "{path}" }}\n')
    assert machine.ask("reload").returncode == 0
    assert machine.wait_until(lambda: os.path.getsize(path) > 0)
    os.rename(path, path + ".1")
    machine.kill(supervisor(machine), signal.SIGHUP)
    assert machine.wait_until(lambda: os.path.exists(path) and os.path.getsize(path) > 0)


def degraded(machine):
    return [one["text"] for one in machine.status()["degraded"] if one["subject"] == "event file"]


@pytest.mark.parametrize("what", ("no directory", "a disk that is read-only"))
def test_for_want_of_an_event_file_nobody_waits(machine, what):
    """It goes on without, says so, and opens the file once it can."""
    guard = machine.start(*alone.MONITOR, "queues=1")
    guard.stop()
    folder = os.path.join(guard.directory, "log")
    guard.settings = [setting for setting in guard.settings if not setting.startswith("events.file=")]
    if what != "no directory":
        os.mkdir(folder)
        guard.host.run(["mount", "-t", "tmpfs", "-o", "ro,mode=0755", "tmpfs", folder])
    path = os.path.join(folder, "events.json")
    guard.settings.append(f"events.file={path}")
    write(machine, "")
    again(machine)
    try:
        why = f"the directory {folder} is missing" if what == "no directory" else "Read-only file system"
        assert machine.wait_until(lambda: machine.is_whole() and degraded(machine)), guard.output()
        assert degraded(machine)[0].startswith(f"event file {path}: {why}: "), degraded(machine)
        assert machine.ask("reload").returncode == 0
        if what == "no directory":
            os.mkdir(folder)
        else:
            guard.host.run(["umount", folder])
        os.chmod(folder, 0o755)
        os.chown(folder, *namespaces.USERS["hopguard"])
        assert machine.wait_until(lambda: not degraded(machine), timeout_s=30)
        machine.kill(supervisor(machine), signal.SIGHUP)
        assert machine.wait_until(lambda: os.path.getsize(path) > 0)
        told = [event["event"] for event in events(machine) if "event file" in event.get("text", "")]
        assert told == ["degraded", "recovered"], told
    finally:
        guard.stop()


def test_a_path_that_can_be_no_event_file_refuses_the_start(machine):
    guard = machine.start(*alone.MONITOR, "queues=1")
    guard.stop()
    for path, why in ((guard.directory, "Is a directory"), (guard.configuration + "/x", "Not a directory")):
        write(machine, "")
        refused = machine.command("run", "--config", guard.configuration, "--set", f"events.file={path}",
                                  "--set", f"control-socket={guard.socket}", "--set", f"state-directory={guard.state}")
        assert refused.returncode == 4 and f"event file {path}: {why}" in refused.stderr, refused


def test_of_a_path_the_directory_that_is_missing_is_named(machine):
    guard = machine.start(*alone.MONITOR, "queues=1")
    guard.stop()
    write(machine, "")
    missing = os.path.join(guard.directory, "none")
    refused = machine.command("run", "--config", guard.configuration, "--set", f"control-socket={missing}/below/socket")
    assert refused.returncode == 4 and f"control socket {missing}/below/socket: the directory {missing} is missing" in refused.stderr
    # What is learned is lost at a restart then, but mail is guarded.
    guard.settings.append(f"state-directory={missing}/below")
    again(machine)
    assert f'no state directory path={missing}/below error="the directory {missing} is missing"' in guard.output()


def test_status_shows_processes_queues_and_counters(machine):
    start(machine)
    text = machine.ask("status")
    assert text.returncode == 0
    for words in ("monitor", "queues 2500-2500", "guard 0", "scout", "ledger", "mail passes"):
        assert words in text.stdout
    status = machine.status()
    assert status["rules_are_in"] is True and status["user"] == "hopguard"
    assert {"packets", "flows_now", "verdicts", "reasons"} <= set(status["counters"])
    assert "starttls-stripped" in status["counters"]["reasons"]


def test_events_are_json_objects_with_the_names_of_the_contract(machine):
    start(machine)
    ready = [event for event in events(machine) if event["event"] == "ready"]
    assert len(ready) == 1
    assert set(ready[0]) == {"time", "event", "id", "pid", "text", "count"}
    assert ready[0]["time"].endswith("Z") and len(ready[0]["time"]) == len("2026-11-22T10:00:00.123Z")
    assert " ready" in machine.ask("events").stdout


def test_followers_are_told_at_once(machine):
    start(machine)
    follower = subprocess.Popen(
        machine.host.command(machine.guard.command("events", "--follow", "--json", "--socket", machine.guard.socket)),
        stdout=subprocess.PIPE, text=True)
    try:
        assert json.loads(follower.stdout.readline())
        # A ledger that was taken over has nothing of root's to gain from who reads it.
        rights = servers.rights(namespaces.inner_pid(follower))
        assert (rights["Seccomp"], int(rights["CapPrm"], 16)) == ("2", 0) and "0" not in rights["Uid"].split()
        machine.kill(machine.processes()["scout"])
        while True:
            event = json.loads(follower.stdout.readline())
            if event["event"] == "child-died":
                break
        assert "scout" in event["text"]
    finally:
        follower.kill()
        follower.wait()


def test_flows_of_a_quiet_host_are_none(machine):
    start(machine)
    done = machine.ask("flows")
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 1
    assert machine.ask("flows", "--json").stdout == ""


def test_explain_says_that_a_look_up_failed_and_exits_with_1(machine):
    start(machine, "dns { timeout-seconds = 1 }\n")
    done = machine.ask("explain", "example.lab", "--json")
    assert done.returncode == 1, done
    answer = json.loads(done.stdout)
    assert answer["name"] == "example.lab" and answer["mx"] == "unavailable" and answer["is_finding"] is True
    assert "example.lab" in machine.ask("explain", "example.lab").stdout


def test_flush_says_whether_anything_was_known(machine):
    start(machine)
    done = machine.ask("flush", "nobody-asked-for.lab")
    assert done.returncode == 0 and "nothing was known" in done.stdout


@pytest.mark.parametrize("command", ["explain", "flush"])
@pytest.mark.parametrize("name", ["", "a..b", "two words", "a" * 300])
def test_what_is_no_name_is_refused_in_one_line(machine, command, name):
    start(machine)
    done = machine.ask(command, name)
    assert done.returncode == 2 and not done.stdout
    assert "neither a domain name nor an address" in done.stderr and len(done.stderr.splitlines()) == 1


def test_members_of_the_control_group_may_ask_but_not_change(machine):
    start(machine, 'control-group = "mail"\n')
    assert machine.ask("status", prefix=MEMBER).returncode == 0
    assert machine.ask("events", prefix=MEMBER).returncode == 0
    for words in (["reload"], ["flush", "example.lab"]):
        refused = machine.ask(*words, prefix=MEMBER)
        assert refused.returncode == 4
        assert "permission denied" in refused.stderr and len(refused.stderr.splitlines()) == 1
    assert not reloaded(machine)


def test_strangers_may_not_even_ask(machine):
    start(machine, 'control-group = "mail"\n')
    refused = machine.ask("status", prefix=STRANGER)
    assert refused.returncode == 3
    assert "permission denied" in refused.stderr and len(refused.stderr.splitlines()) == 1


def test_a_socket_that_anybody_may_open_still_refuses_strangers(machine):
    start(machine, 'control-group = "mail"\n')
    os.chmod(machine.guard.socket, 0o666)
    refused = machine.ask("status", prefix=STRANGER)
    assert refused.returncode == 4 and "permission denied" in refused.stderr
    assert machine.ask("status", prefix=MEMBER).returncode == 0


def test_a_daemon_that_is_not_there_is_said_in_one_line(machine):
    start(machine)
    machine.guard.stop()
    for words in (["status"], ["events"], ["flows"], ["explain", "a.lab"], ["reload"], ["flush", "a.lab"]):
        done = machine.ask(*words)
        assert done.returncode == 3 and done.stdout == ""
        assert len(done.stderr.splitlines()) == 1 and machine.guard.socket in done.stderr
    machine.guard.process = None


def dial(machine):
    one = socket.socket(socket.AF_UNIX)
    one.settimeout(5)
    one.connect(machine.guard.socket)
    return one


def answer(one):
    return json.loads(one.makefile("rb").readline())


@pytest.mark.parametrize("request_line", [
    b"status\n", b"{}\n", b"[]\n", b'{"command":"stop"}\n', b'{"command":"status","command":"reload"}\n',
    b'{"command":"explain"}\n', b'{"command":"flush","name":"' + b"a" * 300 + b'"}\n', b'\xff\x00\n', b"\n",
    b"[" * 3000 + b"\n"])
def test_a_malformed_request_gets_an_error_and_hurts_nobody(machine, request_line):
    if not machine.guard:
        start(machine)
    with dial(machine) as one:
        one.sendall(request_line)
        reply = answer(one)
        assert reply["result"] == "error" and reply["exit"] == 2
        one.sendall(b'{"command":"status"}\n')
        assert "mode" in answer(one)
    assert machine.is_whole()


def test_a_request_without_end_ends_the_connection(machine):
    start(machine)
    with dial(machine) as one:
        one.sendall(b"x" * 4096)
        assert one.recv(100) == b""
    assert machine.is_whole()


def test_there_is_room_for_so_many_clients_and_then_for_the_next(machine):
    start(machine)
    many = [dial(machine) for _ in range(32)]
    try:
        time.sleep(0.3)
        with dial(machine) as one:
            assert "too many" in answer(one)["error"]
        many.pop().close()
        assert machine.wait_until(lambda: machine.ask("status").returncode == 0)
    finally:
        for one in many:
            one.close()


def test_requests_that_come_together_are_answered_in_turn(machine):
    start(machine)
    with dial(machine) as one:
        one.sendall(b'{"command":"status"}\n' * 3)
        one.shutdown(socket.SHUT_WR)
        lines = one.makefile("rb").read().splitlines()
    assert [set(json.loads(line)) >= {"result"} for line in lines] == [False, True] * 3


def test_who_does_not_read_is_dropped_and_nobody_waits_for_him(machine):
    start(machine)
    with dial(machine) as one:
        # Each answer is some kilobytes; the bound is 4 MiB.
        one.settimeout(1)
        with pytest.raises(OSError):
            for _ in range(200000):
                one.sendall(b'{"command":"status"}\n')
        assert machine.ask("status").returncode == 0
    assert machine.is_whole()
