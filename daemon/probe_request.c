/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe_request.h"

#include <string.h>

#include "base/bytes.h"
#include "config.h"
#include "policy/peer_names.h"

enum {
	ENTRY_LEN = 2,
	LISTS = 4,
	SSL3 = 0x0300,
	TLS13 = 0x0304,
};

static void list_lens(size_t lens[LISTS], const struct message_probe *probe)
{
	lens[0] = probe->cipher_suites_len;
	lens[1] = probe->groups_len;
	lens[2] = probe->signature_algorithms_len;
	lens[3] = probe->versions_len;
}

static bool lists_are_sound(const struct message_probe *probe, size_t len)
{
	size_t lens[LISTS], sum = 0;

	list_lens(lens, probe);
	for (size_t i = 0; i < LISTS; i++) {
		if (lens[i] % ENTRY_LEN != 0)
			return false;
		sum += lens[i];
	}
	return sum <= sizeof(probe->shape) && len == PROBE_HEAD_LEN + sum;
}

/* It becomes part of a command: nothing in it may end that, or begin another. */
static bool is_ehlo_name(const char name[DOMAIN_NAME_MAX])
{
	static const char others[] = ".-_:[]";

	for (size_t i = 0; i < DOMAIN_NAME_MAX; i++) {
		char octet = name[i];
		bool is_letter = (octet >= 'a' && octet <= 'z') || (octet >= 'A' && octet <= 'Z');

		if (octet == '\0')
			return true;
		if (!is_letter && !(octet >= '0' && octet <= '9') && !strchr(others, octet))
			return false;
	}
	return false;
}

static bool is_server_name(const char name[DOMAIN_NAME_MAX])
{
	char normal[DOMAIN_NAME_MAX];

	if (name[0] == '\0')
		return true;
	return memchr(name, '\0', DOMAIN_NAME_MAX) && peer_name_normalise(normal, name) &&
	       strcmp(normal, name) == 0;
}

static bool is_guarded_port(const struct config *config, uint16_t port)
{
	for (size_t i = 0; i < config->rules.port_count; i++) {
		if (config->rules.ports[i] == port)
			return true;
	}
	return false;
}

bool probe_request_is_sound(const struct message_probe *probe, size_t len,
                            const struct config *config)
{
	uint8_t family;

	if (len < PROBE_HEAD_LEN || len > sizeof(*probe))
		return false;
	family = probe->server.address.family;
	return probe->is_again <= 1 && (family == 4 || family == 6) &&
	       probe->client.family == family && is_guarded_port(config, probe->server.port) &&
	       is_server_name(probe->server_name) && is_ehlo_name(probe->ehlo_name) &&
	       lists_are_sound(probe, len);
}

/* RFC 8701: values that mean nothing, and differ each time, so that nobody learns to rely on their absence. */
static bool is_grease(uint16_t entry)
{
	return entry >> 8 == (entry & 0xff) && (entry & 0x0f) == 0x0a;
}

/* The next entry that means something; 0: the list is at its end. */
static uint16_t next_entry(struct cursor *list)
{
	while (cursor_left(list) >= ENTRY_LEN) {
		uint16_t entry = cursor_u16(list);

		if (!is_grease(entry))
			return entry;
	}
	return 0;
}

/* One list out of the shape, the cursor moves behind it. */
static struct cursor list_of(struct cursor *shape, size_t len)
{
	return cursor_over(cursor_bytes(shape, len));
}

static struct cursor shape_of(const struct message_probe *probe)
{
	size_t lens[LISTS];

	list_lens(lens, probe);
	return cursor_over(bytes_of(probe->shape, lens[0] + lens[1] + lens[2] + lens[3]));
}

uint64_t probe_request_hash(const struct message_probe *probe,
                            const uint8_t secret[SIPHASH_KEY_LEN])
{
	struct {
		struct address server;
		char server_name[DOMAIN_NAME_MAX];
		uint16_t port;
		uint16_t entries[PROBE_SHAPE_MAX / ENTRY_LEN + LISTS];
	} asked;
	struct cursor shape = shape_of(probe);
	size_t lens[LISTS], count = 0;

	memset(&asked, 0, sizeof(asked));
	asked.server.family = probe->server.address.family;
	memcpy(asked.server.octets, probe->server.address.octets,
	       address_len(&probe->server.address));
	asked.port = probe->server.port;
	text_copy(asked.server_name, sizeof(asked.server_name), probe->server_name);
	list_lens(lens, probe);
	/* Each list ends with a zero, so that an entry cannot change its list unnoticed. */
	for (size_t i = 0; i < LISTS; i++) {
		struct cursor list = list_of(&shape, lens[i]);
		uint16_t entry;

		while ((entry = next_entry(&list)) != 0)
			asked.entries[count++] = entry;
		count++;
	}
	return siphash(secret, &asked, sizeof(asked));
}

static size_t fill(uint16_t *entries, size_t room, struct cursor list)
{
	size_t count = 0;
	uint16_t entry;

	while (count < room && (entry = next_entry(&list)) != 0)
		entries[count++] = entry;
	return count;
}

void probe_request_shape(struct tls_shape *made, const struct message_probe *probe)
{
	struct cursor shape = shape_of(probe);
	struct cursor versions;
	uint16_t version;

	memset(made, 0, sizeof(*made));
	made->cipher_count = fill(made->ciphers, TLS_SHAPE_CIPHERS_MAX,
	                          list_of(&shape, probe->cipher_suites_len));
	made->group_count =
		fill(made->groups, TLS_SHAPE_GROUPS_MAX, list_of(&shape, probe->groups_len));
	made->signature_count = fill(made->signatures, TLS_SHAPE_SIGNATURES_MAX,
	                             list_of(&shape, probe->signature_algorithms_len));
	versions = list_of(&shape, probe->versions_len);
	while ((version = next_entry(&versions)) != 0) {
		if (version <= SSL3 || version > TLS13)
			continue;
		if (made->version_min == 0 || version < made->version_min)
			made->version_min = version;
		if (version > made->version_max)
			made->version_max = version;
	}
}
