/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Words of the operator's table, one a line: name, level, match, fingerprint, next hop. What is refused leaves the entry as it was, with a
 * reason; a name that is taken is printed and read again as the same; and what an entry promises and says has its bounds.
 */

#include "require.h"

#include "policy/local.h"
#include "policy/local_read.h"

enum { WORDS = 5 };

static const struct promise dane_promises[] = {
	{ PROMISE_NONE, SOURCE_DANE, false, "" },
	{ PROMISE_KEY, SOURCE_DANE, false, "" },
	{ PROMISE_UNAVAILABLE, SOURCE_DANE, false, "" },
};

static void check_refused(const struct local_entry *now, const struct local_entry *before,
                          const char why[LOCAL_WHY_MAX])
{
	REQUIRE(memcmp(now, before, sizeof(*now)) == 0);
	REQUIRE(why[0] && memchr(why, '\0', LOCAL_WHY_MAX));
}

static void read_word(struct local_entry *entry, size_t index, const char *word)
{
	static bool (*const readers[])(struct local_entry *, const char *, char *) = {
		local_read_name,
		local_read_match,
		local_read_fingerprint,
		local_read_next_hop,
	};
	struct local_entry before;
	char why[LOCAL_WHY_MAX] = "";

	memcpy(&before, entry, sizeof(before));
	if (index == WORDS - 1)
		(void)local_level_parse(&entry->level, word);
	else if (!readers[index](entry, word, why))
		check_refused(entry, &before, why);
}

static void check_name(const struct local_entry *entry)
{
	char text[DOMAIN_NAME_MAX + 2], why[LOCAL_WHY_MAX];
	struct local_entry again;

	if (!entry->name[0])
		return;
	memset(&again, 0, sizeof(again));
	REQUIRE(local_read_name(&again, local_name_print(text, entry), why));
	REQUIRE(again.scope == entry->scope && strcmp(again.name, entry->name) == 0);
}

static void check_entry(const struct local_entry *entry)
{
	REQUIRE(entry->scope <= LOCAL_HOST && entry->level <= LOCAL_SECURE);
	REQUIRE(entry->fingerprint_count <= LOCAL_FINGERPRINTS_MAX);
	REQUIRE(memchr(entry->match, '\0', sizeof(entry->match)));
	REQUIRE(memchr(entry->next_hop, '\0', sizeof(entry->next_hop)));
	REQUIRE(memchr(local_match(entry), '\0', LOCAL_MATCH_MAX));
	for (size_t i = 0; i < sizeof(dane_promises) / sizeof(dane_promises[0]); i++) {
		const struct promise promise = local_promise(entry, &dane_promises[i]);

		REQUIRE(promise.state <= PROMISE_UNAVAILABLE);
		REQUIRE((promise.state == PROMISE_UNKNOWN) == (entry->level == LOCAL_UNSET));
		REQUIRE(memchr(promise.detail, '\0', sizeof(promise.detail)));
	}
	REQUIRE(strlen(local_evidence(entry, 1).detail) < EVIDENCE_DETAIL_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct local_entry entry;
	char *text = malloc(len + 1), *word = text;

	REQUIRE(text);
	memset(&entry, 0, sizeof(entry));
	if (len > 0)
		memcpy(text, data, len);
	text[len] = '\0';
	for (size_t index = 0; word; index++) {
		char *end = strchr(word, '\n');

		if (end)
			*end++ = '\0';
		/* Several matches and fingerprints count together. */
		read_word(&entry, index % WORDS, word);
		word = end;
	}
	check_name(&entry);
	check_entry(&entry);
	free(text);
	return 0;
}
