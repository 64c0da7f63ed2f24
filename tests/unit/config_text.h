/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_UNIT_CONFIG_TEXT_H
#define HOPGUARD_TESTS_UNIT_CONFIG_TEXT_H

/* A configuration as text, read by config_parse, and what it complained of. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config.h"

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

static char error[CONFIG_ERROR_MAX];

static inline int parse(struct config *config, const char *text)
{
	error[0] = '\0';
	return config_parse(config, "t.conf", text, NULL, 0, error);
}

static inline int parse_set(struct config *config, const char *text, const char *set)
{
	error[0] = '\0';
	return config_parse(config, "t.conf", text, &set, 1, error);
}

static inline void must_parse(struct config *config, const char *text)
{
	if (parse(config, text) != 0)
		fail_msg("%s", error);
}

static inline void must_set(struct config *config, const char *text, const char *set)
{
	if (parse_set(config, text, set) != 0)
		fail_msg("%s", error);
}

#endif
