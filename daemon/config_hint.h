/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_CONFIG_HINT_H
#define HOPGUARD_CONFIG_HINT_H

/* What somebody meant who wrote the name of a section, or of a key in one, where a key outside of all sections stands. */

#include "config_keys.h"

enum config_place { CONFIG_IN_FILE, CONFIG_ON_COMMAND_LINE };

/* Where it belongs, in why. False: nothing has that name. */
bool config_hint(char why[CONFIG_WHY_MAX], struct bytes name, enum config_place place);

#endif
