/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/last_keys.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

struct noted {
	uint64_t when_ms;
	struct last_key key;
};

struct last_keys {
	struct table *hosts; /* char[DOMAIN_NAME_MAX] → struct noted */
};

struct last_keys *last_keys_new(const uint8_t secret[TABLE_SECRET_LEN])
{
	struct last_keys *keys = calloc(1, sizeof(*keys));

	if (!keys)
		return NULL;
	keys->hosts =
		table_new(LAST_KEYS_MAX, DOMAIN_NAME_MAX, sizeof(struct noted), secret, NULL, NULL);
	if (keys->hosts)
		return keys;
	free(keys);
	return NULL;
}

void last_keys_free(struct last_keys *keys)
{
	if (!keys)
		return;
	table_free(keys->hosts);
	free(keys);
}

static void name_of(char name[DOMAIN_NAME_MAX], const char *host)
{
	memset(name, 0, DOMAIN_NAME_MAX);
	text_copy(name, DOMAIN_NAME_MAX, host);
}

void last_keys_note(struct last_keys *keys, const char *host, const struct last_key *key,
                    uint64_t now_ms)
{
	char name[DOMAIN_NAME_MAX];
	struct noted *noted;

	name_of(name, host);
	noted = table_find(keys->hosts, name);
	if (!noted)
		noted = table_insert(keys->hosts, name);
	if (!noted)
		return;
	noted->when_ms = now_ms;
	noted->key = *key;
}

void last_keys_find(struct last_key *key, const struct last_keys *keys, const char *host,
                    uint64_t now_ms)
{
	char name[DOMAIN_NAME_MAX];
	const struct noted *noted;

	memset(key, 0, sizeof(*key));
	name_of(name, host);
	noted = table_peek(keys->hosts, name);
	if (!noted)
		return;
	*key = noted->key;
	key->age_s = (uint32_t)((now_ms - noted->when_ms) / 1000);
}

void last_keys_forget(struct last_keys *keys, const char *host)
{
	char name[DOMAIN_NAME_MAX];

	name_of(name, host);
	table_remove(keys->hosts, name);
}
