/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/mx_pattern.h"

#include <assert.h>
#include <string.h>

#include "policy/peer_names.h"

bool mx_pattern_normalise(char pattern[DOMAIN_NAME_MAX], const char *text)
{
	bool is_wild = strncmp(text, "*.", 2) == 0;
	char name[DOMAIN_NAME_MAX];
	size_t len;

	if (!peer_name_normalise(name, is_wild ? text + 2 : text))
		return false;
	len = strlen(name);
	if (!is_wild) {
		memcpy(pattern, name, len + 1);
		return true;
	}
	/* A name has 253 octets at most. */
	assert(len + 2 < DOMAIN_NAME_MAX);
	memcpy(pattern, "*.", 2);
	memcpy(pattern + 2, name, len + 1);
	return true;
}

bool mx_pattern_matches(const char *pattern, const char *host)
{
	const char *rest = strchr(host, '.');

	if (strncmp(pattern, "*.", 2) != 0)
		return strcmp(pattern, host) == 0;
	return rest && rest != host && strcmp(pattern + 1, rest) == 0;
}

const char *mx_policy_mode_name(enum mx_policy_mode mode)
{
	switch (mode) {
	case MX_POLICY_NONE:
		return "none";
	case MX_POLICY_TESTING:
		return "testing";
	case MX_POLICY_ENFORCE:
		return "enforce";
	}
	return "none";
}
