/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforce/rules_attached.h"

#include "enforce/rules_text.h"

struct rules_growth rules_grow(struct rules *rules, bool has_clients,
                               const struct network *networks, size_t count)
{
	struct network *list = has_clients ? rules->locals : rules->clients;
	size_t *list_count = has_clients ? &rules->local_count : &rules->client_count;
	struct rules_growth growth = { .networks = list + *list_count };
	size_t i;

	for (i = 0; i < count; i++) {
		if (rules_networks_cover(rules->clients, rules->client_count, &networks[i]) ||
		    rules_networks_cover(rules->locals, rules->local_count, &networks[i]))
			continue;
		if (*list_count == RULES_NETWORKS_MAX) {
			growth.left_out++;
			continue;
		}
		list[(*list_count)++] = networks[i];
		growth.count++;
	}
	return growth;
}

void rules_shrink(struct rules *rules, bool has_clients, const struct rules_growth *growth)
{
	if (has_clients)
		rules->local_count -= growth->count;
	else
		rules->client_count -= growth->count;
}
