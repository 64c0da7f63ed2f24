/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_CLI_RULES_FALLBACK_H
#define HOPGUARD_CLI_RULES_FALLBACK_H

/*
 * A machine that starts with a configuration that is refused would have no rules, and mail would pass unjudged even where
 * on-failure = closed. So the last one whose rules were put in is kept, and its rules stand in.
 */

/* Writes the text to that path, whole or not at all, for its owner alone; its folder has to be there. 0, or -errno. */
int rules_fallback_keep(const char *path, const char *text);

#endif
