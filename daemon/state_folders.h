/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_STATE_FOLDERS_H
#define HOPGUARD_STATE_FOLDERS_H

/*
 * The state directory: whoever keeps something there has a folder of his own in it, as Landlock permits by folders. The ledger's
 * database lies in "database", the root keys that the scout tracks in "anchors": neither can touch what the other believes.
 */

#include "config.h"
#include "messages.h"

enum { STATE_FOLDER_MAX = CONFIG_PATH_MAX + 16 };

/* Of ROLE_LEDGER or ROLE_SCOUT. */
void state_folder(char path[STATE_FOLDER_MAX], const char *state_directory, enum role role);

/*
 * Makes both where they are missing, and moves there what earlier versions kept in the state directory itself. Done by the supervisor
 * as the user that it stays: the others may make no folder. 0, or -errno.
 */
int state_folders_make(const char *state_directory);

#endif
