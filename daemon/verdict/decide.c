/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verdict/decide.h"

#include <stddef.h>

/* One rule of the ladder: what was seen, and what that is called. The first that holds decides. */
struct rung {
	bool (*holds)(const struct facts *facts);
	enum reason reason;
	const char *rule;
};

static bool is_in_clear(const struct facts *facts)
{
	return facts->commitment != COMMITMENT_TLS;
}

static bool commits_in_clear(const struct facts *facts)
{
	return facts->commitment == COMMITMENT_RCPT || facts->commitment == COMMITMENT_COMMAND;
}

static bool goes_to_an_excluded_host(const struct facts *facts)
{
	return facts->place == PLACE_EXCLUDED && !facts->is_authenticated;
}

static bool has_wrong_key(const struct facts *facts)
{
	return facts->asks_for_key && key_is_wrong(facts->key);
}

/* The key tells, not the place: whoever has it is right wherever he is, and while nobody can tell, mail waits for that. */
static bool key_may_tell(const struct facts *facts)
{
	return facts->asks_for_key && !has_wrong_key(facts) &&
	       (facts->key == KEY_MET || !facts->is_hidden_accepted);
}

/*
 * What a domain promised holds wherever its mail goes: in clear that is broken without a look at the place, which a policy that names
 * hosts, and an unsigned MX RRset, do not prove wrong.
 */
static bool goes_elsewhere(const struct facts *facts)
{
	if (facts->place != PLACE_UNRELATED || facts->promise == PROMISE_NONE ||
	    facts->promise_source == SOURCE_LOCAL || facts->is_authenticated)
		return false;
	if (!is_in_clear(facts))
		return facts->is_led_astray && !key_may_tell(facts);
	return !promise_is_of_domain(facts->promise_source);
}

static bool has_injection(const struct facts *facts)
{
	return facts->injection != INJECTION_NONE;
}

static bool ehlo_was_refused(const struct facts *facts)
{
	return is_in_clear(facts) && facts->ehlo == EHLO_REFUSED;
}

static bool keyword_is_masked(const struct facts *facts)
{
	return is_in_clear(facts) && facts->starttls == STARTTLS_MASKED;
}

static bool banner_is_masked(const struct facts *facts)
{
	return is_in_clear(facts) && facts->is_banner_masked && facts->ehlo == EHLO_NOT_SENT;
}

static bool keyword_is_absent(const struct facts *facts)
{
	/* A client that asks although nothing was offered learns more than the offer says. */
	return is_in_clear(facts) && facts->starttls == STARTTLS_ABSENT &&
	       facts->starttls_answer == STARTTLS_NOT_ASKED;
}

static bool starttls_was_refused(const struct facts *facts)
{
	return is_in_clear(facts) && (facts->starttls_answer == STARTTLS_REFUSED ||
	                              facts->starttls_answer == STARTTLS_UNANSWERED);
}

static bool retransmission_differs(const struct facts *facts)
{
	return facts->is_retransmit_inconsistent;
}

static bool protocol_is_violated(const struct facts *facts)
{
	return facts->is_protocol_violated;
}

static bool inspection_is_cut_short(const struct facts *facts)
{
	return facts->is_inspection_cut_short;
}

static bool handshake_broke_before(const struct facts *facts)
{
	return is_in_clear(facts) && facts->commitment != COMMITMENT_END &&
	       facts->is_handshake_broken_before;
}

/* The first half of a sabotage: told when it happens, so that the second has a cause to name. */
static bool handshake_broke_now(const struct facts *facts)
{
	return facts->commitment == COMMITMENT_END && facts->tls == TLS_BROKEN;
}

static bool tls_is_not_used(const struct facts *facts)
{
	/* Who leaves without having committed anything has used nothing, and lost nothing. */
	return is_in_clear(facts) && facts->commitment != COMMITMENT_END;
}

/* That is the sender's doing, which a wrong key is not. */
static bool nothing_is_encrypted(const struct facts *facts)
{
	return !is_in_clear(facts) && facts->is_cipher_null && !facts->is_key_awaited;
}

static bool nobody_is_authenticated(const struct facts *facts)
{
	return !is_in_clear(facts) && facts->asks_for_key && facts->is_cipher_anonymous;
}

static bool tls_is_weakened(const struct facts *facts)
{
	return !is_in_clear(facts) && facts->is_tls_weakened;
}

static bool key_is(const struct facts *facts, enum key_outcome outcome)
{
	return !is_in_clear(facts) && facts->asks_for_key && facts->key == outcome;
}

static bool key_belongs_to_a_name_unsent(const struct facts *facts)
{
	return !is_in_clear(facts) && has_wrong_key(facts) && facts->is_name_unsent;
}

static bool nobody_is_named(const struct facts *facts)
{
	return key_is(facts, KEY_NAME_MISMATCH) && facts->is_name_unknown;
}

static bool key_is_unproven(const struct facts *facts)
{
	return key_is(facts, KEY_UNPROVEN);
}

static bool key_differs(const struct facts *facts)
{
	return key_is(facts, KEY_MISMATCH);
}

static bool key_is_unreadable(const struct facts *facts)
{
	return key_is(facts, KEY_UNREADABLE);
}

static bool certificate_is_untrusted(const struct facts *facts)
{
	return key_is(facts, KEY_UNTRUSTED);
}

static bool certificate_is_expired(const struct facts *facts)
{
	return key_is(facts, KEY_EXPIRED);
}

static bool certificate_is_anothers(const struct facts *facts)
{
	return key_is(facts, KEY_NAME_MISMATCH);
}

static bool key_is_hidden(const struct facts *facts)
{
	return key_is(facts, KEY_UNKNOWN) && !facts->is_hidden_accepted &&
	       facts->key_sight == SIGHT_HIDDEN && (!facts->is_key_awaited || facts->is_hold_over);
}

static const struct rung ladder[] = {
	{ goes_to_an_excluded_host, REASON_MX_MISMATCH,
	  "host is none of those that the domain's policy names" },
	{ goes_elsewhere, REASON_MX_MISMATCH, "address is none of the validated MX addresses" },
	{ has_injection, REASON_INJECTED, "clear octets around STARTTLS" },
	{ ehlo_was_refused, REASON_EHLO_REFUSED, "EHLO refused by a host that promised TLS" },
	{ keyword_is_masked, REASON_STARTTLS_MASKED, "keyword overwritten in the EHLO reply" },
	{ banner_is_masked, REASON_STARTTLS_MASKED, "banner overwritten, so the client says HELO" },
	{ keyword_is_absent, REASON_STARTTLS_STRIPPED, "EHLO reply without STARTTLS" },
	{ starttls_was_refused, REASON_STARTTLS_REFUSED, "STARTTLS not answered by 220" },
	{ retransmission_differs, REASON_INCONSISTENT_RETRANSMISSION,
	  "two copies of an octet differ" },
	{ protocol_is_violated, REASON_PROTOCOL_VIOLATION, "dialogue can be read in two ways" },
	{ inspection_is_cut_short, REASON_INSPECTION_LIMIT, "a bound of inspection was reached" },
	{ nobody_is_authenticated, REASON_CIPHER_UNAUTHENTICATED,
	  "no certificate at all: anonymous cipher, or raw key" },
	{ tls_is_weakened, REASON_TLS_WEAKENED, "less than what both ends are able to" },
	{ key_belongs_to_a_name_unsent, REASON_SNI_MISSING,
	  "without a name another key, with it the right one" },
	{ nobody_is_named, REASON_SNI_MISSING,
	  "no name to ask for: none is sent, and no domain is known" },
	{ key_is_unproven, REASON_KEY_MISMATCH, "certificate replayed: its key signed nothing" },
	{ key_differs, REASON_KEY_MISMATCH, "key is none of those promised" },
	{ key_is_unreadable, REASON_KEY_MISMATCH, "certificate or key exchange cannot be read" },
	{ certificate_is_untrusted, REASON_CERT_UNTRUSTED, "no chain to a trusted anchor" },
	{ certificate_is_expired, REASON_CERT_EXPIRED, "certificate out of its dates" },
	{ certificate_is_anothers, REASON_NAME_MISMATCH, "certificate of another name" },
	{ nothing_is_encrypted, REASON_CIPHER_UNAUTHENTICATED, "cipher encrypts nothing" },
	{ key_is_hidden, REASON_KEY_HIDDEN, "key hidden from who watches, and no probe tells" },
	{ handshake_broke_before, REASON_TLS_SABOTAGED, "clear text after a broken handshake" },
	{ handshake_broke_now, REASON_TLS_SABOTAGED, "handshake broken off" },
	{ tls_is_not_used, REASON_TLS_NOT_USED, "clear text though TLS was promised" },
};

static const struct rung *climb(const struct facts *facts)
{
	for (size_t i = 0; i < sizeof(ladder) / sizeof(ladder[0]); i++) {
		if (ladder[i].holds(facts))
			return &ladder[i];
	}
	return NULL;
}

static struct verdict verdict_of(enum action action, enum reason reason, const char *rule)
{
	return (struct verdict){
		.action = action, .would = action, .reason = reason, .rule = rule
	};
}

static struct verdict without_answer(const struct facts *facts, const struct stance *stance)
{
	if (facts->commitment == COMMITMENT_MAIL)
		return verdict_of(ACTION_PASS, REASON_NONE, "decided at RCPT");
	if (facts->commitment == COMMITMENT_END)
		return verdict_of(ACTION_PASS, REASON_NONE, "nothing was committed");
	/* No answer would change that: of TLS nothing is asked but that nobody led it astray or reached into it. */
	if (!is_in_clear(facts) && !has_injection(facts) && !facts->is_answer_awaited)
		return verdict_of(ACTION_PASS, REASON_NONE, "nothing leaves in clear");
	if (!facts->is_hold_over)
		return verdict_of(ACTION_WAIT, REASON_NONE, "look-up under way");
	/* The domain's own answer names another place, and nothing came that makes this one right. */
	if (!is_in_clear(facts) && facts->is_led_astray)
		return verdict_of(facts->promise_only_alerts ? ACTION_ALERT : ACTION_BLOCK,
		                  REASON_MX_MISMATCH,
		                  "hold-seconds are over, address is none of those known");
	/* As where it fails: else a stranger whose name servers never come to an end stops mail to every place that he names. */
	if (!is_in_clear(facts) && !has_injection(facts) && !facts->is_named)
		return verdict_of(ACTION_ALERT, REASON_UNDECIDED,
		                  "hold-seconds are over, nothing leaves in clear");
	if (stance->blocks_undecided)
		return verdict_of(ACTION_DEFER, REASON_UNDECIDED, "hold-seconds are over");
	return verdict_of(ACTION_ALERT, REASON_UNDECIDED,
	                  "hold-seconds are over, undecided = pass");
}

/* A guard died, or was not there: what its connections were at, a recipient perhaps that waited for a verdict, is not known. */
static struct verdict without_hop(const struct stance *stance)
{
	if (stance->blocks_undecided)
		return verdict_of(ACTION_DEFER, REASON_UNDECIDED,
		                  "connection began before the guard, at an unknown hop");
	return verdict_of(ACTION_ALERT, REASON_UNDECIDED,
	                  "connection began before the guard, undecided = pass");
}

/*
 * A client that waits for its first piece to be acknowledged sends the rest at once. Only a far end that takes a few octets at a time
 * makes it more pieces, and has the recipient when its domain is there at last.
 */
static struct verdict without_recipient(const struct stance *stance)
{
	if (stance->blocks_undecided)
		return verdict_of(ACTION_DEFER, REASON_UNDECIDED,
		                  "recipient comes in too many pieces");
	return verdict_of(ACTION_ALERT, REASON_UNDECIDED,
	                  "recipient comes in too many pieces, undecided = pass");
}

/* An offer that was there before and is not now, or not whole. */
static bool has_lost_its_offer(const struct facts *facts)
{
	return facts->was_offered_before && commits_in_clear(facts) &&
	       (facts->starttls == STARTTLS_ABSENT || facts->starttls == STARTTLS_MASKED ||
	        facts->ehlo == EHLO_REFUSED || banner_is_masked(facts));
}

static struct verdict without_known_hop(const struct stance *stance)
{
	if (stance->blocks_unknown_hop)
		return verdict_of(ACTION_DEFER, REASON_UNKNOWN_HOP,
		                  "TLS to a place that nobody known names");
	return verdict_of(ACTION_PASS, REASON_NONE, "unknown-hop = pass");
}

/* Nothing was promised at this place. What is evidence of an attack in itself is told all the same. */
static struct verdict without_promise(const struct facts *facts)
{
	const struct rung *rung = climb(facts);

	if (facts->injection != INJECTION_NONE && facts->place == PLACE_UNKNOWN)
		return verdict_of(ACTION_BLOCK, REASON_INJECTED,
		                  "injection into a connection to an unknown hop");
	if (facts->another_host_promises && facts->is_handshake_broken_before && is_in_clear(facts))
		return verdict_of(ACTION_BLOCK, REASON_TLS_SABOTAGED,
		                  "clear text to a weaker MX after a broken handshake");
	if (rung && facts->another_host_promises && facts->commitment != COMMITMENT_MAIL)
		return verdict_of(ACTION_ALERT, rung->reason,
		                  "another MX of the domain promises TLS, this one does not");
	if (has_injection(facts))
		return verdict_of(ACTION_ALERT, REASON_INJECTED, "no promise, injection");
	if (retransmission_differs(facts))
		return verdict_of(ACTION_ALERT, REASON_INCONSISTENT_RETRANSMISSION,
		                  "no promise, evasion");
	if (has_lost_its_offer(facts))
		return verdict_of(ACTION_ALERT, REASON_STARTTLS_REGRESSED,
		                  "no promise, but STARTTLS was offered here before");
	return verdict_of(ACTION_PASS, REASON_NONE, "nothing promised");
}

/* Nothing speaks against the server; what is missing is missing here. */
static struct verdict without_authorities(const struct facts *facts, const struct stance *stance)
{
	if (facts->promise_only_alerts)
		return verdict_of(ACTION_ALERT, REASON_UNDECIDED,
		                  "no authority is known here, told, not enforced");
	if (stance->blocks_undecided)
		return verdict_of(ACTION_DEFER, REASON_UNDECIDED,
		                  "no authority is known here to judge by");
	return verdict_of(ACTION_ALERT, REASON_UNDECIDED,
	                  "no authority is known here, undecided = pass");
}

/* Neither the wire nor a rule says that it is broken. */
static struct verdict with_nothing_broken(const struct facts *facts, const struct stance *stance)
{
	if (is_in_clear(facts) || !facts->asks_for_key || facts->key == KEY_MET)
		return verdict_of(ACTION_PASS, REASON_NONE, "promise kept");
	if (facts->key == KEY_UNJUDGED)
		return without_authorities(facts, stance);
	if (facts->is_key_awaited && !facts->is_hold_over)
		return verdict_of(ACTION_WAIT, REASON_NONE, "key is being verified");
	if (facts->is_hidden_accepted)
		return verdict_of(ACTION_PASS, REASON_NONE, "key hidden, tls13 = pass");
	return stance->blocks_undecided
	               ? verdict_of(ACTION_DEFER, REASON_UNDECIDED, "key not verified in time")
	               : verdict_of(ACTION_ALERT, REASON_UNDECIDED,
	                            "key not verified in time, undecided = pass");
}

static struct verdict with_promise(const struct facts *facts, const struct stance *stance)
{
	const struct rung *rung = climb(facts);

	if (!rung)
		return with_nothing_broken(facts, stance);
	if (facts->promise_only_alerts)
		return verdict_of(ACTION_ALERT, rung->reason, "the promise is told, not enforced");
	/* An unsigned MX RRset proves no place wrong: another answer is no finding in itself (geo-DNS, split views). */
	if (rung->reason == REASON_MX_MISMATCH && facts->place == PLACE_UNRELATED &&
	    !has_wrong_key(facts) && facts->mx_security != DNS_SECURE)
		return verdict_of(ACTION_ALERT, REASON_MX_MISMATCH,
		                  "address is none of the MX addresses, MX unsigned");
	/* Nor does a policy that names the host: it needs no DNSSEC, but the certificate (RFC 8461 section 4.1). */
	if (rung->reason == REASON_MX_MISMATCH && facts->place == PLACE_UNRELATED &&
	    !has_wrong_key(facts) && promise_is_of_domain(facts->promise_source))
		return verdict_of(ACTION_ALERT, REASON_MX_MISMATCH,
		                  "address is none of the MX addresses, host is in the policy");
	if (reason_kind(rung->reason) == KIND_INABILITY && !stance->blocks_inability)
		return verdict_of(ACTION_ALERT, rung->reason, "on-inability = alert");
	if (rung->reason == REASON_KEY_HIDDEN)
		return verdict_of(ACTION_DEFER, rung->reason, rung->rule);
	return verdict_of(ACTION_BLOCK, rung->reason, rung->rule);
}

/* A promise that is only told must not spare anybody what is asked of all. True: that is broken. */
static bool breaks_default_level(struct verdict *verdict, const struct facts *facts,
                                 const struct stance *stance)
{
	struct facts asked = *facts;

	if (stance->default_level == LEVEL_MAY || facts->promise_source == SOURCE_LOCAL)
		return false;
	asked.promise_only_alerts = false;
	asked.promise_source = SOURCE_DEFAULT;
	asked.place = PLACE_MX;
	*verdict = with_promise(&asked, stance);
	return verdict->action == ACTION_BLOCK;
}

static struct verdict with_told_promise(const struct facts *facts, const struct stance *stance)
{
	struct verdict verdict;

	return breaks_default_level(&verdict, facts, stance) ? verdict
	                                                     : with_promise(facts, stance);
}

/*
 * TLS is all that is asked of it yet, unless the operator wants usable records or no mail. Whoever forged the answer that led a client
 * here may have broken our look-up, too; but so may a stranger his own.
 */
static struct verdict without_place(const struct facts *facts)
{
	if (!facts->is_answer_awaited)
		return verdict_of(ACTION_PASS, REASON_NONE, "nothing leaves in clear");
	return verdict_of(ACTION_ALERT, REASON_POLICY_UNAVAILABLE,
	                  "look-up failed or bogus, nothing leaves in clear");
}

static struct verdict without_policy(const struct facts *facts, const struct stance *stance)
{
	struct verdict verdict;

	/* A name that only the server's own words brought up does not hold up a MAIL: its RCPT decides. */
	if (facts->commitment == COMMITMENT_MAIL)
		return verdict_of(ACTION_PASS, REASON_NONE, "decided at RCPT");
	if (facts->commitment == COMMITMENT_END)
		return verdict_of(ACTION_PASS, REASON_NONE, "nothing was committed");
	if (goes_to_an_excluded_host(facts))
		return verdict_of(facts->promise_only_alerts ? ACTION_ALERT : ACTION_BLOCK,
		                  REASON_MX_MISMATCH,
		                  "host is none of those that the domain's policy names");
	if (!is_in_clear(facts) && facts->promise_source != SOURCE_LOCAL && !facts->is_named)
		return without_place(facts);
	if (!facts->promise_only_alerts)
		return verdict_of(ACTION_DEFER, REASON_POLICY_UNAVAILABLE,
		                  facts->promise_source == SOURCE_LOCAL
		                          ? "level dane-only, and no usable TLSA record"
		                          : "look-up failed or bogus");
	if (breaks_default_level(&verdict, facts, stance))
		return verdict;
	return verdict_of(ACTION_ALERT, REASON_POLICY_UNAVAILABLE,
	                  "look-up failed or bogus, told, not enforced");
}

static struct verdict judge(const struct facts *facts, const struct stance *stance)
{
	switch (facts->promise) {
	case PROMISE_UNKNOWN:
		return without_answer(facts, stance);
	case PROMISE_UNAVAILABLE:
		return without_policy(facts, stance);
	case PROMISE_NONE:
		if (facts->is_hop_unseen && commits_in_clear(facts))
			return without_hop(stance);
		if (facts->is_recipient_dripping)
			return without_recipient(stance);
		if (facts->commitment == COMMITMENT_TLS && facts->is_hop_unknown &&
		    !has_injection(facts) &&
		    (stance->blocks_unknown_hop || stance->default_level == LEVEL_MAY))
			return without_known_hop(stance);
		/* What the operator says of a destination stands above what he says of all: a MAIL does not name it yet. */
		if (stance->default_level == LEVEL_MAY || facts->promise_source == SOURCE_LOCAL ||
		    facts->commitment == COMMITMENT_MAIL)
			return without_promise(facts);
		return with_promise(facts, stance);
	case PROMISE_TLS:
	case PROMISE_KEY:
		if (facts->promise_only_alerts)
			return with_told_promise(facts, stance);
		return with_promise(facts, stance);
	}
	return without_answer(facts, stance);
}

bool asks_for_key(const struct promise *promise, const struct stance *stance)
{
	return promise->state == PROMISE_KEY ||
	       (promise->state == PROMISE_NONE && promise->source != SOURCE_LOCAL &&
	        stance->default_level == LEVEL_VERIFY);
}

struct verdict decide(const struct facts *facts, const struct stance *stance)
{
	struct verdict verdict = judge(facts, stance);

	if (stance->mode == MODE_MONITOR &&
	    (verdict.action == ACTION_BLOCK || verdict.action == ACTION_DEFER))
		verdict.action = ACTION_ALERT;
	return verdict;
}

const char *action_name(enum action action)
{
	static const char *const names[] = {
		[ACTION_PASS] = "pass",   [ACTION_ALERT] = "alert", [ACTION_BLOCK] = "block",
		[ACTION_DEFER] = "defer", [ACTION_WAIT] = "wait",
	};

	return action < sizeof(names) / sizeof(names[0]) ? names[action] : "pass";
}
