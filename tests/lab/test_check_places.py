# SPDX-License-Identifier: GPL-2.0-or-later
"""`hopguard check` and what servers do: every way of an attacker, of a broken box, and of servers that put a stranger off; addresses of one
host that differ; other mail servers than Postfix."""

import re

from check_cases import Cases, played
from check_lab import CLOSED, NO_ROUTE, VANISHED, WAITED

CASES = Cases()
case = CASES.add

UNSEEN = {"unproven", "no-promise"}


def bad(name, kind, kinds, where="", notes=()):
    case(name, kinds, notes=notes, where=where, policy=None, build=lambda lab, domain: lab.bad_host(kind))


# Put off, which is no stripping

bad("closing-door", "closing_door", {"deferred", *UNSEEN}, where="421 4.3.2 too many connections")
bad("busy-later", "busy_later", {"deferred", *UNSEEN}, where="451 4.7.1 greylisted")
bad("refusing-name", "refusing_name", {"rejected", *UNSEEN}, where="550 5.7.1 your name is on a list; to HELO: 550")
bad("slow-lines", "slow_lines", {"tarpit", *UNSEEN}, where=re.compile(f"octets of the reply {WAITED}"))

# Attacks and broken boxes

bad("ftp", "ftp", {"banner-strange", "no-promise", "cert-name"}, where="220 FTP server ready")
bad("quiet-banner", "quiet_banner", {"no-promise", "cert-name"}, notes={"banner-strange"})
bad("masked-ehlo", "masked_ehlo", {"banner-masked", "starttls-missing", "no-promise"}, where="its reply to EHLO is: ******")
bad("masked-all", "masked_all", {"starttls-masked", "no-promise"}, where='"XXXXXXXX"')
bad("masked-works", "masked_works", {"starttls-masked", "no-promise", "cert-name"}, where='"XXXXXXXA", yet STARTTLS works')
bad("odd-answer", "odd_answer", {"starttls-refused", "no-promise"}, where="354 go on")
bad("swallowed", "swallowed", {"starttls-refused", "no-promise"}, where=re.compile(f"no answer {WAITED}"))
bad("closing-starttls", "closing_starttls", {"starttls-refused", "no-promise"}, where="the connection was closed")
bad("silent-hello", "silent_hello", {"tls-broken", "no-promise"}, where=re.compile(f"no answer {WAITED}"))
bad("closing-hello", "closing_hello", {"tls-broken", "no-promise"}, where="closed")
bad("alert-hello", "alert_hello", {"tls-failed", "no-promise"}, where="alert 40")
bad("injected-open", "injected_open", {"injected", "no-promise"}, where="250 forg")
bad("late-text", "late_text", {"injected", "no-promise"}, where="in the place of the handshake stands: 250 2.1.0 forged")
bad("late-noise", "late_noise", {"injected", "no-promise"}, where="in the place of the handshake stands: ????")
bad("endless", "endless", {"not-smtp", *UNSEEN})

# Exim with GnuTLS, and OpenSMTPD, which breaks off every handshake in the version that the lab has


def exim(name, mood, kinds=(), where="", record=None):
    def build(lab, domain):
        lab.shared_names.append(f"mx.{domain}")
        return (f"@ MX 10 mx\nmx A {lab.exim(mood)}\n_25._tcp.mx TLSA {lab.key}\n" +
                (f"_25._tcp.mx TLSA {lab.rsa_record}\n" if record else ""))
    case(name, kinds, where=where, build=build)


exim("exim", "sound")
exim("exim-dual", "dual", record=True)
exim("exim-grey", "grey", {"deferred", "unproven"}, where="45")
exim("exim-slow", "slow", {"silent", "unproven"}, where=re.compile(f"0 octets of the banner {WAITED}"))
exim("exim-unwilling", "unwilling", {"rejected", "unproven"}, where="your address is on a list")
exim("exim-choosy", "choosy", {"rejected", "unproven"}, where="your name is on a list")
exim("exim-no-offer", "silent-offer", {"starttls-missing"}, where="503")
exim("exim-refusing", "refusing", {"starttls-refused"}, where="not today")
case("opensmtpd-clear", {"starttls-missing", "no-promise"}, policy=None,
     build=lambda lab, domain: f"@ MX 10 mx\nmx A {lab.opensmtpd('clear')}\n")
case("opensmtpd-tls", {"tls-failed", "no-promise"}, where="alert 80: internal error", policy=None,
     build=lambda lab, domain: f"@ MX 10 mx\nmx A {lab.opensmtpd('tls')}\n")

# Addresses of one host

case("one-stripped", {"starttls-missing", "weak-mx", "no-promise"}, where="198.51.100", policy=None,
     build=lambda lab, domain: lab.sound_host(domain, record=False) + f"mx A {lab.bad_server('stripped')}\n")
case("one-stripped-dane", {"starttls-missing"}, where="mx.one-stripped-dane.example 198.51.100", policy=None,
     build=lambda lab, domain: lab.sound_host(domain) + f"mx A {lab.bad_server('stripped')}\n")
case("one-closed", {"unreachable"}, where=f"{CLOSED}: Connection refused",
     build=lambda lab, domain: lab.sound_host(domain) + f"mx A {CLOSED}\n")
case("v6-vanished", {"unreachable"}, where=re.compile(f"2001:db8:66::9: no answer {WAITED}"),
     build=lambda lab, domain: lab.sound_host(domain) + "mx AAAA 2001:db8:66::9\n")
case("v6-other-key", {"tlsa-mismatch"}, where="2001:db8:25::", policy=None,
     build=lambda lab, domain: lab.sound_host(domain) + lab.sound_host(domain, family=6, record=False, smtpd_tls_chain_files=(
         f"{lab.stranger.key}, {lab.stranger.issue(f'mx.{domain}')}")).replace("@ MX 10 mx\n", ""))
case("no-route-at-all", {"unproven"}, notes={"no-route"}, where="",
     build=lambda lab, domain: f"@ MX 10 mx\nmx AAAA {NO_ROUTE}\n_25._tcp.mx TLSA {lab.key}\n")
case("vanished-alone", {"unreachable", "unproven"}, where=re.compile(f"no answer {WAITED}"),
     build=lambda lab, domain: f"@ MX 10 mx\nmx A {VANISHED}\n_25._tcp.mx TLSA {lab.key}\n")


lab, answers, test_a_domain_is_found_to_have_its_mistake_and_no_other = played(CASES, more=("exim", "opensmtpd"))
