/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_UNIT_POLICY_MTASTS_WORLD_H
#define HOPGUARD_TESTS_UNIT_POLICY_MTASTS_WORLD_H

/* The MTA-STS engine with clocks in our hand, and what it says. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <unistd.h>

#include <cmocka.h>

#include "policy/mtasts.h"

enum { DAY_S = 24 * 60 * 60, WEEK_S = 7 * DAY_S, TELLS_MAX = 64, PATIENCE_MS = 5000 };

static const uint64_t WALL_MS = 1767225600000; /* 2026-01-01 */
static const char ENFORCE[] =
	"version: STSv1\nmode: enforce\nmx: mx1.a.example\nmx: *.Mail.a.example\nmax_age: 604800\n";
static const char TESTING[] = "version: STSv1\nmode: testing\nmx: mx1.a.example\nmax_age: 604800\n";
static const char NONE[] = "version: STSv1\nmode: none\nmax_age: 604800\n";

/* The engine has a resolver whose only forwarder answers nothing: every look-up fails. */
struct world {
	struct event_base *base;
	struct resolver *resolver;
	struct mtasts *mtasts;
	struct mtasts_options options;
	size_t row_count;
	struct row row; /* the last */
	const char *established;
	size_t tell_count;
	char tells[TELLS_MAX][MTASTS_TELL_MAX];
	size_t answer_count;
	struct mtasts_answer answer; /* the last, its text lies in the engine */
	bool is_asking;
};

static struct hands {
	uint64_t now_ms;
	uint64_t wall_ms;
} hands;

static inline uint64_t now_ms(void)
{
	return hands.now_ms;
}

static inline uint64_t wall_ms(void)
{
	return hands.wall_ms;
}

static inline void on_row(void *owner, const struct row *row)
{
	struct world *world = owner;

	assert_true(row_is_sound(row, row_len(row)));
	world->row_count++;
	memcpy(&world->row, row, row_len(row));
}

static inline void on_tell(void *owner, const char *domain, enum reason reason, const char *text)
{
	struct world *world = owner;

	assert_string_equal(domain, "a.example");
	assert_int_equal(reason, REASON_POLICY_UNAVAILABLE);
	assert_true(world->tell_count < TELLS_MAX);
	snprintf(world->tells[world->tell_count++], MTASTS_TELL_MAX, "%s", text);
}

static inline void on_answer(void *owner, const struct mtasts_answer *answer)
{
	struct world *world = owner;

	assert_false(world->is_asking);
	world->answer_count++;
	world->answer = *answer;
}

static inline bool is_established(void *owner, const char *domain)
{
	const struct world *world = owner;

	return strcmp(domain, world->established) == 0;
}

static inline struct world *open_world(bool is_enabled)
{
	static const struct mtasts_hooks hooks = {
		.on_row = on_row,
		.tell = on_tell,
		.is_established = is_established,
		.now_ms = now_ms,
		.wall_ms = wall_ms,
	};
	struct resolver_options resolver = { .forwarder_count = 1, .timeout_ms = 100 };
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	world->established = "";
	hands.now_ms = 1000000;
	hands.wall_ms = WALL_MS;
	assert_true(address_parse(&resolver.forwarders[0].address, "127.0.3.201"));
	resolver.forwarders[0].port = 9;
	world->options = (struct mtasts_options){ .is_enabled = is_enabled,
		                                  .https_port = 443,
		                                  .secret = "0123456789abcde" };
	world->base = event_base_new();
	assert_non_null(world->base);
	assert_int_equal(resolver_new(&world->resolver, world->base, &resolver), 0);
	assert_int_equal(mtasts_new(&world->mtasts, world->base, world->resolver, &world->options,
	                            &hooks, world),
	                 0);
	return world;
}

static inline void close_world(struct world *world)
{
	mtasts_free(world->mtasts);
	resolver_free(world->resolver);
	event_base_free(world->base);
	free(world);
}

static inline bool load(struct world *world, const char *text, uint32_t left_s)
{
	struct row_policy *row = calloc(1, sizeof(*row));
	bool is_loaded;

	assert_non_null(row);
	snprintf(row->domain, sizeof(row->domain), "a.example");
	snprintf(row->id, sizeof(row->id), "20260101");
	row->fetched_ms = WALL_MS - DAY_S * 1000ULL;
	row->saved_ms = WALL_MS;
	row->left_s = left_s;
	row->text_len = (uint32_t)strlen(text);
	memcpy(row->text, text, strlen(text));
	is_loaded = mtasts_load(world->mtasts, row);
	free(row);
	return is_loaded;
}

static inline void run_once(struct world *world)
{
	event_base_loop(world->base, EVLOOP_NONBLOCK);
}

static inline void run_until(struct world *world, const size_t *count, size_t reached)
{
	for (int i = 0; i < PATIENCE_MS / 5 && *count < reached; i++) {
		run_once(world);
		usleep(5000);
	}
	assert_true(*count >= reached);
}

/* Long enough for a look-up of this resolver to fail. */
static inline void let_fail(struct world *world)
{
	for (int i = 0; i < 60; i++) {
		run_once(world);
		usleep(5000);
	}
}

static inline void pass(struct world *world, uint64_t seconds)
{
	hands.now_ms += seconds * 1000;
	hands.wall_ms += seconds * 1000;
	mtasts_tick(world->mtasts);
}

static inline struct mtasts_ask *begin(struct world *world, const char *domain, bool is_refresh)
{
	struct mtasts_ask *ask;

	world->is_asking = true;
	ask = mtasts_ask(world->mtasts, domain, is_refresh, on_answer, world);
	world->is_asking = false;
	assert_non_null(ask);
	return ask;
}

static inline enum mtasts_state ask(struct world *world, const char *domain)
{
	size_t before = world->answer_count;

	begin(world, domain, false);
	run_until(world, &world->answer_count, before + 1);
	return world->answer.state;
}

#endif
