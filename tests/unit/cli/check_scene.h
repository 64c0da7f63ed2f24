/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_UNIT_CLI_CHECK_SCENE_H
#define HOPGUARD_TESTS_UNIT_CLI_CHECK_SCENE_H

/* Facts of a sound domain, example.org, with an MX host mx1 (DANE, MTA-STS in mode enforce); each test spoils some of them. */

#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/check_judge.h"

enum { NOW_S = 1800000000, DAY_S = 24 * 60 * 60 };

struct check_scene {
	struct check_facts facts;
	struct check_findings findings;
};

static inline struct check_place *check_scene_host(struct check_scene *scene, const char *name,
                                                   uint16_t preference)
{
	struct destination *destination = &scene->facts.destination;
	size_t host = destination->host_count++, place = destination->place_count++;
	const uint8_t octets[4] = { 192, 0, 2, (uint8_t)(place + 1) };
	struct mx_host *mx = &destination->hosts[host];
	struct check_records *tlsa = &scene->facts.hosts[host].tlsa;
	struct check_place *at = &scene->facts.places[place];

	strcpy(mx->name, name);
	mx->preference = preference;
	mx->address_security = DNS_SECURE;
	mx->promise.state = PROMISE_KEY;
	destination->places[place].address = address_of(4, octets);
	destination->places[place].host = (uint8_t)host;
	scene->facts.hosts[host].is_in_policy = true;
	strcpy(tlsa->base, name);
	snprintf(tlsa->name, sizeof(tlsa->name), "_25._tcp.%s", name);
	tlsa->security = DNS_SECURE;
	tlsa->count = 1;
	tlsa->records[0] = (struct check_record){ .usage = 3,
		                                  .selector = 1,
		                                  .matching = 1,
		                                  .is_usable = true,
		                                  .text = "3 1 1 aabbcc..." };
	at->key.records[0] = KEY_MET;
	at->key.is_tlsa_met = true;
	at->nameless = NAMELESS_SAME;
	at->key.pkix.outcome = KEY_MET;
	at->key.pkix.seen.has_leaf = true;
	at->key.pkix.seen.not_before_s = NOW_S - 30 * DAY_S;
	at->key.pkix.seen.not_after_s = NOW_S + 60 * DAY_S;
	strcpy(at->key.pkix.seen.names, name);
	strcpy(at->key.pkix.seen.issuer, "CN=An authority");
	at->seen = calloc(1, sizeof(*at->seen));
	at->seen->step = VISIT_AT_FINISHED;
	at->seen->outcome = VISIT_DONE;
	at->seen->is_smtp_named = true;
	at->seen->is_offered = at->seen->has_ehlo = at->seen->has_leaf = true;
	at->seen->connect_ms = 10;
	at->seen->banner_ms = 20;
	at->seen->code = 220;
	at->seen->tls_version = 0x0304;
	at->seen->certificate_count = 2;
	at->seen->alert = -1;
	strcpy(at->seen->cipher, "TLS_AES_128_GCM_SHA256");
	return at;
}

static inline int check_scene_open(void **state)
{
	struct check_scene *scene = calloc(1, sizeof(*scene));
	struct check_facts *facts = &scene->facts;

	facts->now_s = NOW_S;
	strcpy(facts->destination.name, "example.org");
	facts->destination.mx_state = MX_FOUND;
	facts->destination.mx_security = DNS_SECURE;
	facts->chain.count = 1;
	facts->chain.zones[0].security = DNS_SECURE;
	facts->sts.state = STS_POLICY;
	facts->sts.mode = MX_POLICY_ENFORCE;
	facts->sts.max_age_s = 7 * DAY_S;
	facts->tlsrpt.security = DNS_SECURE;
	facts->tlsrpt.state = TLSRPT_FOUND;
	check_scene_host(scene, "mx1.example.org", 10);
	*state = scene;
	return 0;
}

static inline int check_scene_close(void **state)
{
	struct check_scene *scene = *state;

	check_facts_clear(&scene->facts);
	free(scene);
	return 0;
}

/* The kinds that are found, the worst first, with ' ' between them; notes in brackets. */
static inline const char *check_scene_judge(struct check_scene *scene)
{
	static char kinds[1024];

	scene->findings.count = 0;
	check_judge(&scene->findings, &scene->facts);
	kinds[0] = '\0';
	for (size_t i = 0; i < scene->findings.count; i++) {
		const struct check_finding *finding = &scene->findings.list[i];
		bool is_note = finding->severity == CHECK_NOTE;
		size_t len = strlen(kinds);

		snprintf(kinds + len, sizeof(kinds) - len, "%s%s%s%s", len > 0 ? " " : "",
		         is_note ? "(" : "", check_kind_name(finding->kind), is_note ? ")" : "");
	}
	return kinds;
}

#endif
