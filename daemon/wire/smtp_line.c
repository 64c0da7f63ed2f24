/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/smtp_line.h"

enum parse_result smtp_line_take(struct smtp_line *line, struct bytes readable, size_t max)
{
	struct bytes text = bytes_slice(readable, 0, max);
	size_t end = bytes_find(text, '\n');

	if (end == text.len)
		return text.len < max ? PARSE_MORE : PARSE_MALFORMED;

	line->consumed = end + 1;
	line->ends_bare_lf = end == 0 || text.data[end - 1] != '\r';
	/* Servers and clients drop "\r\r\n" as one end of line, as text-mode libraries write it. */
	while (end > 0 && text.data[end - 1] == '\r')
		end--;
	line->text = bytes_slice(text, 0, end);
	return PARSE_OK;
}

bool smtp_is_blank(uint8_t octet)
{
	return octet == ' ' || octet == '\t';
}

size_t smtp_skip_blanks(struct bytes text, size_t at)
{
	while (at < text.len && smtp_is_blank(text.data[at]))
		at++;
	return at;
}

struct bytes smtp_trim(struct bytes text)
{
	text = bytes_after(text, smtp_skip_blanks(text, 0));
	while (text.len > 0 && smtp_is_blank(text.data[text.len - 1]))
		text.len--;
	return text;
}

struct bytes smtp_first_word(struct bytes text)
{
	size_t len = 0;

	while (len < text.len && !smtp_is_blank(text.data[len]))
		len++;
	return bytes_slice(text, 0, len);
}
