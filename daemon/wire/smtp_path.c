/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/smtp_path.h"

#include "wire/smtp_line.h"

/* Behind the octet, quoted pair or quoted string at `at`; beyond the end when that is cut off. */
static size_t element_end(struct bytes text, size_t at)
{
	if (text.data[at] == '\\')
		return at + 2;
	if (text.data[at] != '"')
		return at + 1;
	for (at++; at < text.len && text.data[at] != '"'; at++) {
		if (text.data[at] == '\\')
			at++;
	}
	return at + 1;
}

static bool has_control(struct bytes text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] < 0x20 || text.data[i] == 0x7f)
			return true;
	}
	return false;
}

/* Drops "TO:" or "FROM:" with blanks around the colon. A missing colon is tolerated before '<'. */
static bool skip_keyword(struct bytes *argument)
{
	struct bytes text = bytes_after(*argument, smtp_skip_blanks(*argument, 0));
	size_t at = 0;

	if (bytes_equal_nocase(bytes_slice(text, 0, 2), "TO"))
		at = 2;
	else if (bytes_equal_nocase(bytes_slice(text, 0, 4), "FROM"))
		at = 4;
	else
		return false;
	at = smtp_skip_blanks(text, at);
	if (at == text.len || (text.data[at] != ':' && text.data[at] != '<'))
		return false;
	if (text.data[at] == ':')
		at++;
	*argument = bytes_after(text, smtp_skip_blanks(text, at));
	return true;
}

/* What stands between the brackets, or before the first blank. */
static bool take_path(struct bytes *path, struct bytes argument)
{
	bool has_bracket = argument.len > 0 && argument.data[0] == '<';
	size_t start = has_bracket ? 1 : 0;
	size_t at = start;
	struct bytes behind;

	while (at < argument.len &&
	       (has_bracket ? argument.data[at] != '>' : !smtp_is_blank(argument.data[at])))
		at = element_end(argument, at);
	if (at > argument.len || (has_bracket && at == argument.len))
		return false;
	*path = bytes_slice(argument, start, at - start);
	behind = bytes_after(argument, has_bracket ? at + 1 : at);
	if (behind.len > 0 && !smtp_is_blank(behind.data[0]))
		return false;
	/* A second path: who knows which of them a server takes. */
	behind = smtp_trim(behind);
	return behind.len == 0 || behind.data[0] != '<';
}

static bool is_literal(struct bytes text)
{
	if (text.len < 3 || text.data[0] != '[' || text.data[text.len - 1] != ']')
		return false;
	for (size_t i = 1; i < text.len - 1; i++) {
		uint8_t octet = text.data[i];

		/* A quote would open a quoted string for whoever reads the whole path. */
		if (octet < 0x21 || octet > 0x7e || strchr("[\\]\"<>", octet))
			return false;
	}
	return text.len <= SMTP_DOMAIN_MAX;
}

static bool is_name_octet(uint8_t octet)
{
	uint8_t lower = ascii_lower(octet);

	return (lower >= 'a' && lower <= 'z') || (octet >= '0' && octet <= '9') || octet == '-' ||
	       octet == '_' || octet >= 0x80;
}

/* Labels between dots, none empty. */
static bool is_name(struct bytes text)
{
	bool is_in_label = false;

	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == '.') {
			if (!is_in_label)
				return false;
			is_in_label = false;
		} else if (is_name_octet(text.data[i])) {
			is_in_label = true;
		} else {
			return false;
		}
	}
	return is_in_label && text.len <= SMTP_DOMAIN_MAX;
}

static struct bytes without_last_dot(struct bytes name)
{
	if (name.len > 0 && name.data[name.len - 1] == '.')
		name.len--;
	return name;
}

/* A-d-l ":" of RFC 5321 section 4.1.2. False: begun, but not a route before a mailbox. */
static bool skip_route(struct bytes *path)
{
	size_t at = 0;

	if (path->len == 0 || path->data[0] != '@')
		return true;
	do {
		size_t start = at + 1;
		bool is_bracketed = false;
		struct bytes hop;

		if (at == path->len || path->data[at] != '@')
			return false;
		for (at = start; at < path->len; at++) {
			uint8_t octet = path->data[at];

			if (octet == '[' || octet == ']')
				is_bracketed = octet == '[';
			if (octet == ',' || (octet == ':' && !is_bracketed))
				break;
		}
		hop = bytes_slice(*path, start, at - start);
		if (at == path->len || !(is_name(without_last_dot(hop)) || is_literal(hop)))
			return false;
		at++;
	} while (path->data[at - 1] == ',');

	*path = bytes_after(*path, at);
	return path->len > 0 && path->data[0] != '@';
}

/*
 * The octet behind the last '@' outside quotes, 0 when there is none; beyond the end when
 * malformed.
 */
static size_t domain_at(struct bytes mailbox)
{
	size_t behind = 0;
	size_t at;

	for (at = 0; at < mailbox.len; at = element_end(mailbox, at)) {
		uint8_t octet = mailbox.data[at];

		/* Two mailboxes, or words that are none. */
		if (octet == '<' || octet == '>' || octet == ',' || octet == ';' ||
		    smtp_is_blank(octet))
			return mailbox.len + 1;
		if (octet == '@')
			behind = at + 1;
	}
	return at > mailbox.len ? at : behind;
}

enum smtp_path_kind smtp_path_domain(struct bytes *domain, struct bytes argument)
{
	struct bytes path;
	struct bytes found;
	size_t at;

	if (!skip_keyword(&argument) || argument.len == 0 || !take_path(&path, argument) ||
	    has_control(path))
		return SMTP_PATH_MALFORMED;
	path = smtp_trim(path);
	if (!skip_route(&path))
		return SMTP_PATH_MALFORMED;

	at = domain_at(path);
	if (at == 0)
		return SMTP_PATH_LOCAL;
	if (at > path.len)
		return SMTP_PATH_MALFORMED;

	found = bytes_after(path, at);
	if (is_literal(found)) {
		*domain = found;
		return SMTP_PATH_LITERAL;
	}
	found = without_last_dot(found);
	if (!is_name(found))
		return SMTP_PATH_MALFORMED;
	*domain = found;
	return SMTP_PATH_DOMAIN;
}

struct bytes smtp_path_likely_domain(struct bytes line)
{
	struct bytes text = bytes_slice(line, 0, bytes_find(line, '>'));
	struct bytes none = { 0 };
	size_t start = text.len, len = 0;

	while (start > 0 && text.data[start - 1] != '@')
		start--;
	if (start == 0)
		return none;
	text = bytes_after(text, start);
	while (len < text.len && (is_name_octet(text.data[len]) || text.data[len] == '.'))
		len++;
	text = without_last_dot(bytes_slice(text, 0, len));
	return is_name(text) ? text : none;
}
