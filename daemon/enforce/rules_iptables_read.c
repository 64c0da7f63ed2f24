/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforce/rules_iptables.h"

#include <string.h>

enum { CHAINS = RULES_IPTABLES_CHAINS };

static bool line_is(const char *line, size_t len, const char *first, const char *second,
                    const char *third, const char *fourth)
{
	const char *const parts[] = { first, second, third, fourth };
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		size_t part_len = strlen(parts[i]);

		if (part_len > len || memcmp(line, parts[i], part_len) != 0)
			return false;
		line += part_len;
		len -= part_len;
	}
	return true;
}

static void read_line(struct rules_iptables_standing *standing, const char *table, const char *line,
                      size_t len)
{
	size_t i;

	for (i = 0; i < CHAINS; i++) {
		const struct rules_iptables_chain *chain = &rules_iptables_chains[i];

		if (strcmp(chain->table, table) != 0)
			continue;
		standing->has_chain[i] |= line_is(line, len, ":", chain->name, " ", "");
		standing->rules[i] += line_is(line, len, "-A ", chain->name, " ", "");
		if (chain->built_in &&
		    len == strlen("-A  -j ") + strlen(chain->built_in) + strlen(chain->name))
			standing->jumps[i] +=
				line_is(line, len, "-A ", chain->built_in, " -j ", chain->name);
	}
}

/* A rule set as the programs save it, or a script of ours. */
void rules_iptables_read(struct rules_iptables_standing *standing, const char *text)
{
	const char *table = "";
	const char *line, *end;
	size_t i;

	*standing = (struct rules_iptables_standing){ 0 };
	for (line = text; *line; line = *end ? end + 1 : end) {
		end = line + strcspn(line, "\n");
		if (*line == '*')
			table = "";
		for (i = 0; i < RULES_IPTABLES_TABLES && *line == '*'; i++) {
			if (line_is(line + 1, (size_t)(end - line - 1), rules_iptables_tables[i],
			            "", "", ""))
				table = rules_iptables_tables[i];
		}
		read_line(standing, table, line, (size_t)(end - line));
	}
}
