/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/smtp_command.h"

#include "wire/smtp_line.h"

static const struct {
	const char *name;
	enum smtp_verb verb;
	bool is_harmless; /* nothing irrevocable in the verb or its argument */
} verbs[] = {
	{ "EHLO", SMTP_EHLO, true },         { "HELO", SMTP_HELO, true },
	{ "NOOP", SMTP_NOOP, true },         { "RSET", SMTP_RSET, true },
	{ "QUIT", SMTP_QUIT, true },         { "HELP", SMTP_HELP, true },
	{ "STARTTLS", SMTP_STARTTLS, true }, { "MAIL", SMTP_MAIL, false },
	{ "RCPT", SMTP_RCPT, false },        { "DATA", SMTP_DATA, false },
	{ "BDAT", SMTP_BDAT, false },        { "AUTH", SMTP_AUTH, false },
	{ "VRFY", SMTP_VRFY, false },        { "EXPN", SMTP_EXPN, false },
	{ "XCLIENT", SMTP_XCLIENT, false },  { "XFORWARD", SMTP_XFORWARD, false },
};

/* What a sequence of chunks may add up to without wrapping. */
static const uint64_t bdat_size_max = UINT64_C(1) << 62;

enum { VERB_COUNT = sizeof(verbs) / sizeof(verbs[0]) };

/* Octets at the beginning of `text` that a known verb begins with, too. */
static size_t verb_prefix_len(struct bytes text)
{
	size_t longest = 0;

	for (size_t i = 0; i < VERB_COUNT; i++) {
		const char *name = verbs[i].name;
		size_t len = 0;

		while (len < text.len && name[len] != '\0' &&
		       ascii_lower(text.data[len]) == ascii_lower((uint8_t)name[len]))
			len++;
		if (len > longest)
			longest = len;
	}
	return longest;
}

static enum smtp_verb verb_of(struct bytes word, bool *is_harmless)
{
	for (size_t i = 0; i < VERB_COUNT; i++) {
		if (bytes_equal_nocase(word, verbs[i].name)) {
			*is_harmless = verbs[i].is_harmless;
			return verbs[i].verb;
		}
	}
	*is_harmless = false;
	return SMTP_VERB_UNKNOWN;
}

static bool ends_verb(uint8_t octet)
{
	return smtp_is_blank(octet) || octet == '\r' || octet == '\n';
}

/*
 * Octets before a NUL or before what follows a CR that ends no line: some server may read a new
 * line there.
 */
static size_t clean_len(struct bytes text)
{
	for (size_t i = 0; i < text.len; i++) {
		uint8_t octet = text.data[i];

		if (octet == '\0')
			return i;
		if (i > 0 && text.data[i - 1] == '\r' && octet != '\r' && octet != '\n')
			return i;
	}
	return text.len;
}

/* Behind "RCPT": the index of the octet that completes "TO:", or that says it will not come. */
static size_t recipient_at(struct bytes line, size_t at)
{
	at = smtp_skip_blanks(line, at);
	for (const char *to = "to"; *to != '\0'; to++, at++) {
		if (at == line.len || ascii_lower(line.data[at]) != (uint8_t)*to)
			return at;
	}
	return smtp_skip_blanks(line, at);
}

size_t smtp_command_harmless_len(enum smtp_verb *verb, struct bytes partial)
{
	struct bytes line = bytes_slice(partial, 0, bytes_find(partial, '\n') + 1);
	size_t start = smtp_skip_blanks(line, 0);
	size_t at = start + verb_prefix_len(bytes_after(line, start));
	enum smtp_verb word = SMTP_VERB_UNKNOWN;
	bool is_harmless = false;

	if (at < line.len && ends_verb(line.data[at]))
		word = verb_of(bytes_slice(line, start, at - start), &is_harmless);
	if (is_harmless) {
		word = SMTP_VERB_UNKNOWN;
		at += clean_len(bytes_after(line, at));
	} else if (word == SMTP_RCPT) {
		at = recipient_at(line, at);
	}
	if (at < line.len)
		*verb = word;
	return at;
}

enum parse_result smtp_command_parse(struct smtp_command *command, size_t *consumed,
                                     struct bytes readable)
{
	struct smtp_line line;
	enum parse_result result = smtp_line_take(&line, readable, SMTP_COMMAND_LINE_MAX);
	size_t start;
	size_t at;
	bool is_harmless;

	if (result != PARSE_OK)
		return result;

	start = smtp_skip_blanks(line.text, 0);
	at = start;
	while (at < line.text.len && !ends_verb(line.text.data[at]))
		at++;
	command->verb = verb_of(bytes_slice(line.text, start, at - start), &is_harmless);
	command->argument = bytes_after(line.text, smtp_skip_blanks(line.text, at));
	command->ends_bare_lf = line.ends_bare_lf;
	command->has_bare_cr = bytes_find(line.text, '\r') < line.text.len ||
	                       bytes_find(line.text, '\0') < line.text.len;
	*consumed = line.consumed;
	return PARSE_OK;
}

/* `rest`: what was not missed of "RCPT TO". */
static size_t rest_len(bool *is_recipient, struct bytes partial, const char *rest)
{
	size_t at = 0;

	*is_recipient = false;
	for (const char *wanted = rest; *wanted != '\0'; wanted++) {
		size_t behind = smtp_skip_blanks(partial, at);

		if (*wanted == ' ' && (at == 0 || behind > at)) {
			at = behind;
			continue;
		}
		if (at == partial.len ||
		    ascii_lower(partial.data[at]) != ascii_lower((uint8_t)*wanted))
			return at;
		at++;
	}
	at = smtp_skip_blanks(partial, at);
	*is_recipient = at < partial.len && (partial.data[at] == ':' || partial.data[at] == '<');
	return at;
}

size_t smtp_recipient_rest_len(bool *is_recipient, struct bytes partial)
{
	size_t longest = 0;

	for (const char *rest = "CPT TO";; rest++) {
		size_t len = rest_len(is_recipient, partial, rest);

		if (*is_recipient)
			return len;
		if (len > longest)
			longest = len;
		if (*rest == '\0')
			return longest;
	}
}

bool smtp_bdat_size(uint64_t *size, bool *is_last, struct bytes argument)
{
	struct bytes digits = smtp_first_word(argument);
	struct bytes behind = smtp_trim(bytes_after(argument, digits.len));
	uint64_t value = 0;

	for (size_t i = 0; i < digits.len; i++) {
		uint8_t octet = digits.data[i];

		if (octet < '0' || octet > '9')
			return false;
		if (value > (bdat_size_max - (uint64_t)(octet - '0')) / 10)
			return false;
		value = value * 10 + (uint64_t)(octet - '0');
	}
	if (digits.len == 0 || (behind.len > 0 && !bytes_equal_nocase(behind, "LAST")))
		return false;
	*size = value;
	*is_last = behind.len > 0;
	return true;
}
