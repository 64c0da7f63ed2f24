/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "confine.h"

bool cli_confine(const char *user, const struct config *look_ups)
{
	int err = confine_command(user, look_ups);

	if (err)
		fprintf(stderr,
		        "hopguard: cannot give its rights up, so that nothing of strangers' is "
		        "read: %s; try it as another user\n",
		        strerror(-err));
	return err == 0;
}
