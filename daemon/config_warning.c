/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config_warning.h"

#include <stdio.h>

#include "config_table.h"

typedef bool (*warning_fn)(char line[CONFIG_ERROR_MAX], const struct config *config);

/* An answer that may still come is not waited for. */
static bool warn_of_hold(char line[CONFIG_ERROR_MAX], const struct config *config)
{
	if (config->hold_ms >= config->dns_timeout_ms)
		return false;
	snprintf(line, CONFIG_ERROR_MAX,
	         "hold-seconds: %u is less than dns.timeout-seconds, %u: mail whose look-up takes "
	         "longer is judged as undecided says",
	         config->hold_ms / 1000, config->dns_timeout_ms / 1000);
	return true;
}

/* Of those that are guarded where their mail crosses this machine, and of one family. */
static bool warn_of_all(char line[CONFIG_ERROR_MAX], const struct config *config, uint8_t family)
{
	const struct rules *rules = &config->rules;
	char text[NETWORK_TEXT_MAX];

	for (size_t i = 0; rules->has_forward && i < rules->client_count; i++) {
		const struct network *network = &rules->clients[i];

		if (network->prefix_len != 0 || network->address.family != family)
			continue;
		snprintf(line, CONFIG_ERROR_MAX,
		         "clients: %s is the whole Internet, and so mail that others send to "
		         "servers here is judged, too: name the networks whose mail is to be "
		         "guarded",
		         network_format(text, network));
		return true;
	}
	return false;
}

static bool warn_of_all_ipv4(char line[CONFIG_ERROR_MAX], const struct config *config)
{
	return warn_of_all(line, config, 4);
}

static bool warn_of_all_ipv6(char line[CONFIG_ERROR_MAX], const struct config *config)
{
	return warn_of_all(line, config, 6);
}

bool config_warning(char line[CONFIG_ERROR_MAX], size_t *at, const struct config *config,
                    uint64_t now_ms)
{
	static const warning_fn warnings[] = { warn_of_hold, warn_of_all_ipv4, warn_of_all_ipv6 };
	const size_t count = sizeof(warnings) / sizeof(warnings[0]);
	size_t at_table;
	bool is_one;

	while (*at < count) {
		if (warnings[(*at)++](line, config))
			return true;
	}
	at_table = *at - count;
	is_one = config_table_warning(line, &at_table, config, now_ms);
	*at = count + at_table;
	return is_one;
}
