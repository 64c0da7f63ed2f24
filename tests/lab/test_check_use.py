# SPDX-License-Identifier: GPL-2.0-or-later
"""`hopguard check` in the hands of those who use it: what they type, networks that do not work, terminals, interrupts."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys

import pytest

import namespaces
import preloads
import servers

from check_lab import CheckLab
from dnsworld import Faulty

pytestmark = pytest.mark.alone

STRIPPER = "192.0.2.56"  # a resolver in the way, which does not pass DNSSEC on


@pytest.fixture(scope="module")
def lab():
    one = CheckLab(namespaces.make_directory())
    try:
        one.domain("sound")
        one.domain("plain", one.sound_host("plain.example", record=False), policy=None)
        one.domain("silent", one.bad_host("silent"), policy=None)
        one.domain("xn--bcher-kva", one.sound_host("xn--bcher-kva.example"), policy=None)
        one.addresses.append(STRIPPER)
        one.start()
        one.running.append(Faulty(one.world, STRIPPER, [("*", "*", "strip")], one.prefix, upstream_port=53))
        yield one
    finally:
        one.stop()


def elsewhere(lab, script, *arguments):
    """In a network of its own, which the script makes."""
    command = lab.command(*arguments)[len(lab.prefix):]
    return subprocess.run(["unshare", "-n", "--", "sh", "-c", script + '; exec "$@"', "sh", *command], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=60, check=False)


@pytest.mark.parametrize("typed", ["sound.example", "sound.example.", "Sound.EXAMPLE"])
def test_a_domain_may_be_typed_in_any_case_and_with_its_last_dot(lab, typed):
    done = lab.run(typed)
    assert done.returncode == 0 and done.stdout.startswith("sound.example: good")


@pytest.mark.parametrize("typed", ["bücher.example", "BÜCHER.example", "xn--bcher-kva.example"])
def test_a_domain_may_be_typed_in_its_own_letters(lab, typed):
    done = lab.run("--json", typed)
    assert done.returncode == 0 and json.loads(done.stdout)["domain"] == "xn--bcher-kva.example"


@pytest.mark.parametrize("typed, line", [
    ("postmaster@sound.example", "hopguard: check: postmaster@sound.example is a mailbox: name its domain, sound.example"),
    ("198.51.100.1", "hopguard: check: 198.51.100.1 is the address of a host: name the domain whose mail goes there"),
    ("2001:db8::25", "hopguard: check: 2001:db8::25 is the address of a host: name the domain whose mail goes there"),
    ("[198.51.100.1]", "hopguard: check: [198.51.100.1] is the address of a host: name the domain whose mail goes there"),
    ("https://sound.example/", "hopguard: check: not a domain name: https://sound.example/"),
    ("a..example", "hopguard: check: not a domain name: a..example"),
    (".", "hopguard: check: not a domain name: ."),
    ("", "hopguard: check: not a domain name: "),
    ("\033[2Jx.example", "hopguard: check: not a domain name: ?[2Jx.example"),
])
def test_what_is_no_domain_is_told_in_one_line_before_anything_is_looked_at(lab, typed, line):
    done = lab.run("sound.example", typed)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", line + "\n")


def test_of_several_domains_each_has_its_own_answer_and_the_worst_counts(lab):
    done = lab.run("--json", "sound.example", "plain.example", "nobody.example", "sound.example")
    assert done.returncode == 1
    assert [json.loads(line)["result"] for line in done.stdout.splitlines()] == ["good", "warning", "bad", "good"]


@pytest.mark.parametrize("script", [":", "ip link set lo up"])
def test_without_a_network_one_line_says_so_and_no_domain_is_blamed(lab, script):
    for arguments in (("sound.example", "plain.example"), ("--json", "sound.example")):
        done = elsewhere(lab, script, *arguments)
        assert (done.returncode, done.stdout) == (4, "")
        assert done.stderr == "hopguard: check: this machine has no network: no interface but loopback has an address\n"


def test_where_no_dns_server_answers_one_line_says_so(lab):
    done = elsewhere(lab, "ip link set lo up; ip link add void type veth peer name pit; ip link set void up; ip link set pit up; "
                          "ip address add 10.0.0.1/24 dev void; ip route add default via 10.0.0.2; "
                          "ip neighbour add 10.0.0.2 lladdr 02:00:00:00:00:01 dev void",
                     "--set", "dns.timeout-seconds=2", "sound.example", "plain.example")
    assert (done.returncode, done.stdout) == (4, "")
    assert re.fullmatch(r"hopguard: check: no DNS server answers this machine: timeout: .*dns\.forward\)\n", done.stderr)


def test_a_resolver_that_does_not_pass_dnssec_on_is_blamed_on_no_domain(lab):
    done = lab.run("--json", "--set", f"dns.forward={{{STRIPPER}}}", "sound.example")
    assert done.returncode == 1, done.stderr
    finding, = json.loads(done.stdout)["findings"]
    assert finding["kind"] == "dns-unavailable"


def test_colours_stand_on_a_terminal_alone(lab):
    master, terminal = os.openpty()
    with subprocess.Popen(lab.command("plain.example"), stdout=terminal, stderr=subprocess.DEVNULL):
        os.close(terminal)
        shown = b""
        with contextlib.suppress(OSError):  # EIO: the other end is closed
            while piece := os.read(master, 65536):
                shown += piece
    os.close(master)
    assert b"\033[1;33mplain.example: warning\033[0m" in shown
    assert "\033" not in lab.run("plain.example").stdout


def test_an_interrupt_ends_it_at_once_and_leaves_half_an_answer_nowhere(lab):
    patient = ("--timeout", "60")  # both are looked at side by side: the second is not to end by itself meanwhile
    listens = ("env", "--default-signal=INT")  # what runs in the background may have been born deaf to it
    with subprocess.Popen(lab.command(*patient, "--json", "sound.example", "silent.example", before=listens), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as process:
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=40)  # not yet the end of its own patience
    assert json.loads(first)["domain"] == "sound.example"
    assert (process.returncode, rest, errors) == (-signal.SIGINT, "", "")


def test_answers_are_read_without_any_right(lab):
    with subprocess.Popen(lab.command("silent.example"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert namespaces.wait_until(lambda: servers.rights(process.pid)["Seccomp"] == "2")
        rights = servers.rights(process.pid)
        # It waits for a server that says nothing.
        assert process.poll() is None
        process.communicate(timeout=30)
    assert "0" not in rights["Uid"].split() and int(rights["CapPrm"], 16) == int(rights["CapBnd"], 16) == 0
    assert rights["NoNewPrivs"] == "1"


def test_a_reader_that_goes_away_ends_it_without_a_word(lab):
    with subprocess.Popen(lab.command("sound.example"), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        errors = process.stderr.read()
    assert process.returncode == 4 and len(errors.splitlines()) == 1, errors


@pytest.mark.skipif(servers.is_sanitized(), reason="a sanitizer wants to be loaded first")
def test_it_does_all_in_one_thread(lab):
    alone = ["env", f"LD_PRELOAD={preloads.single(lab.directory)}"]
    other = subprocess.run([*alone, sys.executable, "-c", "import threading; threading.Thread(target=print).start()"], check=False,
                           stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert (other.returncode, other.stderr) == (99, b"a thread\n"), "the library does what it says"
    done = lab.run("sound.example", "plain.example", before=alone)
    assert (done.returncode, done.stderr) == (1, ""), done.stdout
    assert done.stdout == lab.run("sound.example", "plain.example").stdout
