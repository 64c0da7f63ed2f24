/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* The first NUL ends the file's text; what follows is one --set. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char error[CONFIG_ERROR_MAX] = "";
	struct config config = { .hold_ms = 4711 };
	char *text = malloc(len + 1);
	const char *set;
	int err;

	if (!text)
		return 0;
	memcpy(text, data, len);
	text[len] = '\0';
	set = text + strlen(text);
	set = set < text + len ? set + 1 : NULL;
	err = config_parse(&config, "t.conf", text, &set, set ? 1 : 0, error);
	/* Refused: untouched, with one line of complaint. Taken: within its bounds. */
	if (err) {
		assert(config.hold_ms == 4711 && error[0] && !strchr(error, '\n'));
		assert(strlen(error) < CONFIG_ERROR_MAX);
	} else {
		assert(config.hold_ms >= 1000 && config.hold_ms <= 240000);
		assert(config.rules.port_count >= 1 && config.rules.ports[0] > 0);
		assert(config.rules.client_count <= RULES_NETWORKS_MAX);
	}
	/* What the outline took, libconfuse must take: else two parsers disagree. */
	assert(!err || strcmp(error + strcspn(error, " "), " not understood") != 0);
	free(text);
	return 0;
}
