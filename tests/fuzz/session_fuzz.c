/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Both sides of a connection say what they like. The input's first octet chooses; then come
 * segments: an octet of which the highest bit says who speaks and the rest how long, and the text.
 * It is played whole and in single octets (or in halves) with the same outcome, and once with all that commits
 * denied: then nothing but harmless lines has passed. At the end all that was taken of memory is given back.
 */
#include "../unit/flow/play.h"
#include "harmless_line.h"

enum {
	MIDSTREAM_BIT = 1,
	SKIP_BIT = 2,
	CLIENT_BIT = 0x80,
	LENGTH_MAX = 0x7f,
	LONG_LEN = 1024,
	SPELLED_MAX = 256
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct script {
	const uint8_t *data;
	size_t len;
};

/* The largest length stands for a longer one, so that bounds are reached as well. */
static struct bytes next_segment(struct script *script, bool *is_client)
{
	uint8_t head = script->data[0];
	size_t len = head & LENGTH_MAX;
	struct bytes segment;

	*is_client = (head & CLIENT_BIT) != 0;
	if (len == LENGTH_MAX)
		len = LONG_LEN;
	script->data++;
	script->len--;
	if (len > script->len)
		len = script->len;
	segment = bytes_of(script->data, len);
	script->data += len;
	script->len -= len;
	return segment;
}

static struct play run(const uint8_t *data, size_t len, bool spells, bool denies)
{
	struct script script = { data + 1, len - 1 };
	struct play play = play_new_for(len, (data[0] & MIDSTREAM_BIT) != 0);

	play.is_quick = spells;
	play.denies = denies;
	while (script.len > 0) {
		bool is_client;
		struct bytes segment = next_segment(&script, &is_client);

		/* What an octet costs grows with its line: so long ones are cut in two. */
		if (spells && len > SPELLED_MAX)
			play_cut(&play, is_client, segment, segment.len * (data[0] >> 2) / 64);
		else if (spells)
			play_spell(&play, is_client, segment);
		else
			play_say(&play, is_client, segment, true);
	}
	if (session_state_name(play.session)[0] == '\0')
		abort();
	/* What follows was not seen. */
	if ((data[0] & SKIP_BIT) != 0)
		session_skip(play.session);
	session_end(play.session);
	return play;
}

static void check_cuts(const uint8_t *data, size_t len)
{
	struct play whole = run(data, len, false, false);
	struct play spelt = run(data, len, true, false);

	if (!play_equal(&whole, &spelt)) {
		for (size_t i = 0; i < whole.decision_count && i < spelt.decision_count; i++)
			fprintf(stderr, "%-40s %s\n", whole.decisions[i], spelt.decisions[i]);
		fprintf(stderr, "state %s %s passed %zu/%zu %zu/%zu\n",
		        session_state_name(whole.session), session_state_name(spelt.session),
		        whole.client.passed, spelt.client.passed, whole.server.passed,
		        spelt.server.passed);
		abort();
	}
	play_free(&whole);
	play_free(&spelt);
}

/*
 * Nothing was allowed but MAIL, so that neither a body nor an answer to a challenge may hide a
 * line.
 */
static void check_denied(const uint8_t *data, size_t len)
{
	struct play play = run(data, len, false, true);

	harmless_check(play.client.octets, play.client.passed, (data[0] & MIDSTREAM_BIT) != 0,
	               false);
	play_free(&play);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len < 2 || len > 16384)
		return 0;
	check_cuts(data, len);
	check_denied(data, len);
	if (play_budget()->used != 0)
		abort();
	return 0;
}
