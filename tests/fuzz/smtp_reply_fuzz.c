/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A server's octets as reply lines: the same octet by octet as at once, and views that stay inside.
 */

#include "require.h"

#include "wire/smtp_reply.h"

enum { CUTS_MAX = 64 };

/* Of a short line all; of a long one some, and other ones of the next that is as long but for an octet. */
static void check_cuts(struct bytes line)
{
	struct bytes copy = exact_copy(line);
	size_t step = 1 + line.len / CUTS_MAX;

	for (size_t cut = line.len % step; cut < line.len; cut += step) {
		struct smtp_reply_line part;
		size_t untouched = line.len + 1;

		REQUIRE(smtp_reply_line_parse(&part, &untouched, exact_cut(copy, cut)) ==
		        PARSE_MORE);
		REQUIRE(untouched == line.len + 1);
	}
	exact_free(copy);
}

static void check_text(struct bytes text)
{
	struct bytes copy = exact_copy(text);
	bool is_starttls = smtp_keyword_is_starttls(copy);
	bool is_mask = smtp_keyword_is_mask(copy);
	struct bytes host = smtp_greeting_host(copy);

	REQUIRE(!is_starttls || !is_mask);
	REQUIRE(host.len == 0 || (host.data == copy.data && host.len <= copy.len));
	REQUIRE(host.len <= 253);
	exact_free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct bytes rest = bytes_of(data, len);
	struct smtp_reply_line line;
	size_t consumed = 0;
	enum parse_result result;

	while ((result = smtp_reply_line_parse(&line, &consumed, rest)) == PARSE_OK) {
		REQUIRE(consumed > 0 && consumed <= rest.len && consumed <= SMTP_REPLY_LINE_MAX);
		REQUIRE(rest.data[consumed - 1] == '\n');
		REQUIRE(line.code >= 100 && line.code <= 999);
		REQUIRE(line.text.len < consumed);
		check_cuts(bytes_slice(rest, 0, consumed));
		check_text(line.text);
		rest = bytes_after(rest, consumed);
	}
	if (result == PARSE_MORE)
		REQUIRE(rest.len < SMTP_REPLY_LINE_MAX && bytes_find(rest, '\n') == rest.len);
	check_text(rest);
	return 0;
}
