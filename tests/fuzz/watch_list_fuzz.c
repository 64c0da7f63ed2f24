/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text as the operator's list of domains: each is in its one form and is found again, each is due once and not again before it may be,
 * and each line that is none is told.
 */

#include "require.h"

#include "policy/peer_names.h"
#include "policy/watch_list.h"

static void check_due(struct watch_list *list)
{
	char name[DOMAIN_NAME_MAX];
	size_t count = watch_list_count(list), due = 0;
	const char *domain;

	while ((domain = watch_list_due(list, 1000))) {
		REQUIRE(++due <= count);
		REQUIRE(watch_list_has(list, domain));
		REQUIRE(peer_name_normalise(name, domain) && strcmp(name, domain) == 0);
		watch_list_learn(list, domain, 3600, 1000);
	}
	REQUIRE(due == count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct bytes text = exact_copy(bytes_of(data, len));
	struct watch_faults faults;
	struct watch_list *list = watch_list_parse(&faults, text), *next;
	size_t lines = 1;

	REQUIRE(list);
	for (size_t i = 0; i < len; i++)
		lines += data[i] == '\n';
	REQUIRE(watch_list_count(list) + faults.count <= lines);
	for (size_t i = 0; i < faults.count && i < WATCH_FAULTS_MAX; i++)
		REQUIRE(faults.shown[i].line >= 1 && faults.shown[i].line <= lines &&
		        faults.shown[i].rule);
	check_due(list);
	/* Read again, it knows what was known. */
	next = watch_list_parse(&faults, text);
	REQUIRE(next && watch_list_count(next) == watch_list_count(list));
	watch_list_adopt(next, list);
	REQUIRE(!watch_list_due(next, 1000));
	watch_list_free(next);
	watch_list_free(list);
	exact_free(text);
	return 0;
}
