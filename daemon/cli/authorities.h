/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_CLI_AUTHORITIES_H
#define HOPGUARD_CLI_AUTHORITIES_H

/* Whom a command trusts to issue certificates, where no daemon is asked: those of tls { ca-file }, else the system's. */

#include "config.h"
#include "policy/certificate_anchors.h"

enum { AUTHORITIES_ERROR_MAX = 512 };

/*
 * 0, or -EINVAL with one line in error. Without a file of the system's nobody is trusted, which is told with each certificate. The
 * caller frees them.
 */
int authorities_read(struct certificate_anchors **anchors, const struct config *config,
                     char error[AUTHORITIES_ERROR_MAX]);

#endif
