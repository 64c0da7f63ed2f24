/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/parts/gate_owner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "support/silent_owner.h"
#include "verdict/key_rule.h"

static void on_verdict(void *context, const struct gate_verdict *verdict)
{
	struct gate_owner *owner = context;
	const struct marks *marks = &owner->config.rules.marks;
	const struct nfqueue_verdict out = {
		.id = verdict->packet_id,
		.is_accepted = verdict->is_accepted,
		.repeats = verdict->is_accepted,
		.has_mark = verdict->is_accepted,
		.mark = (verdict->mark & ~marks->mask) | marks->to_server |
		        (verdict->is_offloaded ? marks->offload : 0),
		.packet = verdict->packet,
	};

	owner->accepted += verdict->is_accepted;
	owner->offloaded += verdict->is_offloaded;
	if (owner->queue)
		(void)nfqueue_verdict(owner->queue, &out);
}

static void on_ask(void *context, enum question_kind kind, const char *name, bool is_refresh)
{
	struct gate_owner *owner = context;

	(void)is_refresh;
	text_copy(owner->asked, sizeof(owner->asked), name);
	owner->asked_kind = kind;
	owner->is_asked = true;
	owner->questions++;
}

static void on_check(void *context, const struct message_check *check, size_t len)
{
	struct gate_owner *owner = context;

	(void)len;
	owner->check_request = check->request;
	owner->is_checked = true;
}

static void on_probe(void *context, const struct message_probe *probe, size_t len)
{
	struct gate_owner *owner = context;

	(void)len;
	owner->probe_key = probe->key;
	owner->is_probed = true;
}

void gate_owner_init(struct gate_owner *owner)
{
	static const char *const set[] = { "mode=enforce" };
	char error[CONFIG_ERROR_MAX];

	log_open("bench", LOG_LEVEL_ERROR);
	memset(owner, 0, sizeof(*owner));
	if (config_parse(&owner->config, "bench", "", set, 1, error) != 0) {
		fprintf(stderr, "%s\n", error);
		exit(2);
	}
	gate_owner_renew(owner);
}

void gate_owner_free(struct gate_owner *owner)
{
	gate_free(owner->gate);
}

void gate_owner_renew(struct gate_owner *owner)
{
	static const uint8_t secret[TABLE_SECRET_LEN] = "benchmark secret";
	struct gate_actions actions = silent_owner();

	actions.verdict = on_verdict;
	actions.ask = on_ask;
	if (owner->has_promises) {
		actions.check = on_check;
		actions.probe = on_probe;
	}
	gate_free(owner->gate);
	owner->gate = gate_new(&owner->config, secret, &actions, owner);
	owner->is_asked = owner->is_checked = owner->is_probed = false;
	owner->accepted = owner->offloaded = owner->questions = 0;
	if (!owner->gate) {
		fprintf(stderr, "out of memory\n");
		exit(4);
	}
}

static void promise_key(struct destination *answer)
{
	static const uint8_t digest[32] = { 1 };
	struct mx_host *host = &answer->hosts[0];
	struct key_rules rules = { .count = 0 };
	const struct key_rule rule = {
		.kind = KEY_RULE_TLSA,
		.source = SOURCE_DANE,
		.names = bytes_of_string("mx.example.org"),
		.record_count = 1,
		.records = { { 3, 1, 1, bytes_of(digest, sizeof(digest)) } },
	};

	if (!key_rules_add(&rules, &rule) ||
	    !address_parse(&answer->places[0].address, "198.51.100.25"))
		abort();
	answer->host_count = answer->place_count = 1;
	text_copy(host->name, sizeof(host->name), "mx.example.org");
	host->address_security = DNS_SECURE;
	host->promise.state = PROMISE_KEY;
	host->promise.source = SOURCE_DANE;
	memcpy(answer->keys, rules.octets, rules.len);
	answer->keys_len = host->keys.len = (uint16_t)rules.len;
}

void gate_owner_answer(struct gate_owner *owner, enum question_kind kind, const char *name,
                       uint64_t now_ms)
{
	/* Not made anew each time: it is large, and the scout's work. */
	struct destination *answer = &owner->answer;

	if (owner->has_promises && answer->host_count == 0)
		promise_key(answer);
	answer->mx_state = kind != QUESTION_DOMAIN ? MX_HOST
	                   : owner->has_promises   ? MX_FOUND
	                                           : MX_NXDOMAIN;
	answer->mx_security = DNS_SECURE;
	answer->ttl_s = 3600;
	text_copy(answer->name, sizeof(answer->name), name);
	gate_answer(owner->gate, answer, now_ms, now_ms);
}

static void answer_about_keys(struct gate_owner *owner, uint64_t now_ms)
{
	static struct message_probed shown = { .type = MESSAGE_PROBED,
		                               .outcome = PROBE_SHOWN,
		                               .tls_version = 0x0304,
		                               .cipher_suite = 0x1301,
		                               .chain_len = 8 };
	struct message_checked checked = { .type = MESSAGE_CHECKED };

	while (owner->is_probed || owner->is_checked) {
		if (owner->is_probed) {
			owner->is_probed = false;
			shown.key = owner->probe_key;
			gate_probed(owner->gate, &shown, now_ms, now_ms);
			continue;
		}
		owner->is_checked = false;
		checked.request = owner->check_request;
		checked.finding.outcome = KEY_MET;
		checked.finding.source = SOURCE_DANE;
		gate_checked(owner->gate, &checked, now_ms, now_ms);
	}
}

void gate_owner_packet(struct gate_owner *owner, const struct nfqueue_packet *packet,
                       uint64_t now_ms)
{
	gate_packet(owner->gate, packet, now_ms, now_ms);
	if (owner->is_asked) {
		owner->is_asked = false;
		gate_owner_answer(owner, owner->asked_kind, owner->asked, now_ms);
	}
	answer_about_keys(owner, now_ms);
}
