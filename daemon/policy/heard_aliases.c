/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "base/bytes.h"
#include "policy/heard_private.h"

/* Zeroed before it is filled: it is hashed whole. */
struct alias_key {
	char canonical[DNS_NAME_TEXT_MAX];
	uint32_t is_of_domain; /* MX was asked for */
};

struct aliases {
	struct heard_alias aliases[HEARD_ALIASES_MAX];
};

static struct alias_key key_of(const char *canonical, bool is_of_domain)
{
	struct alias_key key;

	memset(&key, 0, sizeof(key));
	text_copy(key.canonical, sizeof(key.canonical), canonical);
	key.is_of_domain = is_of_domain;
	return key;
}

struct table *heard_aliases_new(const uint8_t secret[TABLE_SECRET_LEN])
{
	return table_new(HEARD_CANONICALS_MAX, sizeof(struct alias_key), sizeof(struct aliases),
	                 secret, NULL, NULL);
}

/* The lesser goes first, then the one that ends first. */
static bool is_worth_less(const struct heard_alias *a, const struct heard_alias *b)
{
	return a->matters != b->matters ? b->matters : a->until_ms < b->until_ms;
}

void heard_note_alias(struct heard *heard, const struct heard_alias *alias, const char *canonical,
                      bool is_of_domain)
{
	struct alias_key key = key_of(canonical, is_of_domain);
	struct aliases *aliases = table_find(heard->aliases, &key);
	struct heard_alias *chosen;

	if (!aliases)
		aliases = table_insert(heard->aliases, &key);
	if (!aliases)
		return;
	chosen = aliases->aliases;
	for (size_t i = 0; i < HEARD_ALIASES_MAX; i++) {
		struct heard_alias *each = &aliases->aliases[i];

		if (strcmp(each->name, alias->name) == 0) {
			chosen = each;
			break;
		}
		if (is_worth_less(each, chosen))
			chosen = each;
	}
	*chosen = *alias;
}

const struct heard_alias *heard_aliases_of(const struct heard *heard, const char *canonical,
                                           bool is_of_domain)
{
	struct alias_key key = key_of(canonical, is_of_domain);
	const struct aliases *aliases = table_peek(heard->aliases, &key);

	return aliases ? aliases->aliases : NULL;
}
