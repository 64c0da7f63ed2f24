/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_ACTIVE_STARTTLS_CHAIN_H
#define HOPGUARD_ACTIVE_STARTTLS_CHAIN_H

/* The certificates that a server sent, from OpenSSL's to what the result keeps of them. Nothing is verified. */

#include <openssl/x509.h>

#include "active/starttls_result.h"

/* NULL and empty: none was sent. */
void starttls_chain_keep(struct starttls_result *result, STACK_OF(X509) * chain);

#endif
