/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/authorities.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/sealed.h"

enum { CA_FILE_MAX = 8 * 1024 * 1024 }; /* the system's has 220 KiB */

static const char system_authorities[] = "/etc/ssl/certs/ca-certificates.crt";

int authorities_read(struct certificate_anchors **anchors, const struct config *config,
                     char error[AUTHORITIES_ERROR_MAX])
{
	bool is_configured = config->ca_file[0] != '\0';
	const char *path = is_configured ? config->ca_file : system_authorities;
	int file = open(path, O_RDONLY | O_CLOEXEC);
	char why[CERTIFICATE_WHY_MAX] = "";
	struct bytes pem = { 0 };
	int copy = -1;
	int err = file < 0 ? -errno : sealed_copy(&copy, file, CA_FILE_MAX);

	if (!err)
		err = sealed_map(&pem, copy, CA_FILE_MAX);
	if (file >= 0)
		close(file);
	if (copy >= 0)
		close(copy);
	if (err && is_configured) {
		snprintf(error, AUTHORITIES_ERROR_MAX, "tls.ca-file %s: %s", path, strerror(-err));
		return -EINVAL;
	}
	*anchors = certificate_anchors_new(pem, why);
	if (!err)
		sealed_unmap(pem);
	if (*anchors)
		return 0;
	snprintf(error, AUTHORITIES_ERROR_MAX, "%s%s: %s", is_configured ? "tls.ca-file " : "",
	         path, why);
	return -EINVAL;
}
