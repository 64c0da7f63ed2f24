/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The body of a ClientHello (first octet even) or of a ServerHello. Every view lies within it; a body that is cut is none, but where
 * the extensions of old may be missing; and what is called a host name is one.
 */

#include "require.h"

#include "wire/tls_hello.h"

enum { LEN_MAX = 4096, CUTS_MAX = 64 };

static void require_within(struct bytes view, struct bytes body)
{
	REQUIRE(view.len == 0 ||
	        (view.data >= body.data && view.data + view.len <= body.data + body.len));
}

static void check_name(struct bytes server_name)
{
	char name[TLS_SERVER_NAME_ROOM] = "untouched";
	char again[TLS_SERVER_NAME_ROOM];
	struct bytes copy = exact_copy(server_name);
	enum tls_server_name kind = tls_server_name_read(name, copy);

	exact_free(copy);
	if (kind != TLS_SERVER_NAME_HOST) {
		REQUIRE(strcmp(name, "untouched") == 0);
		return;
	}
	REQUIRE(strlen(name) > 0 && strlen(name) <= server_name.len);
	REQUIRE(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == strlen(name));
	REQUIRE(name[0] != '.' && name[strlen(name) - 1] != '.' && !strstr(name, ".."));
	REQUIRE(tls_server_name_read(again, bytes_of_string(name)) == TLS_SERVER_NAME_HOST);
	REQUIRE(strcmp(name, again) == 0);
}

static void check_client(struct bytes body)
{
	struct tls_client_hello hello;

	if (tls_client_hello_parse(&hello, body) != PARSE_OK)
		return;
	REQUIRE(hello.random.len == TLS_RANDOM_LEN);
	REQUIRE(hello.session_id.len <= TLS_SESSION_ID_MAX);
	REQUIRE(hello.cipher_suites.len > 0 && hello.cipher_suites.len % 2 == 0);
	REQUIRE(hello.version_max == 0 ||
	        (hello.version_max >= TLS_VERSION_SSL_3_0 && hello.version_max <= TLS_VERSION_1_3));
	require_within(hello.random, body);
	require_within(hello.session_id, body);
	require_within(hello.cipher_suites, body);
	require_within(hello.server_name, body);
	require_within(hello.ticket, body);
	require_within(hello.groups, body);
	require_within(hello.signature_algorithms, body);
	require_within(hello.versions, body);
	REQUIRE(hello.groups.len % 2 == 0 && hello.signature_algorithms.len % 2 == 0 &&
	        hello.versions.len % 2 == 0);
	if (hello.server_name.len > 0)
		check_name(hello.server_name);
}

static void check_server(struct bytes body)
{
	struct tls_server_hello hello;

	if (tls_server_hello_parse(&hello, body) != PARSE_OK)
		return;
	REQUIRE(hello.random.len == TLS_RANDOM_LEN);
	REQUIRE(hello.session_id.len <= TLS_SESSION_ID_MAX);
	REQUIRE(hello.version >= TLS_VERSION_SSL_3_0);
	REQUIRE(!hello.is_retry_request || hello.version >= TLS_VERSION_1_3);
	REQUIRE(!hello.is_retry_request || hello.version_withheld == 0);
	require_within(hello.random, body);
	require_within(hello.session_id, body);
}

/* Where the extensions may be missing: one cut at most is a hello, too. */
static void check_cuts(bool is_client, struct bytes copy)
{
	size_t step = 1 + copy.len / CUTS_MAX;
	unsigned whole = 0;

	for (size_t cut = 0; cut < copy.len; cut += step) {
		struct bytes body = exact_cut(copy, cut);
		struct tls_client_hello client;
		struct tls_server_hello server;

		if (is_client)
			whole += tls_client_hello_parse(&client, body) == PARSE_OK;
		else
			whole += tls_server_hello_parse(&server, body) == PARSE_OK;
	}
	REQUIRE(whole <= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct bytes copy;
	bool is_client;

	if (len < 1 || len > LEN_MAX)
		return 0;
	is_client = data[0] % 2 == 0;
	copy = exact_copy(bytes_of(data + 1, len - 1));
	if (is_client)
		check_client(copy);
	else
		check_server(copy);
	check_name(copy);
	if ((is_client ? tls_client_hello_parse(&(struct tls_client_hello){ 0 }, copy)
	               : tls_server_hello_parse(&(struct tls_server_hello){ 0 }, copy)) == PARSE_OK)
		check_cuts(is_client, copy);
	exact_free(copy);
	return 0;
}
