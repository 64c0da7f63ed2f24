/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets of a whole connection in, a verdict out: what both ends say, in whole segments, and then the same cut anyhow, in disorder and
 * doubled. What is done is the same, and for whom, and so is what arrives where nothing is found. The input's first octet chooses the promise, the second the
 * cuts; then come segments: an octet of which the highest bit says who speaks and the rest how long, and the text.
 */

#include "require.h"

#define SIMULATION_STREAM_ROOM 4096

/* No fuzz target has objects of its own. */
#include "support/passage_model.c"      /* NOLINT(bugprone-suspicious-include) */
#include "support/simulation.c"         /* NOLINT(bugprone-suspicious-include) */
#include "support/simulation_answers.c" /* NOLINT(bugprone-suspicious-include) */
#include "support/simulation_keys.c"    /* NOLINT(bugprone-suspicious-include) */
#include "support/simulation_seen.c"    /* NOLINT(bugprone-suspicious-include) */

enum {
	KEY_BIT = 1,
	FAMILY_BIT = 2,
	PASSAGE_BIT = 4,
	RANDOM_BIT = 8,
	CLIENT_BIT = 0x80,
	LENGTH_MASK = 0x7f,
	SEGMENTS_MAX = 24,
};

/*
 * NUL and CR alone make of one line what two receivers read as different ones; how much of it is there when it is judged tells what of that
 * is known. `session` and `gate` have these. Here they are blanks, and octets above 127 lose their highest bit, up to where the client begins TLS.
 */
static struct bytes spoken(struct bytes text, bool is_client, bool *has_tls)
{
	static uint8_t octets[LENGTH_MASK];

	*has_tls |= is_client && text.len > 1 && text.data[0] == 0x16 && text.data[1] == 3;
	if (!is_client || *has_tls)
		return text;
	for (size_t i = 0; i < text.len; i++) {
		bool is_alone =
			text.data[i] == '\r' && (i + 1 == text.len || text.data[i + 1] != '\n');

		octets[i] = text.data[i] == 0 || is_alone ? ' ' : text.data[i] & 0x7f;
	}
	return bytes_of(octets, text.len);
}

static struct simulation *play(const uint8_t *data, size_t len, enum simulation_cut cut)
{
	struct simulation *simulation = simulation_new(data[0] & FAMILY_BIT ? 6 : 4, cut, data[1]);
	size_t at = 2;
	bool has_tls = false;

	simulation->everybody = data[0] & KEY_BIT ? PROMISE_KEY : PROMISE_NONE;
	if (data[0] & PASSAGE_BIT)
		simulation_use_passage(simulation);
	REQUIRE(simulation_open(simulation));
	for (int i = 0; i < SEGMENTS_MAX && at < len; i++) {
		bool is_client = (data[at] & CLIENT_BIT) != 0;
		size_t text_len = data[at++] & LENGTH_MASK;

		if (text_len > len - at)
			text_len = len - at;
		if (!simulation_say(simulation, is_client,
		                    spoken(bytes_of(data + at, text_len), is_client, &has_tls)))
			break;
		at += text_len;
	}
	if (simulation->held_count > 0)
		simulation_pass_time(simulation, simulation->config.hold_ms + GATE_TICK_MS);
	return simulation;
}

/* What came of what is still being sent again may differ. */
static void require_same_streams(const struct simulation_peer *a, const struct simulation_peer *b)
{
	size_t len = a->got_len < b->got_len ? a->got_len : b->got_len;

	REQUIRE(memcmp(a->got, b->got, len) == 0);
	REQUIRE(a->got_fin == b->got_fin && a->got_reset == b->got_reset);
}

static void finish(struct simulation *simulation)
{
	const struct counters *counters = gate_counters(simulation->gate);

	(void)simulation_end(simulation, true, true);
	(void)simulation_end(simulation, false, true);
	REQUIRE(simulation->held_count == 0 && counters->held_now == 0);
	simulation_free(simulation);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct simulation *whole, *cut;
	const struct event *want, *got;

	if (len < 3)
		return 0;
	whole = play(data, len, CUT_NONE);
	cut = play(data, len, data[0] & RANDOM_BIT ? CUT_RANDOM : CUT_HOSTILE);
	want = simulation_finding(whole);
	got = simulation_finding(cut);
	if (!want != !got || (want && want->action != got->action))
		fprintf(stderr, "whole %s, cut %s\n", want ? reason_name(want->reason) : "-",
		        got ? reason_name(got->reason) : "-");
	REQUIRE(!want == !got);
	if (want) {
		REQUIRE(want->action == got->action);
		/* Of a MAIL the domain is known only where its RCPT came along. */
		REQUIRE(!want->domain[0] || !got->domain[0] ||
		        strcmp(want->domain, got->domain) == 0);
	} else {
		require_same_streams(&whole->client, &cut->client);
		require_same_streams(&whole->server, &cut->server);
	}
	finish(whole);
	finish(cut);
	return 0;
}
