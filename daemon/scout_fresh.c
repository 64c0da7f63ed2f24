/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scout_state.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/log.h"

/*
 * Before mail is refused, what its destination promised is looked up again, and no cache may answer: a key that was changed together
 * with its TLSA record is wrong for as long as the old record's TTL lasts. And whoever has the old key is right for as long: so what was
 * found afresh is what every other question is answered with, too.
 */

enum {
	FRESH_FOR_MS = 2000, /* what was learnt so lately is as good */
	/* Whoever's name servers never come to an end keep others' answers no longer from being fresh. */
	FRESH_AT_MOST_MS = 10000,
};

static bool is_fresh(const struct scout *scout, uint64_t now_ms)
{
	uint64_t age_ms = now_ms - scout->fresh_since_ms;

	return age_ms < FRESH_FOR_MS ||
	       (age_ms < FRESH_AT_MOST_MS && resolver_counts(scout->sources.fresh).in_flight > 0);
}

static int make_fresh(struct scout *scout)
{
	struct resolver *fresh;
	uint8_t secret[TABLE_SECRET_LEN];
	int err;

	if (getrandom(secret, sizeof(secret), 0) != sizeof(secret))
		return -EIO;
	err = resolver_new(&fresh, process_base(scout->process), &scout->options);
	if (err)
		return err;
	err = resolver_prefer(scout->resolver, fresh, secret);
	if (err)
		resolver_free(fresh);
	else
		scout->sources.fresh = fresh;
	return err;
}

void scout_look_afresh(struct scout *scout)
{
	uint64_t now_ms = process_now_ms();
	struct resolver *fresh = scout->sources.fresh;
	int err;

	if (fresh && is_fresh(scout, now_ms))
		return;
	err = fresh ? resolver_configure(fresh, &scout->options) : make_fresh(scout);
	if (err)
		log_warn("no look-up afresh error=\"%s\"", strerror(-err));
	else
		scout->fresh_since_ms = now_ms;
}
