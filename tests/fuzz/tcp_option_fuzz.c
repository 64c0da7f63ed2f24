/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Octets as the options of a TCP header: between those that are found stand none but NOPs, each is as long as it says, and of octets that are
 * cut no other ones are found.
 */

#include "require.h"

#include "wire/tcp_option.h"

enum { OPTIONS_LEN_MAX = 40 };

static void check_option(const struct tcp_option *option, struct bytes options, size_t from)
{
	for (size_t at = from; at < option->at; at++)
		REQUIRE(options.data[at] == TCP_OPTION_NOP);
	REQUIRE(option->kind > TCP_OPTION_NOP && options.data[option->at] == option->kind);
	REQUIRE(option->len >= 2 && options.data[option->at + 1] == option->len);
	REQUIRE(option->body.len == option->len - 2u);
	REQUIRE(option->body.len == 0 || option->body.data == options.data + option->at + 2);
	REQUIRE(option->kind != TCP_OPTION_TIMESTAMPS || !tcp_option_is_forbidden(option));
	(void)tcp_option_is_forbidden(option);
}

/* How many there are, and where the last one ends. */
static size_t walk(size_t *end, struct bytes options)
{
	struct cursor cursor = cursor_over(options);
	struct tcp_option option;
	size_t count = 0;

	*end = 0;
	while (tcp_option_next(&option, &cursor)) {
		check_option(&option, options, *end);
		*end = option.at + option.len;
		count++;
	}
	if (!cursor.failed && *end < options.len)
		REQUIRE(cursor.at == options.len || options.data[cursor.at - 1] == TCP_OPTION_END);
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct bytes options =
		exact_copy(bytes_of(data, len < OPTIONS_LEN_MAX ? len : OPTIONS_LEN_MAX));
	size_t end, cut_end;
	size_t count = walk(&end, options);

	for (size_t cut = 0; cut < options.len; cut++) {
		size_t found = walk(&cut_end, exact_cut(options, cut));

		REQUIRE(found <= count && cut_end <= end);
		REQUIRE(found == count || cut < end);
	}
	exact_free(options);
	return 0;
}
