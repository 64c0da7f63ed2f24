/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "confine.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/channel.h"
#include "base/log.h"
#include "base/sandbox_calls.h"
#include "base/sandbox_files.h"
#include "base/sandbox_lists.h"
#include "unit/attempts.h"
#include "unit/attempts_on_the_network.h"
#include "unit/confine_scene.h"

/* Each attempt is made by a process of its own, confined as that role is, in a network of its own. */

enum outcome { DONE = '+', REFUSED = '-', DIED = 'x', ANY = '*', ODD = '!' };

/* The processes of the daemon, and the commands that read what strangers sent. */
enum { SUPERVISOR, GUARD, VERIFIER, SCOUT, LEDGER, REPLAY, CHECK, PLAYERS };

static const struct player {
	const char *name;
	enum role role;
	bool is_command;  /* then of no role */
	bool opens_files; /* those that Landlock lets it */
} players[PLAYERS] = {
	[SUPERVISOR] = { .name = "supervisor", .role = ROLE_SUPERVISOR },
	[GUARD] = { .name = "guard", .role = ROLE_GUARD },
	[VERIFIER] = { .name = "verifier", .role = ROLE_VERIFIER },
	[SCOUT] = { .name = "scout", .role = ROLE_SCOUT, .opens_files = true },
	[LEDGER] = { .name = "ledger", .role = ROLE_LEDGER, .opens_files = true },
	[REPLAY] = { .name = "replay", .is_command = true },
	[CHECK] = { .name = "check", .is_command = true, .opens_files = true },
};

struct attempt {
	const char *name;
	int (*make)(void);
	const char *outcomes;    /* one for each of the players */
	unsigned landlock_least; /* who opens files is kept from it from this version on */
};

#define ATTEMPT(make, outcomes)                                                                    \
	{                                                                                          \
#make, make, outcomes, 0                                                           \
	}
#define BY_FILES(make, outcomes)                                                                   \
	{                                                                                          \
#make, make, outcomes, 1                                                           \
	}
#define BY_PORTS(make, outcomes)                                                                   \
	{                                                                                          \
#make, make, outcomes, 4                                                           \
	}

static const struct attempt on_files[] = {
	BY_FILES(read_a_file, "+------"),
	ATTEMPT(read_by_openat2, "+------"),
	ATTEMPT(read_its_own_memory, "-------"),
	BY_FILES(write_a_file, "+------"),
	BY_FILES(read_the_anchor, "+--+--+"),
	BY_FILES(write_the_anchor, "+------"),
	BY_FILES(write_inside, "+------"),
	BY_FILES(list_inside, "+------"),
	BY_FILES(write_the_database, "+---+--"),
	BY_FILES(write_the_root_keys, "+------"),
	BY_FILES(put_the_database_in_the_place_of_the_root_keys, "+xx--xx"),
	BY_FILES(put_the_root_keys_in_the_place_of_the_database, "+xx--xx"),
	BY_FILES(remove_the_root_keys, "+xx--xx"),
	BY_FILES(rename_to_elsewhere, "+xx--xx"),
	BY_FILES(unlink_elsewhere, "+xx--xx"),
	ATTEMPT(make_a_folder, "+xxxxxx"),
	ATTEMPT(make_a_link, "+xxxxxx"),
	ATTEMPT(change_a_mode, "+xxxxxx"),
	ATTEMPT(make_a_file_of_memory, "+xxxxxx"),
};

static const struct attempt on_the_network[] = {
	ATTEMPT(open_inet_socket, "+xx+xx+"),
	ATTEMPT(open_unix_socket, "+xxx+xx"),
	ATTEMPT(open_raw_socket, "+xxxxxx"),
	/* Whether the kernel has them is not for this test to say. */
	ATTEMPT(open_multipath_socket, "*xxxxxx"),
	ATTEMPT(lay_another_protocol_upon_tcp, "+xxxxxx"),
	ATTEMPT(lay_another_protocol_by_a_wide_number, "+xxxxxx"),
	ATTEMPT(let_a_socket_linger, "+xxxxxx"),
	ATTEMPT(let_a_socket_linger_by_a_wide_number, "+xxxxxx"),
	ATTEMPT(open_lite_socket, "*xxxxxx"),
	ATTEMPT(open_diagnosis_socket, "*xxxxxx"),
	ATTEMPT(open_pair_of_datagrams, "+xxxxxx"),
	ATTEMPT(open_packet_socket, "+xxxxxx"),
	ATTEMPT(open_crypto_socket, "*xxxxxx"),
	BY_PORTS(connect_to_a_mail_server, "+xx+xx+"),
	BY_PORTS(connect_to_another_port, "+xx-xx-"),
	ATTEMPT(connect_to_another_port_by_its_first_octets, "+xx-xx-"),
	ATTEMPT(send_a_datagram, "+xx+xx+"),
	BY_PORTS(be_a_server, "+xx-xx-"),
	ATTEMPT(be_a_server_at_any_port, "+xxxxxx"),
	/* Whether the kernel has nftables at all is not for this test to say. */
	ATTEMPT(write_a_rule, "*xxxxxx"),
	ATTEMPT(write_a_rule_by_the_queues_socket, "**-----"),
	ATTEMPT(configure_an_interface, "*xxxxxx"),
};

static const struct attempt on_processes[] = {
	ATTEMPT(run_a_program, "+xxxxxx"),  ATTEMPT(fork_a_process, "+xxxxxx"),
	ATTEMPT(start_a_thread, "+xxxxxx"), ATTEMPT(try_with_signals_blocked, "+xxxxxx"),
	ATTEMPT(trace_another, "-xxxxxx"),  ATTEMPT(read_anothers_memory, "-xxxxxx"),
	ATTEMPT(kill_another, "+xxxxxx"),   ATTEMPT(kill_another_by_its_thread, "+xxxxxx"),
	ATTEMPT(queue_a_signal, "+xxxxxx"), ATTEMPT(have_a_signal_sent, "+xxxxxx"),
	ATTEMPT(make_code, "+xxxxxx"),      ATTEMPT(make_data_code, "+xxxxxx"),
};

static const struct attempt on_rights[] = {
	ATTEMPT(become_root, "-xxxxxx"),
	ATTEMPT(raise_capabilities, "-xxxxxx"),
	ATTEMPT(be_dumpable, "+xxxxxx"),
	ATTEMPT(raise_a_limit, "-xxxxxx"),
	ATTEMPT(ignore_the_trap, "+xxxxxx"),
	ATTEMPT(ignore_the_trap_by_a_wide_number, "+xxxxxx"),
	ATTEMPT(mount_something, "-xxxxxx"),
	ATTEMPT(leave_its_namespace, "-xxxxxx"),
	ATTEMPT(load_bpf, "-xxxxxx"),
	ATTEMPT(read_keys, "-xxxxxx"),
	ATTEMPT(watch_performance, "-xxxxxx"),
	ATTEMPT(handle_page_faults, "-xxxxxx"),
	ATTEMPT(open_io_uring, "-xxxxxx"),
	ATTEMPT(load_a_module, "-xxxxxx"),
	ATTEMPT(set_the_clock, "-xxxxxx"),
	ATTEMPT(read_the_kernels_log, "-xxxxxx"),
	ATTEMPT(make_a_call_of_tomorrow, "-------"),
};

static enum outcome outcome_of(int status)
{
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGSYS ? DIED : ODD;
	switch (WEXITSTATUS(status)) {
	case 0:
		return DONE;
	case EACCES:
	case EPERM:
	case ENOSYS:
	case EXDEV:
	case EOPNOTSUPP:
		return REFUSED;
	default:
		return ODD;
	}
}

static int enter(const struct player *player, const struct config *by)
{
	const char *became;

	return player->is_command ? confine_command(by->user, player == &players[CHECK] ? by : NULL)
	                          : confine(&became, player->role, by);
}

/* What it says goes to `said`. Its status as waitpid(2) gives it. */
static int confined(const struct player *player, const struct config *by, int (*make)(void),
                    int said)
{
	pid_t child = fork();
	int status = 0;

	if (child == 0) {
		log_open("attempt", LOG_LEVEL_ERROR);
		if (dup2(said, STDERR_FILENO) < 0 || enter(player, by) != 0)
			_exit(126);
		_exit(make());
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static bool is_asserted(const struct attempt *attempt, size_t player)
{
	if (attempt->outcomes[player] == ANY)
		return false;
#ifdef SANDBOX_SANITIZED
	if (players[player].is_command)
		return false;
#endif
	return !players[player].opens_files || sandbox_files_version() >= attempt->landlock_least;
}

static void make_attempts(const struct attempt *attempts, size_t count)
{
	int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	unsigned wrong = 0;

	if (geteuid() != 0 || !sandbox_calls_are_there())
		skip();
	for (size_t i = 0; i < count; i++) {
		for (size_t player = 0; player < PLAYERS; player++) {
			int status;
			enum outcome outcome;

			tidy();
			status = confined(&players[player], &config, attempts[i].make, nowhere);
			outcome = outcome_of(status);
			if (!is_asserted(&attempts[i], player) ||
			    outcome == (enum outcome)attempts[i].outcomes[player])
				continue;
			print_error("%s: %s: %c instead of %c (status %#x)\n", players[player].name,
			            attempts[i].name, outcome, attempts[i].outcomes[player],
			            (unsigned)status);
			wrong++;
		}
	}
	close(nowhere);
	assert_int_equal(wrong, 0);
}

static void nobody_opens_a_file_that_is_not_his(void **state)
{
	(void)state;
	make_attempts(on_files, sizeof(on_files) / sizeof(on_files[0]));
}

static void nobody_goes_to_the_network_but_the_scout(void **state)
{
	(void)state;
	make_attempts(on_the_network, sizeof(on_the_network) / sizeof(on_the_network[0]));
}

static void nobody_starts_or_touches_a_process_but_the_supervisor(void **state)
{
	(void)state;
	make_attempts(on_processes, sizeof(on_processes) / sizeof(on_processes[0]));
}

static void nobody_gains_a_right(void **state)
{
	(void)state;
	make_attempts(on_rights, sizeof(on_rights) / sizeof(on_rights[0]));
}

static void without_anchors_of_its_own_the_scout_keeps_those_it_tracks(void **state)
{
	struct config *tracking = malloc(sizeof(*tracking));

	(void)state;
	assert_non_null(tracking);
	if (geteuid() != 0)
		skip();
	*tracking = config;
	tracking->trust_anchor[0] = '\0';
	tidy();
	assert_int_equal(confined(&players[SCOUT], tracking, write_the_root_keys, STDERR_FILENO),
	                 0);
	assert_int_equal(confined(&players[SCOUT], tracking, remove_the_root_keys, STDERR_FILENO),
	                 0);
	tidy();
	if (sandbox_files_version() > 0)
		assert_int_equal(outcome_of(confined(&players[SCOUT], tracking, write_the_database,
		                                     STDERR_FILENO)),
		                 REFUSED);
	free(tracking);
}

/* A channel's ends to the process that is confined. */
static int ends[2];

static int read_when_told(void)
{
	char word;

	return write(ends[1], "r", 1) == 1 && read(ends[1], &word, 1) == 1 ? read_the_anchor() : 1;
}

static void a_file_that_is_replaced_can_be_read_again(void **state)
{
	pid_t helper;
	char word;

	(void)state;
	if (geteuid() != 0)
		skip();
	tidy();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	helper = fork();
	if (helper == 0) {
		if (read(ends[0], &word, 1) != 1 || unlink(around.anchor) != 0)
			_exit(1);
		tidy();
		_exit(write(ends[0], "g", 1) != 1);
	}
	assert_int_equal(confined(&players[SCOUT], &config, read_when_told, STDERR_FILENO), 0);
	waitpid(helper, NULL, 0);
	close(ends[0]);
	close(ends[1]);
}

static void the_log_names_the_call_that_was_forbidden(void **state)
{
	char said[256] = "", want[64];
	int lines[2];

	(void)state;
	if (geteuid() != 0 || !sandbox_calls_are_there())
		skip();
	assert_int_equal(pipe(lines), 0);
	assert_int_equal(outcome_of(confined(&players[LEDGER], &config, run_a_program, lines[1])),
	                 DIED);
	assert_true(read(lines[0], said, sizeof(said) - 1) > 0);
	snprintf(want, sizeof(want), "attempt: error: forbidden system call=execve number=%d\n",
	         SYS_execve);
	assert_string_equal(said, want);
	close(lines[0]);
	close(lines[1]);
}

/* What each lives by, whatever else it may do. 0, or the number of the line. */
static int live(void)
{
	const time_t now = time(NULL);
	struct timespec clock;
	struct epoll_event event = { .events = EPOLLIN };
	int loop = epoll_create1(EPOLL_CLOEXEC);
	char word[8] = "";
	struct tm date;
	void *memory;
	int copy;

	/* Made by the supervisor, and handed on. */
	if (loop < 0 || epoll_ctl(loop, EPOLL_CTL_ADD, around.netfilter, &event) != 0)
		return __LINE__ & 0x7f;
	if (epoll_wait(loop, &event, 1, 1) != 0 || clock_gettime(CLOCK_MONOTONIC, &clock) != 0)
		return __LINE__ & 0x7f;
	if (!localtime_r(&now, &date) || getrandom(word, sizeof(word), 0) != sizeof(word))
		return __LINE__ & 0x7f;
	memory = malloc(64UL * 1024 * 1024);
	if (!memory)
		return __LINE__ & 0x7f;
	memset(memory, 1, 64UL * 1024 * 1024);
	/* cppcheck-suppress memleakOnRealloc ; the process ends then */
	memory = realloc(memory, 1024);
	if (!memory)
		return __LINE__ & 0x7f;
	free(memory);
	copy = fcntl(around.netfilter, F_DUPFD_CLOEXEC, 3);
	if (copy < 0 || fcntl(copy, F_SETFL, O_NONBLOCK) != 0 || close(copy) != 0)
		return __LINE__ & 0x7f;
	log_error("the log works");
	return 0;
}

static int give_up(void)
{
	abort();
}

static void what_a_process_lives_by_is_left_to_it(void **state)
{
	int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);

	(void)state;
	if (geteuid() != 0)
		skip();
	for (size_t player = 0; player < PLAYERS; player++) {
		int status = confined(&players[player], &config, live, nowhere);

		if (status != 0)
			print_error("%s: status %#x\n", players[player].name, (unsigned)status);
		assert_int_equal(status, 0);
		/* abort(3) is no forbidden call. */
		status = confined(&players[player], &config, give_up, nowhere);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	}
	close(nowhere);
}

static int read_memory_of(pid_t process)
{
	const struct passwd *user = getpwnam("nobody");
	char path[64];
	pid_t child = fork();
	int status = 0;

	if (child == 0) {
		snprintf(path, sizeof(path), "/proc/%d/mem", (int)process);
		if (setresgid(user->pw_gid, user->pw_gid, user->pw_gid) != 0 ||
		    setresuid(user->pw_uid, user->pw_uid, user->pw_uid) != 0)
			_exit(126);
		_exit(open_as(path, O_RDONLY));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WEXITSTATUS(status);
}

static void its_memory_is_closed_to_others_of_the_same_user(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	for (size_t player = 0; player < PLAYERS; player++) {
		pid_t child;
		char word;

		assert_int_equal(pipe(ends), 0);
		child = fork();
		if (child == 0) {
			bool is_there = enter(&players[player], &config) == 0;

			_exit(is_there && write(ends[1], "r", 1) == 1 && poll(NULL, 0, 30000) == 0);
		}
		assert_int_equal(read(ends[0], &word, 1), 1);
		assert_int_equal(read_memory_of(child), EACCES);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		close(ends[0]);
		close(ends[1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_opens_a_file_that_is_not_his),
		cmocka_unit_test(nobody_goes_to_the_network_but_the_scout),
		cmocka_unit_test(nobody_starts_or_touches_a_process_but_the_supervisor),
		cmocka_unit_test(nobody_gains_a_right),
		cmocka_unit_test(without_anchors_of_its_own_the_scout_keeps_those_it_tracks),
		cmocka_unit_test(a_file_that_is_replaced_can_be_read_again),
		cmocka_unit_test(the_log_names_the_call_that_was_forbidden),
		cmocka_unit_test(what_a_process_lives_by_is_left_to_it),
		cmocka_unit_test(its_memory_is_closed_to_others_of_the_same_user),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
