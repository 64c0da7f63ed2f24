/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_UNIT_FLOW_TRANSACTION_H
#define HOPGUARD_TESTS_UNIT_FLOW_TRANSACTION_H

/* What both sides say in clear, line by line. */

#include "play.h"

static inline void client_says(struct play *play, const char *text)
{
	play_say(play, true, bytes_of_string(text), true);
}

static inline void server_says(struct play *play, const char *text)
{
	play_say(play, false, bytes_of_string(text), true);
}

/* Up to the first recipient, who was allowed. */
static inline struct play transaction(void)
{
	struct play play = play_new(false);

	server_says(&play, "220 mx.example.org\r\n");
	client_says(&play, "EHLO client.example.net\r\n");
	server_says(&play, "250 mx.example.org\r\n");
	client_says(&play, "MAIL FROM:<>\r\n");
	server_says(&play, "250 ok\r\n");
	client_says(&play, "RCPT TO:<b@example.org>\r\n");
	server_says(&play, "250 ok\r\n");
	return play;
}

#endif
