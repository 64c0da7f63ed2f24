/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scout_state.h"

#include <string.h>

#include "base/bytes.h"
#include "base/log.h"
#include "policy/local.h"
#include "policy/mtasts.h"
#include "policy/peer_names.h"

enum { EMPTIED_MAX = 16, EMPTIED_MS = 16000 };

void scout_send_explanation(struct scout *scout, uint32_t request, uint32_t age_s, bool is_cached)
{
	scout->explanation.type = MESSAGE_EXPLANATION;
	scout->explanation.request = request;
	scout->explanation.age_s = age_s;
	scout->explanation.is_cached = is_cached;
	scout->explanation.evidence_count = 0;
	scout_rows_last_keys(scout->explanation.last_keys, scout->rows,
	                     &scout->explanation.destination);
	scout_probe_explain(scout->probe, scout->explanation.last_keys,
	                    &scout->explanation.destination);
	if (scout->explanation.destination.mx_state != MX_UNKNOWN)
		scout->explanation.evidence_count =
			(uint32_t)merge_evidence(scout->explanation.evidence, &scout->sources,
		                                 &scout->explanation.destination);
	(void)process_send(scout->process, ROLE_LEDGER, 0, &scout->explanation,
	                   sizeof(scout->explanation));
	scout->explanation.follows = 0;
}

static void explain_unknown(struct scout *scout, uint32_t request, const char *name,
                            const char *why)
{
	struct destination *destination = &scout->explanation.destination;

	memset(destination, 0, sizeof(*destination));
	text_copy(destination->name, sizeof(destination->name), name);
	text_copy(destination->why, sizeof(destination->why), why);
	scout_send_explanation(scout, request, 0, true);
}

static bool is_smart_host(const struct scout *scout, const char *name)
{
	struct local_entry entry;

	return scout->sources.local &&
	       local_find_host(scout->sources.local, &entry, name, scout->sources.time_ms());
}

static void look_up(struct scout *scout, uint32_t request, enum merge_subject subject,
                    const char *name)
{
	if (!enquiries_ask_for_explanation(scout->enquiries, subject, name, request))
		explain_unknown(scout, request, name, "too many look-ups are open: ask again");
}

static bool recall_hop(struct scout *scout, uint32_t *age_s, const struct hop *hop)
{
	bool is_host = hop->domain[0] == '\0';

	return scout_recall(scout, &scout->explanation.destination, age_s,
	                    is_host ? hop->mx : hop->domain, is_host);
}

/* An address promises nothing by itself: what is known is who names it as a place of his. All of them are told. */
static void explain_address(struct scout *scout, uint32_t request, const char *text,
                            const struct address *address)
{
	struct hop hops[PROMISE_CACHE_MENTIONS_MAX];
	const struct address place = nat64_behind(&scout->nat64, address);
	size_t count = promise_cache_at(hops, scout->cache, &place, process_now_ms());
	size_t known = 0;
	char name[DOMAIN_NAME_MAX];
	uint32_t age_s;

	/* What is still there to be told, first: each says how many follow. */
	for (size_t i = 0; i < count; i++) {
		if (recall_hop(scout, &age_s, &hops[i]))
			hops[known++] = hops[i];
	}
	for (size_t i = 0; i < known; i++) {
		(void)recall_hop(scout, &age_s, &hops[i]);
		scout->explanation.follows = (uint32_t)(known - i - 1);
		scout_send_explanation(scout, request, age_s, true);
	}
	if (known > 0)
		return;
	if (is_smart_host(scout, address_format(name, address)))
		look_up(scout, request, MERGE_HOST, name);
	else
		explain_unknown(scout, request, text,
		                "no destination looked up lately has this address");
}

/* A mail domain, or a host that a server called itself; a smart host is one from the first moment on, and may be a domain, too. */
static void explain_name(struct scout *scout, uint32_t request, const char *name)
{
	struct destination *destination = &scout->explanation.destination;
	bool is_smart = is_smart_host(scout, name);
	uint32_t age_s;

	if (is_smart && scout_recall(scout, destination, &age_s, name, false)) {
		scout->explanation.follows = 1;
		scout_send_explanation(scout, request, age_s, true);
	}
	if ((!is_smart && scout_recall(scout, destination, &age_s, name, false)) ||
	    scout_recall(scout, destination, &age_s, name, true))
		scout_send_explanation(scout, request, age_s, true);
	else
		look_up(scout, request, is_smart ? MERGE_HOST : MERGE_DOMAIN, name);
}

void scout_take_explain(struct scout *scout, const struct message_explain *explain)
{
	char name[DOMAIN_NAME_MAX];
	struct address address;

	if (address_parse(&address, explain->name) || peer_name_literal(&address, explain->name)) {
		explain_address(scout, explain->request, explain->name, &address);
	} else if (!peer_name_normalise(name, explain->name)) {
		explain_unknown(scout, explain->request, "",
		                "neither a domain name nor an address");
	} else {
		explain_name(scout, explain->request, name);
	}
}

/*
 * libunbound forgets by name only at its control port: so all of its cache goes, and what is open in it is asked anew. Who asks for that
 * all the time would have no question answered: beyond the bound it is put off.
 */
static void empty_cache(struct scout *scout)
{
	int err;

	scout->must_empty = !rate_take(&scout->emptied, EMPTIED_MAX, EMPTIED_MS, process_now_ms());
	if (scout->must_empty) {
		log_debug("resolver cache put off");
		return;
	}
	err = resolver_configure(scout->resolver, &scout->options);
	if (err)
		log_error("resolver cache not emptied error=\"%s\"", strerror(-err));
	else
		log_debug("resolver cache emptied");
}

void scout_flush_second(struct scout *scout)
{
	if (scout->must_empty)
		empty_cache(scout);
}

void scout_take_flush(struct scout *scout, const struct message_flush *flush)
{
	struct message_forget forget = { .type = MESSAGE_FORGET };
	struct message_flushed flushed = { .type = MESSAGE_FLUSHED, .request = flush->request };

	if (peer_name_normalise(forget.name, flush->name)) {
		flushed.count = (uint32_t)(promise_cache_forget(scout->cache, forget.name) +
		                           scout_rows_forget(scout->rows, forget.name) +
		                           mtasts_forget(scout->mtasts, forget.name));
		empty_cache(scout);
		(void)process_send_guards(scout->process, &forget, sizeof(forget), -1);
	}
	(void)process_send(scout->process, ROLE_LEDGER, 0, &flushed, sizeof(flushed));
}
