/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Both sides of a connection say what they like. The input's first octet chooses; then come
 * segments: an octet of which the highest bit says who speaks and the rest how long, and the text.
 * It is played whole and in single octets with the same outcome, and once with all that commits
 * denied: then nothing but harmless lines has passed.
 */
#include "../unit/flow/play.h"

#include <ctype.h>

enum { MIDSTREAM_BIT = 1, CLIENT_BIT = 0x80, LENGTH_MAX = 0x7f, LONG_LEN = 1024 };

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
	struct play play = play_new((data[0] & MIDSTREAM_BIT) != 0);

	play.denies = denies;
	while (script.len > 0) {
		bool is_client;
		struct bytes segment = next_segment(&script, &is_client);

		if (spells)
			play_spell(&play, is_client, segment);
		else
			play_say(&play, is_client, segment, true);
	}
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

static bool is_harmless_verb(const char *verb, size_t len)
{
	static const char *const harmless[] = { "EHLO", "HELO", "NOOP",     "RSET",
		                                "QUIT", "HELP", "STARTTLS", "MAIL" };

	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++) {
		if (len == strlen(harmless[i]) && strncasecmp(verb, harmless[i], len) == 0)
			return true;
	}
	return false;
}

/*
 * Of a line, also one that a CR or NUL begins: no more than the verb has passed, or the verb is
 * harmless.
 */
static void check_line(const char *line, size_t len)
{
	size_t verb = 0;

	while (len > 0 && (*line == ' ' || *line == '\t')) {
		line++;
		len--;
	}
	while (verb < len && isalpha((unsigned char)line[verb]))
		verb++;
	if (is_harmless_verb(line, verb) &&
	    (verb == len || line[verb] == ' ' || line[verb] == '\t'))
		return;
	if (strncasecmp(line, "RCPT", len < 4 ? len : 4) == 0 && !memchr(line, ':', len))
		return;
	if (verb == len && len <= 8)
		return;
	abort();
}

/*
 * Nothing was allowed but MAIL, so that neither a body nor an answer to a challenge may hide a
 * line.
 */
static void check_denied(const uint8_t *data, size_t len)
{
	struct play play = run(data, len, false, true);
	const char *octets = (const char *)play.client.octets;
	size_t start = 0;

	for (size_t at = 0; at <= play.client.passed; at++) {
		if (at < play.client.passed && !memchr("\r\n", octets[at], 2) && octets[at] != '\0')
			continue;
		/* From here on it is TLS, a sealed alert perhaps, or a ClientHello in SSL 2.0 framing. */
		if (at > start && ((uint8_t)octets[start] >= 0x80 ||
		                   (octets[start] >= 0x14 && octets[start] <= 0x17)))
			break;
		/* The first line of a connection that began before us may be the rest of one. */
		if (start > 0 || (data[0] & MIDSTREAM_BIT) == 0)
			check_line(octets + start, at - start);
		start = at + 1;
	}
	play_free(&play);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len < 2 || len > 16384)
		return 0;
	check_cuts(data, len);
	check_denied(data, len);
	return 0;
}
