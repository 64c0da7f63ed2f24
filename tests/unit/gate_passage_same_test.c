/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate.h"

#include <string.h>

#include "passage_scene.h"

/* The same dialogue with bodies that pass in the kernel and without: what the server gets is the same, and so is each verdict. */

/* A whole connection; what follows the 354 is the client's. */
static void play(struct simulation *simulation, const char *text)
{
	struct bytes all = bytes_of_string(text);
	size_t at = 0;

	greet(simulation);
	begin_message(simulation);
	while (at < all.len) {
		size_t len = all.len - at < 300 ? all.len - at : 300;

		if (!simulation_say(simulation, true, bytes_slice(all, at, len)))
			return;
		at += len;
	}
	(void)simulation_server(simulation, "250 taken\r\n");
}

static void assert_same(const struct simulation *with, const struct simulation *without)
{
	assert_int_equal(with->server.got_len, without->server.got_len);
	assert_memory_equal(with->server.got, without->server.got, with->server.got_len);
	assert_int_equal(with->client.got_fin, without->client.got_fin);
	assert_int_equal(with->server.got_reset, without->server.got_reset);
	assert_int_equal(with->event_count, without->event_count);
	for (size_t i = 0; i < with->event_count; i++) {
		assert_int_equal(with->events[i].reason, without->events[i].reason);
		assert_int_equal(with->events[i].action, without->events[i].action);
		assert_string_equal(with->events[i].domain, without->events[i].domain);
	}
}

#define LINES                                                                                      \
	"Subject: a\r\n\r\nOne.\r\n..two\r\n.three\r\nfour.\r\n\r\n\r\n.x\r\n" LOREM LOREM LOREM
#define LOREM  "Lorem ipsum dolor sit amet, consectetur.\r\nAdipisici elit, sed eiusmod.\r\n"
#define SECOND "MAIL FROM:<a@b.example>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n"

static void with_and_without_the_kernel_all_is_the_same(void **state)
{
	static const char *const texts[] = {
		LINES ".\r\n",
		LINES ".\r\n" SECOND,
		LINES LINES LINES ".\r\nRSET\r\n" SECOND,
		LINES "\n.\n" SECOND LINES "\r\n.\r\n" SECOND,
		LINES "\r.\r" SECOND LINES "\r\n.\r\n" SECOND,
		LINES "\n.\r\n" SECOND LINES "\r\n.\r\n" SECOND,
		LINES "\r\n.\n" SECOND LINES "\r\n.\r\n" SECOND,
		LINES "\r\n.\r" SECOND LINES "\r\n.\r\n" SECOND,
		LINES "\r\n.\r.\r\n" LINES "\r\r\n.\r\n" SECOND,
		".\r\n" SECOND,
		"RCPT TO:<bob@example.org>\r\n" LINES,
		LINES "QUIT\r\n" SECOND ".\r\nQUIT\r\n",
	};
	uint64_t passed = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		for (uint64_t seed = 0; seed < 24; seed++) {
			enum simulation_cut cut = (enum simulation_cut)(seed % 4);
			uint8_t family = seed % 3 ? 4 : 6;
			struct simulation *with = made(family, cut, seed, true);
			struct simulation *without = made(family, cut, seed, false);

			with->is_arming_late = seed % 5 == 0;
			play(with, texts[i]);
			play(without, texts[i]);
			assert_same(with, without);
			passed += with->kernel.passed_octets;
			simulation_free(with);
			simulation_free(without);
		}
	}
	assert_true(passed > 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(with_and_without_the_kernel_all_is_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
