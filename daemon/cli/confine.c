/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "confine.h"

bool cli_confine(const struct config *config, bool looks_up)
{
	int err = confine_command(config, looks_up);

	if (err)
		fprintf(stderr,
		        "hopguard: cannot give its rights up, so that nothing of strangers' is "
		        "read: %s; try it as another user\n",
		        strerror(-err));
	return err == 0;
}
