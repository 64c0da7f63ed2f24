/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_BASE_ARMOR_H
#define HOPGUARD_BASE_ARMOR_H

/*
 * OpenPGP's ASCII armor (RFC 9580 section 6.2), as exported public keys come in. Its checksum is optional there, and is not looked
 * at: the file is the operator's own.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

/* Whether a line says that an armored public key begins. */
bool armor_has_public_key(struct bytes text);

/*
 * The octets of all public keys in the text, one behind the other, into room for text.len octets; what stands between them is
 * passed over. False: not well-formed, or no key.
 */
bool armor_decode(uint8_t *octets, size_t *len, struct bytes text);

#endif
