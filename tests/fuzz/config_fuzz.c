/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A configuration file, and behind a NUL one --set. Refused: nothing changed, one line of complaint. Taken: every value within its bounds, and
 * what the outline takes libconfuse takes as well.
 */

#include "config.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <sanitizer/asan_interface.h>

#include "base/utf8.h"
#include "config_warning.h"

/*
 * config_parse drafts in one block of half a megabyte. The sanitizer asks the kernel for such a one each time, which took more time than all the
 * rest; so it is kept from input to input, and nobody may touch it in between. The linker puts these in the place of the two.
 */
enum { LARGE_LEN = 128 * 1024 };

static struct {
	void *block;
	size_t len;
	bool is_given;
} kept;

void *__real_calloc(size_t count, size_t size);
void __real_free(void *block);
void *__wrap_calloc(size_t count, size_t size);
void __wrap_free(void *block);

void *__wrap_calloc(size_t count, size_t size)
{
	if (count != 1 || size < LARGE_LEN || kept.is_given || (kept.block && kept.len != size))
		return __real_calloc(count, size);
	if (!kept.block)
		kept.block = __real_calloc(1, size);
	assert(kept.block);
	ASAN_UNPOISON_MEMORY_REGION(kept.block, size);
	memset(kept.block, 0, size);
	kept.len = size;
	kept.is_given = true;
	return kept.block;
}

void __wrap_free(void *block)
{
	if (!block || block != kept.block) {
		__real_free(block);
		return;
	}
	assert(kept.is_given);
	kept.is_given = false;
	ASAN_POISON_MEMORY_REGION(kept.block, kept.len);
}

/* As local_read and the checks of sections leave them. */
static void check_entry(const struct local_entry *entry, bool is_host)
{
	assert((entry->scope == LOCAL_HOST) == is_host);
	assert(entry->name[0] && entry->level <= LOCAL_SECURE);
	assert(memchr(entry->name, '\0', sizeof(entry->name)));
	assert(memchr(entry->match, '\0', sizeof(entry->match)));
	assert(memchr(entry->next_hop, '\0', sizeof(entry->next_hop)));
	assert(memchr(entry->reason, '\0', sizeof(entry->reason)));
	assert(strncmp(entry->origin, "t.conf:", 7) == 0);
	assert(entry->fingerprint_count <= LOCAL_FINGERPRINTS_MAX);
	assert((entry->fingerprint_count > 0) == (entry->level == LOCAL_FINGERPRINT));
	assert(!entry->match[0] || entry->level >= LOCAL_VERIFY);
	assert(is_host || entry->reason[0] || !local_is_exception(entry));
}

static void check_tables(const struct config *config)
{
	/* One for each entry, and for hold-seconds and both families of clients. */
	size_t most = config->destination_count + config->next_hop_count + 3;
	char line[CONFIG_ERROR_MAX];
	size_t at = 0, lines = 0;

	assert(config->destination_count <= CONFIG_DESTINATIONS_MAX);
	assert(config->next_hop_count <= CONFIG_NEXT_HOPS_MAX);
	assert(config->policy_list_count <= CONFIG_POLICY_LISTS_MAX);
	assert(config->postfix_policy_count <= CONFIG_POSTFIX_POLICIES_MAX);
	for (size_t i = 0; i < config->destination_count; i++)
		check_entry(&config->destinations[i], false);
	for (size_t i = 0; i < config->next_hop_count; i++)
		check_entry(&config->next_hops[i], true);
	for (size_t i = 0; i < config->policy_list_count; i++)
		assert(config->policy_lists[i].path[0] == '/');
	for (size_t i = 0; i < config->postfix_policy_count; i++)
		assert(config->postfix_policies[i].path[0] == '/');
	for (; config_warning(line, &at, config, 1800000000000); lines++)
		assert(strlen(line) > 0 && !strchr(line, '\n'));
	assert(lines <= most);
}

/* One line of whole characters, and nothing in it steers a terminal. */
static void check_complaint(const char *error)
{
	uint32_t character = 0;
	size_t len;

	assert(strlen(error) < CONFIG_ERROR_MAX);
	for (; *error; error += len) {
		len = utf8_read(&character, error);
		assert(len > 0 && character >= ' ' && (character < 0x7f || character >= 0xa0));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char error[CONFIG_ERROR_MAX] = "";
	static struct config config;
	char *text = malloc(len + 1);
	const char *set;
	int err;

	if (!text)
		return 0;
	memcpy(text, data, len);
	text[len] = '\0';
	config.hold_ms = 4711;
	set = text + strlen(text);
	set = set < text + len ? set + 1 : NULL;
	err = config_parse(&config, "t.conf", text, &set, set ? 1 : 0, error);
	/* Refused: untouched, with one line of complaint. Taken: within its bounds. */
	if (err) {
		assert(config.hold_ms == 4711 && error[0]);
		check_complaint(error);
	} else {
		assert(config.hold_ms >= 1000 && config.hold_ms <= 240000);
		assert(config.rules.port_count >= 1 && config.rules.ports[0] > 0);
		assert(config.rules.client_count <= RULES_NETWORKS_MAX);
		check_tables(&config);
	}
	assert(!kept.is_given);
	/* What the outline took, libconfuse must take: else two parsers disagree. */
	assert(!err || strcmp(error + strcspn(error, " "), " not understood") != 0);
	free(text);
	return 0;
}
