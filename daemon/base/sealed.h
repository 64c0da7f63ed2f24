/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_BASE_SEALED_H
#define HOPGUARD_BASE_SEALED_H

/*
 * Copies in memory that nobody can change any more (memfd with all seals, F_ADD_SEALS of fcntl(2)): what one process checked is
 * what another one reads.
 */

#include <stddef.h>

#include "base/bytes.h"

/* Of what can be read from `file` until its end; *copy is close-on-exec. 0, -EFBIG: more than len_max octets; other -errno. */
int sealed_copy(int *copy, int file, size_t len_max);
/* Of these octets. 0 or -errno. */
int sealed_keep(int *copy, struct bytes octets);

/* To be given back by sealed_unmap. 0, -EPERM: not sealed, -EFBIG: more than len_max octets, other -errno. */
int sealed_map(struct bytes *octets, int copy, size_t len_max);
void sealed_unmap(struct bytes octets);

#endif
