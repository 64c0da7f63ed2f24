/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "active/starttls_replies.h"

#include <string.h>

static void keep_keyword(struct starttls_result *result, struct bytes text)
{
	if (smtp_keyword_is_starttls(text))
		result->is_offered = true;
	else if (smtp_keyword_is_mask(text))
		result->is_masked = true;
	if (result->keyword_count == STARTTLS_KEYWORDS_MAX) {
		result->is_truncated = true;
		return;
	}
	starttls_keep_text(result->keywords[result->keyword_count++], STARTTLS_KEYWORD_MAX, text);
}

static void keep_line(struct starttls_result *result, enum starttls_step step, size_t line_count,
                      const struct smtp_reply_line *line)
{
	bool is_first = line_count == 1;

	result->code = line->code;
	starttls_keep_text(result->reply, sizeof(result->reply), line->text);
	if (step == VISIT_AT_BANNER)
		result->is_smtp_named |= smtp_banner_names_smtp(line->text);
	if (step == VISIT_AT_BANNER && is_first) {
		starttls_keep_text(result->banner, sizeof(result->banner), line->text);
		result->is_banner_masked = smtp_banner_is_mask(line->text);
		result->is_other_named = smtp_banner_names_other(line->text);
	} else if (step == VISIT_AT_EHLO && is_first) {
		starttls_keep_text(result->ehlo, sizeof(result->ehlo), line->text);
		result->is_ehlo_masked = smtp_banner_is_mask(line->text);
	} else if (step == VISIT_AT_EHLO && line->code == 250) {
		keep_keyword(result, line->text);
	}
}

static enum reply_progress give_up(struct starttls_result *result, struct bytes shown)
{
	size_t len = 0;

	while (len < shown.len && !ascii_is_line_end(shown.data[len]))
		len++;
	result->code = 0;
	starttls_keep_text(result->reply, sizeof(result->reply), bytes_slice(shown, 0, len));
	return REPLY_MALFORMED;
}

enum reply_progress starttls_replies_take(struct starttls_replies *replies,
                                          struct starttls_result *result, enum starttls_step step)
{
	struct smtp_reply_line line;
	struct bytes readable;
	size_t consumed;

	for (;;) {
		readable = bytes_of(replies->octets, replies->len);
		switch (smtp_reply_line_parse(&line, &consumed, readable)) {
		case PARSE_MORE:
			return REPLY_INCOMPLETE;
		case PARSE_MALFORMED:
			return give_up(result, readable);
		case PARSE_OK:
			break;
		}
		if (++replies->line_count > REPLY_LINES_MAX)
			return give_up(result, line.text);
		keep_line(result, step, replies->line_count, &line);
		replies->len -= consumed;
		memmove(replies->octets, replies->octets + consumed, replies->len);
		if (line.is_last) {
			replies->line_count = 0;
			return REPLY_COMPLETE;
		}
	}
}
