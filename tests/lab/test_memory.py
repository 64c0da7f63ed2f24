# SPDX-License-Identifier: GPL-2.0-or-later
"""What survives a restart: the database, whoever is killed, and whatever is wrong with the file. Mail goes on in any case."""

import contextlib
import os
import socket
import sqlite3
import time

import alone
import lines
import namespaces
import pytest

HOSTS = [(f"mx{number}.example.org", socket.inet_aton(f"198.51.100.{number + 1}")) for number in range(200)]
HOUR_MS = 3600 * 1000


@pytest.fixture(autouse=True)
def clean(request):
    yield
    if "machine" in request.fixturenames:
        request.getfixturevalue("machine").close()


def path_of(guard):
    return os.path.join(guard.state, "database", "hopguard.db")


@contextlib.contextmanager
def opened(guard):
    database = sqlite3.connect(path_of(guard), isolation_level=None, timeout=5)
    try:
        yield database
    finally:
        database.close()


def count(guard, table):
    with opened(guard) as database:
        return database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def fill(guard):
    """As if the hosts had been seen on two days, and the domain been met."""
    now = int(time.time() * 1000)
    with opened(guard) as database:
        database.execute("BEGIN")
        database.executemany("INSERT INTO place (host, address, first_ms, last_ms, tls_version, written_s) "
                             f"VALUES (?, ?, {now - 48 * HOUR_MS}, {now - HOUR_MS}, 772, 0)", HOSTS)
        database.execute("INSERT INTO met (domain, first_ms, last_ms, days, written_s) "
                         f"VALUES ('example.org', {now - 48 * HOUR_MS}, {now - HOUR_MS}, 2, 0)")
        database.execute("COMMIT")
    hand_over(guard)


def hand_over(guard):
    """To the daemon's user, whatever we left there."""
    folder = os.path.dirname(path_of(guard))
    for name in os.listdir(folder):
        os.chown(os.path.join(folder, name), *namespaces.USERS["hopguard"])


def tell_elsewhere(guard):
    """Events are not written to the state directory."""
    guard.event_path, guard._event_start = os.path.join(guard.directory, "events.json"), 0
    guard.settings.append(f"events.file={guard.event_path}")


def start_filled(machine, *settings):
    guard = machine.start(*alone.MONITOR, "queues=1", *settings)
    guard.stop()
    fill(guard)
    guard.mark()
    return guard.start()


def remembers(guard, hosts=len(HOSTS), domains=1):
    counters = guard.status()["counters"]
    return (counters["memory_hosts"], counters["memory_domains"]) == (hosts, domains)


def database_of(guard):
    return guard.status()["database"]


def degraded(words):
    return lambda event: event["event"] == "degraded" and words in event["text"]


def recovered(event):
    return event["event"] == "recovered" and "database" in event["text"]


def test_the_database_is_the_daemons_own_and_nobody_elses(machine):
    guard = machine.start(*alone.MONITOR)
    assert machine.wait_until(lambda: database_of(guard)["is_usable"])
    for name in ("hopguard.db", "hopguard.db-wal", "hopguard.db-shm"):
        status = os.stat(os.path.join(guard.state, "database", name))
        assert (status.st_mode & 0o7777, status.st_uid) == (0o600, namespaces.USERS["hopguard"][0]), name


def test_what_is_remembered_survives_a_restart_of_all(machine):
    guard = start_filled(machine)
    assert machine.wait_until(lambda: remembers(guard))
    assert (database_of(guard)["places"], database_of(guard)["met"]) == (len(HOSTS), 1)
    text = machine.ask("status").stdout
    assert f"database   0 policies, {len(HOSTS)} places, 1 met, 0 lists, " in text
    guard.stop()
    guard.start()
    assert machine.wait_until(lambda: remembers(guard))


def kill_with_supervisor(machine, *names):
    """What the supervisor leaves behind ends by itself, and has the queues until then."""
    pids = machine.processes()
    for name in (*names, "supervisor"):
        machine.kill(pids[name])
    machine.guard.process.wait(20)
    assert machine.wait_until(lambda: not any(machine.lives(pid) for pid in pids.values()))


def test_what_an_earlier_version_kept_is_found_in_its_new_place(machine):
    guard = start_filled(machine)
    guard.stop()
    folder = os.path.dirname(path_of(guard))
    for name in os.listdir(folder):
        os.rename(os.path.join(folder, name), os.path.join(guard.state, name))
    os.rmdir(folder)
    guard.start()
    assert machine.wait_until(lambda: remembers(guard))
    assert not [name for name in os.listdir(guard.state) if name.startswith("hopguard.db")]


def test_a_state_directory_that_cannot_be_written_at_the_start_is_used_once_it_can(machine):
    guard = machine.start(*alone.MONITOR, "queues=1")
    guard.stop()
    tell_elsewhere(guard)
    machine.host.run(["mount", "-t", "tmpfs", "-o", "ro,size=1m,mode=0755", "tmpfs", guard.state])
    try:
        guard.start()
        assert machine.wait_until(machine.is_whole)
        assert not database_of(guard)["is_usable"]
        machine.host.run(["mount", "-o", "remount,rw", guard.state])
        machine.host.run(["chown", "hopguard:", guard.state])
        assert machine.wait_until(lambda: database_of(guard)["is_usable"])
        machine.ask("flush", "example.org")
        assert machine.wait_until(lambda: database_of(guard)["waiting"] == 0)
    finally:
        guard.stop()
        machine.host.run(["umount", guard.state])


@pytest.mark.parametrize("process", ["scout", "ledger", "supervisor"])
def test_what_is_remembered_survives_the_death_of(machine, process):
    guard = start_filled(machine)
    assert machine.wait_until(lambda: remembers(guard))
    pid = machine.processes()[process]
    if process == "supervisor":
        kill_with_supervisor(machine)
        guard.start()
    else:
        machine.kill(pid)
    assert machine.wait_until(lambda: machine.is_whole() and machine.processes()[process] != pid, timeout_s=15)
    assert machine.wait_until(lambda: remembers(guard))
    assert database_of(guard)["places"] == len(HOSTS)
    assert database_of(guard)["is_usable"]


def test_a_flush_forgets_for_good_even_when_all_are_killed_after(machine):
    guard = start_filled(machine)
    assert machine.wait_until(lambda: remembers(guard))
    assert machine.ask("flush", "mx0.example.org").returncode == 0
    assert machine.ask("flush", "example.org").returncode == 0
    assert machine.wait_until(lambda: count(guard, "place") == len(HOSTS) - 1 and count(guard, "met") == 0)
    kill_with_supervisor(machine, "ledger")
    guard.start()
    assert machine.wait_until(lambda: remembers(guard, len(HOSTS) - 1, 0))


def test_a_scout_comes_up_while_the_ledger_keeps_dying(machine):
    guard = start_filled(machine)
    assert machine.wait_until(lambda: remembers(guard))
    scout = machine.processes()["scout"]
    for _ in range(4):
        machine.kill(machine.processes()["ledger"])
        assert machine.wait_until(lambda: "ledger" in machine.processes(), timeout_s=10)
    ledger = machine.processes()["ledger"]
    machine.kill(ledger)
    machine.kill(scout)
    assert machine.wait_until(machine.is_whole, timeout_s=15)
    assert machine.processes()["scout"] != scout
    assert machine.wait_until(lambda: remembers(guard))


def fill_much(guard, count):
    """Policies of as many domains, each with a host and met on two days."""
    now = int(time.time() * 1000)
    names = [f"customer-{number}.example.org" for number in range(count)]
    with opened(guard) as database:
        database.execute("BEGIN")
        database.executemany(
            "INSERT INTO policy (domain, policy_id, fetched_ms, saved_ms, left_s, written_s, text) "
            f"VALUES (?, '1', {now - HOUR_MS}, {now - HOUR_MS}, 2592000, 0, ?)",
            [(name, f"version: STSv1\r\nmode: enforce\r\nmx: mx.{name}\r\nmax_age: 2592000\r\n".encode())
             for name in names])
        database.executemany(
            "INSERT INTO place (host, address, first_ms, last_ms, tls_version, written_s) "
            f"VALUES (?, ?, {now - 48 * HOUR_MS}, {now - HOUR_MS}, 772, 0)",
            [(f"mx.{name}", bytes((10, *number.to_bytes(3, "big")))) for number, name in enumerate(names)])
        database.executemany("INSERT INTO met (domain, first_ms, last_ms, days, written_s) "
                             f"VALUES (?, {now - 48 * HOUR_MS}, {now - HOUR_MS}, 2, 0)", [(name,) for name in names])
        database.execute("COMMIT")
    hand_over(guard)


@contextlib.contextmanager
def busy(host, processes=4):
    """The machine has other things to do."""
    burning = [host.spawn(["sh", "-c", "while :; do :; done"]) for _ in range(processes)]
    try:
        yield
    finally:
        for one in burning:
            namespaces.stop(one)


def test_much_is_remembered_in_seconds_while_others_work_and_ask(machine):
    """20,000 domains. Who asked too early does not keep an answer that lacks what was remembered."""
    count = 20000
    guard = machine.start(*alone.MONITOR, "queues=1")
    guard.stop()
    fill_much(guard, count)
    with busy(machine.host):
        guard.start()
        for killed in ((), ("scout",), ("ledger", "scout")):
            assert machine.wait_until(machine.is_whole), killed
            pids = machine.processes()
            for name in killed:
                machine.kill(pids[name])
            early = [f"customer-{number}.example.org" for number in (0, 10000, 19999)]
            for name in early:
                machine.ask("explain", name)
            assert machine.wait_until(machine.is_whole, timeout_s=15), killed
            assert machine.wait_until(lambda: remembers(guard, count, count), timeout_s=10), killed
            assert database_of(guard)["policies"] == count
            for name in [*early, "customer-5000.example.org"]:
                # In no DNS here: all that can be known of it is what was remembered.
                assert f"mode enforce, id 1, mx mx.{name}" in machine.ask("explain", name).stdout, (killed, name)
    assert "going on without" not in guard.output()


def spoil_text(path):
    with open(path, "w", encoding="utf-8") as file:
        file.write("this is a letter to somebody, and not a database at all\n" * 40)


def spoil_middle(path):
    with open(path, "r+b") as file:
        file.seek(3 * 4096)
        file.write(b"\x5a" * (os.path.getsize(path) - 4 * 4096))


def spoil_end(path):
    os.truncate(path, os.path.getsize(path) // 2)


@pytest.mark.parametrize("spoil", [spoil_text, spoil_middle, spoil_end])
def test_a_damaged_database_is_moved_aside_and_a_new_one_begun(machine, spoil):
    guard = start_filled(machine)
    guard.stop()
    spoil(path_of(guard))
    guard.mark()
    guard.start()
    event = guard.wait_for(degraded("it is damaged"))
    assert event and "hopguard.db.corrupt-" in event["text"]
    assert guard.wait_for(recovered)
    assert machine.wait_until(lambda: database_of(guard)["is_usable"])
    assert [name for name in os.listdir(os.path.dirname(path_of(guard))) if name.startswith("hopguard.db.corrupt-")]
    assert count(guard, "place") == 0


def test_a_database_damaged_while_it_runs_is_moved_aside_too(machine):
    guard = start_filled(machine)
    assert machine.wait_until(lambda: remembers(guard))
    with opened(guard) as database:
        database.execute("DROP TABLE met")
    machine.ask("flush", "example.org")
    assert guard.wait_for(degraded("it is damaged"), timeout_s=5)
    assert guard.wait_for(recovered, timeout_s=5)
    assert remembers(guard, domains=0)  # the scout's own memory is whole


def test_a_lock_is_told_when_it_lasts_and_waited_for(machine):
    guard = start_filled(machine)
    assert machine.wait_until(lambda: remembers(guard))
    with opened(guard) as database:
        database.execute("BEGIN IMMEDIATE")
        machine.ask("flush", "example.org")
        assert guard.wait_for(degraded("another process has it locked"), timeout_s=12)
        assert database_of(guard)["waiting"] == 1
        assert not database_of(guard)["is_usable"]
        assert "NOT usable" in machine.ask("status").stdout
        assert machine.is_whole()
        database.execute("ROLLBACK")
    assert guard.wait_for(recovered, timeout_s=5)
    assert machine.wait_until(lambda: count(guard, "met") == 0)


def test_a_state_directory_that_is_full_is_told_and_mended(machine):
    guard = start_filled(machine)
    guard.stop()
    tell_elsewhere(guard)
    machine.host.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=0755", "tmpfs", guard.state])
    try:
        machine.host.run(["chown", "hopguard:", guard.state])
        machine.host.run(["sh", "-c", f"head -c 2000000 /dev/zero >{guard.state}/filler || true"])
        guard.start()
        assert guard.wait_for(degraded("the disk is full"), timeout_s=10)
        assert machine.wait_until(machine.is_whole)
        machine.host.run(["rm", f"{guard.state}/filler"])
        assert guard.wait_for(recovered, timeout_s=15)
        assert database_of(guard)["is_usable"]
    finally:
        guard.stop()
        machine.host.run(["umount", guard.state])


def test_a_database_of_a_later_version_is_left_alone(machine):
    guard = start_filled(machine)
    guard.stop()
    with opened(guard) as database:
        database.execute("PRAGMA user_version = 99")
    hand_over(guard)
    guard.mark()
    guard.start()
    assert guard.wait_for(degraded("a later version of hopguard made it"))
    assert machine.wait_until(machine.is_whole)
    assert count(guard, "place") == len(HOSTS)


# Mail: what was promised is kept, and what is honest passes, whatever is wrong with the database.

def read_only(guard):
    for name in os.listdir(guard.state):
        os.chown(os.path.join(guard.state, name), 0, 0)
    os.chown(guard.state, 0, 0)
    os.chmod(guard.state, 0o555)


def locked(guard):
    database = sqlite3.connect(path_of(guard), isolation_level=None)
    database.execute("PRAGMA locking_mode = EXCLUSIVE")
    database.execute("BEGIN IMMEDIATE")
    database.execute("DELETE FROM list")
    database.execute("COMMIT")
    return database


def later(guard):
    with opened(guard) as database:
        database.execute("PRAGMA user_version = 99")


def corrupt(guard):
    spoil_text(path_of(guard))


@pytest.mark.parametrize("spoil, words", [(read_only, "Permission denied"), (locked, "another process has it locked"),
                                          (later, "later version"), (corrupt, "it is damaged")])
def test_mail_and_verdicts_go_on_without_a_database(lab, spoil, words):
    guard = lab.guard_at("routed", settings=("queues=1",))
    lab.reset()
    guard.stop()
    kept = spoil(guard)
    if spoil is not read_only:
        hand_over(guard)
    guard.mark()
    guard.start()
    try:
        assert guard.wait_for(degraded(words), timeout_s=12)
        open_to_all = lab.destinations.next("unprotected", 4)
        assert lines.say_recipient(lab.world.sender, open_to_all.addresses[0], f"you@{open_to_all.domain}").startswith(b"250")
        protected = lab.destinations.next("protected", 4)
        reply = lines.say_recipient(lab.world.sender, protected.addresses[0], f"you@{protected.domain}")
        assert reply.startswith(b"421 4.7.4") and b"tls-not-used" in reply
        assert guard.wait_for(lambda event: event.get("domain") == protected.domain and event["action"] == "block")
        assert guard.is_whole()
    finally:
        if kept:
            kept.close()
        lab.guard_at(None)


def test_sums_of_the_guards_are_those_of_before_when_the_ledger_was_killed(lab):
    """Nothing changes them any more: whoever counts traffic must not see it go back to nothing."""
    guard = lab.guard_at("routed", settings=("queues=1",))
    lab.reset()
    try:
        open_to_all = lab.destinations.next("unprotected", 4)
        assert lines.say_recipient(lab.world.sender, open_to_all.addresses[0], f"you@{open_to_all.domain}").startswith(b"250")

        def sums():
            with contextlib.suppress(namespaces.LabError, ValueError, KeyError):
                counters = guard.status()["counters"]
                return counters["packets"], counters["flows_opened"]
            return None

        def settle():
            before = None
            for _ in range(20):
                now = sums()
                if now and now == before and now[0] > 0:
                    return now
                before = now
                time.sleep(1.5)
            raise AssertionError(f"the sums do not come to rest: {before}")

        before = settle()
        guard.host.run(["kill", "-9", str(guard.processes()["ledger"])])
        assert namespaces.wait_until(lambda: sums() == before), sums()
    finally:
        lab.guard_at(None)
