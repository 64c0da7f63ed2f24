# SPDX-License-Identifier: GPL-2.0-or-later
"""Trust anchors, forwarders, time-outs, reload: how the scout's resolver stands up to its surroundings."""

import os
import shutil
import subprocess

import pytest

import servers
from dane_lab import ADDRESS, KEY, NOBODY, DaneLab
from dnsworld import Faulty, World

NAMES = 600
DANE = f"@ MX 10 mx\nmx A 198.51.100.25\n_25._tcp.mx TLSA 3 1 1 {KEY}\n"
IANA = ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n"
IANA_NEXT = ". IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16\n"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    made = DaneLab(tmp_path_factory.mktemp("dane"))
    try:
        made.zone("dane.example.", DANE)
        made.zone("slow.example.", DANE, faults=[("MX", "slow.example.", "slow")])
        made.zone("drop.example.", DANE, faults=[("MX", "drop.example.", "drop")])
        made.zone("many.example.", "".join(f"d{i} MX 10 mx\n" for i in range(NAMES)) + "mx A 198.51.100.25\n")
        made.zone("wild.example.", "* MX 10 mx\nmx A 198.51.100.25\n", faults=[("MX", "fails.wild.example.", "servfail")])
        made.start()
        yield made
    finally:
        made.stop()


def promise_of(answer):
    return answer["hosts"][0]["promise"] if answer["hosts"] else answer["mx"]


# Trust anchors


def test_another_roots_anchor_makes_everything_bogus(lab, tmp_path):
    other = World(str(tmp_path))
    other.build()
    answers = lab.ask("dane.example", "health:", anchor=other.trust_anchor)
    assert (answers["dane.example"]["mx"], answers["dane.example"]["mx_security"]) == ("unavailable", "bogus")
    assert "DNSSEC validation fails at the root" in answers["health"]["problem"]


def test_the_built_in_anchors_are_those_of_the_internet(lab, tmp_path):
    answer = lab.ask("dane.example", anchor="")
    assert answer["dane.example"]["mx_security"] == "bogus"
    lab.run("--state-directory", str(tmp_path), "dane.example", anchor="")
    with open(tmp_path / "root.key", encoding="ascii") as file:
        text = file.read()
    assert "20326" in text and "38696" in text


@pytest.mark.skipif(not os.path.exists("/usr/share/dns/root.ds"), reason="dns-root-data is not installed")
def test_the_built_in_anchors_agree_with_the_distributions():
    with open("/usr/share/dns/root.ds", encoding="ascii") as file:
        assert sorted(file.read().splitlines()) == sorted((IANA + IANA_NEXT).splitlines())


def test_anchors_are_tracked_in_the_state_directory(lab, tmp_path):
    shutil.copy(lab.world.trust_anchor, tmp_path / "root.key")
    answers, errors = lab.run("--state-directory", str(tmp_path), "dane.example", anchor="")
    assert promise_of(answers[0]) == "key" and errors == ""
    with open(tmp_path / "root.key", encoding="ascii") as file:
        text = file.read()
    assert "DNSKEY" in text and "VALID" in text
    assert os.listdir(tmp_path) == ["root.key"]
    # And what was tracked is believed by the next start.
    answers, errors = lab.run("--state-directory", str(tmp_path), "dane.example", "health:", anchor="")
    assert {promise_of(answer) for answer in answers if "hosts" in answer} == {"key"}
    assert [answer["problem"] for answer in answers if "problem" in answer] == [""]


def test_an_empty_tracked_file_is_seeded_anew(lab, tmp_path):
    (tmp_path / "root.key").touch()
    lab.run("--state-directory", str(tmp_path), "dane.example", anchor="")
    assert (tmp_path / "root.key").stat().st_size > 0


def test_a_damaged_tracked_file_gives_way_to_the_built_in_anchors_and_is_told(lab, tmp_path):
    (tmp_path / "root.key").write_text("this is no anchor\n", encoding="ascii")
    answers, _ = lab.run("--state-directory", str(tmp_path), "dane.example", "health:", anchor="")
    by_name = {answer["name"]: answer for answer in answers}
    # Bogus, as these anchors are not our root's: but an answer of a resolver that works.
    assert by_name["dane.example"]["mx_security"] == "bogus"
    assert (tmp_path / "root.key").read_text(encoding="ascii") == "this is no anchor\n"


def test_a_state_directory_that_is_missing_is_told(lab):
    _, errors = lab.run("--state-directory", "/nonexistent/hopguard", "dane.example", anchor="")
    assert errors.startswith("root key rollovers are not followed: cannot keep /nonexistent/hopguard/root.key")


def test_an_anchor_file_that_cannot_be_read_fails_everything_and_says_why(lab):
    answers = lab.ask("dane.example", "health:", anchor="/nonexistent/anchor")
    assert (answers["dane.example"]["mx"], answers["dane.example"]["mx_security"]) == ("unavailable", "failed")
    assert "cannot read /nonexistent/anchor" in answers["health"]["problem"]


# Who is asked


def test_the_health_of_a_sound_world_has_no_problem(lab):
    assert lab.ask("health:")["health"]["problem"] == ""


def test_unreachable_roots_are_told_and_make_mail_wait(lab, tmp_path):
    hints = tmp_path / "hints"
    hints.write_text(f". 300 NS ns.\nns. 300 A {NOBODY}\n", encoding="ascii")
    answers = lab.ask("dane.example", "health:", hints=str(hints), timeout_ms=1500)
    assert (answers["dane.example"]["mx"], answers["dane.example"]["mx_security"]) == ("unavailable", "failed")
    assert "nothing from the root servers" in answers["health"]["problem"]


@pytest.fixture(scope="module")
def resolver(lab):
    """A resolver for us to forward to, on port 5301."""
    configuration = os.path.join(lab.directory, "unbound.conf")
    with open(configuration, "w", encoding="ascii") as file:
        file.write(f"server:\n interface: {ADDRESS}@5301\n access-control: 0.0.0.0/0 allow\n username: \"\"\n chroot: \"\"\n"
                   f" directory: \"{lab.directory}\"\n pidfile: \"\"\n use-syslog: no\n logfile: \"\"\n do-daemonize: no\n"
                   f" root-hints: \"{lab.world.root_hints}\"\n trust-anchor-file: \"{lab.world.trust_anchor}\"\n"
                   " verbosity: 1\nremote-control:\n control-enable: no\n")
    try:
        program = servers.unbound()
    except servers.MissingProgram:
        program = servers.tool("unbound")
    process = subprocess.Popen([*lab.net.prefix, program, "-d", "-c", configuration], stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if "start of service" in line:
            break
    yield
    process.terminate()
    process.wait()
    process.stderr.close()


def forward(lab, rules, *questions):
    with Faulty(lab.world, NOBODY, rules, lab.net.prefix, upstream_port=5301):
        return lab.ask("--forward", NOBODY, *questions, hints="")


def test_a_forwarder_that_passes_dnssec_on_is_as_good_as_the_root(lab, resolver):
    answers = forward(lab, [], "dane.example", "health:")
    assert promise_of(answers["dane.example"]) == "key"
    assert answers["health"]["problem"] == ""


def test_a_forwarder_that_strips_dnssec_is_told_and_makes_mail_wait(lab, resolver):
    answers = forward(lab, [("*", "*", "strip")], "dane.example", "health:")
    assert promise_of(answers["dane.example"]) == "unavailable"
    assert "does the forwarder pass DNSSEC on?" in answers["health"]["problem"]


def test_a_forwarder_that_refuses_is_told_and_makes_mail_wait(lab, resolver):
    answers = forward(lab, [("*", "*", "refused")], "dane.example", "health:")
    assert (answers["dane.example"]["mx"], answers["dane.example"]["mx_security"]) == ("unavailable", "failed")
    assert f"nothing from forwarder {NOBODY}" in answers["health"]["problem"]


# Time and number


def test_a_look_up_ends_when_its_time_is_over(lab):
    answer = lab.ask("drop.example", timeout_ms=700)["drop.example"]
    assert answer["mx"] == "unavailable" and "timeout: no answer within 0.7 s" in answer["why"]


def test_a_new_context_asks_again_what_was_open(lab):
    # The name server answers after half a second; the context is replaced before that.
    answer = lab.ask("--renew", "200", "slow.example", timeout_ms=6000)["slow.example"]
    assert promise_of(answer) == "key", answer


def test_more_names_than_fit_in_flight_are_all_answered(lab):
    answers = lab.ask(*[f"d{i}.many.example" for i in range(NAMES)])
    assert len(answers) == NAMES
    assert {promise_of(answer) for answer in answers.values()} == {"none"}


def test_no_name_is_answered_by_what_is_known_of_a_wildcard(lab):
    # libunbound would keep what it makes of one where it finds it again by a walk through all that it ever made.
    names = [f"d{i}.wild.example" for i in range(NAMES)]
    answers = lab.ask(*names, "fails.wild.example")
    assert {promise_of(answers[name]) for name in names} == {"none"}
    assert promise_of(answers["fails.wild.example"]) == "unavailable"
