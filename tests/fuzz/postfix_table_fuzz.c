/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Octets as a table of Postfix. Whatever they are, entries are in the one form of names, each says what it may, all of them are found
 * again, and all problems are lines of printable ASCII.
 */

#include "require.h"

#include <errno.h>

#include "policy/local.h"
#include "policy/peer_names.h"
#include "policy/postfix_table.h"

enum { ENTRIES_MAX = 64 };

struct taken {
	struct local *local;
	size_t lines;
};

static void check_entry(const struct local_entry *entry)
{
	char name[DOMAIN_NAME_MAX];
	const struct promise dane = { PROMISE_NONE, SOURCE_DANE, false, "" };
	const struct promise promise = local_promise(entry, &dane);

	REQUIRE(entry->level > LOCAL_UNSET && entry->level <= LOCAL_SECURE);
	if (!strchr(entry->name, ':'))
		REQUIRE(peer_name_normalise(name, entry->name) && strcmp(name, entry->name) == 0);
	else
		REQUIRE(entry->scope == LOCAL_HOST);
	REQUIRE((entry->fingerprint_count > 0) == (entry->level == LOCAL_FINGERPRINT));
	REQUIRE(entry->fingerprint_count <= LOCAL_FINGERPRINTS_MAX);
	REQUIRE(!entry->match[0] || entry->level >= LOCAL_VERIFY);
	REQUIRE(strlen(entry->match) < LOCAL_MATCH_MAX && !entry->next_hop[0]);
	REQUIRE(strncmp(entry->origin, "table:", 6) == 0);
	REQUIRE(promise.state != PROMISE_UNKNOWN && promise.source == SOURCE_LOCAL);
	REQUIRE(strlen(local_evidence(entry, 1).detail) < EVIDENCE_DETAIL_MAX);
}

static int take_entry(void *owner, const struct local_entry *entry)
{
	struct taken *taken = owner;
	struct local_entry found;
	char below[DOMAIN_NAME_MAX + 2];
	int err;

	check_entry(entry);
	if (local_count(taken->local) == ENTRIES_MAX)
		return -ENOSPC;
	err = local_add(taken->local, LOCAL_FROM_POSTFIX, entry);
	REQUIRE(err == 0 || err == -EEXIST);
	snprintf(below, sizeof(below), "a.%s", entry->name);
	if (entry->scope == LOCAL_HOST)
		REQUIRE(local_find_host(taken->local, &found, entry->name, 1));
	else
		REQUIRE(local_find(taken->local, &found,
		                   entry->scope == LOCAL_DOMAIN ? entry->name : below, 1));
	if (!err && entry->scope != LOCAL_SUBDOMAINS) {
		REQUIRE(found.level == entry->level && strcmp(found.match, entry->match) == 0);
		REQUIRE(strcmp(found.origin, entry->origin) == 0);
		REQUIRE(memcmp(found.fingerprints, entry->fingerprints,
		               sizeof(found.fingerprints)) == 0);
	}
	return err;
}

static void tell(void *owner, const struct postfix_problem *problem)
{
	struct taken *taken = owner;
	size_t len = strnlen(problem->text, sizeof(problem->text));

	REQUIRE(len < sizeof(problem->text) && strncmp(problem->text, "table:", 6) == 0);
	REQUIRE(problem->line >= 1 && problem->line <= taken->lines);
	for (size_t i = 0; i < len; i++)
		REQUIRE(problem->text[i] >= ' ' && problem->text[i] <= '~');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const uint8_t secret[SIPHASH_KEY_LEN];
	struct bytes copy = exact_copy(bytes_of(data, len));
	struct taken taken = { .local = local_new(secret), .lines = 1 };
	const struct postfix_sink sink = { &taken, take_entry, tell };

	REQUIRE(taken.local);
	for (size_t i = 0; i < len; i++)
		taken.lines += data[i] == '\n';
	(void)postfix_table_parse(&sink, "table", copy);
	local_free(taken.local);
	exact_free(copy);
	return 0;
}
