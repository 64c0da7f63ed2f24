/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verdict/reason.h"

#include <stddef.h>

/* SMTP codes as Postfix gives them: 4.7.4 no TLS to be had, 4.7.5 the wrong key or place. */
static const struct {
	const char *name;
	enum reason_kind kind;
	const char *status_code;
	const char *words;
	const char *advice;
} reasons[REASON_COUNT] = {
	[REASON_NONE] = { "none", KIND_NONE, "4.7.0", "nothing to say", "" },
	[REASON_STARTTLS_STRIPPED] = {
		"starttls-stripped", KIND_ATTACK, "4.7.4", "STARTTLS was not offered, though the destination promised TLS",
		"Something between here and the destination removes STARTTLS, or the destination's server has TLS "
		"switched off: look at its EHLO reply from another network and compare.",
	},
	[REASON_STARTTLS_MASKED] = {
		"starttls-masked", KIND_ATTACK, "4.7.4", "the STARTTLS keyword or the banner was overwritten on the way",
		"A firewall with an SMTP \"fixup\" or \"inspect esmtp\" function overwrites capabilities: switch it off, "
		"here or at the destination; if there is none, somebody on the path does it.",
	},
	[REASON_STARTTLS_REFUSED] = {
		"starttls-refused", KIND_ATTACK, "4.7.4", "STARTTLS was offered and then refused",
		"The destination's server cannot start TLS at the moment, or somebody on the path answers in its place: "
		"the mail stays queued and is tried again.",
	},
	[REASON_EHLO_REFUSED] = {
		"ehlo-refused", KIND_ATTACK, "4.7.4", "EHLO was refused, so TLS could not be asked for",
		"The destination promised TLS, so its server knows EHLO: something on the path refuses it.",
	},
	[REASON_TLS_SABOTAGED] = {
		"tls-sabotaged", KIND_ATTACK, "4.7.4", "the TLS handshake was broken off, then the message came in the clear",
		"Something breaks TLS handshakes on the way (or the sender and the destination share no version or cipher), "
		"and the sender then falls back to clear text: set it to refuse that (Postfix: smtp_tls_security_level = dane).",
	},
	[REASON_TLS_NOT_USED] = {
		"tls-not-used", KIND_INABILITY, "4.7.4", "TLS was promised, but the sender did not ask for it",
		"The sending server does not use TLS: switch it on there (Postfix: smtp_tls_security_level = may or dane).",
	},
	[REASON_MX_MISMATCH] = {
		"mx-mismatch", KIND_ATTACK, "4.7.5", "this address is none of the destination's mail servers",
		"The sender was led to a wrong place: look for forged DNS answers at its resolver. If this is a relay of "
		"yours, name it under next-hop; if the domain's policy is out of date, tell its postmaster.",
	},
	[REASON_POLICY_UNAVAILABLE] = {
		"policy-unavailable", KIND_ATTACK, "4.7.5", "the destination's promise could not be looked up",
		"DNSSEC look-ups of the destination fail or do not validate: see the promise's detail; mail waits until they work.",
	},
	[REASON_INJECTED] = {
		"injected", KIND_ATTACK, "4.7.4", "octets were injected around STARTTLS",
		"Clear text stood behind STARTTLS or its reply before the handshake: somebody on the path inserts commands or replies.",
	},
	[REASON_INCONSISTENT_RETRANSMISSION] = {
		"inconsistent-retransmission", KIND_ATTACK, "4.7.4", "the same part of the connection came twice with different content",
		"Somebody on the path injects segments, to show the watcher another dialogue than the other end.",
	},
	[REASON_PROTOCOL_VIOLATION] = {
		"protocol-violation", KIND_ATTACK, "4.7.4", "the dialogue is not SMTP as the standard has it",
		"One end speaks SMTP that can be read in two ways (bare line feeds, clear text where TLS was agreed): see the event.",
	},
	[REASON_INSPECTION_LIMIT] = {
		"inspection-limit", KIND_ATTACK, "4.7.4", "the dialogue is larger than what can be inspected",
		"A line, reply, pipeline or list of certificates passed its bound: see `hopguard status`; a real server does not do that.",
	},
	[REASON_UNDECIDED] = {
		"undecided", KIND_ATTACK, "4.7.5", "no decision was possible",
		"The look-up of the destination's promise took longer than hold-seconds (check the resolver), or the connection "
		"began before the guard did (on-failure = closed: see the rule); mail is tried again.",
	},
	[REASON_STARTTLS_REGRESSED] = {
		"starttls-regressed", KIND_ATTACK, "4.7.4", "STARTTLS was offered here before, and is not now",
		"Nothing was promised, so nothing is refused: ask the destination whether it switched TLS off; if not, something on the "
		"path removes it, and a destination entry with level = encrypt stops mail in clear.",
	},
	[REASON_UNKNOWN_HOP] = {
		"unknown-hop", KIND_ATTACK, "4.7.5", "no known domain names this place",
		"unknown-hop = block refuses TLS to places that no domain looked up here has as mail server: name a smart host by "
		"next-hop, or let the sender's DNS queries cross the gateway.",
	},
	[REASON_DNS_FORGED] = {
		"dns-forged", KIND_ATTACK, "4.7.5", "a DNS answer on its way to a resolver here was forged",
		"Somebody between here and the name server changes DNS answers: let the resolver validate DNSSEC, and see the "
		"event for the name and the server that the answer seemed to come from.",
	},
	[REASON_DNS_BOGUS] = {
		"dns-bogus", KIND_ATTACK, "4.7.5", "the DNS of a destination does not validate",
		"Their signatures are broken, or somebody on the path changes what is signed: ask from another network, and "
		"tell the domain's postmaster if it is so there, too.",
	},
	[REASON_KEY_MISMATCH] = {
		"key-mismatch", KIND_ATTACK, "4.7.5", "the server's key is not the one that was promised",
		"Somebody answers in the destination's place; or its TLSA record or fingerprint was not changed with its key, or is of one "
		"of its two keys alone (RSA and ECDSA): `hopguard check DOMAIN` asks for both; compare from another network.",
	},
	[REASON_SNI_MISSING] = {
		"sni-missing", KIND_INABILITY, "4.7.5", "the sender did not name the host whose key is asked for",
		"A server of several keys chooses by name, and `default-level = verify` asks for one, which the sender does not send: "
		"set it to (Postfix: smtp_tls_servername = hostname, or level dane).",
	},
	[REASON_CERT_UNTRUSTED] = {
		"cert-untrusted", KIND_ATTACK, "4.7.5", "the server's certificate leads to no trusted authority",
		"Somebody answers in the destination's place, or its server does not send the whole chain; a private authority "
		"belongs into tls { ca-file }.",
	},
	[REASON_CERT_EXPIRED] = {
		"cert-expired", KIND_ATTACK, "4.7.5", "the server's certificate is out of its dates",
		"The destination forgot to renew it (tell its postmaster), or somebody answers with an old one; check the clock here, too.",
	},
	[REASON_NAME_MISMATCH] = {
		"name-mismatch", KIND_ATTACK, "4.7.5", "the server's certificate is for another name",
		"Somebody answers in the destination's place, or its certificate does not name the MX host: see the event for the "
		"names that are there.",
	},
	[REASON_CIPHER_UNAUTHENTICATED] = {
		"cipher-unauthenticated", KIND_INABILITY, "4.7.5", "the handshake shows no certificate at all",
		"The sender offers anonymous or unencrypted ciphers, or raw keys where a certificate was promised: exclude them there "
		"(Postfix: smtp_tls_exclude_ciphers = aNULL, eNULL; smtp_tls_enable_rpk = no).",
	},
	[REASON_TLS_WEAKENED] = {
		"tls-weakened", KIND_ATTACK, "4.7.5", "the handshake was pressed below what both ends are able to",
		"Somebody on the path changes hellos, or one end was set to an older version on purpose: compare with the versions of "
		"earlier connections.",
	},
	[REASON_KEY_HIDDEN] = {
		"key-hidden", KIND_INABILITY, "4.7.5", "the server's key is hidden, and could not be learnt otherwise",
		"TLS 1.3 encrypts the certificate, and no probe came through (greylisting, limits, time-outs): see tls { tls13 }; the "
		"mail is tried again.",
	},
	[REASON_PROBE_DIFFERS] = {
		"probe-differs", KIND_ATTACK, "4.7.5", "a connection of our own was answered otherwise than the sender's or an earlier one",
		"Somebody on the path treats connections differently, or the destination is a farm of unlike servers: compare from "
		"another network.",
	},
};

static enum reason known(enum reason reason)
{
	return (unsigned)reason < REASON_COUNT ? reason : REASON_NONE;
}

const char *reason_name(enum reason reason)
{
	return reasons[known(reason)].name;
}

enum reason_kind reason_kind(enum reason reason)
{
	return reasons[known(reason)].kind;
}

const char *reason_kind_name(enum reason_kind kind)
{
	switch (kind) {
	case KIND_NONE:
		return "none";
	case KIND_ATTACK:
		return "attack";
	case KIND_INABILITY:
		return "inability";
	}
	return "none";
}

const char *reason_words(enum reason reason, enum place place)
{
	if (reason == REASON_MX_MISMATCH && place == PLACE_EXCLUDED)
		return "the domain's policy names other mail servers, and not this one";
	return reasons[known(reason)].words;
}

const char *reason_advice(enum reason reason)
{
	return reasons[known(reason)].advice;
}

const char *reason_status_code(enum reason reason)
{
	return reasons[known(reason)].status_code;
}
