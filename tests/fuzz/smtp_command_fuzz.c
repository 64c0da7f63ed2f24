/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A client's octets as commands. What was once declared harmless stays so however the line goes on;
 * a line read octet by octet is the line read at once; domains are clean views.
 */

#include "require.h"

#include "wire/smtp_command.h"
#include "wire/smtp_path.h"

enum { UNSET = 99, CUTS_MAX = 64 };

struct outcome {
	size_t harmless;
	enum smtp_verb verb;
};

/* Of a short line all cuts; of a long one some, and other ones of the next that is as long but for an octet. */
static size_t first_cut(struct bytes line)
{
	return line.len % (1 + line.len / CUTS_MAX);
}

static size_t next_cut(struct bytes line, size_t cut)
{
	return cut + 1 + line.len / CUTS_MAX;
}

static struct outcome harmless_of(struct bytes line)
{
	struct outcome outcome = { .verb = (enum smtp_verb)UNSET };

	outcome.harmless = smtp_command_harmless_len(&outcome.verb, line);
	return outcome;
}

/* `line` is a copy of exact_copy. */
static void check_harmless(struct bytes line)
{
	struct outcome whole = harmless_of(line);

	REQUIRE(whole.harmless <= line.len);
	REQUIRE((whole.harmless == line.len) == (whole.verb == (enum smtp_verb)UNSET));
	for (size_t cut = first_cut(line); cut < line.len; cut = next_cut(line, cut)) {
		struct outcome part = harmless_of(exact_cut(line, cut));

		REQUIRE(part.harmless == (cut < whole.harmless ? cut : whole.harmless));
		REQUIRE(part.verb == (cut > whole.harmless ? whole.verb : (enum smtp_verb)UNSET));
	}
	exact_cut(line, line.len);
}

/* Likewise. */
static void check_parse(struct bytes line)
{
	for (size_t cut = first_cut(line); cut < line.len; cut = next_cut(line, cut)) {
		struct smtp_command part;
		size_t untouched = line.len + 1;

		REQUIRE(smtp_command_parse(&part, &untouched, exact_cut(line, cut)) == PARSE_MORE);
		REQUIRE(untouched == line.len + 1);
	}
	exact_cut(line, line.len);
}

static bool is_harmless_verb(enum smtp_verb verb)
{
	return verb >= SMTP_EHLO && verb <= SMTP_STARTTLS;
}

/* Both readings of a whole line agree on what it is. */
static void check_agreement(const struct smtp_command *command, struct bytes line)
{
	struct outcome whole = harmless_of(line);

	if (whole.harmless == line.len)
		REQUIRE(is_harmless_verb(command->verb) && !command->has_bare_cr);
	else if (!command->has_bare_cr)
		REQUIRE(whole.verb == command->verb);
	else
		REQUIRE(whole.verb == command->verb || whole.verb == SMTP_VERB_UNKNOWN);
}

static void check_path(struct bytes argument)
{
	struct bytes copy = exact_copy(argument);
	struct bytes domain = { 0 };
	enum smtp_path_kind kind = smtp_path_domain(&domain, copy);

	REQUIRE((kind == SMTP_PATH_DOMAIN || kind == SMTP_PATH_LITERAL) == (domain.len > 0));
	REQUIRE(domain.len <= SMTP_DOMAIN_MAX);
	if (domain.len > 0) {
		REQUIRE(domain.data > copy.data);
		REQUIRE(domain.data + domain.len <= copy.data + copy.len);
		REQUIRE(domain.data[-1] == '@');
	}
	for (size_t i = 0; i < domain.len; i++)
		REQUIRE(domain.data[i] > ' ' && !strchr("@<>,\"\\", domain.data[i]));
	exact_free(copy);
}

static void check_bdat(struct bytes argument)
{
	uint64_t size;
	bool is_last;

	if (smtp_bdat_size(&size, &is_last, argument))
		REQUIRE(size <= UINT64_C(1) << 62);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct bytes rest = bytes_of(data, len);
	struct smtp_command command;
	size_t consumed;

	while (smtp_command_parse(&command, &consumed, rest) == PARSE_OK) {
		struct bytes line = bytes_slice(rest, 0, consumed);

		REQUIRE(consumed > 0 && consumed <= rest.len && line.data[consumed - 1] == '\n');
		REQUIRE(command.argument.len < consumed);
		line = exact_copy(line);
		check_parse(line);
		check_harmless(line);
		check_agreement(&command, line);
		check_path(command.argument);
		check_bdat(command.argument);
		exact_free(line);
		rest = bytes_after(rest, consumed);
	}
	check_path(rest);
	rest = exact_copy(rest);
	check_harmless(rest);
	exact_free(rest);
	return 0;
}
