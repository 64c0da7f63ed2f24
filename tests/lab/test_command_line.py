# SPDX-License-Identifier: GPL-2.0-or-later
"""A command line that is wrong, and what it is answered: in one line, by the name of what was typed, exit status 2."""

import subprocess

import pytest

import captures
import servers

MANY = [word for number in range(65) for word in ("--set", f"hold-seconds={number + 1}")]
PRINT = ("rules", "print", "--config", "/dev/null")
NO_CERTIFICATE = "tls.ca-file=/etc/hostname"


def run(*words):
    """In a network of its own: one of these that were carried out would change firewall rules."""
    return subprocess.run(["unshare", "-n", "--", servers.hopguard(), *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False, timeout=60)


@pytest.mark.parametrize("words, line", [
    (("replay", "--default-level", "foo", "/dev/null"), "--default-level foo: may, encrypt or verify"),
    (("check", "--config", "/dev/null", "--set", NO_CERTIFICATE, "example.org"),
     "check: tls.ca-file /etc/hostname: no certificate is in it (PEM is asked for)"),
    (("replay", "--config", "/dev/null", "--set", NO_CERTIFICATE, "--default-level", "may", "/dev/null"),
     "tls.ca-file /etc/hostname: no certificate is in it (PEM is asked for)"),
    (("run", *MANY), "at most 64 settings"),
    (("explain", "user@Example.org"), "explain: user@Example.org is a mailbox: name its domain, example.org"),
    (("flush", "user\033[2J@example.org"), "flush: user?[2J@example.org is a mailbox: name its domain, example.org"),
    (("explain", "user@"), "explain: neither a domain name nor an address: user@"),
    ((*PRINT, "--backend", "nft", "--family", "4"), "--family is for iptables: rules of nft are of both protocols at once"),
    (("rules", "apply", "--family", "6"), "--family goes with `print`: only what is shown can be of one protocol"),
    (("rules", "remove", "--family", "6"), "--family goes with `print`: only what is shown can be of one protocol"),
])
def test_it_is_told_in_one_line(words, line):
    done = run(*words)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"hopguard: {line}\n")


@pytest.mark.parametrize("command", ["status", "flows", "reload"])
def test_what_only_events_can_follow_is_told_before_the_usage(command):
    done = run(command, "--follow")
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.splitlines()[0] == f"hopguard: {command}: --follow is for `hopguard events`"


@pytest.mark.parametrize("family, other", [("4", "fc00::/7"), ("6", "10.0.0.0/8")])
def test_rules_of_one_protocol_have_no_network_of_the_other(family, other):
    both = run(*PRINT, "--backend", "iptables")
    one = run(*PRINT, "--backend", "iptables", "--family", family)
    assert (both.returncode, one.returncode) == (0, 0), (both, one)
    assert other in both.stdout and other not in one.stdout


def test_the_usage_has_every_verb_and_backend():
    assert "print|apply|remove|prepare" in run("--help").stdout
    assert "auto|nft|iptables|iptables-legacy" in run("rules", "--help").stdout


def test_a_configuration_that_may_not_be_read_is_told_and_the_defaults_are_taken(tmp_path):
    capture = tmp_path / "empty.pcap"
    capture.write_bytes(captures.pcap([]))
    script = "mount -t tmpfs none /etc && mkdir /etc/hopguard && umask 077 && echo mode=nonsense >/etc/hopguard/hopguard.conf && " \
             'exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"'
    tmp_path.chmod(0o755)
    with open(capture, encoding="latin-1") as opened:
        done = subprocess.run(["unshare", "-m", "--", "sh", "-c", script, "sh", servers.hopguard(), "replay", "--default-level", "may", "-"],
                              stdin=opened, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    assert done.returncode == 0, done
    assert done.stderr.splitlines()[0] == "hopguard: /etc/hopguard/hopguard.conf may not be read; the defaults are taken"
