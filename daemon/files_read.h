/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_FILES_READ_H
#define HOPGUARD_FILES_READ_H

/* One file of the operator's: whether it has changed, and a copy of it that is signed as it has to be. */

#include <stdbool.h>
#include <stdint.h>

#include "files.h"

/* By which a change shows, of the file, its signature and the keys; zeroes for one that is not there. */
struct files_stamp {
	struct files_part_stamp {
		uint64_t device, inode, size;
		int64_t modified_ns, changed_ns;
	} content, armored, binary, keys;
};

void files_stamp_of(struct files_stamp *stamp, const struct files_option *option);
bool files_stamp_equal(const struct files_stamp *a, const struct files_stamp *b);

/*
 * *copy is sealed; signer is empty where no signature was asked for. 0, or -errno with one line in why. A file that others may write
 * is read, and said in the log.
 */
int files_read(int *copy, char signer[FILE_SIGNER_MAX], const struct files_option *option,
               char why[MESSAGE_ERROR_MAX]);

#endif
