/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/mailbox.h"

#include <stdio.h>
#include <string.h>

#include "policy/peer_names.h"
#include "report/line.h"

bool mailbox_tell(const char *command, const char *text)
{
	const char *at = strrchr(text, '@');
	char domain[DOMAIN_NAME_MAX], shown[DOMAIN_NAME_MAX];

	if (!at || !peer_name_normalise(domain, at + 1))
		return false;
	line_clean(shown, sizeof(shown), text);
	fprintf(stderr, "hopguard: %s: %s is a mailbox: name its domain, %s\n", command, shown,
	        domain);
	return true;
}
