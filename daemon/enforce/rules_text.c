/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforce/rules_text.h"

#include <stdarg.h>
#include <stdio.h>

#include "net/return_way.h"

struct rules_text rules_text_over(char *text, size_t room)
{
	if (room > 0)
		text[0] = '\0';
	return (struct rules_text){ .text = text, .room = room, .is_full = room == 0 };
}

void rules_text_add(struct rules_text *script, const char *format, ...)
{
	size_t left = script->room - script->len;
	va_list arguments;
	int len;

	if (script->is_full)
		return;
	va_start(arguments, format);
	len = vsnprintf(script->text + script->len, left, format, arguments);
	va_end(arguments);
	if (len < 0 || (size_t)len >= left)
		script->is_full = true;
	else
		script->len += (size_t)len;
}

size_t rules_text_len(const struct rules_text *script)
{
	return script->is_full ? 0 : script->len;
}

void rules_text_ports(struct rules_text *script, const struct rules *rules, const char *separator)
{
	size_t i;

	for (i = 0; i < rules->port_count; i++)
		rules_text_add(script, "%s%u", i == 0 ? "" : separator, rules->ports[i]);
}

static void add_return_way(struct rules_text *script, uint32_t mark, const char *ip)
{
	rules_text_add(script,
	               "# %s route add local default dev lo table %d protocol %d\n"
	               "# %s rule add priority %d iif lo fwmark 0x%x/0x%x lookup main protocol %d\n"
	               "# %s rule add priority %d fwmark 0x%x/0x%x lookup %d protocol %d\n",
	               ip, RETURN_WAY_TABLE, RETURN_WAY_PROTOCOL, ip, RETURN_WAY_SOURCE_PRIORITY,
	               mark, mark, RETURN_WAY_PROTOCOL, ip, RETURN_WAY_PRIORITY, mark, mark,
	               RETURN_WAY_TABLE, RETURN_WAY_PROTOCOL);
}

void rules_text_return_way(struct rules_text *script, const struct rules *rules, bool has_4,
                           bool has_6)
{
	if (!rules->returns_probes)
		return;
	rules_text_add(script,
	               "#\n# What answers a probe in a client's name comes by these, put in "
	               "with the rules:\n");
	if (has_4)
		add_return_way(script, rules->marks.returned, "ip");
	if (has_6)
		add_return_way(script, rules->marks.returned, "ip -6");
}

static bool network_covers(const struct network *outer, const struct network *inner)
{
	return outer->prefix_len <= inner->prefix_len && network_contains(outer, &inner->address);
}

/* Of two equal ones the first stays. */
static bool is_covered(const struct network *networks, size_t count, size_t which)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (i == which || !network_covers(&networks[i], &networks[which]))
			continue;
		if (networks[i].prefix_len < networks[which].prefix_len || i < which)
			return true;
	}
	return false;
}

bool rules_networks_cover(const struct network *networks, size_t count,
                          const struct network *network)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (network_covers(&networks[i], network))
			return true;
	}
	return false;
}

void rules_networks_select(struct rules_networks *selected, const struct network *networks,
                           size_t count, uint8_t family)
{
	size_t i;

	selected->count = 0;
	for (i = 0; i < count && selected->count < RULES_NETWORKS_MAX; i++) {
		if (networks[i].address.family == family && !is_covered(networks, count, i))
			selected->networks[selected->count++] = networks[i];
	}
}
