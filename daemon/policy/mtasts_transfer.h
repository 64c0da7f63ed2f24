/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_MTASTS_TRANSFER_H
#define HOPGUARD_POLICY_MTASTS_TRANSFER_H

/* One exchange with a policy host as a libcurl handle: what is asked for, what may come, and why it is refused. */

#include <curl/curl.h>

#include "policy/mtasts_fetch.h"
#include "policy/mtasts_tls.h"
#include "verdict/promise.h"

struct mtasts_transfer {
	CURL *easy;
	CURLSH *names; /* of this exchange alone: what it is given is no other's answer */
	struct curl_slist *places; /* CURLOPT_RESOLVE */
	uint16_t port;
	char domain[DOMAIN_NAME_MAX];
	size_t address_count;
	struct address addresses[FETCH_ADDRESSES_MAX];
	struct address tried; /* the last one */
	struct mtasts_tls tls;
	size_t headers_len;
	bool is_chunked;
	size_t text_len;
	uint8_t *text; /* grows with what comes, up to the bound */
	size_t text_room;
	char refusal[FETCH_WHY_MAX]; /* why we ended it; empty: we did not */
	char trouble[CURL_ERROR_SIZE];
	char why[FETCH_WHY_MAX];
};

/* domain and addresses are filled, the rest is zero. 0 or -errno; mtasts_transfer_close in any case. */
int mtasts_transfer_open(struct mtasts_transfer *transfer,
                         const struct mtasts_fetch_options *options);
/* After its end: *fetched borrows from the transfer. */
void mtasts_transfer_read(struct mtasts_fetched *fetched, struct mtasts_transfer *transfer,
                          CURLcode result);
/* The handle must have left its multi handle. */
void mtasts_transfer_close(struct mtasts_transfer *transfer);

#endif
