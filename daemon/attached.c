/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "attached.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "enforce/rules_attached.h"
#include "net/routes.h"
#include "net/routes_watch.h"
#include "process.h"
#include "report/line.h"

/* Networks named in one event; more are counted. */
enum { NETWORKS_SHOWN_MAX = 5 };

static const char FAILED[] =
	"networks that were attached to this machine since are not in the firewall rules, "
	"which could not be put in: mail from there passes by us. Tried again";
static const char FULL[] =
	"more networks are attached to this machine than the firewall rules have room for: "
	"name those with mail servers in `clients`";
static const char WHOLE[] = "all networks that are attached to this machine are in the rules";

void attached_note(struct attached *attached, uint64_t now_ms)
{
	if (!attached->is_due)
		attached->first_ms = now_ms;
	attached->is_due = true;
	attached->last_ms = now_ms;
}

void attached_open(struct attached *attached, const struct attached_hooks *hooks, void *owner,
                   uint64_t now_ms)
{
	int err;

	*attached = (struct attached){ .hooks = hooks, .owner = owner };
	err = routes_watch_open(&attached->watch);
	if (err)
		log_warn("networks that are attached later are seen late error=\"%s\"",
		         strerror(-err));
	attached_note(attached, now_ms);
}

void attached_close(struct attached *attached)
{
	routes_watch_close(attached->watch);
	attached->watch = NULL;
}

static void tell_trouble(struct attached *attached, const char *trouble)
{
	if (trouble != attached->trouble)
		attached->hooks->tell(attached->owner, trouble ? EVENT_DEGRADED : EVENT_RECOVERED,
		                      "clients", trouble ? trouble : WHOLE);
	attached->trouble = trouble;
}

static void tell_growth(const struct attached *attached, bool has_clients,
                        const struct rules_growth *growth)
{
	char text[EVENT_TEXT_MAX], network[NETWORK_TEXT_MAX];
	struct line line;
	size_t i;

	line_init(&line, text, sizeof(text));
	line_add(&line, "%s",
	         has_clients
	                 ? "more networks are attached to this machine, and name servers there are "
	                   "heard from now on:"
	                 : "more networks are attached to this machine, and guarded from now on:");
	for (i = 0; i < growth->count && i < NETWORKS_SHOWN_MAX; i++)
		line_add(&line, " %s", network_format(network, &growth->networks[i]));
	if (growth->count > NETWORKS_SHOWN_MAX)
		line_add(&line, " and %zu more", growth->count - NETWORKS_SHOWN_MAX);
	attached->hooks->tell(attached->owner, EVENT_RELOADED, "", text);
}

static bool take(struct attached *attached, struct config *config, const struct network *networks,
                 size_t count, uint64_t now_ms)
{
	struct rules_growth growth =
		rules_grow(&config->rules, config->has_clients, networks, count);

	if (growth.count > 0 && attached->hooks->put_in(attached->owner) != 0) {
		rules_shrink(&config->rules, config->has_clients, &growth);
		attached_note(attached, now_ms);
		attached->rests_until_ms = now_ms + ATTACHED_RETRY_MS;
		tell_trouble(attached, FAILED);
		return false;
	}
	if (growth.count > 0)
		tell_growth(attached, config->has_clients, &growth);
	tell_trouble(attached, growth.left_out > 0 ? FULL : NULL);
	return growth.count > 0;
}

static bool is_time(struct attached *attached, uint64_t now_ms)
{
	bool has_changed = attached->watch ? routes_watch_changed(attached->watch)
	                                   : now_ms - attached->looked_ms >= ATTACHED_UNWATCHED_MS;

	if (has_changed)
		attached_note(attached, now_ms);
	return attached->is_due && now_ms >= attached->rests_until_ms &&
	       (now_ms - attached->last_ms >= ATTACHED_QUIET_MS ||
	        now_ms - attached->first_ms >= ATTACHED_PATIENCE_MS);
}

bool attached_look(struct attached *attached, struct config *config, uint64_t now_ms)
{
	struct network *networks;
	uint64_t began_ms;
	size_t count;
	bool grew;

	if (!config->rules.has_forward || !is_time(attached, now_ms))
		return false;
	networks = calloc(RULES_ATTACHED_MAX, sizeof(*networks));
	if (!networks)
		return false;
	attached->is_due = false;
	attached->looked_ms = now_ms;
	began_ms = process_now_ms();
	count = routes_attached(networks, RULES_ATTACHED_MAX);
	attached->rests_until_ms = now_ms + ATTACHED_REST * (process_now_ms() - began_ms);
	grew = take(attached, config, networks, count, now_ms);
	free(networks);
	return grew;
}
