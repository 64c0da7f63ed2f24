/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_ACTIVE_STARTTLS_TLS_H
#define HOPGUARD_ACTIVE_STARTTLS_TLS_H

/* The client's end of one TLS connection that only looks: every certificate is taken, and nothing but QUIT is said. */

#include "active/starttls_result.h"
#include "active/tls_shape.h"

struct starttls_tls;

enum shake_progress { SHAKE_WANTS_READ, SHAKE_WANTS_WRITE, SHAKE_STANDS, SHAKE_BROKE };

/* On a connected, non-blocking descriptor, which stays the caller's. server_name "" : none is sent. 0 or -errno. */
int starttls_tls_new(struct starttls_tls **made, int descriptor, const struct tls_shape *shape,
                     const char *server_name);
void starttls_tls_free(struct starttls_tls *tls);

/*
 * As far as the handshake goes. STANDS: what was agreed upon is in the result. BROKE: outcome (TLS_FAILED, RESET, CLOSED, SYSTEM) and what
 * goes with it are.
 */
enum shake_progress starttls_tls_shake(struct starttls_tls *tls, struct starttls_result *result);

/* QUIT, once the handshake is done. */
void starttls_tls_quit(struct starttls_tls *tls);
/* Reads and forgets what came. False: an answer or the end was among it. */
bool starttls_tls_awaits(struct starttls_tls *tls);

#endif
