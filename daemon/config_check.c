/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config_check.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

enum { DNS_PORT = 53 };

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void *place_of(const struct config_key *key, struct config *config)
{
	return (unsigned char *)config + key->place;
}

/* "a, b or c", without the empty word that a key may begin with. Its length. */
static size_t list_words(char why[CONFIG_WHY_MAX], const struct config_key *key)
{
	size_t count = 0, i, len = 0;

	while (count < CONFIG_WORDS_MAX && key->words[count])
		count++;
	for (i = 0; i < count; i++) {
		if (key->words[i][0] == '\0')
			continue;
		len += (size_t)snprintf(why + len, CONFIG_WHY_MAX - len, "%s%s", key->words[i],
		                        i + 2 < count    ? ", "
		                        : i + 2 == count ? " or "
		                                         : "");
	}
	return len;
}

static bool find_word(size_t *index, const struct config_key *key, const char *text,
                      char why[CONFIG_WHY_MAX])
{
	size_t i, len;

	for (i = 0; i < CONFIG_WORDS_MAX && key->words[i]; i++) {
		if (strcmp(key->words[i], text) == 0) {
			*index = i;
			return true;
		}
	}
	len = list_words(why, key);
	for (i = 0; i < CONFIG_UNBUILT_MAX && key->unbuilt[i]; i++) {
		if (strcmp(key->unbuilt[i], text) == 0) {
			snprintf(why + len, CONFIG_WHY_MAX - len, "; %s is not built yet", text);
			return false;
		}
	}
	snprintf(why + len, CONFIG_WHY_MAX - len, ", not \"%.64s\"", text);
	return false;
}

bool config_check_choice(const struct config_key *key, struct config *config,
                         const struct config_values *values, char why[CONFIG_WHY_MAX])
{
	unsigned *chosen = place_of(key, config);
	size_t index;

	if (!find_word(&index, key, values->texts[0], why))
		return false;
	*chosen = (unsigned)index;
	return true;
}

/* The second word is the true one. */
bool config_check_bool(const struct config_key *key, struct config *config,
                       const struct config_values *values, char why[CONFIG_WHY_MAX])
{
	bool *is_second = place_of(key, config);
	size_t index;

	if (!find_word(&index, key, values->texts[0], why))
		return false;
	*is_second = index == 1;
	return true;
}

/* A choice that changes nothing, because its only other word belongs to a later version. */
bool config_check_nothing(const struct config_key *key, struct config *config,
                          const struct config_values *values, char why[CONFIG_WHY_MAX])
{
	size_t index;

	(void)config;
	return find_word(&index, key, values->texts[0], why);
}

/* Decimal digits only: libconfuse and strtol would also take signs, octal numbers and blanks. */
static bool parse_number(long *number, const char *text, long min, long max)
{
	long value = 0;
	size_t i;

	for (i = 0; text[i]; i++) {
		if (text[i] < '0' || text[i] > '9' || i == 9)
			return false;
		value = value * 10 + (text[i] - '0');
	}
	if (i == 0 || (i > 1 && text[0] == '0') || value < min || value > max)
		return false;
	*number = value;
	return true;
}

static bool read_number(long *number, const struct config_key *key, const char *text,
                        char why[CONFIG_WHY_MAX])
{
	if (parse_number(number, text, key->min, key->max))
		return true;
	snprintf(why, CONFIG_WHY_MAX, "a number from %ld to %ld, not \"%.64s\"", key->min, key->max,
	         text);
	return false;
}

bool config_check_number(const struct config_key *key, struct config *config,
                         const struct config_values *values, char why[CONFIG_WHY_MAX])
{
	uint32_t *set = place_of(key, config);
	long number;

	if (!read_number(&number, key, values->texts[0], why))
		return false;
	*set = (uint32_t)(number * key->unit);
	return true;
}

bool config_check_number16(const struct config_key *key, struct config *config,
                           const struct config_values *values, char why[CONFIG_WHY_MAX])
{
	uint16_t *set = place_of(key, config);
	long number;

	if (!read_number(&number, key, values->texts[0], why))
		return false;
	*set = (uint16_t)number;
	return true;
}

bool config_check_mask(const struct config_key *key, struct config *config,
                       const struct config_values *values, char why[CONFIG_WHY_MAX])
{
	const char *text = values->texts[0];
	const char *digits = text + 2;
	size_t len = strlen(text);

	if (strncmp(text, "0x", 2) == 0 && len > 2 && len <= 10 &&
	    strspn(digits, "0123456789abcdefABCDEF") == len - 2 &&
	    marks_of(place_of(key, config), (uint32_t)strtoul(digits, NULL, 16)))
		return true;
	snprintf(why, CONFIG_WHY_MAX,
	         "four adjacent bits in hexadecimal, as 0x0f000000 or 0x000001e0, not \"%.64s\"",
	         text);
	return false;
}

bool config_check_hooks(const struct config_key *key, struct config *config,
                        const struct config_values *values, char why[CONFIG_WHY_MAX])
{
	bool is_on[2] = { false, false };
	size_t i, index;

	for (i = 0; i < values->count; i++) {
		if (!find_word(&index, key, values->texts[i], why))
			return false;
		is_on[index] = true;
	}
	if (!is_on[0] && !is_on[1]) {
		snprintf(why, CONFIG_WHY_MAX, "at least one of forward and output");
		return false;
	}
	config->rules.has_forward = is_on[0];
	config->rules.has_output = is_on[1];
	return true;
}

bool config_check_ports(const struct config_key *key, struct config *config,
                        const struct config_values *values, char why[CONFIG_WHY_MAX])
{
	struct rules *rules = &config->rules;
	size_t i, j;
	long port;

	if (values->count == 0 || values->count > RULES_PORTS_MAX) {
		snprintf(why, CONFIG_WHY_MAX, "1 to %d ports, not %zu", RULES_PORTS_MAX,
		         values->count);
		return false;
	}
	for (i = 0; i < values->count; i++) {
		if (!read_number(&port, key, values->texts[i], why))
			return false;
		rules->ports[i] = (uint16_t)port;
		for (j = 0; j < i; j++) {
			if (rules->ports[j] == rules->ports[i]) {
				snprintf(why, CONFIG_WHY_MAX, "each port once, not %ld twice",
				         port);
				return false;
			}
		}
	}
	rules->port_count = values->count;
	return true;
}

static bool read_network(struct network *network, const char *text, char why[CONFIG_WHY_MAX])
{
	char meant[NETWORK_TEXT_MAX];

	if (network_parse(network, text))
		return true;
	if (network_parse_any(network, text))
		snprintf(why, CONFIG_WHY_MAX,
		         "\"%.64s\" has bits set behind its prefix; the network is %s", text,
		         network_format(meant, network));
	else
		snprintf(why, CONFIG_WHY_MAX,
		         "networks as 192.0.2.0/24 or 2001:db8::/32, or addresses, not \"%.64s\"",
		         text);
	return false;
}

/* Networks within others say nothing new, and sets of the kernel refuse them. */
static size_t add_network(struct network *networks, size_t count, const struct network *added)
{
	size_t i, kept = 0;

	for (i = 0; i < count; i++) {
		if (networks[i].prefix_len <= added->prefix_len &&
		    network_contains(&networks[i], &added->address))
			return count;
	}
	for (i = 0; i < count; i++) {
		if (!network_contains(added, &networks[i].address))
			networks[kept++] = networks[i];
	}
	networks[kept++] = *added;
	return kept;
}

static bool apply_networks(struct network networks[RULES_NETWORKS_MAX], size_t *count,
                           const struct config_values *values, char why[CONFIG_WHY_MAX])
{
	struct network network;
	size_t i;

	*count = 0;
	for (i = 0; i < values->count; i++) {
		if (!read_network(&network, values->texts[i], why))
			return false;
		*count = add_network(networks, *count, &network);
	}
	return true;
}

bool config_check_clients(const struct config_key *key, struct config *config,
                          const struct config_values *values, char why[CONFIG_WHY_MAX])
{
	(void)key;
	config->has_clients = values->count > 0;
	return apply_networks(config->rules.clients, &config->rules.client_count, values, why);
}

bool config_check_exempt_clients(const struct config_key *key, struct config *config,
                                 const struct config_values *values, char why[CONFIG_WHY_MAX])
{
	struct rules *rules = &config->rules;

	(void)key;
	return apply_networks(rules->exempt_clients, &rules->exempt_client_count, values, why);
}

bool config_check_exempt_servers(const struct config_key *key, struct config *config,
                                 const struct config_values *values, char why[CONFIG_WHY_MAX])
{
	struct rules *rules = &config->rules;

	(void)key;
	return apply_networks(rules->exempt_servers, &rules->exempt_server_count, values, why);
}

bool config_check_nat64(const struct config_key *key, struct config *config,
                        const struct config_values *values, char why[CONFIG_WHY_MAX])
{
	struct nat64 *nat64 = &config->nat64;
	struct network network;
	size_t i;

	(void)key;
	if (values->count > NAT64_PREFIXES_MAX) {
		snprintf(why, CONFIG_WHY_MAX, "at most %d prefixes", NAT64_PREFIXES_MAX);
		return false;
	}
	nat64->prefix_count = 0;
	for (i = 0; i < values->count; i++) {
		if (!read_network(&network, values->texts[i], why))
			return false;
		if (!nat64_is_prefix(&network)) {
			snprintf(why, CONFIG_WHY_MAX,
			         "IPv6 networks of 32, 40, 48, 56, 64 or 96 bits, not \"%.64s\"",
			         values->texts[i]);
			return false;
		}
		nat64->prefixes[nat64->prefix_count++] = network;
	}
	return true;
}

/* address, or address@port as unbound writes it. */
static bool read_forwarder(struct endpoint *forwarder, const char *text)
{
	char address[ADDRESS_TEXT_MAX];
	size_t len = strcspn(text, "@");
	long port = DNS_PORT;

	if (len >= sizeof(address) ||
	    (text[len] == '@' && !parse_number(&port, text + len + 1, 1, UINT16_MAX)))
		return false;
	memcpy(address, text, len);
	address[len] = '\0';
	forwarder->port = (uint16_t)port;
	return address_parse(&forwarder->address, address);
}

bool config_check_forwarders(const struct config_key *key, struct config *config,
                             const struct config_values *values, char why[CONFIG_WHY_MAX])
{
	size_t i;

	(void)key;
	if (values->count > CONFIG_FORWARDERS_MAX) {
		snprintf(why, CONFIG_WHY_MAX, "at most %d addresses, not %zu",
		         CONFIG_FORWARDERS_MAX, values->count);
		return false;
	}
	for (i = 0; i < values->count; i++) {
		if (!read_forwarder(&config->forwarders[i], values->texts[i])) {
			snprintf(why, CONFIG_WHY_MAX,
			         "addresses as 192.0.2.53 or 192.0.2.53@5353, not \"%.64s\"",
			         values->texts[i]);
			return false;
		}
	}
	config->forwarder_count = values->count;
	return true;
}

/* Absolute, because the daemon's directory is not the operator's; may be empty where that means none. */
bool config_check_path(const struct config_key *key, struct config *config,
                       const struct config_values *values, char why[CONFIG_WHY_MAX])
{
	const char *text = values->texts[0];
	bool may_be_empty = key->min == 0;

	if (strlen(text) < (size_t)key->max && (text[0] == '/' || (may_be_empty && !text[0]))) {
		memcpy(place_of(key, config), text, strlen(text) + 1);
		return true;
	}
	snprintf(why, CONFIG_WHY_MAX, "a path from / on, at most %ld octets%s, not \"%.64s\"",
	         key->max - 1, may_be_empty ? ", or empty" : "", text);
	return false;
}

bool config_check_name(const struct config_key *key, struct config *config,
                       const struct config_values *values, char why[CONFIG_WHY_MAX])
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_.-";
	const char *text = values->texts[0];
	size_t len = strlen(text);

	if (len > 0 && len < (size_t)key->max && text[0] != '-' && strspn(text, allowed) == len) {
		memcpy(place_of(key, config), text, len + 1);
		return true;
	}
	snprintf(why, CONFIG_WHY_MAX,
	         "a name of letters, digits, '_', '.' and '-', at most %ld, not \"%.64s\"",
	         key->max - 1, text);
	return false;
}

bool config_check_facility(const struct config_key *key, struct config *config,
                           const struct config_values *values, char why[CONFIG_WHY_MAX])
{
	static const struct {
		const char *name;
		int number;
	} facilities[] = {
		{ "none", -1 },           { "mail", LOG_MAIL },         { "daemon", LOG_DAEMON },
		{ "auth", LOG_AUTH },     { "authpriv", LOG_AUTHPRIV }, { "user", LOG_USER },
		{ "local0", LOG_LOCAL0 }, { "local1", LOG_LOCAL1 },     { "local2", LOG_LOCAL2 },
		{ "local3", LOG_LOCAL3 }, { "local4", LOG_LOCAL4 },     { "local5", LOG_LOCAL5 },
		{ "local6", LOG_LOCAL6 }, { "local7", LOG_LOCAL7 },
	};
	int *chosen = place_of(key, config);
	size_t i;

	for (i = 0; i < ARRAY_COUNT(facilities); i++) {
		if (strcmp(facilities[i].name, values->texts[0]) == 0) {
			*chosen = facilities[i].number;
			return true;
		}
	}
	snprintf(why, CONFIG_WHY_MAX,
	         "none, mail, daemon, auth, authpriv, user or local0 to local7, not \"%.64s\"",
	         values->texts[0]);
	return false;
}

/* Only the default, because all that the key would change belongs to a later version. */
bool config_check_default(const struct config_key *key, struct config *config,
                          const struct config_values *values, char why[CONFIG_WHY_MAX])
{
	(void)config;
	if (strcmp(values->texts[0], key->fallback) == 0)
		return true;
	snprintf(why, CONFIG_WHY_MAX, "not built yet: leave it at %s", key->fallback);
	return false;
}
