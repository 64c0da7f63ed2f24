/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/local_read.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/address.h"
#include "base/bytes.h"
#include "policy/peer_names.h"

enum {
	SMTP_PORT = 25,
	SHOWN_MAX = 64,
	WORD_ROOM = 1024, /* longer than any name in U-labels */
};

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* An address in its one form. */
static bool read_address(char name[DOMAIN_NAME_MAX], const char *text)
{
	static const char tag[] = "IPv6:";
	struct address address;

	if (bytes_equal_nocase(bytes_slice(bytes_of_string(text), 0, sizeof(tag) - 1), tag))
		text += sizeof(tag) - 1;
	if (!address_parse(&address, text))
		return false;
	address_format(name, &address);
	return true;
}

/* Cuts ":port" off. False: it is none, or not the one that mail is guarded on. */
static bool cut_port(char *text, char why[LOCAL_WHY_MAX])
{
	char *bracket = strrchr(text, ']');
	char *colon = bracket ? bracket + 1 : strchr(text, ':');

	if (!colon || colon[0] == '\0' || colon[1] == '\0')
		return true;
	if (*colon != ':')
		return true;
	if (!bracket && strchr(colon + 1, ':')) {
		snprintf(why, LOCAL_WHY_MAX, "an address stands in brackets, as [2001:db8::1]");
		return false;
	}
	if (strcmp(colon, ":25") != 0 && strcasecmp(colon, ":smtp") != 0) {
		snprintf(why, LOCAL_WHY_MAX, "only port %d is meant, not \"%.*s\"", SMTP_PORT,
		         SHOWN_MAX, colon + 1);
		return false;
	}
	*colon = '\0';
	return true;
}

static bool read_host(char name[DOMAIN_NAME_MAX], char *text)
{
	size_t len = strlen(text);

	if (text[0] == '[') {
		if (len < 3 || text[len - 1] != ']')
			return false;
		text[len - 1] = '\0';
		text++;
	}
	return read_address(name, text) || peer_name_normalise(name, text);
}

/* A name is asked in its one form: a final dot, or digits of other scripts, would hide that it is an address. */
static bool is_address(const char *text)
{
	struct address address;

	return address_parse(&address, text);
}

bool local_read_name(struct local_entry *entry, const char *text, char why[LOCAL_WHY_MAX])
{
	char copy[WORD_ROOM], name[DOMAIN_NAME_MAX];
	enum local_scope scope = LOCAL_DOMAIN;
	bool is_name;

	text_copy(copy, sizeof(copy), text);
	if (strlen(text) < sizeof(copy) && !cut_port(copy, why))
		return false;
	if (copy[0] == '[') {
		scope = LOCAL_HOST;
		is_name = read_host(name, copy);
	} else {
		if (copy[0] == '.')
			scope = LOCAL_SUBDOMAINS;
		is_name = peer_name_normalise(name, copy + (scope == LOCAL_SUBDOMAINS));
		if (is_address(is_name ? name : copy)) {
			snprintf(why, LOCAL_WHY_MAX,
			         "an address stands in brackets, as [192.0.2.1]");
			return false;
		}
	}
	if (!is_name || strlen(text) >= sizeof(copy)) {
		snprintf(why, LOCAL_WHY_MAX,
		         "a domain as example.org, .example.org for those below it, or a next hop "
		         "as "
		         "[mail.example.org] or [192.0.2.1], not \"%.*s\"",
		         SHOWN_MAX, text);
		return false;
	}
	entry->scope = scope;
	text_copy(entry->name, sizeof(entry->name), name);
	return true;
}

bool local_read_next_hop(struct local_entry *entry, const char *text, char why[LOCAL_WHY_MAX])
{
	char copy[WORD_ROOM], name[DOMAIN_NAME_MAX];

	text_copy(copy, sizeof(copy), text);
	if (strlen(text) >= sizeof(copy) || !read_host(name, copy)) {
		snprintf(why, LOCAL_WHY_MAX,
		         "a host as relay.example.org, or an address, not \"%.*s\"", SHOWN_MAX,
		         text);
		return false;
	}
	text_copy(entry->next_hop, sizeof(entry->next_hop), name);
	return true;
}

bool local_read_match(struct local_entry *entry, const char *text, char why[LOCAL_WHY_MAX])
{
	static const char *const words[] = { "nexthop", "dot-nexthop", "hostname" };
	char name[DOMAIN_NAME_MAX];
	bool has_dot = text[0] == '.';
	const char *word = NULL;
	size_t len = strlen(entry->match);

	for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
		if (bytes_equal_nocase(bytes_of_string(text), words[i]))
			word = words[i];
	}
	if (!word && (!peer_name_normalise(name, text + has_dot) || is_address(name))) {
		snprintf(why, LOCAL_WHY_MAX,
		         "nexthop, dot-nexthop, hostname, or a name as mx.example.org or "
		         ".example.org, not \"%.*s\"",
		         SHOWN_MAX, text);
		return false;
	}
	if (len + strlen(word ? word : name) + 2 >= sizeof(entry->match)) {
		snprintf(why, LOCAL_WHY_MAX, "the names are longer than %d octets together",
		         LOCAL_MATCH_MAX - 1);
		return false;
	}
	snprintf(entry->match + len, sizeof(entry->match) - len, "%s%s%s", len > 0 ? ":" : "",
	         !word && has_dot ? "." : "", word ? word : name);
	return true;
}

static int hex_value(char digit)
{
	int lower = ascii_lower((uint8_t)digit);

	if (digit >= '0' && digit <= '9')
		return digit - '0';
	return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* A colon between all octets, or between none. */
static bool parse_fingerprint(uint8_t octets[LOCAL_FINGERPRINT_LEN], const char *text)
{
	bool has_colons = strchr(text, ':') != NULL;

	for (size_t i = 0; i < LOCAL_FINGERPRINT_LEN; i++) {
		int high, low;

		if (i > 0 && has_colons && *text++ != ':')
			return false;
		high = hex_value(text[0]);
		low = high < 0 ? -1 : hex_value(text[1]);
		if (low < 0)
			return false;
		octets[i] = (uint8_t)(high << 4 | low);
		text += 2;
	}
	return *text == '\0';
}

/* Why it is none: mostly because it was made with another digest. */
static void explain_fingerprint(char why[LOCAL_WHY_MAX], const char *text)
{
	static const struct {
		size_t digits;
		const char *digest;
	} others[] = { { 32, "MD5" }, { 40, "SHA-1" }, { 96, "SHA-384" }, { 128, "SHA-512" } };
	size_t digits = 0;

	for (const char *at = text; *at; at++) {
		if (hex_value(*at) >= 0)
			digits++;
		else if (*at != ':')
			digits = SIZE_MAX / 2;
	}
	for (size_t i = 0; i < ARRAY_COUNT(others); i++) {
		if (digits == others[i].digits) {
			snprintf(why, LOCAL_WHY_MAX,
			         "a fingerprint is of SHA-256, and this is as long as one of %s",
			         others[i].digest);
			return;
		}
	}
	snprintf(why, LOCAL_WHY_MAX,
	         "a fingerprint is the SHA-256 of a certificate or of its public key, as 64 "
	         "hexadecimal digits, not \"%.*s\"",
	         SHOWN_MAX, text);
}

bool local_read_fingerprint(struct local_entry *entry, const char *text, char why[LOCAL_WHY_MAX])
{
	uint8_t octets[LOCAL_FINGERPRINT_LEN];

	if (!parse_fingerprint(octets, text)) {
		explain_fingerprint(why, text);
		return false;
	}
	if (entry->fingerprint_count == LOCAL_FINGERPRINTS_MAX) {
		snprintf(why, LOCAL_WHY_MAX, "at most %d fingerprints", LOCAL_FINGERPRINTS_MAX);
		return false;
	}
	memcpy(entry->fingerprints[entry->fingerprint_count++], octets, sizeof(octets));
	return true;
}
