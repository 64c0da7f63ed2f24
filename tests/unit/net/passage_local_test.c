/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "passage_world.h"

/*
 * What a local process sends iptables-nft filters with bottom halves on. Here segments of another connection come in meanwhile, on
 * the same processor, by way of an interrupt from a second one. With one processor nothing comes in between.
 */

enum {
	ROUNDS = 40000,
	TEXT_LEN = 60000,
	HEADERS_LEN = 40,
	SENT_FROM = 40001,
	RECEIVED_FROM = 40002
};

static const char RULES[] =
	"exec 2>&1; ip link set lo up && mount -t sysfs none /sys && echo 1 "
	">/sys/class/net/lo/queues/rx-0/rps_cpus && "
	"for rule in 'OUTPUT -p tcp --sport 40001 -m bpf --object-pinned %1$s' 'OUTPUT -p tcp "
	"--sport 40001' "
	"'INPUT -p tcp --sport 40002 -m bpf --object-pinned %1$s' 'INPUT -p tcp'; do "
	"iptables-nft -t mangle -A $rule -j DROP || exit; done";

/* Longer than what BPF_PROG_TEST_RUN takes, so that there is time to come in between. */
static uint8_t packet[HEADERS_LEN + TEXT_LEN];

static struct passage_flow flow_from(uint16_t port, uint32_t ingress)
{
	struct passage_flow flow = { .client.port = port, .server.port = 25, .ingress = ingress };

	assert_true(address_parse(&flow.client.address, "127.0.0.1"));
	flow.server.address = flow.client.address;
	return flow;
}

static void run_on(size_t processor)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(processor, &set);
	(void)sched_setaffinity(0, sizeof(set), &set);
}

static int open_raw(void)
{
	int opened = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);

	assert_true(opened >= 0);
	return opened;
}

static void send_packet(int raw, uint16_t port, uint32_t seq)
{
	const struct sockaddr_in to = { .sin_family = AF_INET,
		                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const uint32_t words[HEADERS_LEN / 4] = {
		htonl(0x45000000U + sizeof(packet)),
		0,
		htonl(0x40060000),
		to.sin_addr.s_addr,
		to.sin_addr.s_addr,
		htonl((uint32_t)port << 16 | 25),
		htonl(seq),
		0,
		htonl(0x50180000),
		0,
	};

	memcpy(packet, words, sizeof(words));
	(void)sendto(raw, packet, sizeof(packet), 0, (const struct sockaddr *)&to, sizeof(to));
}

/* Text of another connection, on and on; what was frozen is armed again. */
static void send_others(void)
{
	const struct passage_flow flow = flow_from(RECEIVED_FROM, 1);
	const struct passage_place begin = { .next_seq = SEQ, .tail = { 'x', 'x' } };
	int raw = open_raw();

	memset(packet, 'x', sizeof(packet));
	for (;;) {
		struct passage_look seen;

		if (body_passage_look(world.other, &seen, &flow) != 0 || !seen.is_armed) {
			assert_int_equal(body_passage_arm(world.other, &flow, &begin), 0);
			seen.place.next_seq = SEQ;
		}
		send_packet(raw, RECEIVED_FROM, seen.place.next_seq);
	}
}

static pid_t start_others(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		run_on(1);
		send_others();
		_exit(0);
	}
	assert_true(pid > 0);
	return pid;
}

static void no_mark_passes_whatever_comes_in_meanwhile(void **state)
{
	const struct passage_flow flow = flow_from(SENT_FROM, 0);
	char pin[PASSAGE_PATH_MAX], command[2048];
	pid_t others;
	int raw;

	skip_without_program(state);
	(void)snprintf(command, sizeof(command), RULES, passage_pin_path(pin));
	assert_int_equal(system(command), 0);
	raw = open_raw();
	others = start_others();
	run_on(0);
	memset(packet, 'x', sizeof(packet));
	for (uint32_t round = 0; round < ROUNDS; round++) {
		uint8_t *mark = packet + HEADERS_LEN + round * 7919U % (TEXT_LEN - 3);

		memcpy(mark, "\n.\r", 3);
		arm(&flow, SEQ);
		send_packet(raw, SENT_FROM, SEQ);
		assert_false(is_armed(&flow));
		memset(mark, 'x', 3);
	}
	(void)kill(others, SIGKILL);
	assert_int_equal(waitpid(others, NULL, 0), others);
	close(raw);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_mark_passes_whatever_comes_in_meanwhile),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
