/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What a policy host answers, octet by octet of HTTP, over TLS, and what is taken of it. */

#include "policy/mtasts_transfer.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { POLICY_MAX = 64 * 1024, HEAD_MAX = 40 * 1024, PATIENCE_S = 20 };

static const char HOST[] = "mta-sts.a.example";
static const char PLAIN[] = "Content-Type: text/plain\r\n";
static const char CHUNKED[] = "Transfer-Encoding: chunked\r\n";

struct host {
	EVP_PKEY *key;
	X509 *certificate;
	char file[32]; /* with the certificate, to trust it */
	struct event_base *base;
	struct mtasts_fetcher *fetcher;
	int listener;
	size_t told;
	bool is_good;
	size_t len;
	char first, last; /* octets of the text */
	char why[FETCH_WHY_MAX];
};

struct answer {
	const char *status;
	const char *fields;
	size_t len;      /* of the text, all of one letter */
	size_t said_len; /* in Content-Length; NONE: it is not there */
	size_t pad_len;  /* of a field that says nothing */
	const char *why; /* NULL: it is taken */
};

#define NONE ((size_t)-1)

static void certify(struct host *host, const char *name, const char *alternative)
{
	X509 *certificate = X509_new();
	X509_NAME *subject = X509_get_subject_name(certificate);

	X509_set_version(certificate, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1,
	                           0);
	X509_set_issuer_name(certificate, subject);
	X509_set_pubkey(certificate, host->key);
	if (alternative) {
		X509_EXTENSION *names =
			X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, alternative);

		assert_non_null(names);
		X509_add_ext(certificate, names, -1);
		X509_EXTENSION_free(names);
	}
	assert_true(X509_sign(certificate, host->key, EVP_sha256()) > 0);
	X509_free(host->certificate);
	host->certificate = certificate;
}

static void trust(struct host *host, uint16_t port)
{
	struct mtasts_fetch_options options = { .port = port };
	FILE *file = fopen(host->file, "w");

	assert_non_null(file);
	assert_int_equal(PEM_write_X509(file, host->certificate), 1);
	assert_int_equal(fclose(file), 0);
	text_copy(options.ca_file, sizeof(options.ca_file), host->file);
	mtasts_fetcher_free(host->fetcher);
	assert_int_equal(mtasts_fetcher_new(&host->fetcher, host->base, &options), 0);
}

static uint16_t port_of(const struct host *host)
{
	struct sockaddr_in place = { 0 };
	socklen_t len = sizeof(place);

	assert_int_equal(getsockname(host->listener, (struct sockaddr *)&place, &len), 0);
	return ntohs(place.sin_port);
}

static int open_host(void **state)
{
	struct host *host = calloc(1, sizeof(*host));
	struct sockaddr_in place = { .sin_family = AF_INET,
		                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	assert_non_null(host);
	(void)signal(SIGPIPE, SIG_IGN);
	strcpy(host->file, "/tmp/hopguard-host-XXXXXX");
	close(mkstemp(host->file));
	host->key = EVP_EC_gen("P-256");
	host->base = event_base_new();
	host->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(host->listener, (struct sockaddr *)&place, sizeof(place)), 0);
	assert_int_equal(listen(host->listener, 8), 0);
	certify(host, HOST, "DNS:mta-sts.a.example");
	trust(host, port_of(host));
	*state = host;
	return 0;
}

static int close_host(void **state)
{
	struct host *host = *state;

	mtasts_fetcher_free(host->fetcher);
	event_base_free(host->base);
	close(host->listener);
	unlink(host->file);
	X509_free(host->certificate);
	EVP_PKEY_free(host->key);
	free(host);
	return 0;
}

/* The far end, in a process of its own. */

static void put(SSL *tls, const char *text, size_t len)
{
	if (len > 0)
		(void)SSL_write(tls, text, (int)len);
}

static void put_body(SSL *tls, const struct answer *answer)
{
	char *text = malloc(answer->len + 1), line[32];
	bool is_chunked = strstr(answer->fields, CHUNKED) != NULL;

	memset(text, 'p', answer->len + 1);
	if (is_chunked)
		put(tls, line, (size_t)snprintf(line, sizeof(line), "%zx\r\n", answer->len));
	put(tls, text, answer->len);
	if (is_chunked)
		put(tls, "\r\n0\r\n\r\n", 7);
	free(text);
}

static void put_answer(SSL *tls, const struct answer *answer)
{
	char *head = calloc(1, HEAD_MAX);
	int len = snprintf(head, HEAD_MAX, "HTTP/1.1 %s\r\n%s", answer->status, answer->fields);

	if (answer->said_len != NONE)
		len += snprintf(head + len, 64, "Content-Length: %zu\r\n", answer->said_len);
	if (answer->pad_len > 0) {
		len += snprintf(head + len, 16, "X-Pad: ");
		memset(head + len, 'x', answer->pad_len);
		len += (int)answer->pad_len;
		len += snprintf(head + len, 4, "\r\n");
	}
	len += snprintf(head + len, 4, "\r\n");
	put(tls, head, (size_t)len);
	put_body(tls, answer);
	free(head);
}

static _Noreturn void serve(const struct host *host, const struct answer *answer)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	SSL *tls = SSL_new(context);
	char request[4096];
	int connection;

	(void)alarm(PATIENCE_S);
	connection = accept(host->listener, NULL, NULL);
	SSL_use_certificate(tls, host->certificate);
	SSL_use_PrivateKey(tls, host->key);
	SSL_set_fd(tls, connection);
	if (SSL_accept(tls) == 1 && SSL_read(tls, request, sizeof(request)) > 0) {
		put_answer(tls, answer);
		(void)SSL_shutdown(tls);
	}
	(void)shutdown(connection, SHUT_WR);
	while (read(connection, request, sizeof(request)) > 0)
		;
	SSL_free(tls);
	SSL_CTX_free(context);
	_exit(0);
}

/* Ours */

static void on_fetched(void *owner, const struct mtasts_fetched *fetched)
{
	struct host *host = owner;

	host->told++;
	host->is_good = fetched->is_good;
	host->why[0] = '\0';
	host->len = 0;
	if (!fetched->is_good) {
		snprintf(host->why, sizeof(host->why), "%s", fetched->why);
	} else if (fetched->text.len > 0) {
		host->len = fetched->text.len;
		host->first = (char)fetched->text.data[0];
		host->last = (char)fetched->text.data[fetched->text.len - 1];
	}
	event_base_loopbreak(host->base);
}

static void fetch(struct host *host, const struct answer *answer)
{
	static const uint8_t loopback[4] = { 127, 0, 0, 1 };
	const struct address address = address_of(4, loopback);
	const struct timeval patience = { .tv_sec = PATIENCE_S };
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		serve(host, answer);
	host->told = 0;
	assert_non_null(mtasts_fetch_start(host->fetcher, "a.example", &address, 1, true,
	                                   on_fetched, host));
	event_base_loopexit(host->base, &patience);
	event_base_dispatch(host->base);
	assert_int_equal(host->told, 1);
	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void check(struct host *host, const struct answer *answer)
{
	fetch(host, answer);
	if (answer->why) {
		assert_false(host->is_good);
		if (!strstr(host->why, answer->why))
			fail_msg("\"%s\" is not in \"%s\"", answer->why, host->why);
		return;
	}
	if (!host->is_good)
		fail_msg("%s", host->why);
	assert_int_equal(host->len, answer->len);
	assert_int_equal(host->first, 'p');
	assert_int_equal(host->last, 'p');
}

#define ALL(cases)                                                                                 \
	for (size_t i = 0; i < sizeof(cases) / sizeof((cases)[0]); i++)                            \
	check(*state, &(cases)[i])

static void a_policy_comes_whole_however_its_end_is_said(void **state)
{
	static const char spoken[] = "content-type: Text/PLAIN; charset=utf-8\r\n";
	static const char chunked[] = "Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n";
	const struct answer cases[] = {
		{ "200 OK", PLAIN, 80, 80, 0, NULL },
		{ "200 OK", spoken, 1, 1, 0, NULL },
		{ "200 OK", chunked, 3000, NONE, 0, NULL },
		{ "200 OK", PLAIN, POLICY_MAX, POLICY_MAX, 0, NULL },
		{ "200 OK", chunked, POLICY_MAX, NONE, 0, NULL },
		{ "200 OK", PLAIN, 80, 80, 30 * 1024, NULL },
	};

	ALL(cases);
}

static void what_is_no_policy_is_refused_and_it_is_said_why(void **state)
{
	static const char chunked[] = "Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n";
	static const char elsewhere[] =
		"Content-Type: text/plain\r\nLocation: https://mta-sts.a.example/\r\n";
	const struct answer cases[] = {
		{ "301 Moved", elsewhere, 9, 9, 0, "status 301 (a redirection), only 200 is" },
		{ "301 Moved", elsewhere, 0, 0, 0, "status 301 (a redirection), only 200 is" },
		{ "404 None", PLAIN, 9, 9, 0, "status 404, only 200 is taken" },
		{ "200 OK", "Content-Type: text/html\r\n", 9, 9, 0, "content type text/html," },
		{ "200 OK", "Content-Type: text/plainly\r\n", 9, 9, 0, "text/plainly," },
		{ "200 OK", "Content-Type: text/\x01\x1b[2J\r\n", 9, 9, 0, "text/??[2J, only" },
		{ "200 OK", "", 9, 9, 0, "content type missing, only text/plain" },
		{ "200 OK", PLAIN, 9, NONE, 0, "neither a length nor chunks" },
		{ "200 OK", PLAIN, 9, 10, 0, "it ended before it was complete" },
		{ "200 OK", PLAIN, 9, POLICY_MAX + 1, 0, "more than 64 KiB" },
		{ "200 OK", chunked, POLICY_MAX + 1, NONE, 0, "more than 64 KiB" },
		{ "200 OK", PLAIN, 9, 9, 33 * 1024, "more than 32 KiB of headers" },
	};

	ALL(cases);
}

static void what_was_not_answered_in_time_is_told_with_the_place(void **state)
{
	static const uint8_t loopback[16] = { [15] = 1 };
	const struct mtasts_fetch_options options = { .port = 443 };
	struct mtasts_transfer transfer = { .domain = "a.example", .address_count = 1 };
	struct mtasts_fetched fetched;

	(void)state;
	transfer.addresses[0] = transfer.tried = address_of(6, loopback);
	assert_int_equal(mtasts_transfer_open(&transfer, &options), 0);
	mtasts_transfer_read(&fetched, &transfer, CURLE_OPERATION_TIMEDOUT);
	assert_false(fetched.is_good);
	assert_string_equal(fetched.why,
	                    "https://mta-sts.a.example/.well-known/mta-sts.txt: no TLS "
	                    "connection to [::1]:443 in time, 15 s are allowed");
	mtasts_transfer_close(&transfer);
}

/* Whether this machine has IPv6 or not. */
static void nobody_at_an_address_of_ipv6_is_told(void **state)
{
	static const uint8_t loopback[16] = { [15] = 1 };
	const struct address address = address_of(6, loopback);
	const struct timeval patience = { .tv_sec = PATIENCE_S };
	struct host *host = *state;

	assert_non_null(mtasts_fetch_start(host->fetcher, "a.example", &address, 1, true,
	                                   on_fetched, host));
	event_base_loopexit(host->base, &patience);
	event_base_dispatch(host->base);
	assert_int_equal(host->told, 1);
	assert_non_null(strstr(host->why, "no connection to [::1]:"));
}

static void a_host_shows_a_certificate_with_its_dns_name(void **state)
{
	const struct answer answer = { "200 OK", PLAIN, 9, 9, 0, NULL };
	struct host *host = *state;

	certify(host, HOST, NULL);
	trust(host, port_of(host));
	fetch(host, &answer);
	assert_false(host->is_good);
	assert_non_null(strstr(host->why, "the certificate has no DNS name"));

	certify(host, HOST, "DNS:mta-sts.b.example");
	trust(host, port_of(host));
	fetch(host, &answer);
	assert_false(host->is_good);
	if (!strstr(host->why, "no alternative certificate subject name matches"))
		fail_msg("%s", host->why);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_host, close_host)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_policy_comes_whole_however_its_end_is_said),
		TEST(what_is_no_policy_is_refused_and_it_is_said_why),
		TEST(what_was_not_answered_in_time_is_told_with_the_place),
		TEST(nobody_at_an_address_of_ipv6_is_told),
		TEST(a_host_shows_a_certificate_with_its_dns_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
