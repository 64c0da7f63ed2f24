/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/check_finding.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "report/line.h"

static const struct {
	const char *name;
	enum check_severity severity;
	const char *what;
	const char *why;
	const char *mend;
} kinds[CHECK_KIND_COUNT] = {
	[CHECK_NONE] = { "none", CHECK_NOTE, "", "", "" },
	[CHECK_DNS_DOWN] = {
		"dns-unavailable", CHECK_BAD, "The DNS answers that come to this machine do not validate, not even the root's.",
		"Something between takes the signatures away, or the clock is wrong: nothing can be said of any domain (RFC 4035 section 5).",
		"Let port 53 (UDP and TCP) through to the root, or name a resolver that passes DNSSEC records on under `dns { forward }`; see that the clock is right.",
	},
	[CHECK_DOMAIN_MISSING] = {
		"domain-missing", CHECK_BAD, "The domain does not exist.",
		"Mail to it is returned at once (RFC 5321 section 5.1).",
		"Check the spelling, and that the domain is registered and delegated.",
	},
	[CHECK_MX_UNKNOWN] = {
		"mx-unknown", CHECK_BAD, "Where its mail goes cannot be looked up.",
		"A sender that validates DNSSEC keeps the mail and tries again until it gives up (RFC 7672 section 2.1).",
		"Mend the name servers or the signatures that are named here; then ask again.",
	},
	[CHECK_DNSSEC_BOGUS] = {
		"dnssec-bogus", CHECK_BAD, "The chain of DNSSEC signatures breaks.",
		"For validating resolvers the names below do not exist until it is mended (RFC 4035 section 5.5).",
		"Sign the zone again, or make the DS record at the registrar match its key; `delv` and dnsviz.net show the place.",
	},
	[CHECK_DNSSEC_INSECURE] = {
		"dnssec-insecure", CHECK_NOTE, "The zone is not signed from here on.",
		"DNS answers can be forged on the way, and DANE is not possible (RFC 7672 section 2.1).",
		"Have the zone signed and its DS record published, if its DNS provider can; MTA-STS works without.",
	},
	[CHECK_SERVER_WRONG] = {
		"nameserver-wrong", CHECK_WARNING, "A name server of the domain, or of an MX host, answers wrongly or not at all.",
		"Resolvers that happen to ask this one wait, or find the domain missing or bogus (RFC 1034 section 4.1).",
		"Make it serve the same signed zone as the others (see that it takes over each change), or take it out of the NS records here and at the registrar.",
	},
	[CHECK_DENIAL_COSTLY] = {
		"denial-costly", CHECK_WARNING, "The zone's proofs of what does not exist (NSEC3) ask for many rounds of hashing.",
		"Some validators take the zone for unsigned then, others refuse its answers and delay the mail (RFC 9276 section 3.2).",
		"Sign the zone with 0 additional iterations and no salt (RFC 9276 section 3.1).",
	},
	[CHECK_MX_NULL] = {
		"mx-null", CHECK_NOTE, "The domain says that it takes no mail (null MX).",
		"Senders return mail to it at once (RFC 7505).", "Nothing, if that is meant.",
	},
	[CHECK_MX_NULL_TOO] = {
		"mx-null-too", CHECK_BAD, "There is a null MX beside other MX records.",
		"The one says that the domain takes no mail, the others that it does: what a sender makes of it is its own affair (RFC 7505 section 3).",
		"Remove the null MX (`MX 0 .`), or all the others.",
	},
	[CHECK_MX_MISSING] = {
		"mx-missing", CHECK_WARNING, "There is no MX record; mail goes to the domain's own address.",
		"It works only by an old rule, often at a web server by accident (RFC 5321 section 5.1).",
		"Publish an MX record, or `MX 0 .` if the domain takes no mail (RFC 7505).",
	},
	[CHECK_MX_NOWHERE] = {
		"mx-nowhere", CHECK_WARNING, "The domain has neither an MX record nor an address: it takes no mail.",
		"Mail to it is returned, by some senders only after days of trying (RFC 5321 section 5.1).",
		"Publish an MX record, or `MX 0 .` to say that it takes none (RFC 7505).",
	},
	[CHECK_MX_UNSIGNED] = {
		"mx-unsigned", CHECK_WARNING, "The hosts have TLSA records, but the MX record that leads there is not signed.",
		"Whoever forges the MX record leads mail to a host with keys of his own (RFC 7672 section 2.2.1).",
		"Sign the domain's zone, too, or publish MTA-STS.",
	},
	[CHECK_MX_ALIAS] = {
		"mx-alias", CHECK_WARNING, "An MX record points at an alias (CNAME).",
		"That is not allowed, and some senders refuse it (RFC 5321 section 5.1, RFC 2181 section 10.3).",
		"Name the host itself in the MX record.",
	},
	[CHECK_MX_DANGLING] = {
		"mx-dangling", CHECK_BAD, "An MX record names a host without any address.",
		"Mail is delayed there; where the name stands in a zone that nobody owns any more, whoever registers that gets the mail (RFC 5321 section 5.1).",
		"Remove the MX record, or give the host an A or AAAA record.",
	},
	[CHECK_MX_ADDRESS] = {
		"mx-address", CHECK_BAD, "An MX record names an address where a host's name belongs.",
		"Senders look for a host of that name and find none: nothing is delivered there (RFC 1035 section 3.3.9, RFC 5321 section 5.1).",
		"Give the address a name (an A or AAAA record), and let the MX record name that.",
	},
	[CHECK_MX_LOCAL] = {
		"mx-local", CHECK_WARNING, "An MX host has an address that only its own network or machine reaches.",
		"Nobody on the Internet delivers there; on other networks it is somebody else's host (RFC 1918, RFC 5321 section 5.1).",
		"Publish the public address, or keep the record to a view of your own network.",
	},
	[CHECK_HOST_UNKNOWN] = {
		"host-unknown", CHECK_BAD, "A mail host's addresses or keys cannot be looked up.",
		"A sender that knows DANE delays the mail: it cannot know whether a key is promised (RFC 7672 section 2.1).",
		"Mend the host's zone or name servers as the detail says.",
	},
	[CHECK_MX_TOO_MANY] = {
		"mx-too-many", CHECK_NOTE, "There are more hosts or addresses than are looked at.",
		"Senders stop after a few (RFC 5321 section 5.1).", "Use fewer MX hosts.",
	},
	[CHECK_UNREACHABLE] = {
		"unreachable", CHECK_WARNING, "No connection to this address.",
		"Senders wait for it, then take another; whether it offers TLS is not known (RFC 5321 section 5.1).",
		"Open port 25 there, or remove the address; it may also be the network here that blocks port 25.",
	},
	[CHECK_NO_ROUTE] = {
		"no-route", CHECK_NOTE, "This machine has no way to that address; nothing is said about it.",
		"An IPv6 address is not to be reached from a network without IPv6 (RFC 3974).", "Check again from a machine that has one.",
	},
	[CHECK_NOLISTING] = {
		"nolisting", CHECK_WARNING, "The first MX is closed, a later one is open: nolisting, or a server that is down.",
		"This is no stripping. But senders that give up early lose mail, and what the closed one promises protects nobody (RFC 5321 section 5.1).",
		"If it is meant to keep spam away, make sure that the open MX promises the same; else start the first one.",
	},
	[CHECK_DEFERRED] = {
		"deferred", CHECK_WARNING, "The server asks to come back later: greylisting, a rate limit, or it is busy.",
		"This is no stripping: a real sender tries again (RFC 5321 section 4.2.1). What it offers then was not seen.",
		"Wait some minutes, then check again from the same address.",
	},
	[CHECK_REJECTED] = {
		"rejected", CHECK_WARNING, "The server wants no mail from here.",
		"This is no stripping: it refuses this address, not TLS (RFC 5321 section 3.1). What it offers to others was not seen.",
		"Read its reply: this address may be on a block list, or the name that it is greeted with may not be to its liking (--ehlo). Check again from another network.",
	},
	[CHECK_SILENT] = {
		"silent", CHECK_WARNING, "The server takes the connection and says nothing.",
		"Senders wait up to five minutes, then try elsewhere (RFC 5321 section 4.5.3.2).",
		"See whether the server is overloaded, or a firewall answers in its place; --timeout allows more time.",
	},
	[CHECK_TARPIT] = {
		"tarpit", CHECK_WARNING, "The server answers very slowly, octet by octet or line by line.",
		"This is no stripping, it slows senders down on purpose; impatient ones give up (RFC 5321 section 4.5.3.2).",
		"Exempt real senders from the tarpit; --timeout allows more time here.",
	},
	[CHECK_BROKEN_OFF] = {
		"broken-off", CHECK_WARNING, "The connection was broken off before the server said what it offers.",
		"Senders try again; who sits on the path can do that to any connection (RFC 7672 section 1.3.1).",
		"See the server's log for the reason; if it has none, look for a firewall between.",
	},
	[CHECK_NOT_SMTP] = {
		"not-smtp", CHECK_BAD, "What answers on this port does not speak SMTP.",
		"No mail can be delivered there (RFC 5321 section 4.2).", "Point the MX record at a mail server.",
	},
	[CHECK_BANNER_MASKED] = {
		"banner-masked", CHECK_BAD, "The banner or the reply to EHLO was overwritten with asterisks.",
		"A firewall between rewrites the dialogue; its kind also hides STARTTLS (RFC 3207 section 6).",
		"Switch off \"smtp fixup\" or \"inspect esmtp\" on the firewall before the server.",
	},
	[CHECK_BANNER_STRANGE] = {
		"banner-strange", CHECK_NOTE, "The banner does not say SMTP.",
		"Senders do not need that (RFC 5321 section 4.3.1). But where the server itself does, something between rewrites the dialogue, as is done to lead a firewall astray.",
		"Compare with the banner on the machine itself; if it is the same, let it say ESMTP (Postfix: smtpd_banner = $myhostname ESMTP).",
	},
	[CHECK_EHLO_REFUSED] = {
		"ehlo-refused", CHECK_BAD, "The server refuses EHLO and takes HELO.",
		"Without EHLO there is no STARTTLS: senders fall back to HELO and clear text (RFC 5321 section 4.1.1.1, RFC 3207 section 6).",
		"Let the server speak ESMTP; if it does, a firewall on the way refuses it in its place.",
	},
	[CHECK_STARTTLS_MISSING] = {
		"starttls-missing", CHECK_BAD, "STARTTLS is not offered.",
		"Senders deliver in the clear; those who know a promise of TLS keep the mail until it is returned (RFC 3207 section 6, RFC 7672 section 2.2).",
		"Give the server a key and switch TLS on (Postfix: smtpd_tls_security_level = may); if it is on, compare from another network.",
	},
	[CHECK_STARTTLS_MASKED] = {
		"starttls-masked", CHECK_BAD, "The STARTTLS keyword is overwritten.",
		"Senders do not see it and send in the clear, or keep the mail where TLS is promised (RFC 3207 section 6).",
		"Switch off \"smtp fixup\" or \"inspect esmtp\" on the firewall before the server; if there is none, somebody on the path does it.",
	},
	[CHECK_STARTTLS_HIDDEN] = {
		"starttls-hidden", CHECK_BAD, "STARTTLS is not offered, yet the server answers it.",
		"The offer is removed on the way, or hidden by the server: senders do not ask and send in the clear, or keep the mail where TLS is promised (RFC 3207 section 6).",
		"Compare with the server's own EHLO reply (on the machine itself); where they differ, look at what stands between.",
	},
	[CHECK_STARTTLS_REFUSED] = {
		"starttls-refused", CHECK_BAD, "STARTTLS is offered, then refused.",
		"Senders fall back to clear text, or keep the mail where TLS is promised (RFC 3207 section 4).",
		"See the server's log: mostly the key or certificate file cannot be read.",
	},
	[CHECK_INJECTED] = {
		"injected", CHECK_BAD, "Behind the reply to STARTTLS stands something that is no TLS.",
		"A client may take it for part of the protected dialogue: that is how replies are injected (CVE-2021-38371). Where it breaks the handshake, senders fall back to clear text (RFC 3207 section 6).",
		"Update the server; if its log knows nothing of it, somebody on the path inserts it.",
	},
	[CHECK_TLS_FAILED] = {
		"tls-failed", CHECK_BAD, "The TLS handshake fails.",
		"Senders fall back to clear text, or keep the mail where TLS is promised (RFC 3207 section 4.1).",
		"The server's log says why. Internal error: its key or certificate cannot be used. No version or cipher in common: allow TLS 1.2 and 1.3 with their usual ciphers.",
	},
	[CHECK_TLS_BROKEN] = {
		"tls-broken", CHECK_BAD, "The TLS handshake is broken off or not answered.",
		"This is how somebody on the path makes senders fall back to clear text (RFC 3207 section 6).",
		"See the server's log; if it saw no handshake, something between breaks it.",
	},
	[CHECK_CHAIN_LONG] = {
		"chain-too-long", CHECK_BAD, "The certificates that the server sends are too many or too large.",
		"A sender gives up at a limit of its own (64 KiB here and in the guard, 100 KiB in OpenSSL): it sends in the clear, or keeps the mail where TLS is promised (RFC 3207 section 4.1).",
		"Send the server's own certificate and those that lead to its authority, mostly two or three (fullchain.pem); no bundle of authorities.",
	},
	[CHECK_ANONYMOUS_ONLY] = {
		"anonymous-only", CHECK_BAD, "The server agrees on anonymous ciphers only: it has no certificate.",
		"Anybody on the path can take its place, and no promise can be kept (RFC 7672 section 8.2).",
		"Give it a key and a certificate, a self-signed one at least.",
	},
	[CHECK_ANONYMOUS_TOO] = {
		"anonymous-too", CHECK_NOTE, "The server also agrees on ciphers for which no certificate is shown.",
		"A sender that offers them, as Postfix does at level may, is often shown none: nobody can tell the server from an attacker then, and one who watches keys sees none (RFC 7672 section 8.2).",
		"Postfix: smtpd_tls_exclude_ciphers = aNULL here, or smtp_tls_exclude_ciphers = aNULL at the sender.",
	},
	[CHECK_TLS_OLD] = {
		"tls-old", CHECK_WARNING, "The server speaks no TLS newer than 1.1.",
		"TLS 1.0 and 1.1 must not be used any more, and new clients refuse them (RFC 8996).",
		"Update the server or its TLS library, and allow TLS 1.2 and 1.3.",
	},
	[CHECK_TLS_OLD_TOO] = {
		"tls-old-too", CHECK_NOTE, "The server still takes TLS 1.0 or 1.1 beside newer versions.",
		"It helps only senders that have nothing better (RFC 8996).",
		"Switch it off when the log shows that nobody uses it (Postfix: smtpd_tls_protocols = >=TLSv1.2).",
	},
	[CHECK_TLS_NEW_ONLY] = {
		"tls-new-only", CHECK_NOTE, "The server speaks TLS 1.3 only.",
		"Older senders know TLS 1.2 at most; they send in the clear, or not at all (RFC 9325 section 3.1.1).",
		"Allow TLS 1.2, too (Postfix: smtpd_tls_protocols = >=TLSv1.2).",
	},
	[CHECK_NO_FORWARD_SECRECY] = {
		"no-forward-secrecy", CHECK_NOTE, "The key exchange has no forward secrecy.",
		"Who records mail now and gets the key later reads it then (RFC 9325 section 4.1).",
		"Allow ECDHE key exchange.",
	},
	[CHECK_SNI_NEEDED] = {
		"sni-needed", CHECK_NOTE, "Senders that name no host in the handshake are shown another certificate.",
		"One that verifies always names the host (RFC 7672 section 8.1); many that only encrypt do not, and are told nothing.",
		"Nothing need be done; a default certificate with this host's name would help logs.",
	},
	[CHECK_CERT_EXPIRED] = {
		"cert-expired", CHECK_BAD, "The certificate has expired.",
		"Senders that follow MTA-STS keep the mail until it is returned (RFC 8461 section 4.2).",
		"Renew it, make the server load it, and find out why the renewal did not run.",
	},
	[CHECK_CERT_NOT_YET] = {
		"cert-not-yet-valid", CHECK_BAD, "The certificate is not valid yet.",
		"Senders that verify refuse it (RFC 5280 section 4.1.2.5).", "Correct the clock of who issued it, or wait.",
	},
	[CHECK_CERT_SOON] = {
		"cert-expires-soon", CHECK_WARNING, "The certificate expires within 14 days.",
		"When it has, senders that follow MTA-STS keep the mail (RFC 8461 section 4.2).",
		"See that the renewal runs. With TLSA 3 1 1 keep the key, or publish the new one before.",
	},
	[CHECK_CERT_NAME] = {
		"cert-name", CHECK_BAD, "The certificate is for another name.",
		"A sender that verifies wants the MX host's name in it, not the domain's (RFC 8461 section 4.1, RFC 6125).",
		"Issue a certificate for the host name that stands in the MX record.",
	},
	[CHECK_CERT_SELF_SIGNED] = {
		"cert-self-signed", CHECK_BAD, "The certificate is self-signed.",
		"Without a TLSA record for it nobody can tell it from an attacker's (RFC 7672 section 1.3).",
		"Publish a TLSA record (3 1 1) in a signed zone, or take a certificate of a public authority.",
	},
	[CHECK_CHAIN_INCOMPLETE] = {
		"chain-incomplete", CHECK_BAD, "The server does not send the certificate of its issuer.",
		"Senders do not fetch it, so that the chain leads nowhere for them (RFC 5246 section 7.4.2, RFC 8446 section 4.4.2).",
		"Configure the full chain: the server's own certificate, then the intermediate ones (fullchain.pem).",
	},
	[CHECK_CHAIN_ORDER] = {
		"chain-order", CHECK_WARNING, "The certificates that the server sends are out of order, or one does not belong to them.",
		"Each is to certify the one before it; some senders find no way to the authority otherwise (RFC 5246 section 7.4.2).",
		"Put them in this order: the server's own, who issued it, who issued that one (fullchain.pem); no others.",
	},
	[CHECK_CERT_UNTRUSTED] = {
		"cert-untrusted", CHECK_BAD, "The certificate leads to no authority that is trusted here.",
		"Senders that follow MTA-STS or a list refuse it (RFC 8461 section 4.2).",
		"Take a certificate of a public authority, or promise the key by a TLSA record.",
	},
	[CHECK_TLSA_UNKNOWN] = {
		"tlsa-unknown", CHECK_BAD, "Whether the host has TLSA records cannot be looked up.",
		"Senders that know DANE delay all mail to it (RFC 7672 section 2.1).",
		"Make the name servers answer questions for TLSA records, with a signed denial where there are none.",
	},
	[CHECK_TLSA_INSECURE] = {
		"tlsa-insecure", CHECK_WARNING, "There are TLSA records, but nothing signed leads to them.",
		"Senders must ignore them: they protect nobody (RFC 7672 section 2.2).",
		"Sign the zone of the host and publish its DS record; until then rely on MTA-STS.",
	},
	[CHECK_TLSA_UNUSABLE] = {
		"tlsa-unusable", CHECK_WARNING, "A TLSA record that mail servers cannot use.",
		"Usages 0 and 1 mean nothing in SMTP, nor do unknown or damaged digests; with no other record TLS is asked for, but no key (RFC 7672 section 3.1.3).",
		"Publish 3 1 1 (the server's key) or 2 1 1 (its authority's) in its place.",
	},
	[CHECK_TLSA_MISMATCH] = {
		"tlsa-mismatch", CHECK_BAD, "No TLSA record matches the key that the server has.",
		"Senders that know DANE keep the mail until it is returned (RFC 7672 section 2.2); an attacker looks the same.",
		"If the key was changed, publish its record now; next time publish the new record two TTLs before (RFC 7671 section 8.1).",
	},
	[CHECK_TLSA_SECOND] = {
		"tlsa-second-key", CHECK_BAD, "The server has two keys of different kinds, and no TLSA record matches one of them.",
		"Which one a sender is shown depends on what it offers: those who get this one keep the mail until it is returned (RFC 7671 section 8).",
		"Publish a record for this key, too, or take it from the server.",
	},
	[CHECK_TLSA_DIGEST] = {
		"tlsa-digest", CHECK_BAD, "A TLSA record matches, but one with a stronger digest beside it does not.",
		"Of several digests senders look at the strongest alone: they find a mismatch and keep the mail (RFC 7671 section 9).",
		"Publish the stronger digest of this key, or remove the record that does not match.",
	},
	[CHECK_TLSA_ANCHOR] = {
		"tlsa-anchor", CHECK_BAD, "The server does not send the certificate that a TLSA record with usage 2 stands for.",
		"A digest tells nothing of a certificate that is not there: senders find a mismatch and keep the mail (RFC 7671 section 5.2.2).",
		"Send the authority's own certificate as the last of the chain, or publish 3 1 1 for the server's key.",
	},
	[CHECK_TLSA_NAME] = {
		"tlsa-name", CHECK_BAD, "A TLSA record with usage 2 matches the authority, but the certificate is for another name.",
		"With usage 2 the name counts, unlike with usage 3 (RFC 7672 section 3.2.2).",
		"Issue a certificate for the host's name, or publish 3 1 1 for the server's key.",
	},
	[CHECK_TLSA_EXPIRED] = {
		"tlsa-expired", CHECK_BAD, "A TLSA record with usage 2 matches, but a certificate of the chain has expired.",
		"With usage 2 the dates count, unlike with usage 3 (RFC 7671 section 5.2).", "Renew the certificate.",
	},
	[CHECK_TLSA_STALE] = {
		"tlsa-stale", CHECK_NOTE, "A TLSA record matches no key that was seen; others do.",
		"That is right while a key is changed, and otherwise a door for whoever has the old one (RFC 7671 section 8.1).",
		"Remove it when the change is over.",
	},
	[CHECK_STS_UNKNOWN] = {
		"mta-sts-unknown", CHECK_WARNING, "Whether the domain has an MTA-STS policy cannot be looked up.",
		"New senders send without it (RFC 8461 section 3.1).", "Make the name servers answer for _mta-sts.",
	},
	[CHECK_STS_RECORD] = {
		"mta-sts-record", CHECK_BAD, "The MTA-STS record is not valid.",
		"It counts as if there were none, so the policy protects nobody new (RFC 8461 section 3.1).",
		"Publish exactly one TXT record at _mta-sts: v=STSv1; id=20260101T000000;",
	},
	[CHECK_STS_POLICY] = {
		"mta-sts-policy", CHECK_BAD, "An MTA-STS policy is promised, and no valid one can be fetched.",
		"Senders that do not have it yet send without it (RFC 8461 section 3.3).",
		"Serve it as text/plain with status 200 and no redirection, with a trusted certificate for the host mta-sts.",
	},
	[CHECK_STS_TESTING] = {
		"mta-sts-testing", CHECK_WARNING, "The MTA-STS policy is in mode testing.",
		"Senders report what is wrong and deliver all the same, in the clear, too (RFC 8461 section 5).",
		"When the reports are clean, set mode: enforce and change the id.",
	},
	[CHECK_STS_MODE_NONE] = {
		"mta-sts-none", CHECK_NOTE, "The MTA-STS policy is in mode none.",
		"It is as if there were no policy; that is the way to give one up (RFC 8461 section 8.3).",
		"Set mode: testing or enforce if protection is wanted.",
	},
	[CHECK_STS_AGE] = {
		"mta-sts-age", CHECK_WARNING, "The MTA-STS policy lives less than a day.",
		"A sender that writes seldom has forgotten it, and who blocks its renewal for so long is rid of it (RFC 8461 section 10.2).",
		"Set max_age to weeks: 2419200, say.",
	},
	[CHECK_STS_MX] = {
		"mta-sts-mx", CHECK_BAD, "The MTA-STS policy does not name this MX host.",
		"Senders that follow the policy do not deliver there (RFC 8461 section 4.1).",
		"Add an mx line for it to the policy and change the id, or remove the MX record.",
	},
	[CHECK_STS_PATTERN] = {
		"mta-sts-pattern", CHECK_NOTE, "The MTA-STS policy names a host that is no MX.",
		"It allows a place where no mail should go (RFC 8461 section 3.2).", "Remove the line if the host is gone.",
	},
	[CHECK_TLSRPT_UNKNOWN] = {
		"tlsrpt-unknown", CHECK_WARNING, "Whether the domain asks for reports about TLS cannot be looked up.",
		"No reports come from those who cannot look it up either (RFC 8460 section 3).", "Make the name servers answer for _smtp._tls.",
	},
	[CHECK_TLSRPT_MISSING] = {
		"tlsrpt-missing", CHECK_NOTE, "The domain asks for no reports about TLS.",
		"When senders fail to reach it safely, nobody hears of it (RFC 8460 section 3).",
		"Publish a TXT record at _smtp._tls: v=TLSRPTv1; rua=mailto:tls-reports@your.domain",
	},
	[CHECK_TLSRPT_RECORD] = {
		"tlsrpt-record", CHECK_WARNING, "The TLSRPT record is not valid.",
		"It counts as if there were none: no reports come (RFC 8460 section 3).",
		"Publish exactly one TXT record at _smtp._tls: v=TLSRPTv1; rua=mailto:tls-reports@your.domain",
	},
	[CHECK_LIST_MX] = {
		"list-mx", CHECK_BAD, "The policy list does not name this MX host.",
		"Senders that use the list do not deliver there.", "Have the list's entry changed, or remove the MX record.",
	},
	[CHECK_LIST_EXPIRED] = {
		"list-expired", CHECK_NOTE, "The policy list that names the domain has expired.",
		"It binds nobody any more.", "Fetch the list again.",
	},
	[CHECK_LIST_UNUSABLE] = {
		"list-unusable", CHECK_NOTE, "A policy list of this machine could not be used.",
		"What it says of the domain is not known here.", "See the detail.",
	},
	[CHECK_NO_PROMISE] = {
		"no-promise", CHECK_WARNING, "Nothing promises TLS: neither DANE nor MTA-STS in mode enforce, nor a policy list.",
		"Who sits on the path removes STARTTLS, and senders deliver in the clear without a word (RFC 3207 section 6).",
		"Publish TLSA records in a signed zone (RFC 7672), or an MTA-STS policy (RFC 8461).",
	},
	[CHECK_WEAK_MX] = {
		"weak-mx", CHECK_BAD, "One MX, or one of its addresses, is weaker than the others: it is the way to a downgrade.",
		"Who makes the strong ones unreachable leads the mail to this one: senders take the next address (RFC 5321 section 5.1).",
		"Give it the same protection as the others, or remove it.",
	},
	[CHECK_UNPROVEN] = {
		"unproven", CHECK_WARNING, "Not everything could be looked at, so nothing is proven.",
		"Whether mail goes in the clear is not known from here (RFC 3207 section 6).", "Check again from a network whose port 25 is open, or when the server answers.",
	},
};

static enum check_kind known(enum check_kind kind)
{
	return (unsigned)kind < CHECK_KIND_COUNT ? kind : CHECK_NONE;
}

const char *check_kind_name(enum check_kind kind)
{
	return kinds[known(kind)].name;
}

const char *check_kind_what(enum check_kind kind)
{
	return kinds[known(kind)].what;
}

const char *check_kind_why(enum check_kind kind)
{
	return kinds[known(kind)].why;
}

const char *check_kind_mend(enum check_kind kind)
{
	return kinds[known(kind)].mend;
}

enum check_severity check_kind_severity(enum check_kind kind)
{
	return kinds[known(kind)].severity;
}

const char *check_severity_name(enum check_severity severity)
{
	switch (severity) {
	case CHECK_NOTE:
		return "note";
	case CHECK_WARNING:
		return "warning";
	case CHECK_BAD:
		return "bad";
	}
	return "note";
}

/* Where a finding of that severity belongs; of its equals it is the last. */
static size_t find_place(const struct check_findings *findings, enum check_severity severity)
{
	size_t at = findings->count;

	while (at > 0 && findings->list[at - 1].severity < severity)
		at--;
	return at;
}

void check_add(struct check_findings *findings, enum check_kind kind, enum check_severity severity,
               const char *where, const char *format, ...)
{
	size_t at = find_place(findings, severity);
	struct check_finding *finding = &findings->list[at];
	char detail[CHECK_DETAIL_MAX];
	va_list arguments;

	if (at == CHECK_FINDINGS_MAX)
		return;
	if (findings->count == CHECK_FINDINGS_MAX)
		findings->count--;
	memmove(finding + 1, finding, (findings->count - at) * sizeof(*finding));
	findings->count++;
	finding->kind = kind;
	finding->severity = severity;
	line_clean(finding->where, sizeof(finding->where), where);
	va_start(arguments, format);
	(void)vsnprintf(detail, sizeof(detail), format, arguments);
	va_end(arguments);
	line_clean(finding->detail, sizeof(finding->detail), detail);
}

enum check_severity check_worst(const struct check_findings *findings)
{
	return findings->count > 0 ? findings->list[0].severity : CHECK_NOTE;
}
