# SPDX-License-Identifier: GPL-2.0-or-later
"""The processes: how they start, what becomes of them when they die or hang, and what is left when they end."""

import os
import shutil
import signal
import socket
import subprocess
import time

import alone
import namespaces
import pytest
import servers


@pytest.fixture(autouse=True)
def clean(machine):
    yield
    machine.close()


def died(process):
    return lambda event: event["event"] == "child-died" and process in event["text"]


def test_one_line_says_when_it_is_ready_and_whom_it_guards(machine):
    guard = machine.start(*alone.MONITOR, "queues=2")
    lines = [line for line in guard.output().splitlines() if " ready: " in line]
    assert len(lines) == 1
    for words in ("monitor", "port 25", "192.0.2.0/24", "queues 2500-2501", "mail passes"):
        assert words in lines[0]
    assert machine.syslog.wait_for("hopguard[", "]: ready ", "text=")


def test_the_processes_are_those_of_the_design_and_belong_to_its_user(machine):
    machine.start(*alone.MONITOR, "queues=2")
    pids = machine.processes()
    assert sorted(pids) == ["guard0", "guard1", "ledger", "scout", "supervisor", "verifier"]
    for pid in pids.values():
        assert machine.host.run(["ps", "-o", "user=", "-p", str(pid)]).strip() == "hopguard"


def test_what_it_opens_is_nobodys_standard_input(machine):
    """Where it was started without one, and whoever's terminal it was."""
    machine.start(*alone.MONITOR)
    machine.guard.stop()
    machine.guard.program = ["/bin/sh", "-c", 'exec "$0" "$@" <&-', *machine.guard.program]
    machine.guard.mark()
    machine.guard.start()
    for name, pid in machine.processes().items():
        assert machine.host.run(["readlink", f"/proc/{pid}/fd/0"]).strip().endswith("/dev/null"), name


@pytest.mark.parametrize("process, capabilities", [
    ("supervisor", {12, 13}), ("guard0", {12}), ("scout", set()), ("ledger", set()), ("verifier", set())])
def test_each_process_keeps_only_the_capabilities_it_needs(machine, process, capabilities):
    machine.start(*alone.MONITOR)
    status = machine.host.run(["cat", f"/proc/{machine.processes()[process]}/status"])
    for which in ("CapPrm", "CapEff"):
        mask = int(next(line.split()[1] for line in status.splitlines() if line.startswith(which)), 16)
        assert {bit for bit in range(64) if mask >> bit & 1} == capabilities


CHILDREN = ("guard0", "scout", "ledger", "verifier")


def about(machine, process, file="status"):
    """What /proc says of it, by name."""
    text = machine.host.run(["cat", f"/proc/{machine.processes()[process]}/{file}"])
    return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)


@pytest.mark.parametrize("process", ("supervisor", *CHILDREN))
def test_each_process_is_confined_for_good(machine, process):
    machine.start(*alone.MONITOR)
    status = {name: value.strip() for name, value in about(machine, process).items()}
    assert (status["Seccomp"], status["NoNewPrivs"], status["Threads"]) == ("2", "1", "1")
    assert int(status["CapBnd"], 16) == 1 << 12 | 1 << 13
    # What the supervisor may, nft may, too; the others run nothing.
    for which in ("CapInh", "CapAmb"):
        assert int(status[which], 16) == (1 << 12 | 1 << 13 if process == "supervisor" else 0)
    pid = machine.processes()[process]
    # Of a process that does not dump, all there belongs to root.
    assert machine.host.run(["stat", "-c", "%u", f"/proc/{pid}/mem"]).strip() == "0"
    limits = machine.host.run(["cat", f"/proc/{pid}/limits"])
    assert next(line for line in limits.splitlines() if "core file" in line).split()[4:6] == ["0", "0"]


def test_status_says_what_the_kernel_keeps_from_the_processes(machine):
    machine.start(*alone.MONITOR)
    sandbox = machine.status()["sandbox"]
    assert sandbox["seccomp"] is True and sandbox["landlock"] >= 0
    assert "system calls filtered" in machine.ask("status").stdout


def test_a_child_that_does_what_it_may_not_is_told_of_as_such(machine):
    guard = machine.start(*alone.MONITOR)
    machine.kill(machine.processes()["verifier"], signal.SIGSYS)
    event = guard.wait_for(died("verifier"))
    assert event and "a system call that it may not make" in event["text"]
    assert machine.wait_until(machine.is_whole)


@pytest.mark.parametrize("process, name", [
    ("guard0", "guard[0]"), ("scout", "scout"), ("ledger", "ledger"), ("verifier", "verifier")])
def test_a_killed_child_is_started_again_at_once_and_it_is_said_why(machine, process, name):
    guard = machine.start(*alone.MONITOR)
    before = machine.processes()
    machine.kill(before[process])
    event = guard.wait_for(died(name))
    assert event and "killed by signal 9" in event["text"] and "at once" in event["text"]
    assert machine.syslog.wait_for("child-died", name)
    assert machine.wait_until(machine.is_whole)
    after = machine.processes()
    assert after[process] != before[process]
    assert {key: pid for key, pid in after.items() if key != process} == \
        {key: pid for key, pid in before.items() if key != process}
    assert machine.own_rules()


def test_a_successor_is_connected_with_its_siblings(machine):
    guard = machine.start(*alone.MONITOR)
    for process in ("scout", "guard0", "ledger", "verifier"):
        old = machine.processes()[process]
        machine.kill(old)
        assert machine.wait_until(lambda: machine.processes()[process] != old and machine.is_whole())
    # From the control socket through the ledger to the guard, and to the scout, and back.
    assert machine.ask("flows").returncode == 0
    assert "not there" not in machine.ask("explain", "example.lab").stderr
    assert guard.process.poll() is None


def test_a_child_that_keeps_dying_is_started_again_ever_later_until_it_was_healthy(machine):
    guard = machine.start(*alone.MONITOR)
    delays = []
    for number in range(4):
        if number == 3:
            time.sleep(10.5)  # so long in health, it is forgiven
        guard.mark()
        machine.kill(machine.processes()["scout"])
        event = guard.wait_for(died("scout"))
        delays.append(event["text"].rsplit("started again ", 1)[1])
        assert machine.wait_until(machine.is_whole)
    assert delays == ["at once", "in 100 ms", "in 200 ms", "at once"]


def test_a_child_that_hangs_is_noticed_and_replaced(machine):
    guard = machine.start(*alone.MONITOR)
    pid = machine.processes()["guard0"]
    machine.kill(pid, signal.SIGSTOP)
    event = guard.wait_for(died("guard[0]"), timeout_s=16)
    assert event and "not heard" in event["text"]
    assert machine.wait_until(lambda: machine.is_whole() and machine.processes()["guard0"] != pid)


def test_a_supervisor_that_was_stopped_itself_kills_nobody_when_it_goes_on(machine):
    guard = machine.start(*alone.MONITOR)
    before = machine.processes()
    machine.kill(before["supervisor"], signal.SIGSTOP)
    time.sleep(12)
    machine.kill(before["supervisor"], signal.SIGCONT)
    time.sleep(2)
    assert machine.processes() == before
    assert not guard.wait_for(lambda event: event["event"] == "child-died", timeout_s=0.1)


def test_where_mail_shall_pass_a_guard_that_keeps_dying_gives_its_queue_back(machine):
    guard = machine.start(*alone.MONITOR)
    for _ in range(5):
        assert machine.wait_until(machine.is_whole, timeout_s=10)
        guard.mark()
        machine.kill(machine.processes()["guard0"])
        assert guard.wait_for(died("guard[0]"))
    # Dead for 800 ms now.
    assert guard.wait_for(lambda event: event["event"] == "degraded" and "guard[0]" in event["text"])
    assert "2500" not in queues(machine)
    assert machine.wait_until(machine.is_whole, timeout_s=10)
    assert "2500" in queues(machine)


def queues(machine):
    table = machine.host.run(["cat", "/proc/net/netfilter/nfnetlink_queue"])
    return [line.split()[0] for line in table.splitlines()]


def test_a_queue_survives_the_death_of_its_guard(machine):
    machine.start("mode=enforce", "on-failure=closed", "queues=1")
    before = [line.split()[:2] for line in
              machine.host.run(["cat", "/proc/net/netfilter/nfnetlink_queue"]).splitlines()]
    machine.kill(machine.processes()["guard0"])
    after = [line.split()[:2] for line in
             machine.host.run(["cat", "/proc/net/netfilter/nfnetlink_queue"]).splitlines()]
    assert before == after and before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_clean_end_leaves_no_rule_behind_where_mail_shall_pass(machine, number):
    before = machine.rules()
    guard = machine.start(*alone.MONITOR)
    assert machine.own_rules()
    machine.kill(machine.processes()["supervisor"], number)
    assert guard.process.wait(10) == 0
    assert machine.own_rules() == []
    assert [line for line in machine.rules() if line.startswith("-A")] == \
        [line for line in before if line.startswith("-A")]
    assert guard.wait_for(lambda event: event["event"] == "stopping")


def test_closed_rules_outlive_every_end_but_the_command(machine):
    guard = machine.start("mode=enforce", "on-failure=closed")
    machine.kill(machine.processes()["supervisor"], signal.SIGTERM)
    assert guard.process.wait(10) == 0
    assert machine.own_rules()
    assert machine.command("rules", "remove").returncode == 0
    assert machine.own_rules() == []


def test_nobody_lives_on_when_the_supervisor_is_killed_and_the_next_start_cleans_up(machine):
    guard = machine.start(*alone.MONITOR)
    pids = machine.processes()
    machine.kill(pids["supervisor"])
    assert machine.wait_until(lambda: not any(machine.lives(pid) for pid in pids.values()))
    assert machine.syslog.wait_for("stopping", "supervisor is gone")
    assert machine.own_rules()
    guard.process.wait(5)
    again = machine.start(*alone.MONITOR)
    assert len([line for line in machine.own_rules() if "FORWARD -j" in line]) <= 2
    assert again.stop() == 0
    assert machine.own_rules() == []


def test_even_a_hung_guard_goes_with_its_supervisor(machine):
    machine.start(*alone.MONITOR)
    pids = machine.processes()
    machine.kill(pids["guard0"], signal.SIGSTOP)
    machine.kill(pids["supervisor"])
    assert machine.wait_until(lambda: not machine.lives(pids["guard0"]))


def run_with_removal(machine):
    """As `make run` does it."""
    guard = machine.start(*alone.MONITOR)
    guard.stop()
    words = ["run", "--remove-rules", "--config", guard.configuration]
    for setting in guard.settings:
        words += ["--set", setting]
    guard.mark()
    with open(guard.output_path, "ab") as output:
        guard.process = machine.host.spawn(guard.command(*words), stdout=output, stderr=output)
    assert guard.wait_for(lambda event: event["event"] == "ready", timeout_s=10), guard.output()
    return guard


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGABRT, signal.SIGTERM])
def test_with_removal_asked_for_no_end_of_the_supervisor_leaves_a_rule(machine, number):
    guard = run_with_removal(machine)
    assert machine.own_rules()
    machine.kill(machine.processes()["supervisor"], number)
    guard.process.wait(10)
    assert machine.own_rules() == []


def test_with_removal_asked_for_the_supervisor_ends_with_whoever_watches_over_it(machine):
    guard = run_with_removal(machine)
    machine.kill(namespaces_pid(machine, namespaces.inner_pid(guard.process)))
    assert machine.wait_until(lambda: machine.own_rules() == [], timeout_s=10)


def namespaces_pid(machine, pid):
    """A process id of ours as the host counts."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(line.split()[-1] for line in file if line.startswith("NSpid:"))


def test_a_second_guard_is_refused_in_one_line_that_names_the_first(machine):
    guard = machine.start(*alone.MONITOR)
    words = ["run", "--config", guard.configuration]
    for setting in guard.settings:
        words += ["--set", setting]
    second = machine.command(*words)
    assert second.returncode == 4
    lines = [line for line in second.stderr.splitlines() if "queue 2500" in line]
    assert len(lines) == 1 and f"hopguard (pid {machine.processes()['supervisor']})" in lines[0]
    assert machine.ask("status").returncode == 0
    assert machine.own_rules()


@pytest.mark.parametrize("setting", ["log-level=warn", "queue-first=2600", "mode=nonsense"])
def test_who_is_refused_leaves_the_rules_of_the_guard_that_runs(machine, setting):
    guard = machine.start("mode=enforce", "on-failure=closed")
    rules = machine.rules()
    words = ["run", "--remove-rules", "--config", guard.configuration]
    for one in [*guard.settings, setting]:
        words += ["--set", one]
    assert machine.command(*words).returncode in (2, 4)
    assert machine.rules() == rules


def test_another_guard_at_the_same_control_socket_is_refused(machine):
    guard = machine.start(*alone.MONITOR)
    words = ["run", "--config", guard.configuration]
    for setting in [*guard.settings, "queue-first=2600"]:
        words += ["--set", setting]
    second = machine.command(*words)
    assert second.returncode == 4 and "another hopguard answers" in second.stderr
    assert machine.ask("status").returncode == 0


def test_a_bad_configuration_starts_nothing(machine):
    guard = machine.start(*alone.MONITOR)
    guard.stop()
    bad = machine.command("run", "--config", guard.configuration, "--set", "mode=sometimes")
    assert bad.returncode == 2
    assert len(bad.stderr.splitlines()) == 1 and "mode" in bad.stderr
    assert machine.own_rules() == []


def test_without_rights_it_says_which_ones_it_needs(machine):
    guard = machine.start(*alone.MONITOR)
    guard.stop()
    words = ["run", "--config", guard.configuration, *(word for setting in guard.settings for word in ("--set", setting))]
    refused = machine.command(*words, prefix=["setpriv", "--reuid", "61007", "--regid", "61007", "--clear-groups"])
    assert refused.returncode == 4
    assert "CAP_NET_ADMIN" in refused.stderr


def test_it_runs_without_root_on_its_two_capabilities(machine):
    """As the systemd unit starts it."""
    guard = machine.start(*alone.MONITOR)
    guard.stop()
    uid, gid = namespaces.USERS["hopguard"]
    os.chown(guard.directory, uid, gid)
    os.unlink(guard.event_path)
    capabilities = "+net_admin,+net_raw"
    words = [f"--reuid={uid}", f"--regid={gid}", "--clear-groups", f"--inh-caps={capabilities}",
             f"--ambient-caps={capabilities}", f"--bounding-set=-all,{capabilities}", "--no-new-privs"]
    command = ["setpriv", *words, *guard.command("run", "--config", guard.configuration)]
    for setting in guard.settings:
        command += ["--set", setting]
    with open(guard.output_path, "ab") as output:
        guard.process = machine.host.spawn(command, stdout=output, stderr=output)
    assert guard.wait_for(lambda event: event["event"] == "ready", timeout_s=10), guard.output()
    machine.kill(machine.processes()["guard0"])
    assert guard.wait_for(died("guard[0]"))
    assert machine.wait_until(machine.is_whole)
    member = ["setpriv", "--reuid=8", f"--regid={gid}", "--clear-groups"]
    assert machine.ask("status", prefix=member).returncode == 0
    assert guard.stop() == 0
    assert machine.own_rules() == []


def calls_of_unit():
    """What systemd would let pass, by its own lists."""
    groups, group = {}, None
    for line in subprocess.run(["systemd-analyze", "syscall-filter"], stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines():
        if line.startswith("@"):
            group = groups.setdefault(line, set())
        elif line.startswith("    ") and "#" not in line:
            group.add(line.strip())

    def expanded(word):
        return set().union(*map(expanded, groups[word])) if word in groups else {word}
    calls = expanded("@default")
    with open(servers.REPOSITORY + "/systemd/hopguard.service", encoding="utf-8") as unit:
        for words in (line.split("=", 1)[1].split() for line in unit if line.startswith("SystemCallFilter=")):
            named = set().union(*(expanded(word.lstrip("~")) for word in words))
            calls = calls - named if words[0].startswith("~") else calls | named
    return calls


def test_it_lives_with_what_the_unit_lets_pass(machine):
    """The lists of the unit, in front of its own."""
    guard = machine.start(*alone.MONITOR)
    guard.stop()
    uid, gid = namespaces.USERS["hopguard"]
    os.chown(guard.directory, uid, gid)
    os.unlink(guard.event_path)
    names = os.path.join(guard.directory, "calls")
    with open(names, "w", encoding="utf-8") as file:
        file.write("\n".join(calls_of_unit()))
    # Where these lie, only root may have a way to.
    guard.program = [shutil.copy(servers.hopguard(), guard.directory)]
    filter_program = shutil.copy(servers.test_tool("call_filter"), guard.directory)
    capabilities = "+net_admin,+net_raw"
    words = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", f"--inh-caps={capabilities}",
             f"--ambient-caps={capabilities}", f"--bounding-set=-all,{capabilities}", filter_program, names]
    command = [*words, *guard.command("run", "--config", guard.configuration)]
    for setting in guard.settings:
        command += ["--set", setting]
    with open(guard.output_path, "ab") as output:
        guard.process = machine.host.spawn(command, stdout=output, stderr=output)
    assert guard.wait_for(lambda event: event["event"] == "ready", timeout_s=10), guard.output()
    assert about(machine, "ledger")["Seccomp_filters"].strip() == "3"
    for process in CHILDREN:
        machine.kill(machine.processes()[process])
        assert machine.wait_until(machine.is_whole)
    assert machine.ask("explain", "example.lab").returncode == 1
    assert guard.stop() == 0
    assert machine.own_rules() == []
    assert "system call" not in guard.output()


@pytest.mark.parametrize("backend", ["iptables", "iptables-legacy"])
def test_each_backend_works_without_root(machine, backend):
    guard = machine.start(*alone.MONITOR, f"backend={backend}")
    assert machine.own_rules()
    assert machine.status()["backend"] == backend
    machine.kill(machine.processes()["supervisor"], signal.SIGTERM)
    assert guard.process.wait(10) == 0
    assert machine.own_rules() == []


def test_systemd_is_told_when_it_is_ready_reloads_lives_and_stops(machine):
    guard = machine.start(*alone.MONITOR)
    guard.stop()
    path = os.path.join(guard.directory, "notify")
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(path)
    os.chmod(path, 0o666)
    manager.settimeout(10)
    environment = {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "1000000"}
    words = ["env", *(f"{key}={value}" for key, value in environment.items()),
             *guard.command("run", "--config", guard.configuration)]
    for setting in guard.settings:
        words += ["--set", setting]
    with open(guard.output_path, "ab") as output:
        guard.process = machine.host.spawn(words, stdout=output, stderr=output)

    def told(word):
        while True:
            message = manager.recv(4096).decode()
            if message.startswith(word):
                return message
    assert "STATUS=monitor" in told("READY=1")
    beats = []
    for _ in range(6):
        told("WATCHDOG=1")
        beats.append(time.monotonic())
    # However late some are: no flood of them, and once at least within its time.
    assert beats[-1] - beats[0] > 1
    assert min(later - earlier for earlier, later in zip(beats, beats[1:])) < 1
    machine.kill(machine.processes()["supervisor"], signal.SIGHUP)
    assert "MONOTONIC_USEC=" in told("RELOADING=1")
    told("READY=1")
    machine.kill(machine.processes()["supervisor"], signal.SIGTERM)
    told("STOPPING=1")
    manager.close()
