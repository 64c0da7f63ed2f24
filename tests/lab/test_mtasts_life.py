# SPDX-License-Identifier: GPL-2.0-or-later
"""How a policy lives: renewed, replaced, doubted, saved, ended (RFC 8461 sections 3.3, 5.1 and 8.3), with time moved on by hand."""

import pytest

from sts_lab import ID, NGINX, ROGUE, StsLab

pytestmark = pytest.mark.alone

DAY = 24 * 60 * 60
WEEK = 7 * DAY
GONE = ()
DOMAINS = ("txt-gone", "txt-two", "new-id", "same-id", "file-gone", "withdrawn", "restarted", "renewed", "late", "ended",
           "age-zero", "healed", "clock-back", "clock-ahead", "forgotten", "downtime", "often", "broken-later", "hosts-down")
ZERO = "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 0\n"


def policy(domain, mode="enforce", max_age=WEEK, mx="mx1"):
    return f"version: STSv1\nmode: {mode}\nmx: {mx}.{domain}\nmax_age: {max_age}\n"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    made = StsLab(tmp_path_factory.mktemp("sts"))
    try:
        for name in DOMAINS:
            made.domain(name, ZERO if name == "age-zero" else "" if name == "healed" else None)
        made.domain("txt-bogus", signed=True)
        made.domain("trickle")
        made.rogue_names.append("mta-sts.trickle.example")
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture
def engine(lab):
    made = lab.engine()
    yield made
    made.stop()


def taken(engine, domain):
    answer = engine.ask(domain)
    assert (answer["state"], answer["mode"]) == ("policy", "enforce") and answer["left"] >= WEEK - 5, answer
    return answer


def look(engine, domain):
    """Has the record looked up behind an answer, as an ask does after some minutes."""
    engine.do("advance 301")
    answer = engine.ask(domain)
    assert answer["waited_ms"] < 200, answer
    return answer


@pytest.mark.parametrize("name, records, why", [
    ("txt-gone", GONE, "TXT _mta-sts.txt-gone.example: no such record"),
    ("txt-two", ("v=STSv1; id=1;", "v=STSv1; id=2;"), "more than one record starts with v=STSv1;"),
])
def test_record_that_vanishes_leaves_the_cached_policy_and_is_told_at_once(lab, engine, name, records, why):
    domain = name + ".example"
    taken(engine, domain)
    lab.set_txt(domain, *records)
    lab.reload(engine)
    look(engine, domain)
    engine.wait_for(lambda: engine.told(domain))
    assert engine.told(domain)[0].startswith("the MTA-STS policy cannot be renewed, and holds for another 6 days: ")
    assert why in engine.told(domain)[0]
    answer = engine.ask(domain)
    assert (answer["state"], answer["mode"]) == ("policy", "enforce") and why in answer["why"]
    evidence = engine.evidence(domain)
    assert evidence["state"] == "binds" and "cannot be renewed: " in evidence["detail"] and why in evidence["detail"]


def test_record_that_becomes_bogus_leaves_the_cached_policy_and_is_told_when_it_stays_so(lab, engine):
    domain = "txt-bogus.example"
    taken(engine, domain)
    lab.records[domain]["zone"]["broken"] = f"signature:_mta-sts.{domain}. TXT"
    lab.set_txt(domain, f"v=STSv1; id={ID};")
    lab.reload(engine)
    look(engine, domain)
    engine.wait_for(lambda: "bogus" in engine.ask(domain)["why"])
    assert engine.told(domain) == []
    engine.do("advance 80")
    engine.wait_for(lambda: engine.told(domain))
    assert f"TXT _mta-sts.{domain}: bogus" in engine.told(domain)[0]
    assert engine.ask(domain)["state"] == "policy"


def test_new_id_brings_the_new_policy(lab, engine):
    domain = "new-id.example"
    taken(engine, domain)
    lab.nginx.publish(domain, policy(domain, "testing", DAY, "mx2"))
    lab.set_txt(domain, "v=STSv1; id=next;")
    lab.reload(engine)
    assert look(engine, domain)["mode"] == "enforce"
    engine.wait_for(lambda: [row["id"] for row in engine.rows] == [ID, "next"])
    answer = engine.ask(domain)
    assert (answer["mode"], answer["id"]) == ("testing", "next") and DAY - 5 <= answer["left"] <= DAY
    assert engine.allows(domain, "mx2." + domain) and not engine.allows(domain, "mx1." + domain)
    assert engine.evidence(domain)["state"] == "alerts"


def test_same_id_is_not_fetched_again_but_for_a_would_be_block(lab, engine):
    domain = "same-id.example"
    taken(engine, domain)
    lab.nginx.publish(domain, policy(domain, mx="mx2"))
    asked = lab.nginx.asked()
    look(engine, domain)
    engine.ask("no-such-name.example")
    assert lab.nginx.asked() == asked and not engine.allows(domain, "mx2." + domain)
    answer = engine.refresh(domain)
    assert answer["state"] == "policy" and lab.nginx.asked() == asked + 1
    assert engine.allows(domain, "mx2." + domain) and not engine.allows(domain, "mx1." + domain)


def test_would_be_blocks_fetch_once_a_minute(lab, engine):
    domain = "often.example"
    taken(engine, domain)
    engine.do("advance 61")
    asked = lab.nginx.asked()
    for _ in range(5):
        assert engine.refresh(domain)["state"] == "policy"
    assert lab.nginx.asked() == asked + 1
    engine.do("advance 61")
    engine.send(*[f"refresh {domain}"] * 5)
    for _ in range(5):
        assert engine.until("ask", domain)["state"] == "policy"
    assert lab.nginx.asked() == asked + 2


def test_would_be_block_is_answered_from_the_cache_when_the_file_does_not_come(lab, engine):
    domain = "trickle.example"
    taken(engine, domain)
    engine.do("advance 61")
    lab.records[domain]["host"] = ROGUE
    lab.set_txt(domain, f"v=STSv1; id={ID};")
    lab.reload(engine)
    answer = engine.refresh(domain)
    assert (answer["state"], answer["mode"]) == ("policy", "enforce")
    assert 7000 <= answer["waited_ms"] <= 9500


def test_file_that_vanishes_leaves_the_cached_policy_and_is_told_when_it_stays_so(lab, engine):
    domain = "file-gone.example"
    taken(engine, domain)
    lab.nginx.publish(domain, None)
    engine.do("advance 61")
    answer = engine.refresh(domain)
    assert (answer["state"], answer["mode"]) == ("policy", "enforce") and "status 404" in answer["why"]
    assert engine.told(domain) == []
    engine.do("advance 80")
    engine.wait_for(lambda: engine.told(domain))
    assert "holds for another 6 days: " in engine.told(domain)[0]
    assert "status 404, only 200 is taken" in engine.told(domain)[0]
    lab.nginx.publish(domain, policy(domain))
    engine.do("advance 200")
    engine.wait_for(lambda: len(engine.rows) > 1)
    answer = engine.ask(domain)
    assert answer["why"] == "" and answer["left"] >= WEEK - 5


def test_broken_file_does_not_replace_a_policy(lab, engine):
    domain = "broken-later.example"
    taken(engine, domain)
    lab.nginx.publish(domain, "version: STSv1\nmode: enforce\nmax_age: 1\n")
    lab.set_txt(domain, "v=STSv1; id=next;")
    lab.reload(engine)
    look(engine, domain)
    engine.wait_for(lambda: "no mx names a host" in engine.ask(domain)["why"])
    answer = engine.ask(domain)
    assert (answer["mode"], answer["id"]) == ("enforce", ID)


def test_withdrawn_policy_ends_without_an_alert(lab, engine):
    domain = "withdrawn.example"
    taken(engine, domain)
    lab.nginx.publish(domain, "version: STSv1\nmode: none\nmax_age: 3600\n")
    lab.set_txt(domain, "v=STSv1; id=last;")
    lab.reload(engine)
    look(engine, domain)
    engine.wait_for(lambda: engine.ask(domain)["mode"] == "none")
    assert engine.evidence(domain)["state"] == "none"
    lab.set_txt(domain)
    lab.nginx.publish(domain, None)
    lab.reload(engine)
    look(engine, domain)
    engine.wait_for(lambda: "no such record" in engine.evidence(domain)["detail"])
    engine.do("advance 80")
    engine.wait_for(lambda: engine.ask(domain)["left"] < 3600 - 380)
    engine.do("advance 3600")
    assert engine.ask(domain)["state"] == "none" and engine.told(domain) == []


def test_policy_is_renewed_within_a_day_though_nobody_asks(lab, engine):
    domain = "renewed.example"
    taken(engine, domain)
    asked = lab.nginx.asked()
    engine.do(f"advance {DAY // 2 - 60}")
    assert lab.nginx.asked() == asked
    engine.do(f"advance {DAY // 2 + 120}")
    engine.wait_for(lambda: lab.nginx.asked() == asked + 1)
    engine.wait_for(lambda: engine.rows[-1]["left"] == WEEK)


def test_alerts_become_louder_from_half_of_the_life_on_and_the_end_is_told(lab, engine):
    domain = "late.example"
    taken(engine, domain)
    lab.nginx.publish(domain, None)
    # By the hour, with time for each look-up: the first day brings the first try.
    for _ in range(4 * 7 - 1):
        engine.do(f"advance {DAY // 4}")
        engine.refresh(domain)
    told = engine.told(domain)
    early = [text for text in told if "holds for another" in text]
    late = [text for text in told if "is past half of its life, ends in " in text]
    assert len(early) + len(late) == len(told) and told == early + late
    assert 2 <= len(early) <= 4 and len(late) >= 12, told
    answer = engine.ask(domain)
    assert answer["state"] == "policy" and 0 < answer["left"] <= DAY // 4
    engine.do(f"advance {DAY // 4}")
    assert "ended and could not be renewed" in engine.told(domain)[-1] and engine.rows[-1]["left"] == 0
    answer = engine.ask(domain)
    assert answer["state"] == "unavailable" and "status 404" in answer["why"]
    assert engine.evidence(domain)["state"] == "failed"
    # It is kept for a week, and never binds.
    engine.do("forget x.example")
    engine.do(f"advance {WEEK + 3600}")
    engine.do("advance 3600")
    assert engine.rows[-1] == dict(engine.rows[-1], row=domain, removed=True)


def test_expired_policy_is_said_and_does_not_bind(lab, engine):
    domain = "ended.example"
    lab.nginx.publish(domain, policy(domain, max_age=240))
    assert engine.ask(domain)["left"] == 240
    engine.do("advance 241")
    evidence = engine.evidence(domain)
    assert evidence["state"] == "expired" and evidence["detail"].startswith("ended: mode enforce") and evidence["left"] == 0
    assert not engine.allows(domain, "mx1." + domain)
    lab.set_txt(domain)
    lab.reload(engine)
    assert engine.ask(domain)["state"] == "none"
    assert engine.told(domain) == []


def test_policy_of_no_age_binds_the_delivery_that_fetched_it(lab, engine):
    domain = "age-zero.example"
    answer = engine.ask(domain)
    assert (answer["state"], answer["mode"]) == ("policy", "enforce") and answer["left"] <= 60
    asked = lab.nginx.asked()
    engine.do("advance 61")
    assert engine.evidence(domain)["state"] == "expired"
    assert engine.ask(domain)["state"] == "policy" and lab.nginx.asked() == asked + 1


def test_restart_in_the_middle_of_the_life_with_the_policy_host_down_enforces(lab, engine):
    domain = "restarted.example"
    taken(engine, domain)
    lab.nginx.publish(domain, None)
    lab.set_txt(domain)
    lab.reload(engine)
    engine.do(f"advance {3 * DAY}")
    engine.do("restart")
    answer = engine.ask(domain)
    assert (answer["state"], answer["mode"], answer["id"]) == ("policy", "enforce", ID) and answer["waited_ms"] < 200
    assert 4 * DAY - 3700 <= answer["left"] <= 4 * DAY
    assert engine.allows(domain, "mx1." + domain)
    engine.do(f"advance {4 * DAY + 60}")
    assert engine.ask(domain)["state"] == "none"


def test_policy_host_that_is_down_is_told_and_the_policy_enforced(lab, engine):
    domain = "hosts-down.example"
    taken(engine, domain)
    lab.nginx.stop()
    try:
        for _ in range(2):
            engine.do("advance 61")
            assert engine.refresh(domain)["mode"] == "enforce"
        assert f"no connection to {NGINX}:443" in engine.told(domain)[0] and "Connection refused" in engine.told(domain)[0]
    finally:
        lab.nginx.start()


def test_time_that_passes_while_we_are_down_counts(lab, engine):
    domain = "downtime.example"
    taken(engine, domain)
    engine.do(f"wall {3 * DAY}")
    engine.do("restart")
    assert 4 * DAY - 5 <= engine.ask(domain)["left"] <= 4 * DAY


@pytest.mark.parametrize("years", [-1, -56])
def test_clock_set_back_neither_revives_nor_kills(lab, engine, years):
    domain = "clock-back.example"
    taken(engine, domain)
    engine.do(f"wall {years * 365 * DAY}")
    assert engine.ask(domain)["left"] >= WEEK - 5
    engine.do("restart")
    assert WEEK - 5 <= engine.ask(domain)["left"] <= WEEK
    engine.do(f"wall {-years * 365 * DAY}")
    assert engine.ask(domain)["state"] == "policy"
    lab.set_txt(domain)
    lab.reload(engine)
    engine.do(f"advance {WEEK + DAY}")
    engine.do(f"wall {years * 365 * DAY}")
    engine.do("restart")
    assert engine.evidence(domain)["state"] == "expired"
    assert engine.ask(domain)["state"] == "none"
    lab.set_txt(domain, f"v=STSv1; id={ID};")
    lab.reload(engine)


def test_clock_set_far_ahead_leaves_a_day_in_which_the_policy_is_fetched_again(lab, engine):
    domain = "clock-ahead.example"
    taken(engine, domain)
    engine.do(f"wall {12 * 365 * DAY}")
    assert engine.ask(domain)["left"] >= WEEK - 5
    engine.do("restart")
    assert DAY - 5 <= engine.ask(domain)["left"] <= DAY
    engine.do("restart")
    assert engine.ask(domain)["left"] <= DAY
    engine.do("advance 3601")
    engine.wait_for(lambda: engine.ask(domain)["left"] == WEEK)


def test_policy_that_could_not_be_had_is_tried_again_early(lab, engine):
    domain = "healed.example"
    assert engine.ask(domain)["state"] == "unavailable"
    assert engine.evidence(domain)["state"] == "failed"
    lab.nginx.publish(domain, policy(domain))
    answer = engine.ask(domain)
    assert answer["state"] == "unavailable" and answer["waited_ms"] < 200 and answer["ttl"] <= 76
    engine.do("advance 80")
    engine.wait_for(lambda: engine.rows)
    assert taken(engine, domain)["why"] == ""
    assert engine.evidence(domain)["state"] == "binds" and len(engine.told(domain)) == 1


def test_forgotten_policy_is_looked_up_anew(lab, engine):
    domain = "forgotten.example"
    taken(engine, domain)
    engine.do(f"forget {domain}")
    assert engine.rows[-1] == dict(engine.rows[-1], row=domain, removed=True)
    assert engine.evidence(domain)["state"] == ""
    asked = lab.nginx.asked()
    taken(engine, domain)
    assert lab.nginx.asked() == asked + 1


def test_cached_policy_answers_at_once(lab, engine):
    domain = "forgotten.example"
    taken(engine, domain)
    assert max(engine.ask(domain)["waited_ms"] for _ in range(20)) < 50
