/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/session_private.h"

#include "wire/smtp_command.h"
#include "wire/smtp_path.h"

/* What a MAIL or RCPT names, and its domain as it can be shown and looked up: UTF-8 as it is, anything else that is no print as '?'. */

/* Octets of one UTF-8 character (RFC 3629), 1 also for what is none. */
static size_t character_len(struct bytes text)
{
	uint8_t first = text.data[0];
	size_t len = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;

	if (first < 0xc2 || first > 0xf4 || len > text.len)
		return 1;
	for (size_t i = 1; i < len; i++) {
		if ((text.data[i] & 0xc0) != 0x80)
			return 1;
	}
	if ((first == 0xe0 && text.data[1] < 0xa0) || (first == 0xed && text.data[1] > 0x9f) ||
	    (first == 0xf0 && text.data[1] < 0x90) || (first == 0xf4 && text.data[1] > 0x8f))
		return 1;
	return len;
}

static void copy_domain(char *domain, struct bytes spelt)
{
	size_t at = 0;

	while (at < spelt.len && at < SMTP_DOMAIN_MAX) {
		size_t len = character_len(bytes_after(spelt, at));
		bool is_plain = spelt.data[at] > 0x20 && spelt.data[at] < 0x7f;

		if (len == 1)
			domain[at] = is_plain ? (char)spelt.data[at] : '?';
		else
			memcpy(domain + at, spelt.data + at, len);
		at += len;
	}
	domain[at] = '\0';
}

void session_note_path(struct session_commitment *commitment, struct bytes line)
{
	struct smtp_command command;
	struct bytes domain = { 0 };
	size_t len;

	commitment->path = SMTP_PATH_MALFORMED;
	if (smtp_command_parse(&command, &len, line) == PARSE_OK)
		commitment->path = smtp_path_domain(&domain, command.argument);
	if (commitment->path == SMTP_PATH_MALFORMED)
		domain = smtp_path_likely_domain(line);
	if (commitment->kind == COMMITMENT_RCPT && domain.len <= SMTP_DOMAIN_MAX)
		copy_domain(commitment->domain, domain);
}
