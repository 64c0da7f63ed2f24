/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/dns_health.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct dns_health {
	struct event_base *base;
	struct event *next;        /* the next test */
	struct event *done;        /* a test's resolver cannot be freed by its own callback */
	struct resolver *resolver; /* of the test that runs; NULL: none */
	struct resolver_options options;
	dns_health_fn fn;
	void *owner;
	bool is_told;
	bool is_doubted; /* the last test failed, the one before was good */
	char problem[HEALTH_TEXT_MAX];
};

static void schedule(struct event *event, long seconds)
{
	const struct timeval after = { .tv_sec = seconds };

	event_add(event, &after);
}

/* Who should have answered. */
static const char *name_source(char text[ADDRESS_TEXT_MAX + 16],
                               const struct resolver_options *options)
{
	char address[ADDRESS_TEXT_MAX];

	if (options->forwarder_count == 0)
		return "the root servers";
	snprintf(text, ADDRESS_TEXT_MAX + 16, "forwarder %s",
	         address_format(address, &options->forwarders[0].address));
	return text;
}

static void describe(char problem[HEALTH_TEXT_MAX], const struct dns_health *health,
                     const struct lookup *lookup)
{
	const char *trouble = resolver_trouble(health->resolver);
	char source[ADDRESS_TEXT_MAX + 16];

	problem[0] = '\0';
	switch (lookup->security) {
	case DNS_SECURE:
		snprintf(problem, HEALTH_TEXT_MAX, "%s", trouble);
		break;
	case DNS_BOGUS:
		snprintf(problem, HEALTH_TEXT_MAX,
		         "DNSSEC validation fails at the root, so no promise can be told: %s "
		         "(%.110s)",
		         health->options.forwarder_count > 0
		                 ? "does the forwarder pass DNSSEC on?"
		                 : "is the clock right, is port 53 intercepted?",
		         lookup->why);
		break;
	case DNS_INSECURE:
		snprintf(problem, HEALTH_TEXT_MAX,
		         "DNSSEC validation does not happen: the trust anchor is not for the root");
		break;
	case DNS_UNKNOWN:
	case DNS_FAILED:
		/* A file that cannot be read is why, where there is one: libunbound does not say so. */
		snprintf(problem, HEALTH_TEXT_MAX,
		         "no DNS, so no promise can be told: nothing from %s (%.120s)",
		         name_source(source, &health->options),
		         strncmp(trouble, "cannot read", 11) == 0 ? trouble : lookup->why);
		break;
	}
}

static void conclude(struct dns_health *health, const char *problem)
{
	bool was_good = health->is_told && health->problem[0] == '\0';

	if (problem[0] && was_good && !health->is_doubted) {
		health->is_doubted = true;
		schedule(health->next, HEALTH_DOUBT_S);
		return;
	}
	health->is_doubted = false;
	schedule(health->next, problem[0] ? HEALTH_BAD_S : HEALTH_GOOD_S);
	if (health->is_told && strcmp(problem, health->problem) == 0)
		return;
	health->is_told = true;
	snprintf(health->problem, sizeof(health->problem), "%s", problem);
	health->fn(health->owner, health->problem);
}

static void on_root(void *owner, const struct lookup *lookup)
{
	struct dns_health *health = owner;
	char problem[HEALTH_TEXT_MAX];

	describe(problem, health, lookup);
	event_active(health->done, EV_TIMEOUT, 0);
	conclude(health, problem);
}

static void end_test(struct dns_health *health)
{
	if (health->resolver)
		resolver_free(health->resolver);
	health->resolver = NULL;
}

static void on_done(evutil_socket_t unused, short events, void *data)
{
	(void)unused;
	(void)events;
	end_test(data);
}

static void on_next(evutil_socket_t unused, short events, void *data)
{
	struct dns_health *health = data;
	char problem[HEALTH_TEXT_MAX];
	int err;

	(void)unused;
	(void)events;
	event_del(health->done);
	end_test(health);
	err = resolver_new(&health->resolver, health->base, &health->options);
	if (!err && resolver_ask(health->resolver, "", DNS_TYPE_NS, on_root, health))
		return;
	snprintf(problem, sizeof(problem), "the resolver cannot be set up: %s",
	         strerror(err ? -err : ENOMEM));
	end_test(health);
	conclude(health, problem);
}

struct dns_health *dns_health_new(struct event_base *base, const struct resolver_options *options,
                                  dns_health_fn fn, void *owner)
{
	struct dns_health *health = calloc(1, sizeof(*health));

	if (!health)
		return NULL;
	health->base = base;
	health->options = *options;
	health->fn = fn;
	health->owner = owner;
	health->next = event_new(base, -1, 0, on_next, health);
	health->done = event_new(base, -1, 0, on_done, health);
	if (!health->next || !health->done) {
		dns_health_free(health);
		return NULL;
	}
	schedule(health->next, 0);
	return health;
}

void dns_health_free(struct dns_health *health)
{
	if (!health)
		return;
	end_test(health);
	if (health->next)
		event_free(health->next);
	if (health->done)
		event_free(health->done);
	free(health);
}

void dns_health_configure(struct dns_health *health, const struct resolver_options *options)
{
	health->options = *options;
	health->is_doubted = false;
	schedule(health->next, 0);
}
