# SPDX-License-Identifier: GPL-2.0-or-later
"""`hopguard check`: every finding that its manual lists is shown by some domain of the lab. Here are those that need more than a
zone and a server: lists of this machine, its own DNS, certificates of the future."""

import json
import os
import pathlib
import re

import test_check
import test_check_keys
import test_check_names
import test_check_places

from authority import FUTURE
from check_cases import Cases, played

CASES = Cases()
case = CASES.add

MANUAL = pathlib.Path(__file__).parents[2].joinpath("docs", "hopguard.8")
PAST, FAR = 1700000000, 2100000000


def policy_list(lab, name, text):
    """What names a policy list of that text."""
    listed = os.path.join(lab.directory, f"{name}.json")
    configuration = os.path.join(lab.directory, f"{name}.conf")
    for path, content in ((listed, text), (configuration, f'policy-list "{listed}" {{}}\n')):
        with open(path, "w", encoding="ascii") as file:
            file.write(content)
    return ("--config", configuration)


def listed(name, mode="enforce", expires=FAR, mx="mx.{0}"):
    domain = f"{name}.example"
    text = json.dumps({"version": "0.1", "timestamp": 1600000000, "expires": expires, "policy-aliases": {},
                       "policies": {domain: {"mode": mode, "mxs": [mx.format(domain)]}}})
    return lambda lab: policy_list(lab, name, text)


case("not-yet", {"cert-not-yet-valid"}, where="before 2036-01-01", signed=False, build=lambda lab, domain: lab.sound_host(
    domain, record=False, certificate=lab.certificate(f"mx.{domain}", valid=FUTURE)))
case("local-mx", {"mx-local"}, notes={"no-route"}, where="10.0.0.1", policy=None,
     build=lambda lab, domain: lab.sound_host(domain) + "@ MX 20 inside\ninside A 10.0.0.1\n_25._tcp.inside TLSA " + lab.key + "\n")
case("missing", {"domain-missing"}, is_there=False)
case("own-dns", {"dns-unavailable"}, arguments=lambda lab: ("--set", "dns.trust-anchor="))
case("listed", policy=None, arguments=listed("listed"), build=lambda lab, domain: lab.sound_host(domain, record=False))
case("listed-other", {"list-mx"}, where="mx.listed-other.example", policy=None, arguments=listed("listed-other", mx="other.{0}"))
case("listed-testing", {"list-mx", "no-promise"}, policy=None, arguments=listed("listed-testing", mode="testing", mx="other.{0}"),
     build=lambda lab, domain: lab.sound_host(domain, record=False))
case("listed-once", notes={"list-expired"}, where="listed-once.json", policy=None, arguments=listed("listed-once", expires=PAST))
case("listed-once-alone", {"no-promise"}, notes={"list-expired"}, policy=None, arguments=listed("listed-once-alone", expires=PAST),
     build=lambda lab, domain: lab.sound_host(domain, record=False))
case("list-broken", notes={"list-unusable"}, where="list-broken.json", policy=None,
     arguments=lambda lab: policy_list(lab, "list-broken", "{"))


lab, answers, test_a_domain_is_found_to_have_its_mistake_and_no_other = played(CASES)


def test_every_finding_of_the_manual_is_shown_by_a_domain_of_the_lab_and_no_other_is():
    manual = MANUAL.read_text(encoding="utf-8").split(".Sh WHAT CHECK FINDS")[1].split("\n.Sh ")[0]
    modules = (test_check, test_check_keys, test_check_names, test_check_places)
    shown = set().union(CASES.kinds(), *(module.CASES.kinds() for module in modules))
    assert set(re.findall(r"^\.It Cm (\S+)$", manual, re.M)) == shown
