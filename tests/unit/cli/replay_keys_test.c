/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/replay_keys.h"

#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <pcap/pcap.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/run_command.h"
#include "support/simulation.h"
#include "unit/flow/live_handshake.h"

/* A handshake of OpenSSL's behind STARTTLS, captured while nobody guarded it, and read by `hopguard replay`. */

enum { PATH_LEN = 128, SNAPSHOT_LEN = 262144, OUTPUT_MAX = 8192 };

struct fixture {
	struct live_identity identity;
	char directory[64];
	char capture[PATH_LEN];
	char output[PATH_LEN];
	char configuration[PATH_LEN];
	char said[OUTPUT_MAX];
};

/* The operator's word of the key of that host. */
static void print_fingerprint(FILE *file, const struct live_identity *identity)
{
	uint8_t digest[SHA256_DIGEST_LENGTH], *key = NULL;
	int len = i2d_PUBKEY(identity->key, &key);

	assert_true(len > 0);
	SHA256(key, (size_t)len, digest);
	OPENSSL_free(key);
	fputs("next-hop \"mx.example.org\" { level = fingerprint fingerprint = { \"", file);
	for (size_t i = 0; i < sizeof(digest); i++)
		fprintf(file, "%s%02X", i ? ":" : "", digest[i]);
	fputs("\" } }\n", file);
}

static int make_fixture(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	FILE *file;

	assert_non_null(fixture);
	strcpy(fixture->directory, "/tmp/hopguard-replay-XXXXXX");
	assert_non_null(mkdtemp(fixture->directory));
	snprintf(fixture->capture, PATH_LEN, "%s/capture.pcap", fixture->directory);
	snprintf(fixture->output, PATH_LEN, "%s/output", fixture->directory);
	snprintf(fixture->configuration, PATH_LEN, "%s/hopguard.conf", fixture->directory);
	live_identity_init(&fixture->identity, LIVE_ECDSA);
	file = fopen(fixture->configuration, "w");
	assert_non_null(file);
	print_fingerprint(file, &fixture->identity);
	fclose(file);
	*state = fixture;
	return 0;
}

static int remove_fixture(void **state)
{
	struct fixture *fixture = *state;

	unlink(fixture->capture);
	unlink(fixture->output);
	unlink(fixture->configuration);
	rmdir(fixture->directory);
	live_identity_end(&fixture->identity);
	free(fixture);
	return 0;
}

static void on_tap(void *owner, uint64_t now_ms, struct bytes packet)
{
	const struct pcap_pkthdr header = {
		.ts = { .tv_sec = time(NULL), .tv_usec = (suseconds_t)(now_ms % 1000 * 1000) },
		.caplen = (bpf_u_int32)packet.len,
		.len = (bpf_u_int32)packet.len,
	};

	pcap_dump(owner, &header, packet.data);
}

/* pair: of the two ends; ended here. */
static void capture_talk(const struct fixture *fixture, struct live_pair pair)
{
	pcap_t *dead = pcap_open_dead(DLT_RAW, SNAPSHOT_LEN);
	pcap_dumper_t *capture = pcap_dump_open(dead, fixture->capture);
	struct simulation *simulation = simulation_new(4, CUT_NONE, 1);
	struct recording *recording = live_talk(&pair, NULL);

	assert_non_null(capture);
	simulation->is_bypassed = true;
	simulation->tap = on_tap;
	simulation->tap_owner = capture;
	assert_true(simulation_open(simulation));
	assert_true(simulation_server(simulation, "220 mx.example.org ESMTP\r\n"));
	assert_true(simulation_client(simulation, "EHLO client.example.net\r\n"));
	assert_true(simulation_server(simulation, "250-mx.example.org\r\n250 STARTTLS\r\n"));
	assert_true(simulation_client(simulation, "STARTTLS\r\n"));
	assert_true(simulation_server(simulation, "220 go\r\n"));
	for (size_t i = 0; i < recording->count; i++)
		assert_true(simulation_say(simulation, recording->chunks[i].is_client,
		                           recording->chunks[i].octets));
	free(recording);
	live_pair_free(&pair);
	simulation_free(simulation);
	pcap_dump_close(capture);
	pcap_close(dead);
}

static struct live_pair pair_of(const struct fixture *fixture, int version)
{
	return live_pair_new(&fixture->identity, version, "ECDHE-ECDSA-AES128-GCM-SHA256", 0);
}

static void capture_handshake(const struct fixture *fixture, int version)
{
	capture_talk(fixture, pair_of(fixture, version));
}

/* setting: of --set. What it says is in fixture->said. */
static int replay(struct fixture *fixture, const char *configuration, const char *setting)
{
	char words[][PATH_LEN + 32] = {
		"replay",          "--json", "--config", "/dev/null",
		"--default-level", "verify", "--set",    "events.passes=true",
		"--set",           "",       ""
	};
	char *arguments[12] = { NULL };
	int output = open(fixture->output, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int status;
	ssize_t len;

	assert_true(output >= 0);
	snprintf(words[3], sizeof(words[3]), "%s", configuration);
	snprintf(words[9], sizeof(words[9]), "%s", setting);
	snprintf(words[10], sizeof(words[10]), "%s", fixture->capture);
	for (size_t i = 0; i < 11; i++)
		arguments[i] = words[i];
	status = run_command(cli_replay, 11, arguments, output);
	len = pread(output, fixture->said, OUTPUT_MAX - 1, 0);
	fixture->said[len > 0 ? len : 0] = '\0';
	close(output);
	return status;
}

static bool says(const struct fixture *fixture, const char *words)
{
	return fixture && strstr(fixture->said, words) != NULL;
}

static void a_certificate_of_nobody_known_is_found_in_a_capture(void **state)
{
	struct fixture *fixture = *state;

	capture_handshake(fixture, TLS1_2_VERSION);
	assert_int_equal(replay(fixture, "/dev/null", "mode=enforce"), CLI_FINDING);
	assert_true(says(fixture, "\"reason\":\"cert-untrusted\""));
	assert_true(says(fixture, "\"assurance\":\"proven\""));
}

static void one_that_the_operator_knows_is_good(void **state)
{
	struct fixture *fixture = *state;

	capture_handshake(fixture, TLS1_2_VERSION);
	assert_int_equal(replay(fixture, fixture->configuration, "mode=enforce"), CLI_GOOD);
	assert_true(says(fixture, "\"outcome\":\"met\""));
}

static void what_tls_1_3_hides_is_assumed_or_what_the_setting_says(void **state)
{
	struct fixture *fixture = *state;

	capture_handshake(fixture, TLS1_3_VERSION);
	assert_int_equal(replay(fixture, "/dev/null", "tls.tls13=probe"), CLI_GOOD);
	assert_true(says(fixture, "\"assurance\":\"assumed\""));
	assert_int_equal(replay(fixture, "/dev/null", "tls.tls13=block"), CLI_FINDING);
	assert_true(says(fixture, "\"reason\":\"key-hidden\""));
}

static void a_ca_file_that_is_not_there_is_one_line(void **state)
{
	struct fixture *fixture = *state;

	capture_handshake(fixture, TLS1_2_VERSION);
	assert_int_equal(replay(fixture, "/dev/null", "tls.ca-file=/nonexistent/ca.pem"),
	                 CLI_USAGE);
	assert_string_equal(fixture->said, "");
}

/* Trusted, and no name is asked for: the client sends none, and in a capture no domain is known. */
static void a_good_certificate_where_no_name_is_known_is_the_senders_inability(void **state)
{
	struct fixture *fixture = *state;
	struct live_pair pair = pair_of(fixture, TLS1_2_VERSION);
	X509 *certificate = live_certificate_new("mx.example.org", "mx.example.org",
	                                         fixture->identity.key, fixture->identity.key);
	FILE *file = fopen(fixture->configuration, "w");
	char setting[PATH_LEN + 16];

	assert_non_null(file);
	assert_int_equal(PEM_write_X509(file, certificate), 1);
	fclose(file);
	assert_int_equal(SSL_CTX_clear_chain_certs(pair.server_context), 1);
	assert_int_equal(SSL_CTX_use_certificate(pair.server_context, certificate), 1);
	pair.is_nameless = true;
	capture_talk(fixture, pair);
	snprintf(setting, sizeof(setting), "tls.ca-file=%s", fixture->configuration);
	assert_int_equal(replay(fixture, "/dev/null", setting), CLI_FINDING);
	assert_true(says(fixture, "\"reason\":\"sni-missing\""));
	assert_true(says(fixture, "\"kind\":\"inability\""));
	X509_free(certificate);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_certificate_of_nobody_known_is_found_in_a_capture),
		cmocka_unit_test(one_that_the_operator_knows_is_good),
		cmocka_unit_test(
			a_good_certificate_where_no_name_is_known_is_the_senders_inability),
		cmocka_unit_test(what_tls_1_3_hides_is_assumed_or_what_the_setting_says),
		cmocka_unit_test(a_ca_file_that_is_not_there_is_one_line),
	};

	return cmocka_run_group_tests(tests, make_fixture, remove_fixture);
}
