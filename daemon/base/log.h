/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_BASE_LOG_H
#define HOPGUARD_BASE_LOG_H

/*
 * What the processes say about themselves, to standard error: one lower-case event, then key=value
 * pairs. Findings about mail are events (verdict/event.h) and go to the ledger, not here.
 */

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* process: a static string in front of each line, as "guard[0]". */
void log_open(const char *process, enum log_level level);
void log_set_level(enum log_level level);
bool log_level_parse(enum log_level *level, const char *text);
bool log_is_on(enum log_level level);

/* From a signal handler, as the last word: neither level nor rate matters. name: NULL when it has none here. */
void log_forbidden_call(const char *name, int number);

/* At most 50 lines a second from one process, and none that would have to wait; what is left out is counted and said. */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)                                                                             \
	do {                                                                                       \
		if (log_is_on(LOG_LEVEL_DEBUG))                                                    \
			log_line(LOG_LEVEL_DEBUG, __VA_ARGS__);                                    \
	} while (0)

#endif
