/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/session_private.h"

#include "wire/smtp_line.h"

/*
 * A line with a bare CR or a NUL inside. Some server reads one line, some a line behind each of these: a recipient may be named at its
 * beginning and behind any of them, and what is behind one may belong to its address.
 */

static bool is_split(uint8_t octet)
{
	return octet == '\r' || octet == '\0';
}

enum session_rest session_rest_behind(struct bytes octets)
{
	uint8_t last = octets.len > 0 ? octets.data[octets.len - 1] : '\n';

	if (last == '\n')
		return REST_NONE;
	return is_split(last) ? REST_CR : REST_LINE;
}

static bool begins_recipient(struct bytes text)
{
	return bytes_equal_nocase(bytes_slice(text, smtp_skip_blanks(text, 0), 4), "RCPT");
}

/* Where one begins, at `from` or behind; the line's length: nowhere. */
static size_t find_recipient(struct bytes line, size_t from)
{
	for (size_t at = from; at < line.len; at++) {
		if ((at == 0 || is_split(line.data[at - 1])) &&
		    begins_recipient(bytes_after(line, at)))
			return at;
	}
	return line.len;
}

/* The first part that may name a recipient and does not end before `from`. False: there is none. */
static bool find_part(size_t *begin, size_t *end, struct bytes line, size_t from)
{
	*end = find_recipient(line, 0);
	if (*end == line.len)
		return false;
	do {
		*begin = *end;
		*end = find_recipient(line, *begin + 1);
	} while (*end <= from && *end < line.len);
	return true;
}

struct bytes session_find_recipient(struct session *session, struct session_commitment *commitment,
                                    struct bytes line)
{
	size_t begin, end;

	if (!find_part(&begin, &end, line, commitment->is_rest ? session->front_allowed_len : 0))
		return line;
	commitment->kind = COMMITMENT_RCPT;
	/* The next is decided by itself. */
	if (end < line.len) {
		commitment->is_line_complete = true;
		commitment->is_rest = false;
		session->front_held_len = (uint32_t)end;
	}
	return bytes_slice(line, begin, end - begin);
}
