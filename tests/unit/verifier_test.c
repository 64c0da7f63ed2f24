/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verifier.h"

#include "unit/policy/certificate_world.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sealed.h"
#include "process.h"

/* The verifier as a process, with the supervisor, two guards and a ledger played by the test. */

enum { WAIT_MS = 10000, QUIET_MS = 300 };

struct world {
	struct config config;
	pid_t pid;
	int supervisor, ledger, guards[2];
	struct identity identity;
	struct message_check check;
	size_t len;
	union {
		struct message header;
		struct message_checked checked;
		struct message_event event;
		struct message_counters counters;
		uint8_t octets[CHANNEL_MESSAGE_MAX];
	} heard;
};

static void run_verifier(struct world *world, int channel)
{
	struct child child = {
		.role = ROLE_VERIFIER,
		.config = &world->config,
		.supervisor = channel,
		.queue = -1,
		.raw = { -1, -1, -1, -1 },
		.listener = -1,
		.event_file = -1,
	};

	/* As at its birth: nothing of its parent's. */
	if (channel > STDERR_FILENO + 1)
		(void)close_range(STDERR_FILENO + 1, (unsigned)channel - 1, 0);
	(void)close_range((unsigned)channel + 1, ~0U, 0);
	log_open("verifier", LOG_LEVEL_ERROR);
	_exit(verifier_run(&child));
}

static int introduce(struct world *world, enum role role, unsigned index)
{
	struct message_peer peer = { .type = MESSAGE_PEER, .role = role, .index = index };
	int ends[2];

	assert_int_equal(channel_pair(ends), 0);
	assert_int_equal(
		channel_send_descriptors(world->supervisor, &peer, sizeof(peer), &ends[1], 1), 0);
	close(ends[1]);
	return ends[0];
}

/* A certificate that is its own authority, and the question whether it is mx.example.org's. */
static void fill_check(struct world *world)
{
	const struct key_rule rule = world_pkix("mx.example.org");
	static struct key_rules rules;
	static struct sent sent;

	sent.len = rules.len = rules.count = 0;
	world_send(&sent, &world->identity);
	assert_true(key_rules_add(&rules, &rule));
	world->check = (struct message_check){ .type = MESSAGE_CHECK,
		                               .request = 77,
		                               .tls_version = 0x0303,
		                               .rules_len = (uint32_t)rules.len,
		                               .chain_len = (uint32_t)sent.len };
	memcpy(world->check.octets, rules.octets, rules.len);
	memcpy(world->check.octets + rules.len, sent.octets, sent.len);
	world->len = CHECK_HEAD_LEN + rules.len + sent.len;
}

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	int64_t now_s = (int64_t)(process_time_ms() / 1000);
	char error[CONFIG_ERROR_MAX];
	int ends[2];

	assert_non_null(world);
	*state = world;
	world->identity = world_make(&(struct wanted){ .common_name = "mx",
	                                               .names = "DNS:mx.example.org",
	                                               .is_authority = true,
	                                               .from_s = now_s - WORLD_DAY_S,
	                                               .until_s = now_s + WORLD_DAY_S });
	fill_check(world);
	assert_int_equal(config_parse(&world->config, "test", "", NULL, 0, error), 0);
	assert_int_equal(channel_pair(ends), 0);
	world->pid = fork();
	assert_true(world->pid >= 0);
	if (world->pid == 0) {
		close(ends[0]);
		run_verifier(world, ends[1]);
	}
	close(ends[1]);
	world->supervisor = ends[0];
	world->guards[0] = introduce(world, ROLE_GUARD, 0);
	world->guards[1] = introduce(world, ROLE_GUARD, 1);
	world->ledger = introduce(world, ROLE_LEDGER, 0);
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	close(world->supervisor);
	close(world->ledger);
	close(world->guards[0]);
	close(world->guards[1]);
	if (world->pid > 0) {
		kill(world->pid, SIGKILL);
		waitpid(world->pid, NULL, 0);
	}
	world_drop(&world->identity);
	free(world);
	return 0;
}

/* The next message of that type within the time. */
static bool hear(struct world *world, int channel, uint32_t type, int wait_ms)
{
	uint64_t end_ms = process_now_ms() + (uint64_t)wait_ms;

	for (;;) {
		struct pollfd ready = { .fd = channel, .events = POLLIN };
		uint64_t now_ms = process_now_ms();

		if (now_ms >= end_ms || poll(&ready, 1, (int)(end_ms - now_ms)) <= 0 ||
		    channel_receive(channel, &world->heard, sizeof(world->heard), NULL, NULL) <= 0)
			return false;
		if (world->heard.header.type == type)
			return true;
	}
}

static void ask(struct world *world, int channel, size_t len)
{
	assert_int_equal(channel_send(channel, &world->check, len), 0);
}

static void trust(struct world *world, const char *pem)
{
	struct message_file message = { .type = MESSAGE_FILE,
		                        .kind = FILE_AUTHORITIES,
		                        .path = "/etc/lab.pem" };
	int copy;

	assert_int_equal(sealed_keep(&copy, bytes_of_string(pem)), 0);
	assert_int_equal(
		channel_send_descriptors(world->supervisor, &message, sizeof(message), &copy, 1),
		0);
	close(copy);
}

static void trust_identity(struct world *world)
{
	BIO *pem = BIO_new(BIO_s_mem());
	char *text;

	assert_int_equal(PEM_write_bio_X509(pem, world->identity.certificate), 1);
	assert_int_equal(BIO_write(pem, "", 1), 1);
	BIO_get_mem_data(pem, &text);
	trust(world, text);
	BIO_free(pem);
}

static int exit_status(struct world *world)
{
	int status;

	assert_int_equal(waitpid(world->pid, &status, 0), world->pid);
	world->pid = 0;
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void it_reports_to_the_supervisor(void **state)
{
	struct world *world = *state;

	assert_true(hear(world, world->supervisor, MESSAGE_READY, WAIT_MS));
	assert_true(hear(world, world->supervisor, MESSAGE_HEARTBEAT, WAIT_MS));
}

static void it_ends_well_when_told_to(void **state)
{
	struct world *world = *state;
	struct message stop = { .type = MESSAGE_STOP };

	assert_int_equal(channel_send(world->supervisor, &stop, sizeof(stop)), 0);
	assert_int_equal(exit_status(world), 0);
}

static void it_does_not_outlive_the_supervisor(void **state)
{
	struct world *world = *state;

	close(world->supervisor);
	world->supervisor = -1;
	assert_int_equal(exit_status(world), PROCESS_ORPHANED);
}

static void the_guard_that_asked_is_answered(void **state)
{
	struct world *world = *state;

	trust_identity(world);
	ask(world, world->guards[1], world->len);
	assert_true(hear(world, world->guards[1], MESSAGE_CHECKED, WAIT_MS));
	assert_int_equal(world->heard.checked.request, 77);
	assert_int_equal(world->heard.checked.finding.outcome, KEY_MET);
	assert_string_equal(world->heard.checked.finding.matched, "mx.example.org");
	assert_false(hear(world, world->guards[0], MESSAGE_CHECKED, QUIET_MS));
}

static void without_authorities_nobody_is_judged_by_one(void **state)
{
	struct world *world = *state;

	ask(world, world->guards[0], world->len);
	assert_true(hear(world, world->guards[0], MESSAGE_CHECKED, WAIT_MS));
	assert_int_equal(world->heard.checked.finding.outcome, KEY_UNJUDGED);
	trust_identity(world);
	/* By another channel: wait until it was read. */
	for (int i = 0; i < 50 && world->heard.checked.finding.outcome != KEY_MET; i++) {
		(void)usleep(20000);
		ask(world, world->guards[0], world->len);
		assert_true(hear(world, world->guards[0], MESSAGE_CHECKED, WAIT_MS));
	}
	assert_int_equal(world->heard.checked.finding.outcome, KEY_MET);
}

static void a_bad_file_of_authorities_is_told_and_the_one_before_stays(void **state)
{
	struct world *world = *state;

	trust_identity(world);
	trust(world, "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n");
	assert_true(hear(world, world->ledger, MESSAGE_EVENT, WAIT_MS));
	assert_int_equal(world->heard.event.event.kind, EVENT_DEGRADED);
	assert_string_equal(world->heard.event.event.text,
	                    "CA file not taken, what was trusted before stays: /etc/lab.pem: "
	                    "certificate 1 in it is malformed (PEM is asked for)");
	ask(world, world->guards[0], world->len);
	assert_true(hear(world, world->guards[0], MESSAGE_CHECKED, WAIT_MS));
	assert_int_equal(world->heard.checked.finding.outcome, KEY_MET);
	/* A ledger that starts anew is told again. */
	close(world->ledger);
	world->ledger = introduce(world, ROLE_LEDGER, 0);
	assert_true(hear(world, world->ledger, MESSAGE_EVENT, WAIT_MS));
	trust_identity(world);
	assert_true(hear(world, world->ledger, MESSAGE_EVENT, WAIT_MS));
	assert_int_equal(world->heard.event.event.kind, EVENT_RECOVERED);
}

static void a_machine_without_authorities_is_told_of_it_until_it_has_some(void **state)
{
	struct world *world = *state;
	const struct message_file none = { .type = MESSAGE_FILE,
		                           .kind = FILE_AUTHORITIES,
		                           .path = "/etc/lab.pem",
		                           .why = "/etc/lab.pem: No such file or directory" };

	assert_int_equal(channel_send(world->supervisor, &none, sizeof(none)), 0);
	assert_true(hear(world, world->ledger, MESSAGE_EVENT, WAIT_MS));
	assert_int_equal(world->heard.event.event.kind, EVENT_DEGRADED);
	assert_string_equal(
		world->heard.event.event.text,
		"no authority is known, so mail that asks for a certificate of one waits: "
		"install ca-certificates, or set tls { ca-file }: "
		"/etc/lab.pem: No such file or directory");
	trust_identity(world);
	assert_true(hear(world, world->ledger, MESSAGE_EVENT, WAIT_MS));
	assert_int_equal(world->heard.event.event.kind, EVENT_RECOVERED);
}

static void what_is_not_sound_is_dropped_and_counted(void **state)
{
	struct world *world = *state;

	ask(world, world->guards[0], world->len - 1);
	ask(world, world->ledger, world->len);
	ask(world, world->guards[0], world->len);
	assert_true(hear(world, world->guards[0], MESSAGE_CHECKED, WAIT_MS));
	do {
		assert_true(hear(world, world->ledger, MESSAGE_COUNTERS, WAIT_MS));
	} while (world->heard.counters.counters.messages_refused < 2);
	assert_int_equal(world->heard.counters.counters.checks, 1);
	assert_int_equal(world->heard.counters.counters.messages_refused, 2);
	assert_false(hear(world, world->guards[0], MESSAGE_CHECKED, QUIET_MS));
}

/* Sockets to its siblings, and what its loop is made of. */
static void it_has_no_file_and_no_capability(void **state)
{
	struct world *world = *state;
	char path[64], line[256], target[128];
	const struct dirent *entry;
	struct rlimit limit;
	FILE *status;
	DIR *open_files;
	unsigned seen = 0;

	trust_identity(world);
	ask(world, world->guards[0], world->len);
	assert_true(hear(world, world->guards[0], MESSAGE_CHECKED, WAIT_MS));
	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)world->pid);
	status = fopen(path, "r");
	assert_non_null(status);
	while (fgets(line, sizeof(line), status)) {
		if (strncmp(line, "CapPrm:", 7) == 0 || strncmp(line, "CapEff:", 7) == 0) {
			assert_string_equal(strrchr(line, '\t'), "\t0000000000000000\n");
			seen++;
		}
		if (strncmp(line, "NoNewPrivs:", 11) == 0) {
			assert_string_equal(strrchr(line, '\t'), "\t1\n");
			seen++;
		}
	}
	(void)fclose(status);
	assert_int_equal(seen, 3);
	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)world->pid);
	open_files = opendir(path);
	if (!open_files)
		return; /* without root a process that does not dump is nobody's to read */
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	while ((entry = readdir(open_files))) {
		rlim_t number = strtoul(entry->d_name, NULL, 10);
		ssize_t len;

		/* Beyond what a process may have are valgrind's own. */
		if (number <= STDERR_FILENO || number >= limit.rlim_cur)
			continue;
		len = readlinkat(dirfd(open_files), entry->d_name, target, sizeof(target) - 1);
		assert_true(len > 0);
		target[len] = '\0';
		if (target[0] == '/')
			fail_msg("%s", target);
	}
	(void)closedir(open_files);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(it_reports_to_the_supervisor),
		TEST(it_ends_well_when_told_to),
		TEST(it_does_not_outlive_the_supervisor),
		TEST(the_guard_that_asked_is_answered),
		TEST(without_authorities_nobody_is_judged_by_one),
		TEST(a_machine_without_authorities_is_told_of_it_until_it_has_some),
		TEST(a_bad_file_of_authorities_is_told_and_the_one_before_stays),
		TEST(what_is_not_sound_is_dropped_and_counted),
		TEST(it_has_no_file_and_no_capability),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
