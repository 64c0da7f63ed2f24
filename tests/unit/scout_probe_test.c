/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit/scout_fixture.h"

#include <errno.h>

#include "net/dial.h"
#include "unit/active/mail_server.h"
#include "unit/probe_scene.h"

/* The scout on a loopback of its own, with a mail server; the test is guard and supervisor. */

enum { PLAIN_MARK = 0x05000000 };

struct meeting {
	struct fixture scout;
	struct mail_server server;
};

static int set_up_meeting(void **state)
{
	struct meeting *meeting = calloc(1, sizeof(*meeting));

	assert_non_null(meeting);
	(void)signal(SIGPIPE, SIG_IGN);
	mail_server_make_key(&meeting->server);
	meeting->scout.is_in_network = true;
	*state = meeting;
	return 0;
}

static int tear_down_meeting(void **state)
{
	struct meeting *meeting = *state;
	struct fixture *scout = &meeting->scout;

	close(scout->guards[0]);
	close(scout->guards[1]);
	close(scout->ledger);
	close(scout->supervisor);
	kill(scout->pid, SIGKILL);
	waitpid(scout->pid, NULL, 0);
	free(scout->room);
	EVP_PKEY_free(meeting->server.key);
	X509_free(meeting->server.certificate);
	free(meeting);
	return 0;
}

/* The server's part has begun. `more`: of the configuration. */
static void begin_with(struct meeting *meeting, const char *more)
{
	char text[256];

	snprintf(text, sizeof(text), "ports = { %u }\n%s", meeting->server.port, more);
	start_scout(&meeting->scout, text);
}

static void begin(struct meeting *meeting, part_fn part)
{
	mail_server_play(&meeting->server, part);
	begin_with(meeting, "");
}

static struct message_probe probe_of(const struct meeting *meeting)
{
	struct message_probe probe = sound_probe("127.0.0.1", "127.0.0.1");

	probe.server.port = meeting->server.port;
	text_copy(probe.ehlo_name, sizeof(probe.ehlo_name), "gate.example");
	return probe;
}

static void ask_by(struct meeting *meeting, int guard, const struct message_probe *probe)
{
	assert_int_equal(channel_send(meeting->scout.guards[guard], probe, probe_len(probe)), 0);
}

/* Answers the scout's wish for a socket; descriptor -1: with that error. */
static struct message_sockets give_socket(struct meeting *meeting, int result, int descriptor)
{
	const struct message_sockets *wish =
		next(&meeting->scout, meeting->scout.supervisor, MESSAGE_SOCKETS, WAIT_MS);
	struct message_socket answer = { .type = MESSAGE_SOCKET, .result = result };
	struct message_sockets copy;

	assert_non_null(wish);
	copy = *wish;
	answer.number = copy.number;
	if (descriptor < 0) {
		assert_int_equal(channel_send(meeting->scout.supervisor, &answer, sizeof(answer)),
		                 0);
		return copy;
	}
	assert_int_equal(channel_send_descriptors(meeting->scout.supervisor, &answer,
	                                          sizeof(answer), &descriptor, 1),
	                 0);
	close(descriptor);
	return copy;
}

static const struct message_probed *probed(struct meeting *meeting, int guard)
{
	return next(&meeting->scout, meeting->scout.guards[guard], MESSAGE_PROBED, WAIT_MS);
}

static int serve_tls(struct scene *scene)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	SSL *connection;
	const char *name;

	if (!scene_start_tls(scene))
		return PART_WRONG;
	connection = scene_tls(scene, context);
	if (SSL_accept(connection) != 1 || SSL_version(connection) != TLS1_3_VERSION)
		return PART_WRONG;
	name = SSL_get_servername(connection, TLSEXT_NAMETYPE_host_name);
	return name && strcmp(name, "mx.example.org") == 0 ? PART_PLAYED : PART_WRONG;
}

static void assert_shown(const struct meeting *meeting, const struct message_probed *seen)
{
	unsigned char *der = NULL;
	int len = i2d_X509(meeting->server.certificate, &der);

	assert_non_null(seen);
	assert_int_equal(seen->outcome, PROBE_SHOWN);
	assert_int_equal(seen->tls_version, 0x0304);
	assert_true(seen->cipher_suite == 0x1301 || seen->cipher_suite == 0x1302);
	assert_int_equal(seen->chain_len, len + 3);
	assert_memory_equal(seen->chain + 3, der, (size_t)len);
	OPENSSL_free(der);
}

static void a_key_is_shown_to_the_guards_that_asked(void **state)
{
	struct meeting *meeting = *state;
	struct message_probe probe;
	struct message_sockets wish;
	const struct message_probed *seen;

	begin(meeting, serve_tls);
	probe = probe_of(meeting);
	probe.key = 5;
	ask_by(meeting, 0, &probe);
	probe.key = 6;
	ask_by(meeting, 1, &probe);
	wish = give_socket(meeting, 0, dial_socket(4, PLAIN_MARK, NULL));
	assert_int_equal(wish.family, 4);
	/* The client is this host itself. */
	assert_int_equal(wish.client.family, 0);
	seen = probed(meeting, 0);
	assert_shown(meeting, seen);
	assert_int_equal(seen->key, 5);
	seen = probed(meeting, 1);
	assert_shown(meeting, seen);
	assert_int_equal(seen->key, 6);
	assert_int_equal(mail_server_end(&meeting->server), PART_PLAYED);
	/* And from then on without asking the server. */
	ask_by(meeting, 1, &probe);
	assert_shown(meeting, probed(meeting, 1));
}

static void without_a_socket_from_the_supervisor_it_goes_all_the_same(void **state)
{
	struct meeting *meeting = *state;
	struct message_probe probe;

	begin(meeting, serve_tls);
	probe = probe_of(meeting);
	ask_by(meeting, 0, &probe);
	give_socket(meeting, -EPERM, -1);
	assert_shown(meeting, probed(meeting, 0));
	assert_int_equal(mail_server_end(&meeting->server), PART_PLAYED);
}

static void a_supervisor_that_does_not_answer_is_not_waited_for(void **state)
{
	struct meeting *meeting = *state;
	struct message_probe probe;
	struct message_socket late = { .type = MESSAGE_SOCKET, .number = 1 };
	int descriptor = dial_socket(4, PLAIN_MARK, NULL);

	begin(meeting, serve_tls);
	probe = probe_of(meeting);
	ask_by(meeting, 0, &probe);
	assert_shown(meeting, probed(meeting, 0));
	assert_int_equal(mail_server_end(&meeting->server), PART_PLAYED);
	/* A socket that comes too late does no harm. */
	assert_int_equal(channel_send_descriptors(meeting->scout.supervisor, &late, sizeof(late),
	                                          &descriptor, 1),
	                 0);
	close(descriptor);
	ask_by(meeting, 0, &probe);
	assert_shown(meeting, probed(meeting, 0));
}

static int serve_later(struct scene *scene)
{
	scene_say(scene, "450 4.7.1 greylisted, come again\r\n");
	return PART_PLAYED;
}

static void greylisting_is_told_at_once_as_could_not_tell(void **state)
{
	struct meeting *meeting = *state;
	const struct message_probed *seen;
	struct message_probe probe;

	begin(meeting, serve_later);
	probe = probe_of(meeting);
	ask_by(meeting, 0, &probe);
	give_socket(meeting, 0, dial_socket(4, PLAIN_MARK, NULL));
	seen = probed(meeting, 0);
	assert_non_null(seen);
	assert_int_equal(seen->outcome, PROBE_FAILED);
	assert_non_null(strstr(seen->why, "450 (later): 4.7.1 greylisted"));
	assert_int_equal(mail_server_end(&meeting->server), PART_PLAYED);
}

static void why_it_could_not_tell_is_explained_until_one_can(void **state)
{
	struct meeting *meeting = *state;
	struct message_explain explain = { .type = MESSAGE_EXPLAIN, .name = "127.0.0.1" };
	const struct message_explanation *explanation;
	struct message_probe probe;
	const char *more = "next-hop \"127.0.0.1\" { level = encrypt }\n";

	mail_server_play(&meeting->server, serve_later);
	begin_with(meeting, more);
	end_rows(&meeting->scout, true);
	probe = probe_of(meeting);
	ask_by(meeting, 0, &probe);
	give_socket(meeting, 0, dial_socket(4, PLAIN_MARK, NULL));
	assert_non_null(probed(meeting, 0));
	assert_int_equal(channel_send(meeting->scout.ledger, &explain, sizeof(explain)), 0);
	explanation = next(&meeting->scout, meeting->scout.ledger, MESSAGE_EXPLANATION, WAIT_MS);
	assert_non_null(explanation);
	assert_int_equal(explanation->destination.place_count, 1);
	assert_non_null(strstr(explanation->last_keys[0].probe, "450 (later): 4.7.1 greylisted"));
	assert_int_equal(mail_server_end(&meeting->server), PART_PLAYED);
}

static int serve_nobody(struct scene *scene)
{
	(void)scene;
	pause();
	return PART_PLAYED;
}

static void what_is_not_sound_is_refused_and_counted(void **state)
{
	struct meeting *meeting = *state;
	const struct message_counters *counters;
	struct message_socket none = { .type = MESSAGE_SOCKET };
	struct message_probe probe;

	begin(meeting, serve_nobody);
	probe = probe_of(meeting);
	probe.server.port++;
	ask_by(meeting, 0, &probe);
	probe = probe_of(meeting);
	text_copy(probe.ehlo_name, sizeof(probe.ehlo_name), "a\r\nRSET");
	ask_by(meeting, 0, &probe);
	probe = probe_of(meeting);
	assert_int_equal(channel_send(meeting->scout.guards[0], &probe, PROBE_HEAD_LEN - 1), 0);
	/* Only guards ask, and only the supervisor gives. */
	assert_int_equal(channel_send(meeting->scout.ledger, &probe, probe_len(&probe)), 0);
	assert_int_equal(channel_send(meeting->scout.guards[0], &none, sizeof(none)), 0);
	assert_int_equal(channel_send(meeting->scout.supervisor, &none, sizeof(none)), 0);
	for (;;) {
		counters = next(&meeting->scout, meeting->scout.ledger, MESSAGE_COUNTERS, WAIT_MS);
		assert_non_null(counters);
		if (counters->counters.messages_refused == 6)
			break;
	}
	assert_int_equal(counters->counters.probes_made, 0);
	kill(meeting->server.child, SIGKILL);
	waitpid(meeting->server.child, NULL, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_meeting, tear_down_meeting)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_key_is_shown_to_the_guards_that_asked),
		TEST(without_a_socket_from_the_supervisor_it_goes_all_the_same),
		TEST(a_supervisor_that_does_not_answer_is_not_waited_for),
		TEST(greylisting_is_told_at_once_as_could_not_tell),
		TEST(why_it_could_not_tell_is_explained_until_one_can),
		TEST(what_is_not_sound_is_refused_and_counted),
	};

	/* Without the right to make a network there is nothing to try. */
	if (unshare(CLONE_NEWNET) != 0 || system("ip link set lo up") != 0)
		return EXIT_SUCCESS;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
