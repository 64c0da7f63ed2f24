/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/mtasts_fetch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { LISTENERS = 12, PATIENCE_MS = 5000 };

/* Hosts of 127.0.0.0/8 that take connections, and never say a word: what is begun stays begun. */
struct world {
	struct event_base *base;
	struct mtasts_fetcher *fetcher;
	uint16_t port;
	int listeners[LISTENERS];
	struct address addresses[LISTENERS];
	size_t told;
	char why[FETCH_WHY_MAX];
};

static struct address loopback(unsigned last)
{
	uint8_t octets[4] = { 127, 0, 3, (uint8_t)last };

	return address_of(4, octets);
}

static int listen_at(const struct address *address, uint16_t *port)
{
	struct sockaddr_in place = { .sin_family = AF_INET, .sin_port = htons(*port) };
	socklen_t len = sizeof(place);
	int one = 1;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(&place.sin_addr, address->octets, 4);
	assert_true(listener >= 0);
	assert_int_equal(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&place, sizeof(place)), 0);
	assert_int_equal(listen(listener, 256), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&place, &len), 0);
	*port = ntohs(place.sin_port);
	return listener;
}

static void open_world(struct world *world)
{
	struct mtasts_fetch_options options = { .port = 0 };

	memset(world, 0, sizeof(*world));
	(void)signal(SIGPIPE, SIG_IGN);
	for (unsigned i = 0; i < LISTENERS; i++) {
		world->addresses[i] = loopback(i + 1);
		world->listeners[i] = listen_at(&world->addresses[i], &world->port);
	}
	options.port = world->port;
	world->base = event_base_new();
	assert_non_null(world->base);
	assert_int_equal(mtasts_fetcher_new(&world->fetcher, world->base, &options), 0);
}

static void trust(struct world *world, const char *ca_file)
{
	struct mtasts_fetch_options options = { .port = world->port };

	text_copy(options.ca_file, sizeof(options.ca_file), ca_file);
	mtasts_fetcher_free(world->fetcher);
	assert_int_equal(mtasts_fetcher_new(&world->fetcher, world->base, &options), 0);
}

static void close_world(struct world *world)
{
	mtasts_fetcher_free(world->fetcher);
	event_base_free(world->base);
	for (size_t i = 0; i < LISTENERS; i++)
		close(world->listeners[i]);
}

static void on_fetched(void *owner, const struct mtasts_fetched *fetched)
{
	struct world *world = owner;

	world->told++;
	assert_false(fetched->is_good);
	snprintf(world->why, sizeof(world->why), "%s", fetched->why);
}

static struct mtasts_fetch *start(struct world *world, const struct address *address,
                                  bool is_urgent)
{
	return mtasts_fetch_start(world->fetcher, "a.example", address, 1, is_urgent, on_fetched,
	                          world);
}

static void run(struct world *world)
{
	for (int i = 0; i < 20; i++)
		event_base_loop(world->base, EVLOOP_NONBLOCK);
}

static size_t connections_at(int listener)
{
	struct pollfd poll_of = { .fd = listener, .events = POLLIN };
	size_t count = 0;
	int connection;

	while (poll(&poll_of, 1, 50) == 1 && (connection = accept(listener, NULL, NULL)) >= 0) {
		close(connection);
		count++;
	}
	return count;
}

static void nothing_is_told_from_within_start(void **state)
{
	struct address nobody = loopback(200);
	struct world world;

	(void)state;
	open_world(&world);
	assert_non_null(start(&world, &nobody, true));
	assert_int_equal(world.told, 0);
	for (int i = 0; i < PATIENCE_MS / 10 && world.told == 0; i++) {
		event_base_loop(world.base, EVLOOP_NONBLOCK);
		usleep(10000);
	}
	assert_int_equal(world.told, 1);
	assert_non_null(strstr(world.why, "no connection to 127.0.3.200:"));
	assert_non_null(strstr(world.why, "Connection refused"));
	assert_non_null(strstr(world.why, "https://mta-sts.a.example:"));
	assert_int_equal(mtasts_fetcher_running(world.fetcher), 0);
	close_world(&world);
}

static void one_address_has_its_share_and_no_more(void **state)
{
	struct world world;

	(void)state;
	open_world(&world);
	for (int i = 0; i < FETCHES_PER_ADDRESS_MAX + 10; i++)
		assert_non_null(start(&world, &world.addresses[0], true));
	assert_non_null(start(&world, &world.addresses[1], false));
	run(&world);
	assert_int_equal(mtasts_fetcher_running(world.fetcher), FETCHES_PER_ADDRESS_MAX + 1);
	assert_int_equal(mtasts_fetcher_waiting(world.fetcher), 10);
	assert_int_equal(connections_at(world.listeners[0]), FETCHES_PER_ADDRESS_MAX);
	assert_int_equal(connections_at(world.listeners[1]), 1);
	close_world(&world);
}

static void all_together_are_bounded(void **state)
{
	struct world world;
	size_t made = 0;

	(void)state;
	open_world(&world);
	for (unsigned i = 0; i < FETCHES_MAX + FETCHES_WAITING_MAX; i++) {
		mtasts_fetcher_ask_for(world.fetcher, 1 + i % 8);
		made += start(&world, &world.addresses[i % LISTENERS], true) != NULL;
		run(&world);
	}
	assert_int_equal(made, FETCHES_MAX + FETCHES_WAITING_MAX);
	assert_int_equal(mtasts_fetcher_running(world.fetcher), FETCHES_MAX);
	assert_null(start(&world, &world.addresses[0], true));
	assert_int_equal(world.told, 0);
	close_world(&world);
}

static void a_client_leaves_a_quarter_to_others(void **state)
{
	struct world world;
	size_t made = 0;

	(void)state;
	open_world(&world);
	mtasts_fetcher_ask_for(world.fetcher, 7);
	for (unsigned i = 0; i < FETCHES_MAX + FETCHES_WAITING_MAX; i++) {
		made += start(&world, &world.addresses[i % LISTENERS], true) != NULL;
		run(&world);
	}
	assert_int_equal(mtasts_fetcher_running(world.fetcher), FETCHES_MAX / 4 * 3);
	assert_int_equal(made, FETCHES_MAX / 4 * 3 + FETCHES_WAITING_MAX / 4 * 3);
	mtasts_fetcher_ask_for(world.fetcher, 8);
	assert_non_null(start(&world, &world.addresses[0], true));
	run(&world);
	assert_int_equal(mtasts_fetcher_running(world.fetcher), FETCHES_MAX / 4 * 3 + 1);
	close_world(&world);
}

static void the_urgent_ones_begin_first(void **state)
{
	struct mtasts_fetch *running[FETCHES_PER_ADDRESS_MAX];
	struct mtasts_fetch *patient, *urgent;
	struct world world;

	(void)state;
	open_world(&world);
	for (size_t i = 0; i < FETCHES_PER_ADDRESS_MAX; i++)
		running[i] = start(&world, &world.addresses[0], true);
	run(&world);
	patient = start(&world, &world.addresses[0], false);
	urgent = start(&world, &world.addresses[0], true);
	mtasts_fetch_cancel(running[0]);
	run(&world);
	assert_int_equal(mtasts_fetcher_waiting(world.fetcher), 1);
	/* The one that still waits is the patient one: without it none does. */
	mtasts_fetch_cancel(patient);
	assert_int_equal(mtasts_fetcher_waiting(world.fetcher), 0);
	mtasts_fetch_cancel(urgent);
	assert_int_equal(mtasts_fetcher_running(world.fetcher), FETCHES_PER_ADDRESS_MAX - 1);
	close_world(&world);
}

static void what_is_cancelled_makes_room_and_is_not_told(void **state)
{
	struct mtasts_fetch *first[FETCHES_PER_ADDRESS_MAX];
	struct world world;

	(void)state;
	open_world(&world);
	for (size_t i = 0; i < FETCHES_PER_ADDRESS_MAX; i++)
		first[i] = start(&world, &world.addresses[0], true);
	assert_non_null(start(&world, &world.addresses[0], true));
	run(&world);
	assert_int_equal(mtasts_fetcher_waiting(world.fetcher), 1);
	for (size_t i = 0; i < FETCHES_PER_ADDRESS_MAX; i++)
		mtasts_fetch_cancel(first[i]);
	run(&world);
	assert_int_equal(mtasts_fetcher_running(world.fetcher), 1);
	assert_int_equal(mtasts_fetcher_waiting(world.fetcher), 0);
	assert_int_equal(world.told, 0);
	close_world(&world);
}

static void a_second_address_is_tried_where_the_first_refuses(void **state)
{
	struct address addresses[2] = { loopback(200) };
	struct world world;

	(void)state;
	open_world(&world);
	addresses[1] = world.addresses[2];
	assert_non_null(mtasts_fetch_start(world.fetcher, "a.example", addresses, 2, true,
	                                   on_fetched, &world));
	for (int i = 0; i < 50; i++) {
		event_base_loop(world.base, EVLOOP_NONBLOCK);
		usleep(10000);
	}
	assert_int_equal(connections_at(world.listeners[2]), 1);
	close_world(&world);
}

/* HelloRequests without an end (RFC 5246 section 7.4.1.1: a client ignores them in a handshake), in a process of its own. */
static pid_t play_endless_requests(int listener)
{
	enum { RECORD_LEN = 16384, HEAD_LEN = 5 };
	static const uint8_t head[HEAD_LEN] = { 22, 3, 3, RECORD_LEN >> 8, RECORD_LEN & 0xff };
	static uint8_t records[8 * (HEAD_LEN + RECORD_LEN)], hello[2048];
	pid_t child = fork();
	int connection;

	assert_true(child >= 0);
	if (child > 0)
		return child;
	alarm(10);
	for (size_t at = 0; at < sizeof(records); at += HEAD_LEN + RECORD_LEN)
		memcpy(records + at, head, HEAD_LEN);
	connection = accept(listener, NULL, NULL);
	if (recv(connection, hello, sizeof(hello), 0) <= 0)
		_exit(1);
	while (send(connection, records, sizeof(records), MSG_NOSIGNAL) > 0)
		;
	_exit(0);
}

static void requests_without_an_end_are_not_heard_out(void **state)
{
	struct world world;
	pid_t child;
	int status = 1;

	(void)state;
	open_world(&world);
	child = play_endless_requests(world.listeners[0]);
	assert_non_null(start(&world, &world.addresses[0], true));
	for (int i = 0; i < PATIENCE_MS / 10 && world.told == 0; i++) {
		event_base_loop(world.base, EVLOOP_NONBLOCK);
		usleep(10000);
	}
	assert_int_equal(world.told, 1);
	/* We hung up; else it ends by its alarm. */
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close_world(&world);
}

/* One that is trusted, and has a field of its own of so many bits: no prime, as nobody looks. */
static pid_t play_field(int listener, const char *ca_file, int bits)
{
	EVP_PKEY *key = EVP_RSA_gen(2048), *field = NULL;
	X509 *certificate = X509_new();
	X509_NAME *name = X509_get_subject_name(certificate);
	FILE *file = fopen(ca_file, "w");
	EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, "DH", NULL);
	OSSL_PARAM_BLD *values = OSSL_PARAM_BLD_new();
	BIGNUM *modulus = BN_new(), *generator = BN_new();
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	OSSL_PARAM *parameters;
	SSL *connection = NULL;
	pid_t child;

	assert_non_null(file);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
	                           (const unsigned char *)"mta-sts.a.example", -1, -1, 0);
	X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
	X509_set_issuer_name(certificate, name);
	X509_set_pubkey(certificate, key);
	assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
	assert_int_equal(PEM_write_X509(file, certificate), 1);
	fclose(file);
	BN_rand(modulus, bits, BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ODD);
	BN_set_word(generator, 2);
	OSSL_PARAM_BLD_push_BN(values, OSSL_PKEY_PARAM_FFC_P, modulus);
	OSSL_PARAM_BLD_push_BN(values, OSSL_PKEY_PARAM_FFC_G, generator);
	EVP_PKEY_fromdata_init(maker);
	parameters = OSSL_PARAM_BLD_to_param(values);
	EVP_PKEY_fromdata(maker, &field, EVP_PKEY_KEY_PARAMETERS, parameters);
	SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_cipher_list(context, "DHE-RSA-AES128-GCM-SHA256");
	SSL_CTX_set0_tmp_dh_pkey(context, field);
	SSL_CTX_use_certificate(context, certificate);
	SSL_CTX_use_PrivateKey(context, key);
	OSSL_PARAM_free(parameters);
	OSSL_PARAM_BLD_free(values);
	EVP_PKEY_CTX_free(maker);
	BN_free(modulus);
	BN_free(generator);
	X509_free(certificate);
	EVP_PKEY_free(key);
	child = fork();
	assert_true(child >= 0);
	if (child > 0) {
		SSL_CTX_free(context);
		return child;
	}
	alarm(10);
	connection = SSL_new(context);
	SSL_set_fd(connection, accept(listener, NULL, NULL));
	_exit(SSL_accept(connection) == 1 ? 0 : 1);
}

/* Whether the handshake came to its end. */
static bool shakes_hands(int bits)
{
	char ca_file[] = "/tmp/mtasts_fetch_test.XXXXXX";
	struct world world;
	pid_t child;
	int status = 1;

	close(mkstemp(ca_file));
	open_world(&world);
	child = play_field(world.listeners[0], ca_file, bits);
	trust(&world, ca_file);
	assert_non_null(start(&world, &world.addresses[0], true));
	for (int i = 0; i < PATIENCE_MS / 10 && world.told == 0; i++) {
		event_base_loop(world.base, EVLOOP_NONBLOCK);
		usleep(10000);
	}
	assert_int_equal(world.told, 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	close_world(&world);
	unlink(ca_file);
	return status == 0;
}

static void a_field_that_takes_long_to_reckon_in_is_not_taken(void **state)
{
	(void)state;
	assert_true(shakes_hands(2048));
	assert_false(shakes_hands(4104));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_told_from_within_start),
		cmocka_unit_test(one_address_has_its_share_and_no_more),
		cmocka_unit_test(all_together_are_bounded),
		cmocka_unit_test(a_client_leaves_a_quarter_to_others),
		cmocka_unit_test(the_urgent_ones_begin_first),
		cmocka_unit_test(what_is_cancelled_makes_room_and_is_not_told),
		cmocka_unit_test(a_second_address_is_tried_where_the_first_refuses),
		cmocka_unit_test(requests_without_an_end_are_not_heard_out),
		cmocka_unit_test(a_field_that_takes_long_to_reckon_in_is_not_taken),
	};

	return cmocka_run_group_tests_name("policy/mtasts_fetch", tests, NULL, NULL);
}
