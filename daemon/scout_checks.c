/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scout_checks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/log.h"
#include "policy/dns_check.h"

enum {
	CHECKS_MAX = 256, /* answers that are checked at one time */
	SECOND_LOOKS_MAX = 32,
	/* A second look takes nothing from a cache that is older. */
	FRESH_LIFE_MS = 5000,
	/* Our own cache is thrown away because it was behind, at most so often. */
	FORGET_PAUSE_MS = 60 * 1000,
	FINDINGS_MAX = 1024, /* remembered, so that each is told once in a while */
	FINDING_PAUSE_MS = 10 * 60 * 1000,
	FINDING_RATE = 10, /* told a second */
};

/* One answer that is checked, then looked at once more before it is called forged. */
struct check {
	struct scout_checks *checks;
	struct dns_check *dns; /* NULL: free */
	unsigned guard;
	uint32_t request; /* 0: nothing waits */
	bool is_second;
	char name[DOMAIN_NAME_MAX];
	struct address client, server;
	uint8_t *octets; /* for the second look */
	size_t len;
};

struct finding_key {
	char name[DOMAIN_NAME_MAX];
	uint32_t reason;
};

struct scout_checks {
	struct scout *scout;
	unsigned findings_left; /* in this second */
	struct check places[CHECKS_MAX];
	size_t second_looks;
	struct resolver *fresh; /* of an empty cache, for second looks; NULL: none */
	uint64_t fresh_since_ms;
	uint64_t forgot_ms;
	struct table *findings; /* struct finding_key → uint64_t, when it was told */
	uint64_t dropped;
};

static uint64_t *find_finding(struct scout_checks *checks, struct finding_key *key,
                              const char *name)
{
	memset(key->name, 0, sizeof(key->name));
	text_copy(key->name, sizeof(key->name), name);
	return table_find(checks->findings, key);
}

/* A zone whose signatures are broken is one piece of news, its hosts and their keys are none. */
static bool was_told_of_parent(struct scout_checks *checks, const char *name, uint64_t now_ms)
{
	struct finding_key key = { .reason = REASON_DNS_BOGUS };

	while ((name = strchr(name, '.')) != NULL) {
		const uint64_t *told_ms = find_finding(checks, &key, ++name);

		if (told_ms && now_ms - *told_ms < FINDING_PAUSE_MS)
			return true;
	}
	return false;
}

/* Told now and not lately. */
static bool is_news(struct scout_checks *checks, const char *name, enum reason reason)
{
	struct finding_key key = { .reason = reason };
	uint64_t now_ms = process_now_ms();
	uint64_t *told_ms = find_finding(checks, &key, name);

	if (told_ms && now_ms - *told_ms < FINDING_PAUSE_MS)
		return false;
	if (reason == REASON_DNS_BOGUS && was_told_of_parent(checks, name, now_ms))
		return false;
	if (checks->findings_left == 0)
		return false;
	checks->findings_left--;
	if (!told_ms)
		told_ms = table_insert(checks->findings, &key);
	if (told_ms)
		*told_ms = now_ms;
	return true;
}

static void tell(struct scout_checks *checks, const struct check *check, const char *domain,
                 enum reason reason, const char *text)
{
	struct message_event message;
	struct event *event = &message.event;
	uint64_t number = 0;

	if (!is_news(checks, domain, reason))
		return;
	memset(&message, 0, sizeof(message));
	message.type = MESSAGE_EVENT;
	event->kind = EVENT_POLICY;
	event->action = event->would = ACTION_ALERT;
	event->reason = reason;
	event->mode = process_config(checks->scout->process)->stance.mode;
	event->time_ms = process_time_ms();
	event->pid = getpid();
	event->count = 1;
	(void)!getrandom(&number, sizeof(number), 0);
	(void)snprintf(event->id, sizeof(event->id), "%016llx", (unsigned long long)number);
	text_copy(event->domain, sizeof(event->domain), domain);
	text_copy(event->text, sizeof(event->text), text);
	if (check) {
		event->client.address = check->client;
		event->server = (struct endpoint){ check->server, 53 };
	}
	(void)process_send(checks->scout->process, ROLE_LEDGER, 0, &message, sizeof(message));
}

static void send_verdict(const struct check *check, bool is_forged)
{
	const struct message_dns_verdict verdict = {
		.type = MESSAGE_DNS_VERDICT,
		.request = check->request,
		.is_forged = is_forged,
	};

	if (check->request != 0)
		(void)process_send(check->checks->scout->process, ROLE_GUARD, check->guard,
		                   &verdict, sizeof(verdict));
}

static void end_check(struct check *check)
{
	check->checks->second_looks -= check->is_second;
	free(check->octets);
	check->octets = NULL;
	check->dns = NULL;
	check->is_second = false;
}

/* Nothing that was found out before counts there. False: no more second looks at this time. */
static bool open_fresh(struct scout_checks *checks)
{
	struct scout *scout = checks->scout;
	uint64_t now_ms = process_now_ms();

	if (checks->fresh && now_ms - checks->fresh_since_ms > FRESH_LIFE_MS) {
		if (checks->second_looks > 0)
			return false;
		resolver_free(checks->fresh);
		checks->fresh = NULL;
	}
	if (checks->second_looks == SECOND_LOOKS_MAX)
		return false;
	if (checks->fresh)
		return true;
	checks->fresh_since_ms = now_ms;
	return resolver_new(&checks->fresh, process_base(scout->process), &scout->options) == 0;
}

/* Our cache said forged and was behind the times: whatever else it keeps may be so, too. */
static void forget_cache(struct scout_checks *checks)
{
	uint64_t now_ms = process_now_ms();

	if (checks->forgot_ms != 0 && now_ms - checks->forgot_ms < FORGET_PAUSE_MS)
		return;
	checks->forgot_ms = now_ms;
	if (resolver_configure(checks->scout->resolver, &checks->scout->options) < 0)
		log_warn("resolver cache not emptied");
}

static void on_second_look(void *owner, enum dns_finding finding, const char *text)
{
	struct check *check = owner;

	switch (finding) {
	case DNS_FINDING_FORGED:
		tell(check->checks, check, check->name, REASON_DNS_FORGED, text);
		break;
	case DNS_FINDING_BOGUS:
	case DNS_FINDING_BOGUS_TOO:
		tell(check->checks, check, check->name, REASON_DNS_BOGUS, text);
		break;
	case DNS_FINDING_NONE:
		forget_cache(check->checks);
		break;
	case DNS_FINDING_UNKNOWN:
		break;
	}
	end_check(check);
}

static void on_first_look(void *owner, enum dns_finding finding, const char *text)
{
	struct check *check = owner;
	struct scout_checks *checks = check->checks;

	/* What is dropped in error is asked again; what passes in error does harm. So this does not wait for the second look. */
	send_verdict(check, finding == DNS_FINDING_FORGED || finding == DNS_FINDING_BOGUS_TOO);
	if (finding == DNS_FINDING_BOGUS || finding == DNS_FINDING_BOGUS_TOO)
		tell(checks, check, check->name, REASON_DNS_BOGUS, text);
	check->dns = NULL;
	if (finding == DNS_FINDING_FORGED && open_fresh(checks)) {
		checks->second_looks++;
		check->is_second = true;
		check->dns =
			dns_check_begin(checks->fresh, bytes_of(check->octets, check->len),
		                        (time_t)(process_time_ms() / 1000), on_second_look, check);
	} else if (finding == DNS_FINDING_FORGED) {
		checks->dropped++;
	}
	if (!check->dns)
		end_check(check);
}

static struct check *free_place(struct scout_checks *checks)
{
	size_t i;

	for (i = 0; i < CHECKS_MAX; i++) {
		if (!checks->places[i].dns)
			return &checks->places[i];
	}
	return NULL;
}

bool scout_checks_begin(struct scout_checks *checks, unsigned guard,
                        const struct message_dns_answer *answer, const char *name)
{
	struct check *check = free_place(checks);
	uint8_t *octets;

	if (!check) {
		checks->dropped++;
		return false;
	}
	octets = malloc(answer->len);
	if (!octets)
		return false;
	memcpy(octets, answer->message, answer->len);
	*check = (struct check){
		.checks = checks,
		.guard = guard,
		.request = answer->request,
		.client = answer->client,
		.server = answer->server,
		.octets = octets,
		.len = answer->len,
	};
	text_copy(check->name, sizeof(check->name), name);
	check->dns = dns_check_begin(checks->scout->resolver, bytes_of(check->octets, check->len),
	                             (time_t)(process_time_ms() / 1000), on_first_look, check);
	if (check->dns)
		return true;
	end_check(check);
	return false;
}

void scout_checks_bogus(struct scout_checks *checks, const char *domain, const char *why)
{
	tell(checks, NULL, domain, REASON_DNS_BOGUS, why);
}

void scout_checks_pass(struct scout_checks *checks, unsigned guard, uint32_t request)
{
	const struct check none = { .checks = checks, .guard = guard, .request = request };

	send_verdict(&none, false);
}

void scout_checks_second(struct scout_checks *checks)
{
	checks->findings_left = FINDING_RATE;
	if (checks->fresh && checks->second_looks == 0 &&
	    process_now_ms() - checks->fresh_since_ms > FRESH_LIFE_MS) {
		resolver_free(checks->fresh);
		checks->fresh = NULL;
	}
}

uint64_t scout_checks_dropped(const struct scout_checks *checks)
{
	return checks->dropped;
}

struct scout_checks *scout_checks_new(struct scout *scout, const uint8_t secret[TABLE_SECRET_LEN])
{
	struct scout_checks *checks = calloc(1, sizeof(*checks));

	if (!checks)
		return NULL;
	checks->scout = scout;
	checks->findings_left = FINDING_RATE;
	checks->findings = table_new(FINDINGS_MAX, sizeof(struct finding_key), sizeof(uint64_t),
	                             secret, NULL, NULL);
	if (checks->findings)
		return checks;
	free(checks);
	return NULL;
}

void scout_checks_free(struct scout_checks *checks)
{
	size_t i;

	if (!checks)
		return;
	for (i = 0; i < CHECKS_MAX; i++) {
		if (!checks->places[i].dns)
			continue;
		dns_check_cancel(checks->places[i].dns);
		end_check(&checks->places[i]);
	}
	if (checks->fresh)
		resolver_free(checks->fresh);
	table_free(checks->findings);
	free(checks);
}
