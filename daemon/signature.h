/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_SIGNATURE_H
#define HOPGUARD_SIGNATURE_H

/*
 * Detached OpenPGP signatures (RFC 9580 section 10.4), checked by gpgv, which runs without any right and without a shell. What it is
 * given are sealed copies, so what it has checked cannot change afterwards.
 */

#include <stddef.h>

#include "messages.h"

enum {
	SIGNATURE_LEN_MAX = 64 * 1024,
	SIGNATURE_KEYS_LEN_MAX = 1024 * 1024,
	SIGNATURE_SECONDS_MAX = 5, /* gpgv runs; 16 MiB take it a fraction of one */
};

/* base/sealed.h's copies. */
struct signature_parts {
	int content;
	int signature; /* armored or binary */
	int keys;      /* exported public keys, armored or binary; each is trusted */
};

/*
 * 0: by one of these keys, whose fingerprint is in signer, neither key nor signature has expired, the key is not revoked, and no
 * other signature beside it is bad. -errno with one line in why; -EKEYREJECTED: all else.
 */
int signature_check(char signer[FILE_SIGNER_MAX], const struct signature_parts *parts,
                    char why[MESSAGE_ERROR_MAX]);

#endif
