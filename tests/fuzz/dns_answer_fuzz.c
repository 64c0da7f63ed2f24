/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Octets as a DNS answer: whatever is found in it lies in it, and is what was asked for. */

#include "require.h"

#include "wire/dns_answer.h"

enum { CUTS_MAX = 8, READ_MAX = 32 };

static void check_records(const struct dns_answer *answer)
{
	struct dns_record record;
	struct dns_mx mx;
	size_t i;

	for (i = 0; i < READ_MAX && dns_answer_record(&record, answer, i); i++) {
		REQUIRE(record.at + record.data.len <= answer->message.len);
		REQUIRE(record.ttl_s <= INT32_MAX && record.ttl_s >= answer->ttl_s);
		if (dns_mx_parse(&mx, answer, &record) == PARSE_OK)
			REQUIRE(strlen(mx.host) < DNS_NAME_TEXT_MAX && record.data.len >= 3);
	}
	REQUIRE(i == READ_MAX || i == answer->record_count);
	REQUIRE(!dns_answer_record(&record, answer, answer->record_count));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct bytes copy = exact_copy(bytes_of(data, len));
	struct dns_answer answer;
	size_t step = 1 + copy.len / CUTS_MAX;

	/* Some of them; other ones of the next that is as long but for an octet. */
	for (size_t cut = copy.len % step; cut < copy.len; cut += step) {
		if (dns_answer_parse(&answer, exact_cut(copy, cut)) == PARSE_OK)
			check_records(&answer);
	}
	if (dns_answer_parse(&answer, exact_cut(copy, copy.len)) == PARSE_OK) {
		check_records(&answer);
		REQUIRE(dns_answer_has_alias(&answer) ==
		        (strcmp(answer.name, answer.canonical) != 0));
	}
	exact_free(copy);
	return 0;
}
