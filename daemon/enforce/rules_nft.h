/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_ENFORCE_RULES_NFT_H
#define HOPGUARD_ENFORCE_RULES_NFT_H

/* The rules as table `inet hopguard`, by the program nft. Printed by rules_nft_print of rules.h. */

#include <stdbool.h>

#include "enforce/rules.h"

/* Whether kernel and program can: 0, or -errno with one line in why. Nothing is changed. */
int rules_nft_probe(const struct rules *sample, char why[RULES_WHY_MAX]);
int rules_nft_apply(const struct rules *rules, char why[RULES_WHY_MAX]);
int rules_nft_remove(char why[RULES_WHY_MAX]);
bool rules_nft_are_present(const struct rules *rules);
/* Our table of a family has all that a script puts into it, and is asked. */
bool rules_nft_are_there(const char *family, const char *script);

/* The program itself, and a script of it; is_trial: only looked at. 0, or -errno with one line in why. */
int rules_nft_call(const char *const *arguments, const char *input, char why[RULES_WHY_MAX]);
int rules_nft_script(const char *text, bool is_trial, char why[RULES_WHY_MAX]);

#endif
