/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/mtasts_transfer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "wire/mtasts_text.h"

enum {
	URL_MAX = 320,
	TEXT_ROOM_FIRST = 1024, /* most policies fit */
	STATUS_OK = 200,
	CA_KEPT_S = 3600, /* reading the file of all CAs takes tens of milliseconds */
};

static void refuse(struct mtasts_transfer *transfer, const char *what)
{
	if (!transfer->refusal[0])
		snprintf(transfer->refusal, sizeof(transfer->refusal), "%s", what);
}

/* False: not what a policy comes with, and the exchange need not go on. */
static bool check_head(struct mtasts_transfer *transfer)
{
	static const char plain[] = "text/plain";
	char what[FETCH_WHY_MAX];
	char *type = NULL;
	long status = 0;
	size_t len;

	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status != STATUS_OK) {
		snprintf(what, sizeof(what), "status %ld%s, only 200 is taken", status,
		         status >= 300 && status < 400 ? " (a redirection)" : "");
		refuse(transfer, what);
		return false;
	}
	curl_easy_getinfo(transfer->easy, CURLINFO_CONTENT_TYPE, &type);
	len = type ? strcspn(type, "; \t") : 0;
	if (bytes_equal_nocase(bytes_of(type, len), plain))
		return true;
	snprintf(what, sizeof(what), "content type %.60s, only text/plain is taken",
	         len > 0 ? type : "missing");
	refuse(transfer, what);
	return false;
}

static bool has_room(struct mtasts_transfer *transfer, size_t len)
{
	size_t room = transfer->text_room ? transfer->text_room : TEXT_ROOM_FIRST;
	uint8_t *text;

	while (room < len)
		room *= 2;
	if (room == transfer->text_room)
		return true;
	text = realloc(transfer->text, room);
	if (!text)
		return false;
	transfer->text = text;
	transfer->text_room = room;
	return true;
}

static size_t on_body(char *data, size_t unit, size_t len, void *owner)
{
	struct mtasts_transfer *transfer = owner;

	(void)unit; /* always 1 */
	if (transfer->text_len == 0 && !check_head(transfer))
		return 0;
	if (len > MTASTS_POLICY_MAX - transfer->text_len) {
		refuse(transfer, "more than 64 KiB, at most 64 KiB are taken");
		return 0;
	}
	if (!has_room(transfer, transfer->text_len + len)) {
		refuse(transfer, "out of memory");
		return 0;
	}
	memcpy(transfer->text + transfer->text_len, data, len);
	transfer->text_len += len;
	return len;
}

static size_t on_header(char *data, size_t unit, size_t len, void *owner)
{
	static const char encoding[] = "Transfer-Encoding:";
	struct mtasts_transfer *transfer = owner;

	(void)unit;
	transfer->headers_len += len;
	transfer->is_chunked |= bytes_equal_nocase(
		bytes_slice(bytes_of(data, len), 0, sizeof(encoding) - 1), encoding);
	if (transfer->headers_len <= FETCH_HEADERS_MAX)
		return len;
	refuse(transfer, "more than 32 KiB of headers, at most 32 KiB are taken");
	return 0;
}

static struct address address_of_socket(const struct curl_sockaddr *place)
{
	if (place->family == AF_INET)
		return address_of(4, (const uint8_t *)&(
					     (const struct sockaddr_in *)(const void *)&place->addr)
		                             ->sin_addr);
	if (place->family == AF_INET6)
		return address_of(
			6,
			(const uint8_t *)&((const struct sockaddr_in6 *)(const void *)&place->addr)
				->sin6_addr);
	return (struct address){ 0 };
}

/* Nothing but the addresses that the resolver found, whatever libcurl may think of. */
static curl_socket_t open_socket(void *owner, curlsocktype purpose, struct curl_sockaddr *place)
{
	struct mtasts_transfer *transfer = owner;
	struct address address = address_of_socket(place);
	size_t i;

	(void)purpose;
	for (i = 0; i < transfer->address_count; i++) {
		if (address_equal(&address, &transfer->addresses[i])) {
			transfer->tried = address;
			return socket(place->family, place->socktype | SOCK_CLOEXEC,
			              place->protocol);
		}
	}
	return CURL_SOCKET_BAD;
}

static CURLcode bound_handshake(CURL *easy, void *context, void *owner)
{
	struct mtasts_transfer *transfer = owner;

	(void)easy;
	mtasts_tls_bound(&transfer->tls, context);
	return CURLE_OK;
}

/* "mta-sts.example.org:443:192.0.2.1,[2001:db8::1]" */
static bool give_places(struct mtasts_transfer *transfer)
{
	char line[DOMAIN_NAME_MAX + 32 + FETCH_ADDRESSES_MAX * (ADDRESS_TEXT_MAX + 3)];
	char text[ADDRESS_TEXT_MAX];
	size_t i;
	int len = snprintf(line, sizeof(line), "mta-sts.%s:%u:", transfer->domain, transfer->port);

	for (i = 0; i < transfer->address_count; i++) {
		bool is_v6 = transfer->addresses[i].family == 6;

		len += snprintf(line + len, sizeof(line) - (size_t)len, "%s%s%s%s", i ? "," : "",
		                is_v6 ? "[" : "", address_format(text, &transfer->addresses[i]),
		                is_v6 ? "]" : "");
	}
	transfer->places = curl_slist_append(NULL, line);
	return transfer->places != NULL;
}

static void put_url(char url[URL_MAX], const struct mtasts_transfer *transfer, int name_max)
{
	char port[8] = "";

	if (transfer->port != 443)
		snprintf(port, sizeof(port), ":%u", transfer->port);
	snprintf(url, URL_MAX, "https://mta-sts.%.*s%s/.well-known/mta-sts.txt", name_max,
	         transfer->domain, port);
}

/*
 * libcurl keeps what it read of a CA file, but not when it also searches a directory: so there is one only where the library was built
 * without a file.
 */
static bool set_authorities(CURL *easy, const char *ca_file)
{
	const curl_version_info_data *built = curl_version_info(CURLVERSION_NOW);
	const char *file = ca_file[0] ? ca_file : built->cainfo;

	if (!file)
		return true;
	return curl_easy_setopt(easy, CURLOPT_CAINFO, file) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, (long)CA_KEPT_S) == CURLE_OK;
}

/* Who may answer: one host, by its certificate; nothing of the environment, nothing of earlier exchanges. */
static bool set_peer(struct mtasts_transfer *transfer, const struct mtasts_fetch_options *options)
{
	CURL *easy = transfer->easy;

	return curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_NOPROXY, "*") == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) ==
	               CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_CERTINFO, 1L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, bound_handshake) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, transfer) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_RESOLVE, transfer->places) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_SHARE, transfer->names) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer) == CURLE_OK &&
	       set_authorities(easy, options->ca_file);
}

static bool set_exchange(struct mtasts_transfer *transfer)
{
	CURL *easy = transfer->easy;
	char url[URL_MAX];

	put_url(url, transfer, DOMAIN_NAME_MAX);
	return curl_easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) ==
	               CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_HTTP09_ALLOWED, 0L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_USERAGENT, "hopguard/" HOPGUARD_VERSION) ==
	               CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)FETCH_TOTAL_MS) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)FETCH_CONNECT_MS) ==
	               CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_MAXFILESIZE, (long)MTASTS_POLICY_MAX) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->trouble) == CURLE_OK;
}

int mtasts_transfer_open(struct mtasts_transfer *transfer,
                         const struct mtasts_fetch_options *options)
{
	transfer->port = options->port;
	transfer->easy = curl_easy_init();
	transfer->names = curl_share_init();
	if (!transfer->easy || !transfer->names || !give_places(transfer) ||
	    curl_share_setopt(transfer->names, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS) != CURLSHE_OK)
		return -ENOMEM;
	return set_peer(transfer, options) && set_exchange(transfer) ? 0 : -ENOTSUP;
}

/*
 * RFC 8461 section 3.3 asks for a DNS-ID; libcurl also takes the common name of a certificate that has none. That it
 * matches was checked, so it is enough that one is there.
 */
static bool has_dns_id(CURL *easy)
{
	static const char names[] = "X509v3 Subject Alternative Name:";
	struct curl_certinfo *chain = NULL;
	const struct curl_slist *line;

	if (curl_easy_getinfo(easy, CURLINFO_CERTINFO, &chain) != CURLE_OK || !chain ||
	    chain->num_of_certs < 1)
		return false;
	for (line = chain->certinfo[0]; line; line = line->next) {
		if (strncmp(line->data, names, sizeof(names) - 1) == 0 &&
		    strstr(line->data, "DNS:"))
			return true;
	}
	return false;
}

/*
 * Else the file ends where the connection does, and libcurl takes an end that TLS did not say: "mx: mail.example.com" cut by
 * two octets is a host of somebody else's.
 */
static bool has_end(const struct mtasts_transfer *transfer)
{
	curl_off_t len = -1;

	curl_easy_getinfo(transfer->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &len);
	return len >= 0 || transfer->is_chunked;
}

static void describe_connect(char *what, size_t room, const struct mtasts_transfer *transfer)
{
	char place[ENDPOINT_TEXT_MAX];
	struct endpoint tried = { transfer->tried, transfer->port };
	long number = 0;

	curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &number);
	snprintf(what, room, "no connection to %s (the last of %zu addresses): %s",
	         endpoint_format(place, &tried), transfer->address_count,
	         number ? strerror((int)number) : "not to be reached");
}

static void describe_timeout(char *what, size_t room, const struct mtasts_transfer *transfer)
{
	char place[ENDPOINT_TEXT_MAX];
	struct endpoint tried = { transfer->tried, transfer->port };
	curl_off_t connected_us = 0;

	curl_easy_getinfo(transfer->easy, CURLINFO_APPCONNECT_TIME_T, &connected_us);
	if (connected_us > 0)
		snprintf(what, room, "only %zu octets came in time, %d s are allowed",
		         transfer->text_len, FETCH_TOTAL_MS / 1000);
	else
		snprintf(what, room, "no TLS connection to %s in time, %d s are allowed",
		         endpoint_format(place, &tried), FETCH_CONNECT_MS / 1000);
}

/* What libcurl says of the rest is in its own words. */
static void describe(char what[FETCH_WHY_MAX], const struct mtasts_transfer *transfer,
                     CURLcode result)
{
	const char *trouble = transfer->trouble[0] ? transfer->trouble : curl_easy_strerror(result);

	switch ((int)result) {
	case CURLE_COULDNT_CONNECT:
		describe_connect(what, FETCH_WHY_MAX, transfer);
		break;
	case CURLE_OPERATION_TIMEDOUT:
		describe_timeout(what, FETCH_WHY_MAX, transfer);
		break;
	case CURLE_PEER_FAILED_VERIFICATION:
		snprintf(what, FETCH_WHY_MAX, "%.100s; only a trusted one for this name is taken",
		         trouble);
		break;
	case CURLE_FILESIZE_EXCEEDED:
		snprintf(what, FETCH_WHY_MAX, "more than 64 KiB, at most 64 KiB are taken");
		break;
	case CURLE_PARTIAL_FILE:
		snprintf(what, FETCH_WHY_MAX, "it ended before it was complete");
		break;
	default:
		snprintf(what, FETCH_WHY_MAX, "%.140s", trouble);
		break;
	}
}

/* One line, whatever certificate or header had its words in it. */
static void put_why(struct mtasts_transfer *transfer, const char *what)
{
	char url[URL_MAX];
	char *at;

	put_url(url, transfer, 60);
	snprintf(transfer->why, sizeof(transfer->why), "%.130s: %.120s", url, what);
	for (at = transfer->why; *at; at++) {
		if (*at < ' ' || *at == 0x7f)
			*at = '?';
	}
}

void mtasts_transfer_read(struct mtasts_fetched *fetched, struct mtasts_transfer *transfer,
                          CURLcode result)
{
	char what[FETCH_WHY_MAX];

	*fetched = (struct mtasts_fetched){ .why = transfer->why };
	transfer->why[0] = '\0';
	if (result == CURLE_OK && !has_dns_id(transfer->easy))
		refuse(transfer, "the certificate has no DNS name, the common name does not count");
	if (result == CURLE_OK && check_head(transfer) && !has_end(transfer))
		refuse(transfer, "neither a length nor chunks say where it ends, one is needed");
	if (transfer->refusal[0]) {
		put_why(transfer, transfer->refusal);
		return;
	}
	if (result != CURLE_OK) {
		describe(what, transfer, result);
		put_why(transfer, what);
		return;
	}
	fetched->is_good = true;
	fetched->text = bytes_of(transfer->text, transfer->text_len);
}

void mtasts_transfer_close(struct mtasts_transfer *transfer)
{
	if (transfer->easy)
		curl_easy_cleanup(transfer->easy);
	if (transfer->names)
		curl_share_cleanup(transfer->names);
	curl_slist_free_all(transfer->places);
	free(transfer->text);
	transfer->easy = NULL;
	transfer->names = NULL;
	transfer->places = NULL;
	transfer->text = NULL;
}
