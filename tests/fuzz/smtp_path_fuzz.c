/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A RCPT or MAIL command's argument: the domain is a clean view of it behind an '@', and the same in a path of its own; what a tolerant
 * server may read is one, too.
 */

#include "require.h"

#include "wire/smtp_path.h"

enum { PATH_MAX_LEN = SMTP_DOMAIN_MAX + 16 };

static void check_view(struct bytes domain, struct bytes argument)
{
	REQUIRE(domain.len <= SMTP_DOMAIN_MAX);
	REQUIRE(domain.data > argument.data &&
	        domain.data + domain.len <= argument.data + argument.len);
	REQUIRE(domain.data[-1] == '@');
	for (size_t i = 0; i < domain.len; i++)
		REQUIRE(domain.data[i] > ' ' && !strchr("@<>,\"\\", domain.data[i]));
}

/* Named alone, it is named again. */
static void check_again(struct bytes domain, enum smtp_path_kind kind)
{
	char path[PATH_MAX_LEN];
	int len = snprintf(path, sizeof(path), "TO:<a@%.*s>", (int)domain.len,
	                   (const char *)domain.data);
	struct bytes again = { 0 };

	REQUIRE(len > 0 && (size_t)len < sizeof(path));
	REQUIRE(smtp_path_domain(&again, bytes_of_string(path)) == kind);
	REQUIRE(bytes_equal(again, domain));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct bytes argument = exact_copy(bytes_of(data, len));
	struct bytes domain = { 0 };
	enum smtp_path_kind kind = smtp_path_domain(&domain, argument);
	struct bytes likely = smtp_path_likely_domain(argument);

	REQUIRE((kind == SMTP_PATH_DOMAIN || kind == SMTP_PATH_LITERAL) == (domain.len > 0));
	if (domain.len > 0) {
		check_view(domain, argument);
		check_again(domain, kind);
	}
	if (likely.len > 0)
		check_view(likely, argument);
	exact_free(argument);
	return 0;
}
