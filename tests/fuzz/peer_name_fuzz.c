/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text as a name, and as a pattern of host names: what is taken is in the one form, of which all octets and lengths are a domain name's,
 * and stays as it is; a pattern is met by a host that it stands for, and by none that is longer.
 */

#include "require.h"

#include "policy/mx_pattern.h"
#include "policy/peer_names.h"

static void check_name(const char *name)
{
	char again[DOMAIN_NAME_MAX], below[DOMAIN_NAME_MAX + 2];
	size_t len = strlen(name), label = 0;

	REQUIRE(len > 0 && len <= 253);
	for (size_t i = 0; i < len; i++) {
		REQUIRE(strchr("abcdefghijklmnopqrstuvwxyz0123456789-_.", name[i]));
		label = name[i] == '.' ? 0 : label + 1;
		REQUIRE(label <= 63 && (name[i] != '.' || (i > 0 && name[i - 1] != '.')));
	}
	REQUIRE(label > 0);
	REQUIRE(peer_name_normalise(again, name) && strcmp(again, name) == 0);
	(void)snprintf(below, sizeof(below), "a.%s", name);
	REQUIRE(peer_name_is_within(name, name) && peer_name_is_within(below, name) &&
	        !peer_name_is_within(name, below));
}

static void check_pattern(const char *pattern)
{
	char again[DOMAIN_NAME_MAX], host[DOMAIN_NAME_MAX], longer[DOMAIN_NAME_MAX + 2];
	bool is_wildcard = strncmp(pattern, "*.", 2) == 0;

	REQUIRE(mx_pattern_normalise(again, pattern) && strcmp(again, pattern) == 0);
	(void)snprintf(host, sizeof(host), "%s", pattern);
	if (is_wildcard)
		host[0] = 'a';
	(void)snprintf(longer, sizeof(longer), "a.%s", host);
	REQUIRE(mx_pattern_matches(pattern, host) && !mx_pattern_matches(pattern, longer));
	REQUIRE(!is_wildcard || !mx_pattern_matches(pattern, pattern + 2));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = malloc(len + 1);
	char name[DOMAIN_NAME_MAX], pattern[DOMAIN_NAME_MAX];

	REQUIRE(text);
	if (len > 0)
		memcpy(text, data, len);
	text[len] = '\0';
	if (peer_name_normalise(name, text))
		check_name(name);
	if (mx_pattern_normalise(pattern, text))
		check_pattern(pattern);
	free(text);
	return 0;
}
