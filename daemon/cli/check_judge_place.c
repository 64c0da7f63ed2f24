/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "cli/check_judge.h"
#include "wire/smtp_reply.h"
#include "wire/tls_hello.h"

enum { SLOW_BANNER_MS = 10 * 1000, CODE_PERMANENT = 500, CODE_TRANSIENT = 400, CODE_TAKEN = 250 };

/* A finding about one place while it is judged. */
struct judged {
	struct check_findings *findings;
	const struct check_place *place;
	const struct starttls_result *seen;
	char where[CHECK_WHERE_MAX];
};

static void add(struct judged *judged, enum check_kind kind, const char *detail)
{
	check_add(judged->findings, kind, check_kind_severity(kind), judged->where, "%s", detail);
}

static void add_reply(struct judged *judged, enum check_kind kind)
{
	check_add(judged->findings, kind, check_kind_severity(kind), judged->where,
	          "it says: %u %s", judged->seen->code, judged->seen->reply);
}

static const char *reason_of(const struct starttls_result *seen, char text[CHECK_WHY_MAX])
{
	if (seen->outcome == VISIT_TIMEOUT && seen->connect_ms == 0)
		snprintf(text, CHECK_WHY_MAX, "no answer within %u s",
		         (seen->latency_ms + 500) / 1000);
	else
		snprintf(text, CHECK_WHY_MAX, "%s", strerror(seen->system_error));
	return text;
}

static void judge_unreached(struct judged *judged)
{
	char text[CHECK_WHY_MAX];

	if (!check_place_has_route(judged->place))
		add(judged, CHECK_NO_ROUTE, reason_of(judged->seen, text));
	else if (judged->place->is_nolisting)
		add(judged, CHECK_NOLISTING, reason_of(judged->seen, text));
	else
		add(judged, CHECK_UNREACHABLE, reason_of(judged->seen, text));
}

static void judge_silence(struct judged *judged)
{
	const struct starttls_result *seen = judged->seen;
	char text[CHECK_WHY_MAX];

	snprintf(text, sizeof(text), "%u octets of the %s within %u s", seen->step_octets,
	         seen->step == VISIT_AT_BANNER ? "banner" : "reply",
	         (seen->latency_ms + 500) / 1000);
	add(judged, seen->step_octets > 0 ? CHECK_TARPIT : CHECK_SILENT, text);
}

/* Where HELO is refused, too, it is not ESMTP that the server does not want. */
static void judge_no_ehlo(struct judged *judged)
{
	const struct starttls_result *seen = judged->seen;
	bool is_taken = seen->helo_code == CODE_TAKEN;
	char text[CHECK_WHY_MAX];

	if (is_taken)
		snprintf(text, sizeof(text), "it says: %u %.180s; and takes HELO", seen->code,
		         seen->reply);
	else if (seen->helo_code)
		snprintf(text, sizeof(text), "to EHLO it says: %u %.180s; to HELO: %u", seen->code,
		         seen->reply, seen->helo_code);
	else
		snprintf(text, sizeof(text), "to EHLO it says: %u %.180s", seen->code, seen->reply);
	add(judged, is_taken ? CHECK_EHLO_REFUSED : CHECK_REJECTED, text);
}

/* "no answer within 30 s", "the connection was closed" */
static const char *end_text(const struct starttls_result *seen, char text[CHECK_WHY_MAX])
{
	if (seen->outcome == VISIT_TIMEOUT)
		snprintf(text, CHECK_WHY_MAX, "no answer within %u s",
		         (seen->latency_ms - seen->banner_ms + 500) / 1000);
	else
		snprintf(text, CHECK_WHY_MAX, "the connection was %s",
		         seen->outcome == VISIT_RESET ? "reset" : "closed");
	return text;
}

static void judge_break(struct judged *judged)
{
	char text[CHECK_WHY_MAX], how[CHECK_WHY_MAX];

	snprintf(text, sizeof(text), "%.100s %s", end_text(judged->seen, how),
	         judged->seen->step == VISIT_AT_BANNER ? "before the banner" : "after EHLO");
	add(judged, CHECK_BROKEN_OFF, text);
}

static void judge_reply(struct judged *judged)
{
	const struct starttls_result *seen = judged->seen;

	if (seen->step == VISIT_AT_STARTTLS)
		add_reply(judged, CHECK_STARTTLS_REFUSED);
	else if (seen->code >= CODE_TRANSIENT && seen->code < CODE_PERMANENT)
		add_reply(judged, CHECK_DEFERRED);
	else if (seen->step == VISIT_AT_EHLO && seen->code >= CODE_PERMANENT)
		judge_no_ehlo(judged);
	else if (seen->code >= CODE_PERMANENT)
		add_reply(judged, CHECK_REJECTED);
	else
		add_reply(judged, CHECK_NOT_SMTP);
}

static const char *masked_keyword(const struct starttls_result *seen)
{
	for (size_t i = 0; i < seen->keyword_count; i++) {
		struct bytes keyword = bytes_of_string(seen->keywords[i]);

		if (smtp_keyword_is_mask(keyword))
			return seen->keywords[i];
	}
	return "(not kept)";
}

static void judge_no_offer(struct judged *judged)
{
	const struct starttls_result *seen = judged->seen;
	char text[CHECK_WHY_MAX];

	if (seen->outcome == VISIT_MASKED) {
		snprintf(text, sizeof(text), "EHLO shows \"%s\"", masked_keyword(seen));
		add(judged, CHECK_STARTTLS_MASKED, text);
	} else if (seen->code >= CODE_TRANSIENT) {
		snprintf(text, sizeof(text), "asked all the same, it says: %u %.180s", seen->code,
		         seen->reply);
		add(judged, CHECK_STARTTLS_MISSING, text);
	} else {
		add(judged, CHECK_STARTTLS_MISSING, "");
	}
}

static void judge_broken_tls(struct judged *judged)
{
	const struct check_place *place = judged->place;
	char text[CHECK_WHY_MAX];

	if (judged->seen->is_chain_long) {
		snprintf(text, sizeof(text), "more than %d KiB of certificates",
		         STARTTLS_CHAIN_MAX / 1024);
		add(judged, CHECK_CHAIN_LONG, text);
	} else if (place->anonymous_cipher) {
		snprintf(text, sizeof(text), "with %s only", place->anonymous_name);
		add(judged, CHECK_ANONYMOUS_ONLY, text);
	} else if (judged->seen->outcome == VISIT_TLS_FAILED) {
		add(judged, CHECK_TLS_FAILED, judged->seen->tls_why);
	} else {
		add(judged, CHECK_TLS_BROKEN, end_text(judged->seen, text));
	}
}

/* OpenSSL's names of suites with an ephemeral key begin so; TLS 1.3 has no others. */
static bool has_forward_secrecy(const struct starttls_result *seen)
{
	return seen->tls_version >= TLS_VERSION_1_3 || strncmp(seen->cipher, "ECDHE", 5) == 0 ||
	       strncmp(seen->cipher, "DHE", 3) == 0;
}

static void judge_handshake(struct judged *judged)
{
	const struct starttls_result *seen = judged->seen;

	if (!seen->is_offered && seen->is_masked) {
		char text[CHECK_WHY_MAX];

		snprintf(text, sizeof(text), "EHLO shows \"%s\", yet STARTTLS works",
		         masked_keyword(seen));
		add(judged, CHECK_STARTTLS_MASKED, text);
	} else if (!seen->is_offered) {
		add(judged, CHECK_STARTTLS_HIDDEN, "");
	}
	if (seen->tls_version < TLS_VERSION_1_2)
		add(judged, CHECK_TLS_OLD, check_version_name(seen->tls_version));
	else if (judged->place->old_version)
		add(judged, CHECK_TLS_OLD_TOO, check_version_name(judged->place->old_version));
	if (judged->place->anonymous_cipher) {
		char text[CHECK_WHY_MAX];

		snprintf(text, sizeof(text), "it takes %s", judged->place->anonymous_name);
		add(judged, CHECK_ANONYMOUS_TOO, text);
	}
	if (judged->place->is_new_only)
		add(judged, CHECK_TLS_NEW_ONLY, "");
	if (!has_forward_secrecy(seen))
		add(judged, CHECK_NO_FORWARD_SECRECY, seen->cipher);
	if (judged->place->nameless == NAMELESS_OTHER)
		check_add(judged->findings, CHECK_SNI_NEEDED, CHECK_NOTE, judged->where,
		          "without a name it shows the certificate of %s",
		          judged->place->nameless_names);
	if (seen->banner_ms > seen->connect_ms + SLOW_BANNER_MS) {
		char text[CHECK_WHY_MAX];

		snprintf(text, sizeof(text), "its banner took %u s",
		         (seen->banner_ms - seen->connect_ms) / 1000);
		add(judged, CHECK_TARPIT, text);
	}
}

/* What it is is never asked of the banner: STARTTLS is asked for all the same. */
static void judge_greeting(struct judged *judged)
{
	const struct starttls_result *seen = judged->seen;
	char text[CHECK_WHY_MAX];

	if (seen->is_banner_masked)
		add(judged, CHECK_BANNER_MASKED, seen->banner);
	else if (seen->step > VISIT_AT_BANNER && !seen->is_smtp_named) {
		snprintf(text, sizeof(text), "220 %.200s", seen->banner);
		check_add(judged->findings, CHECK_BANNER_STRANGE,
		          seen->is_other_named ? CHECK_WARNING : CHECK_NOTE, judged->where, "%s",
		          text);
	}
	if (seen->is_ehlo_masked) {
		snprintf(text, sizeof(text), "its reply to EHLO is: %.200s", seen->ehlo);
		add(judged, CHECK_BANNER_MASKED, text);
	}
}

/* By how far it came. */
static void judge_end(struct judged *judged)
{
	const struct starttls_result *seen = judged->seen;
	char text[CHECK_WHY_MAX];

	if (seen->step == VISIT_AT_CONNECTING)
		judge_unreached(judged);
	else if (seen->step == VISIT_AT_HANDSHAKE)
		judge_broken_tls(judged);
	else if (seen->step == VISIT_AT_STARTTLS)
		add(judged, CHECK_STARTTLS_REFUSED, end_text(seen, text));
	else if (seen->outcome == VISIT_TIMEOUT)
		judge_silence(judged);
	else
		judge_break(judged);
}

void check_judge_place(struct check_findings *findings, const struct check_facts *facts,
                       size_t place)
{
	struct judged judged = { .findings = findings, .place = &facts->places[place] };
	const struct starttls_result *seen = judged.place->seen;
	char text[CHECK_WHY_MAX];

	if (!seen)
		return;
	judged.seen = seen;
	check_place_text(judged.where, facts, place);
	judge_greeting(&judged);
	if (judged.place->put_off_code)
		check_add(findings, CHECK_DEFERRED, CHECK_NOTE, judged.where,
		          "after the first connection, so that other keys and versions were not "
		          "seen: %u %s",
		          judged.place->put_off_code, judged.place->put_off_reply);
	switch (seen->outcome) {
	case VISIT_UNKNOWN:
		break;
	case VISIT_SYSTEM:
		add(&judged, CHECK_UNPROVEN, strerror(seen->system_error));
		break;
	case VISIT_DONE:
		judge_handshake(&judged);
		break;
	case VISIT_UNREACHABLE:
	case VISIT_REFUSED:
		judge_unreached(&judged);
		break;
	case VISIT_TIMEOUT:
	case VISIT_RESET:
	case VISIT_CLOSED:
		judge_end(&judged);
		break;
	case VISIT_REPLIED:
		judge_reply(&judged);
		break;
	case VISIT_NOT_OFFERED:
	case VISIT_MASKED:
		judge_no_offer(&judged);
		break;
	case VISIT_NOT_SMTP:
		snprintf(text, sizeof(text), "it says: %.200s", seen->reply);
		add(&judged, CHECK_NOT_SMTP, text);
		break;
	case VISIT_INJECTED:
		snprintf(text, sizeof(text), "%s stands: %.180s",
		         seen->step == VISIT_AT_HANDSHAKE ? "in the place of the handshake"
		                                          : "behind its reply",
		         seen->reply);
		add(&judged, CHECK_INJECTED, text);
		break;
	case VISIT_TLS_FAILED:
		judge_broken_tls(&judged);
		break;
	}
}
