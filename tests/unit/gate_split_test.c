/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate.h"

#include <string.h>

#include "passage_scene.h"

/* Lines with a bare CR or a NUL inside, as a list of addresses from a file may have them: some server reads one line, some two. */

static struct simulation *before_a_recipient(enum simulation_cut cut)
{
	struct simulation *simulation = made(4, cut, 5, false);

	greet(simulation);
	assert_true(simulation_client(simulation, "MAIL FROM:<alice@client.example>\r\n"));
	assert_true(simulation_server(simulation, "250 ok\r\n"));
	return simulation;
}

static void a_recipient_in_a_line_that_may_be_two_is_judged_by_its_domain(void **state)
{
#define LINE(text)                                                                                 \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}
	static const struct {
		const char *text;
		size_t len;
	} texts[] = {
		LINE("RCPT TO:<bob@example.org\r>\r\n"),
		LINE("RCPT TO:<bob\r@example.org>\r\n"),
		LINE("RCPT TO:<bob@example.org>\rNOTIFY=NEVER\r\n"),
		LINE("RCPT TO:<bob@example.org>\0\r\n"),
		LINE("rcpt to:\r<bob@example.org>\n"),
		LINE("NOOP\rRCPT TO:<bob@example.org>\r\n"),
		LINE("NOOP\0rcpt\tto:<bob@example.org>\r\n"),
		LINE("X\rX\r RCPT TO:<bob@example.org>\r\n"),
		LINE("RSET\rMAIL FROM:<a@example.net>\rRCPT TO:<bob@example.org>\r\n"),
		LINE("RCPT TO:<ann@example.net>\rRCPT TO:<bob@example.org>\r\n"),
		LINE("RCPT TO:<ann@example.net>\rDATA\rRCPT TO:<eve@example.net>\r"
		     "RCPT TO:<bob@example.org>\r\n"),
	};
#undef LINE

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		for (enum simulation_cut cut = CUT_NONE; cut <= CUT_HOSTILE; cut++) {
			struct simulation *simulation = before_a_recipient(cut);
			struct bytes text = bytes_of(texts[i].text, texts[i].len);

			assert_false(simulation_say(simulation, true, text));
			assert_non_null(simulation_finding(simulation));
			assert_false(simulation_got(&simulation->server, "org"));
			simulation_free(simulation);
		}
	}
}

static void one_of_nobody_who_promised_passes_in_such_a_line(void **state)
{
	static const char *const texts[] = {
		"RCPT TO:<ann@example.net\r>\r\n",
		"RCPT TO:<ann@example.net>\rRCPT TO:<eve@example.net>\r\n",
		"NOOP\rRCPT TO:<ann@example.net>\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		for (enum simulation_cut cut = CUT_NONE; cut <= CUT_HOSTILE; cut++) {
			struct simulation *simulation = before_a_recipient(cut);

			assert_true(simulation_client(simulation, texts[i]));
			assert_null(simulation_finding(simulation));
			simulation_free(simulation);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_recipient_in_a_line_that_may_be_two_is_judged_by_its_domain),
		cmocka_unit_test(one_of_nobody_who_promised_passes_in_such_a_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
