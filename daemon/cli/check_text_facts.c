/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/check_text_facts.h"

#include <string.h>
#include <time.h>

#include "cli/check_judge.h"
#include "report/line.h"

enum { LINE_ROOM = 2048, DATE_ROOM = 16, ADDRESS_COLUMN = 15, DAY_S = 24 * 60 * 60 };

static void print_line(FILE *out, const char *head, const char *words)
{
	char first[16];

	snprintf(first, sizeof(first), "  %-9s", head);
	check_text_wrap(out, first, words);
}

static void print_chain(FILE *out, const struct check_chain *chain)
{
	const struct check_zone *last;
	char text[LINE_ROOM];
	struct line line;

	if (chain->count == 0)
		return;
	last = &chain->zones[chain->count - 1];
	line_init(&line, text, sizeof(text));
	for (size_t i = 0; i < chain->count; i++)
		line_add(&line, "%s%s", i > 0 ? " > " : "",
		         chain->zones[i].name[0] ? chain->zones[i].name : ".");
	if (last->security == DNS_SECURE)
		line_add(&line, ", all signed");
	else
		line_add(&line, ": the last is %s", dns_security_name(last->security));
	print_line(out, "dnssec", text);
}

static void print_servers(FILE *out, const struct check_facts *facts)
{
	char text[LINE_ROOM];
	struct line line;

	line_init(&line, text, sizeof(text));
	for (size_t i = 0; i < facts->zone_count; i++) {
		size_t good = 0, asked = 0;

		for (size_t j = 0; j < facts->server_count; j++) {
			if (facts->servers[j].zone != i)
				continue;
			asked += facts->servers[j].state != SERVER_UNASKED;
			good += facts->servers[j].state == SERVER_GOOD;
		}
		if (asked > 0)
			line_add(&line, "%s%zu of %zu of %s", text[0] ? ", " : "", good, asked,
			         facts->zones[i].name);
	}
	if (!text[0])
		return;
	line_add(&line, " answer well");
	print_line(out, "servers", text);
}

static void print_mx(FILE *out, const struct check_facts *facts)
{
	const struct destination *destination = &facts->destination;
	char text[LINE_ROOM];
	struct line line;

	line_init(&line, text, sizeof(text));
	if (destination->mx_state == MX_IMPLICIT)
		line_add(&line, "none; %s",
		         destination->place_count > 0 ? "mail goes to the domain's own address"
		                                      : "the domain has no address either");
	else if (destination->host_count == 0)
		line_add(&line, "%s%s%s", mx_state_name(destination->mx_state),
		         destination->why[0] ? ": " : "", destination->why);
	else
		for (size_t i = 0; i < destination->host_count; i++)
			line_add(&line, "%s%u %s", i > 0 ? ", " : "",
			         destination->hosts[i].preference, destination->hosts[i].name);
	line_add(&line, " (%s)", dns_security_name(destination->mx_security));
	print_line(out, "mx", text);
}

static void add_date(struct line *line, int64_t time_s)
{
	time_t when = (time_t)time_s;
	char text[DATE_ROOM];
	struct tm parts;

	if (gmtime_r(&when, &parts) && strftime(text, sizeof(text), "%Y-%m-%d", &parts) > 0)
		line_add(line, "%s", text);
}

static void add_key(struct line *line, const struct key_finding *pkix)
{
	line_add(line, "until ");
	add_date(line, pkix->seen.not_after_s);
	line_add(line, ", %s",
	         pkix->outcome == KEY_MET ? "trusted" : key_outcome_name(pkix->outcome));
}

static void add_session(struct line *line, const struct check_place *place)
{
	const struct starttls_result *seen = place->seen;

	line_add(line, "%s %s", check_version_name(seen->tls_version), seen->cipher);
	if (place->key.pkix.outcome == KEY_UNKNOWN)
		return;
	line_add(line, ", ");
	add_key(line, &place->key.pkix);
}

static void print_second(FILE *out, const struct check_place *place)
{
	static const char *const words[] = {
		[STARTTLS_KEY_OTHER] = "with a key of another kind",
		[STARTTLS_KEY_RSA] = "with an RSA key",
		[STARTTLS_KEY_ECDSA] = "with an ECDSA key",
		[STARTTLS_KEY_EDDSA] = "with an EdDSA key",
	};
	struct check_shown shown;
	char text[LINE_ROOM];
	struct line line;

	if (!check_shown(&shown, place, 1))
		return;
	line_init(&line, text, sizeof(text));
	line_add(&line, "to others %s, ", words[shown.seen->leaf_key]);
	add_key(&line, &shown.key->pkix);
	check_text_wrap(out, "                     ", text);
}

static void add_outcome(struct line *line, const struct check_place *place)
{
	const struct starttls_result *seen = place->seen;

	if (!seen)
		line_add(line, "not visited");
	else if (seen->outcome == VISIT_DONE)
		add_session(line, place);
	else if (seen->outcome == VISIT_UNREACHABLE)
		line_add(line, "no way from here: %s", strerror(seen->system_error));
	else if (seen->outcome == VISIT_NOT_OFFERED || seen->outcome == VISIT_MASKED)
		line_add(line, "clear text: STARTTLS is %s",
		         seen->outcome == VISIT_MASKED ? "masked" : "not offered");
	else if (seen->code >= 400)
		line_add(line, "%s: %u %s", starttls_step_name(seen->step), seen->code,
		         seen->reply);
	else
		line_add(line, "%s: %s", starttls_step_name(seen->step),
		         starttls_outcome_name(seen->outcome));
}

static void print_certificate(FILE *out, const struct check_place *place)
{
	const struct key_seen *seen = &place->key.pkix.seen;
	char text[LINE_ROOM];
	struct line line;

	if (!place->seen->has_leaf)
		return;
	line_init(&line, text, sizeof(text));
	line_add(&line, "for %s, by %s, from ", seen->names[0] ? seen->names : "no host",
	         seen->issuer);
	add_date(&line, seen->not_before_s);
	if (place->key.pkix.why[0])
		line_add(&line, "; %s", place->key.pkix.why);
	check_text_wrap(out, "      names   ", text);
}

static void print_dialogue(FILE *out, const struct check_place *place)
{
	const struct starttls_result *seen = place->seen;
	char text[LINE_ROOM];
	struct line line;

	if (!seen || seen->step < VISIT_AT_EHLO)
		return;
	line_init(&line, text, sizeof(text));
	line_add(&line, "220 %s", seen->banner);
	check_text_wrap(out, "      banner  ", text);
	line_init(&line, text, sizeof(text));
	line_add(&line, "%s", seen->ehlo);
	for (size_t i = 0; i < seen->keyword_count; i++)
		line_add(&line, "%s%s", i > 0 ? ", " : ": ", seen->keywords[i]);
	check_text_wrap(out, "      ehlo    ", text);
	if (seen->outcome != VISIT_DONE)
		return;
	line_init(&line, text, sizeof(text));
	line_add(&line, "%zu certificate%s sent, key exchange %s, %u ms", seen->certificate_count,
	         seen->certificate_count == 1 ? "" : "s",
	         seen->group[0] ? seen->group : "not known", seen->latency_ms);
	check_text_wrap(out, "      tls     ", text);
	print_certificate(out, place);
}

static void print_place(FILE *out, const struct check_facts *facts, size_t index,
                        struct check_style style)
{
	char address[ADDRESS_TEXT_MAX], first[ADDRESS_TEXT_MAX + 8], text[LINE_ROOM];
	struct line line;

	address_format(address, &facts->destination.places[index].address);
	snprintf(first, sizeof(first), "    %-*s  ", ADDRESS_COLUMN, address);
	line_init(&line, text, sizeof(text));
	add_outcome(&line, &facts->places[index]);
	check_text_wrap(out, first, text);
	print_second(out, &facts->places[index]);
	if (style.is_verbose)
		print_dialogue(out, &facts->places[index]);
}

static bool is_met_somewhere(const struct check_facts *facts, size_t host, size_t record)
{
	for (size_t i = 0; i < facts->destination.place_count; i++) {
		if (facts->destination.places[i].host == host &&
		    check_record_is_met(&facts->places[i], record))
			return true;
	}
	return false;
}

static void print_records(FILE *out, const struct check_facts *facts, size_t host)
{
	const struct check_records *records = &facts->hosts[host].tlsa;
	char text[LINE_ROOM];
	struct line line;

	if (records->count == 0)
		return;
	line_init(&line, text, sizeof(text));
	for (size_t i = 0; i < records->count; i++) {
		const struct check_record *record = &records->records[i];

		line_add(&line, "%s%s %s", i > 0 ? ", " : "", record->text,
		         !record->is_usable                 ? "unusable"
		         : !check_key_is_seen(facts, host)  ? "not compared: no key was seen"
		         : is_met_somewhere(facts, host, i) ? "matches"
		                                            : "does not match");
	}
	line_add(&line, " (%s)", dns_security_name(records->security));
	check_text_wrap(out, "    tlsa             ", text);
}

static void print_hosts(FILE *out, const struct check_facts *facts, struct check_style style)
{
	/* A host that stands for the domain itself, and is not there. */
	if (facts->destination.mx_state == MX_IMPLICIT && facts->destination.place_count == 0)
		return;
	for (size_t i = 0; i < facts->destination.host_count; i++) {
		fprintf(out, "  %s%s%s (%s): %s\n", facts->destination.hosts[i].name,
		        facts->hosts[i].is_alias ? ", alias of " : "", facts->hosts[i].target,
		        dns_security_name(facts->destination.hosts[i].address_security),
		        check_strength_words(check_strength_of_host(facts, i)));
		for (size_t j = 0; j < facts->destination.place_count; j++) {
			if (facts->destination.places[j].host == i)
				print_place(out, facts, j, style);
		}
		print_records(out, facts, i);
	}
}

static void print_sts(FILE *out, const struct check_sts *sts)
{
	char text[LINE_ROOM];
	struct line line;

	line_init(&line, text, sizeof(text));
	switch (sts->state) {
	case STS_UNKNOWN:
		return;
	case STS_OFF:
		line_add(&line, "not looked up: off by the configuration");
		break;
	case STS_NONE:
		line_add(&line, "none");
		break;
	case STS_NO_LOOKUP:
	case STS_WRONG_RECORD:
	case STS_NO_POLICY:
		line_add(&line, "%s", sts->why);
		break;
	case STS_POLICY:
		line_add(&line, "%s, id %s, max_age %u d, mx:", mx_policy_mode_name(sts->mode),
		         sts->id, sts->max_age_s / DAY_S);
		for (size_t i = 0; i < sts->pattern_count; i++)
			line_add(&line, " %s", sts->patterns[i].text);
		break;
	}
	print_line(out, "mta-sts", text);
}

static void print_tlsrpt(FILE *out, const struct check_tlsrpt *tlsrpt)
{
	char text[LINE_ROOM];

	if (tlsrpt->security == DNS_UNKNOWN)
		return;
	line_clean(text, sizeof(text),
	           tlsrpt->why[0]                  ? tlsrpt->why
	           : tlsrpt->state == TLSRPT_FOUND ? tlsrpt->rua
	                                           : "none");
	print_line(out, "tlsrpt", text);
}

static void print_list(FILE *out, const struct check_list *list)
{
	static const char *const words[] = {
		[CHECK_NOT_LISTED] = "not listed",
		[CHECK_LISTED_TESTING] = "listed for testing",
		[CHECK_LISTED_ENFORCE] = "listed",
		[CHECK_LISTED_EXPIRED] = "listed, expired",
	};

	if (list->count > 0)
		print_line(out, "list", words[list->state]);
}

void check_text_facts(FILE *out, const struct check_facts *facts, struct check_style style)
{
	print_chain(out, &facts->chain);
	print_servers(out, facts);
	print_mx(out, facts);
	print_hosts(out, facts, style);
	print_sts(out, &facts->sts);
	print_tlsrpt(out, &facts->tlsrpt);
	print_list(out, &facts->list);
}
