/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforce/saved_rules.h"

#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

/* Debian and its like, Fedora and its like, Arch, Alpine, Gentoo. */
static const char *const places[] = {
	"/usr/sbin/netfilter-persistent", "/etc/iptables/rules.v4",
	"/etc/iptables/rules.v6",         "/etc/sysconfig/iptables",
	"/etc/sysconfig/ip6tables",       "/etc/iptables/iptables.rules",
	"/etc/iptables/ip6tables.rules",  "/etc/iptables/rules-save",
	"/etc/iptables/rules6-save",      "/var/lib/iptables/rules-save",
	"/var/lib/ip6tables/rules-save",
};

const char *saved_rules_find(const char *root)
{
	char path[PATH_MAX];
	size_t i;

	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s%s", root, places[i]);
		if (access(path, F_OK) == 0)
			return places[i];
	}
	return NULL;
}
