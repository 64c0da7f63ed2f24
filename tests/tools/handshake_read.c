/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Reads recordings (tests/handshakes/recording.h) from the files named, and prints what the session makes of each: a line of pairs,
 * with the server's certificate in hexadecimal.
 */

#include "handshakes/recording.h"

static void print(const struct play *play)
{
	struct bytes leaf = session_leaf(play->session);
	char text[RECORDING_TEXT_MAX];

	recording_describe(text, play->session);
	printf("%s der=", text);
	for (size_t i = 0; i < leaf.len; i++)
		printf("%02x", leaf.data[i]);
	putchar('\n');
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		FILE *file = fopen(argv[i], "r");
		struct recording *recording;
		struct play play;

		if (!file) {
			perror(argv[i]);
			return 2;
		}
		recording = recording_read(file);
		fclose(file);
		play = recording_play(recording, SIZE_MAX);
		print(&play);
		play_free(&play);
		free(recording);
	}
	return 0;
}
