/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_VERDICT_AGREE_H
#define HOPGUARD_VERDICT_AGREE_H

/*
 * TLS hides the recipient, so that a connection stands for several candidates: domains that are known to have their mail
 * server there, and the host that the client named. Each has its own verdict; this makes one of them. A stranger who
 * points his domain at somebody else's server can neither stop that one's mail nor vouch for it (docs/security.md).
 */

#include <stddef.h>

#include "verdict/decide.h"

enum { CANDIDATES_MAX = 16 }; /* of one connection; the first are the most telling */

struct opinion {
	struct verdict verdict;
	/* The mail may well be for it: it promised something, or is a domain that a guarded client asked for. */
	bool counts;
	/* Counts against all others: the client itself named it, the operator did, or mail met its promise from here before. */
	bool binds;
};

/* The index of the opinion that decides, and what comes of it. count is at least 1. */
size_t agree(struct verdict *verdict, const struct opinion *opinions, size_t count);

#endif
