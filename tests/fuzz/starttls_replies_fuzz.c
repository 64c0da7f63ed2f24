/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A server's octets in pieces: the first octet says how large they are. Whatever they are, what is kept stays within its bounds. */

#include "active/starttls_replies.h"

#include <string.h>

#include "require.h"

static const enum starttls_step steps[] = { VISIT_AT_BANNER, VISIT_AT_EHLO, VISIT_AT_STARTTLS };

static void check_text(const char *text, size_t room)
{
	size_t len = strnlen(text, room);

	REQUIRE(len < room);
	for (size_t i = 0; i < len; i++)
		REQUIRE(text[i] >= ' ' && text[i] <= '~');
}

static void check_result(const struct starttls_result *result)
{
	check_text(result->reply, sizeof(result->reply));
	check_text(result->banner, sizeof(result->banner));
	check_text(result->ehlo, sizeof(result->ehlo));
	REQUIRE(result->keyword_count <= STARTTLS_KEYWORDS_MAX);
	for (size_t i = 0; i < result->keyword_count; i++)
		check_text(result->keywords[i], sizeof(result->keywords[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct starttls_result result;
	struct starttls_replies replies = { .len = 0 };
	size_t step = 0, piece = size > 0 ? 1 + (size_t)data[0] * 4 : 1, at = 1;

	memset(&result, 0, sizeof(result));
	while (at < size && step < sizeof(steps) / sizeof(steps[0])) {
		size_t room = sizeof(replies.octets) - replies.len;
		size_t len = size - at < piece ? size - at : piece;
		enum reply_progress progress;

		REQUIRE(room > 0);
		len = len < room ? len : room;
		memcpy(replies.octets + replies.len, data + at, len);
		replies.len += len;
		at += len;
		progress = starttls_replies_take(&replies, &result, steps[step]);
		check_result(&result);
		if (progress == REPLY_MALFORMED)
			break;
		step += progress == REPLY_COMPLETE;
	}
	return 0;
}
