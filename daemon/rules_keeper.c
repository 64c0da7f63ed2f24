/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rules_keeper.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "net/ruleset_watch.h"
#include "process.h"

struct rules_keeper {
	struct event_base *base;
	const struct rules_keeper_hooks *hooks;
	void *owner;
	const struct config *config; /* NULL: nothing is kept */
	int lock;
	enum rules_backend backend; /* that is watched */
	struct ruleset_watch *watch;
	struct event *on_notice;
	struct event *on_due;
	uint64_t looked_ms;
	uint64_t told_ms;
	bool are_gone;
	bool was_told; /* that they are gone */
};

static const char GONE_RESTORED[] = "somebody else removed our firewall rules, or a part of them: "
				    "mail may have passed by us until they were put back "
				    "(rules-flushed = restore)";
static const char GONE_ALERT[] = "somebody else removed our firewall rules, or a part of them: "
				 "mail may pass by us until `hopguard rules apply` "
				 "(rules-flushed = alert)";

/* Where we put them back, one who removes them again and again is not told of each time; where they stay away, he is. */
static void tell_gone(struct rules_keeper *keeper, uint64_t now_ms)
{
	bool was_lately = keeper->told_ms && now_ms - keeper->told_ms < RULES_KEEPER_TELL_MS;

	keeper->are_gone = true;
	if (keeper->was_told || (was_lately && keeper->config->restores_rules))
		return;
	keeper->was_told = true;
	keeper->told_ms = now_ms;
	keeper->hooks->tell(keeper->owner, true,
	                    keeper->config->restores_rules ? GONE_RESTORED : GONE_ALERT);
}

static void tell_back(struct rules_keeper *keeper)
{
	if (keeper->are_gone)
		keeper->hooks->on_back(keeper->owner);
	if (keeper->was_told)
		keeper->hooks->tell(keeper->owner, false, "our firewall rules are in again");
	keeper->are_gone = keeper->was_told = false;
}

static void look(struct rules_keeper *keeper)
{
	const struct config *config = keeper->config;
	bool are_in = rules_are_present(&config->rules, config->backend, keeper->lock);

	keeper->looked_ms = process_now_ms();
	if (!are_in) {
		tell_gone(keeper, keeper->looked_ms);
		are_in = config->restores_rules && keeper->hooks->put_in(keeper->owner) == 0;
	}
	if (are_in)
		tell_back(keeper);
}

static void on_due(evutil_socket_t none, short what, void *argument)
{
	struct rules_keeper *keeper = argument;

	(void)none;
	(void)what;
	if (keeper->config)
		look(keeper);
}

static void look_soon(struct rules_keeper *keeper)
{
	bool is_first = process_now_ms() - keeper->looked_ms > RULES_KEEPER_DELAY_MS;
	const struct timeval delay = {
		.tv_usec = (is_first ? RULES_KEEPER_FIRST_MS : RULES_KEEPER_DELAY_MS) * 1000,
	};

	/* One that is due already stays where it is, or many changes in a row would put it off for ever. */
	if (keeper->config && !event_pending(keeper->on_due, EV_TIMEOUT, NULL))
		(void)event_add(keeper->on_due, &delay);
}

static void on_notice(evutil_socket_t none, short what, void *argument)
{
	struct rules_keeper *keeper = argument;

	(void)none;
	(void)what;
	if (ruleset_watch_changed(keeper->watch))
		look_soon(keeper);
}

struct rules_keeper *rules_keeper_new(struct event_base *base,
                                      const struct rules_keeper_hooks *hooks, void *owner)
{
	struct rules_keeper *keeper = calloc(1, sizeof(*keeper));

	if (!keeper)
		return NULL;
	keeper->base = base;
	keeper->hooks = hooks;
	keeper->owner = owner;
	keeper->on_due = event_new(base, -1, 0, on_due, keeper);
	if (!keeper->on_due) {
		free(keeper);
		return NULL;
	}
	return keeper;
}

static void unwatch(struct rules_keeper *keeper)
{
	if (keeper->on_notice)
		event_free(keeper->on_notice);
	keeper->on_notice = NULL;
	ruleset_watch_close(keeper->watch);
	keeper->watch = NULL;
}

/* Without notices, the look now and then remains. */
static void watch(struct rules_keeper *keeper, enum rules_backend backend)
{
	int err;

	if (keeper->watch && keeper->backend == backend)
		return;
	unwatch(keeper);
	keeper->backend = backend;
	err = ruleset_watch_open(&keeper->watch, backend == RULES_IPTABLES_LEGACY);
	if (err) {
		log_warn("changes of the rules by others are seen late error=\"%s\"",
		         strerror(-err));
		return;
	}
	keeper->on_notice = event_new(keeper->base, ruleset_watch_descriptor(keeper->watch),
	                              EV_READ | EV_PERSIST, on_notice, keeper);
	if (keeper->on_notice)
		(void)event_add(keeper->on_notice, NULL);
}

void rules_keeper_free(struct rules_keeper *keeper)
{
	if (!keeper)
		return;
	unwatch(keeper);
	event_free(keeper->on_due);
	free(keeper);
}

void rules_keeper_keep(struct rules_keeper *keeper, const struct config *config, int lock)
{
	keeper->config = config;
	keeper->lock = lock;
	if (!config) {
		unwatch(keeper);
		return;
	}
	watch(keeper, config->backend);
	keeper->looked_ms = process_now_ms();
}

bool rules_keeper_misses_them(const struct rules_keeper *keeper)
{
	return keeper->are_gone;
}

void rules_keeper_tick(struct rules_keeper *keeper, uint64_t now_ms)
{
	uint64_t interval_ms = keeper->backend == RULES_IPTABLES_LEGACY
	                               ? RULES_KEEPER_LEGACY_INTERVAL_MS
	                               : RULES_KEEPER_INTERVAL_MS;

	if (!keeper->config)
		return;
	if ((keeper->watch && ruleset_watch_changed(keeper->watch)) || keeper->are_gone ||
	    now_ms - keeper->looked_ms >= interval_ms)
		look_soon(keeper);
}
