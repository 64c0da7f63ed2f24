# SPDX-License-Identifier: GPL-2.0-or-later
"""The operator's files on their way to the scout: policy lists and their signatures, domains to watch."""

import json
import os
import shutil
import tempfile
import time

import alone
import guard
import pytest
import signers

LISTER = "lister@example.org"
STRANGER = "stranger@example.net"
FORMER = "former@example.org"
SHORT_LIVED = "2020-06-01"

MINE = {"example.org": {"mode": "enforce", "mxs": ["mx.example.org"]}}


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("keys"))
    one = signers.Signers(folder)
    one.add(LISTER)
    one.add(STRANGER)
    one.add(FORMER, SHORT_LIVED, at=signers.LONG_AGO)
    yield one
    one.close()


class Site:
    """A folder that the daemon's user may read, with a list in it."""

    def __init__(self, machine, keys, folder):
        self.machine = machine
        self.keys = keys
        self.path = os.path.join(folder, "policy.json")
        self.key = keys.export(LISTER, os.path.join(folder, "keys.gpg"))
        self.watch = os.path.join(folder, "watch")
        self.timestamp = int(time.time())

    def write(self, policies=None, path=None, **changes):
        """The list; it is newer each time."""
        self.timestamp += 1
        text = {"version": "0.1", "timestamp": self.timestamp, "expires": self.timestamp + 86400, "policy-aliases": {},
                "policies": MINE if policies is None else policies} | changes
        self.replace(path or self.path, json.dumps(text))

    @staticmethod
    def replace(path, text):
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path + ".new", 0o644)
        os.rename(path + ".new", path)

    def sign(self, holder=LISTER, **options):
        self.keys.sign(holder, self.path, self.path + ".asc", **options)

    def start(self, configuration):
        one = guard.Guard(self.machine.host, self.machine.directory, alone.NO_DNS, ["192.0.2.0/24"],
                          (*alone.MONITOR, "queues=1"))
        self.machine.guard = one
        with open(one.configuration, "w", encoding="utf-8") as file:
            file.write(configuration)
        one.start()

    def lines(self, *words):
        return [line for line in self.machine.guard.output().splitlines() if all(word in line for word in words)]

    def says(self, *words, times=1, timeout_s=8):
        return self.machine.wait_until(lambda: len(self.lines(*words)) >= times, timeout_s=timeout_s)

    def told(self, kind):
        return [event["text"] for line in self.machine.ask("events", "--json").stdout.splitlines()
                if (event := json.loads(line))["event"] == kind and self.path in event["text"]]


@pytest.fixture
def site(machine, keys):
    folder = tempfile.mkdtemp(prefix="site-", dir=machine.directory)
    os.chmod(folder, 0o755)
    yield Site(machine, keys, folder)
    machine.close()


def signed(site):
    return f'policy-list "{site.path}" {{ key = "{site.key}" }}\n'


def test_a_signed_list_is_taken_and_its_signer_named(site):
    site.write()
    site.sign()
    site.start(signed(site))
    assert site.says("policy list taken", site.path, "domains=1", site.keys.fingerprint(LISTER)), site.lines("")
    assert not site.told("degraded")


def test_armored_keys_and_binary_signatures_are_read_as_well(site):
    site.key = site.keys.export(LISTER, site.key + ".asc", armored=True)
    site.write()
    site.keys.sign(LISTER, site.path, site.path + ".sig", armored=False)
    site.start(signed(site))
    assert site.says("policy list taken", site.keys.fingerprint(LISTER)), site.lines("")


def test_a_changed_list_is_taken_within_seconds(site):
    site.write()
    site.start(f'policy-list "{site.path}" {{}}\n')
    assert site.says("policy list taken", "domains=1")
    site.write(MINE | {"example.net": MINE["example.org"]})
    assert site.says("policy list taken", "domains=2")


def test_a_list_behind_a_link_is_followed_when_the_link_changes(site):
    site.write(path=site.path + ".1")
    os.symlink(site.path + ".1", site.path)
    site.start(f'policy-list "{site.path}" {{}}\n')
    assert site.says("policy list taken", "domains=1")
    site.write(MINE | {"example.net": MINE["example.org"]}, path=site.path + ".2")
    os.symlink(site.path + ".2", site.path + ".new")
    os.rename(site.path + ".new", site.path)
    assert site.says("policy list taken", "domains=2")


def spoil_content(site):
    site.write({"example.org": {"mode": "testing", "mxs": [".example.net"]}})


def spoil_signer(site):
    site.write()
    site.sign(STRANGER)


def spoil_by_age(site):
    site.write()
    site.sign(FORMER, at="20200301T000000")


def spoil_by_absence(site):
    site.write()
    os.unlink(site.path + ".asc")


def spoil_by_exchange(site):
    site.write()
    site.write(path=site.path + ".other")
    site.keys.sign(LISTER, site.path + ".other", site.path + ".asc")


def spoil_by_inline(site):
    """A whole signed message in the place of a detached signature."""
    site.write()
    other = site.path + ".other"
    site.write(path=other)
    site.keys._run("--local-user", LISTER, "--output", site.path + ".asc", "--sign", other)
    os.chmod(site.path + ".asc", 0o644)


@pytest.mark.parametrize("spoil, words", [
    (spoil_content, "the signature is not of this file"), (spoil_signer, "signed by another key"),
    (spoil_by_age, "signed by a key that has expired"), (spoil_by_absence, "not signed"),
    (spoil_by_exchange, "the signature is not of this file"), (spoil_by_inline, "not a detached signature")],
    ids=["changed", "stranger", "expired", "unsigned", "exchanged", "inline"])
def test_a_list_without_a_good_signature_is_refused_and_the_old_one_stays(site, spoil, words):
    with open(site.key, "ab") as file, open(site.keys.export(FORMER, site.key + ".former"), "rb") as former:
        file.write(former.read())
    site.write()
    site.sign()
    site.start(signed(site))
    assert site.says("policy list taken"), site.lines("")
    spoil(site)
    assert site.says("policy list not taken", site.path, words), site.lines("")
    time.sleep(2)
    assert len(site.lines("policy list not taken")) == 1 and len(site.lines("policy list taken")) == 1
    assert site.machine.wait_until(lambda: site.told("degraded"))
    assert "the one before stays" in site.told("degraded")[0] and words in site.told("degraded")[0]
    site.write()
    site.sign()
    assert site.says("policy list taken", times=2)
    assert site.machine.wait_until(lambda: site.told("recovered"))


def test_a_list_that_nobody_may_read_or_that_is_too_long_is_said_in_one_line(site):
    site.start(f'policy-list "{site.path}" {{}}\n')
    assert site.says("policy list not taken", "No such file")
    site.write()
    os.chmod(site.path, 0o600)
    assert site.says("policy list not taken", "may not be read by the user that hopguard runs as"), site.lines("")
    with open(site.path, "wb") as file:
        file.truncate(16 * 1024 * 1024 + 1)
    os.chmod(site.path, 0o644)
    assert site.says("policy list not taken", "longer than 16384 KiB")
    os.unlink(site.path)
    os.mkfifo(site.path)
    assert site.says("policy list not taken", "not a regular file")
    os.unlink(site.path)
    site.write()
    assert site.says("policy list taken", "domains=1")
    # The first is said by the supervisor, too, as there is no ledger yet.
    assert len({line.partition(" degraded: ")[2] for line in site.lines("policy list not taken")}) == 4


def test_a_malformed_list_leaves_the_old_one_and_names_the_place(site):
    site.write()
    site.start(f'policy-list "{site.path}" {{}}\n')
    assert site.says("policy list taken"), site.lines("")
    site.write({"example.net": {"mode": "enforce", "mxs": []}})
    assert site.machine.wait_until(lambda: site.told("degraded"))
    assert f"the one before stays: {site.path}: policies.example.net:" in site.told("degraded")[0]
    assert len(site.told("degraded")) == 1
    site.write()
    assert site.machine.wait_until(lambda: site.told("recovered"))


def test_a_list_does_not_go_back_in_time(site):
    site.write()
    shutil.copy(site.path, site.path + ".old")
    site.write()
    site.start(f'policy-list "{site.path}" {{}}\n')
    assert site.says("policy list taken"), site.lines("")
    os.rename(site.path + ".old", site.path)
    assert site.says("policy list not taken", "is older than")
    assert site.machine.wait_until(lambda: site.told("degraded"))


def test_a_list_that_expires_is_told(site):
    site.write(expires=int(time.time()) + 6, timestamp=int(time.time()) - 10)
    site.start(f'policy-list "{site.path}" {{}}\n')
    assert site.says("policy list taken") and not site.told("degraded")
    assert site.machine.wait_until(lambda: any("has expired" in text for text in site.told("degraded")), timeout_s=10)


def test_a_scout_that_starts_anew_has_the_lists_again(site):
    site.write()
    site.sign()
    site.start(signed(site))
    assert site.says("policy list taken"), site.lines("")
    site.machine.kill(site.machine.processes()["scout"])
    assert site.says("policy list taken", times=2)


def test_a_list_named_by_a_reload_is_taken_and_one_named_no_more_is_read_no_more(site):
    site.start("")
    site.write()
    site.replace(site.machine.guard.configuration, f'policy-list "{site.path}" {{}}\n')
    assert site.machine.ask("reload").returncode == 0
    assert site.says("policy list taken"), site.lines("")
    site.replace(site.machine.guard.configuration, "")
    assert site.machine.ask("reload").returncode == 0
    site.write({})
    time.sleep(3)
    assert len(site.lines("policy list taken")) == 1


def test_watched_domains_are_looked_up_before_anybody_asks(site):
    site.replace(site.watch, "example.org\n# example.com\nbücher.example  # U-label\nno domain\n")
    site.start(f'watch = "{site.watch}"\n')
    assert site.says("watch list taken", "domains=2")
    assert site.says("has faults", "line 4: not a domain name")
    assert site.machine.wait_until(lambda: site.machine.status()["counters"]["lookups"] >= 2), site.machine.status()
