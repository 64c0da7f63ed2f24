/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_HANDSHAKES_RECORDING_H
#define HOPGUARD_TESTS_HANDSHAKES_RECORDING_H

/*
 * TLS connections as they crossed the wire. A line is "C hexadecimal" (the client) or "S hexadecimal" (the server), in the order in
 * which they came; "# made by" and "want" (what recording_describe says) go before. Played through a session behind a STARTTLS, up to
 * the client's first application data.
 */

#include "unit/flow/play.h"

#include <dirent.h>

enum { RECORDING_CHUNKS_MAX = 64, RECORDING_ROOM = 192 * 1024, RECORDING_TEXT_MAX = 512 };

struct recording {
	struct {
		bool is_client;
		struct bytes octets;
	} chunks[RECORDING_CHUNKS_MAX];
	size_t count;
	uint8_t octets[RECORDING_ROOM];
	size_t len;
	char want[RECORDING_TEXT_MAX];
};

static inline void recording_add(struct recording *recording, bool is_client, const char *text)
{
	size_t start = recording->len;
	unsigned octet;

	for (; sscanf(text, "%2x", &octet) == 1; text += 2) {
		if (recording->len == RECORDING_ROOM)
			abort();
		recording->octets[recording->len++] = (uint8_t)octet;
	}
	if (recording->count == RECORDING_CHUNKS_MAX)
		abort();
	recording->chunks[recording->count].is_client = is_client;
	recording->chunks[recording->count].octets =
		bytes_of(recording->octets + start, recording->len - start);
	recording->count++;
}

/* The caller frees. */
static inline struct recording *recording_read(FILE *file)
{
	struct recording *recording = calloc(1, sizeof(*recording));
	char *line = NULL;
	size_t room = 0;

	if (!recording || !file)
		abort();
	while (getline(&line, &room, file) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "want ", 5) == 0)
			text_copy(recording->want, sizeof(recording->want), line + 5);
		else if (line[0] == 'C' || line[0] == 'S')
			recording_add(recording, line[0] == 'C', line + 2);
		else if (line[0] != '#' && line[0] != '\0')
			abort();
	}
	free(line);
	return recording;
}

/* The file of that name in tests/handshakes, from the folder of the repository. The caller frees. */
static inline struct recording *recording_named(const char *name)
{
	char path[512];
	struct recording *recording;
	FILE *file;

	snprintf(path, sizeof(path), "tests/handshakes/%s", name);
	file = fopen(path, "r");
	if (!file) {
		perror(path);
		abort();
	}
	recording = recording_read(file);
	fclose(file);
	return recording;
}

/* A connection on which a handshake is due. Nothing that commits will be allowed. */
static inline struct play recording_begin(void)
{
	static const char *const lines[] = { "220 mx\r\n", "EHLO x\r\n",
		                             "250-mx\r\n250 STARTTLS\r\n", "STARTTLS\r\n",
		                             "220 go\r\n" };
	struct play play = play_new(false);

	play.denies = true;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		play_say(&play, i % 2 == 1, bytes_of_string(lines[i]), true);
	return play;
}

/* `cut`: the octet of all before which its chunk is cut; 0: each octet alone; SIZE_MAX: none is. */
static inline struct play recording_play(const struct recording *recording, size_t cut)
{
	struct play play = recording_begin();
	size_t at = 0;

	for (size_t i = 0; i < recording->count; i++) {
		bool is_client = recording->chunks[i].is_client;
		struct bytes octets = recording->chunks[i].octets;

		if (cut == 0)
			play_spell(&play, is_client, octets);
		else if (cut > at && cut < at + octets.len)
			play_cut(&play, is_client, octets, cut - at);
		else
			play_say(&play, is_client, octets, true);
		at += octets.len;
	}
	return play;
}

static inline const char *recording_word(bool is_so)
{
	return is_so ? "yes" : "no";
}

static inline void recording_describe(char text[RECORDING_TEXT_MAX], const struct session *session)
{
	const struct facts *facts = session_facts(session);

	snprintf(text, RECORDING_TEXT_MAX,
	         "sni=%s offered=%04x version=%04x cipher=%04x ech=%s hidden=%s downgraded=%s "
	         "leaf=%zu violated=%s cut_short=%s",
	         session_server_name(session), session_offered_version(session),
	         session_tls_version(session), session_cipher(session),
	         recording_word(session_has_ech(session)),
	         recording_word(session_is_resumed_or_hidden(session)),
	         recording_word(session_is_downgraded(session)), session_leaf(session).len,
	         recording_word(facts->is_protocol_violated),
	         recording_word(facts->is_inspection_cut_short));
}

#endif
