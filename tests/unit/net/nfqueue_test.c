/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/nfqueue.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "loopback.h"

/* Each test has a network of its own, where datagrams over the loopback go through queue 7. */
enum { QUEUE = 7, QUEUE_LEN = 256, WAITING = 64, BATCH = 16 };

/* System calls since a test set them to 0: the linker takes these instead of the C library's. */
static unsigned reads, writes;

int recvmmsg(int descriptor, struct mmsghdr *messages, unsigned count, int flags,
             struct timespec *timeout)
{
	reads++;
	return (int)syscall(SYS_recvmmsg, descriptor, messages, count, flags, timeout);
}

ssize_t sendto(int descriptor, const void *octets, size_t len, int flags,
               const struct sockaddr *address, socklen_t address_len)
{
	writes++;
	return syscall(SYS_sendto, descriptor, octets, len, flags, address, address_len);
}

struct world {
	int queue_descriptor;
	struct nfqueue *queue;
	int receiver;
	int sender;
};

struct seen {
	size_t count;
	struct nfqueue_packet last;
	uint8_t octets[2048];
};

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	uint32_t owner;

	*state = world;
	if (!world || !enter_network())
		return 0;
	assert_int_equal(system("iptables-legacy -w -t mangle -A OUTPUT -p udp --dport 9000 "
	                        "-m mark ! --mark 4/4 -j NFQUEUE --queue-num 7"),
	                 0);
	assert_int_equal(nfqueue_open(&world->queue_descriptor, &owner, QUEUE, QUEUE_LEN), 0);
	world->queue = nfqueue_adopt(dup(world->queue_descriptor), QUEUE);
	world->receiver = udp_socket(true);
	world->sender = udp_socket(false);
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	if (world->queue) {
		nfqueue_free(world->queue);
		close(world->queue_descriptor);
		close(world->receiver);
		close(world->sender);
	}
	free(world);
	return 0;
}

/* No right to make a network: nothing can be tested. */
static struct world *world_of(void **state)
{
	struct world *world = *state;

	if (!world->queue)
		skip();
	return world;
}

static void on_packet(void *owner, const struct nfqueue_packet *packet)
{
	struct seen *seen = owner;

	seen->count++;
	seen->last = *packet;
	assert_in_range(packet->packet.len, 1, sizeof(seen->octets));
	memcpy(seen->octets, packet->packet.data, packet->packet.len);
	seen->last.packet.data = seen->octets;
}

static void say(const struct world *world, const char *text)
{
	assert_return_code(send(world->sender, text, strlen(text), 0), errno);
}

static void take(const struct world *world, struct seen *seen, size_t count)
{
	memset(seen, 0, sizeof(*seen));
	while (seen->count < count) {
		assert_true(is_readable(nfqueue_descriptor(world->queue), WAIT_MS));
		assert_int_equal(nfqueue_receive(world->queue, on_packet, seen), 0);
	}
}

static void assert_heard(const struct world *world, const char *text)
{
	char heard[2048];
	ssize_t len;

	assert_true(is_readable(world->receiver, WAIT_MS));
	len = recv(world->receiver, heard, sizeof(heard), 0);
	assert_int_equal(len, strlen(text));
	assert_memory_equal(heard, text, (size_t)len);
}

static void a_queued_packet_is_told_whole_with_its_hook(void **state)
{
	struct world *world = world_of(state);
	struct seen seen;

	say(world, "hello");
	take(world, &seen, 1);
	assert_int_equal(seen.last.netfilter_hook, 3 /* NF_INET_LOCAL_OUT */);
	assert_int_equal(seen.last.ethertype, 0x0800);
	assert_int_equal(seen.last.mark, 0);
	assert_false(seen.last.checksum_ready);
	assert_int_equal(seen.last.packet.len, UDP_HEADERS + 5);
	assert_memory_equal(seen.octets + UDP_HEADERS, "hello", 5);
}

static void a_packet_waits_for_its_verdict_and_then_arrives(void **state)
{
	struct world *world = world_of(state);
	struct seen seen;

	say(world, "hello");
	take(world, &seen, 1);
	assert_false(is_readable(world->receiver, 50));
	assert_int_equal(nfqueue_verdict(world->queue,
	                                 &(struct nfqueue_verdict){
						 .id = seen.last.id,
						 .is_accepted = true,
					 }),
	                 0);
	assert_false(is_readable(world->receiver, 50));
	assert_int_equal(nfqueue_flush(world->queue), 0);
	assert_heard(world, "hello");
}

static void verdicts_may_come_out_of_order(void **state)
{
	struct world *world = world_of(state);
	struct seen first, second;

	say(world, "first");
	take(world, &first, 1);
	say(world, "second");
	take(world, &second, 1);
	nfqueue_verdict(world->queue,
	                &(struct nfqueue_verdict){ .id = second.last.id, .is_accepted = true });
	nfqueue_verdict(world->queue,
	                &(struct nfqueue_verdict){ .id = first.last.id, .is_accepted = true });
	assert_int_equal(nfqueue_flush(world->queue), 0);
	assert_heard(world, "second");
	assert_heard(world, "first");
}

static void a_dropped_packet_does_not_arrive(void **state)
{
	struct world *world = world_of(state);
	struct seen seen;

	say(world, "secret");
	take(world, &seen, 1);
	nfqueue_verdict(world->queue, &(struct nfqueue_verdict){ .id = seen.last.id });
	assert_int_equal(nfqueue_flush(world->queue), 0);
	assert_false(is_readable(world->receiver, 50));
}

/* The kernel completes no checksum of a replaced packet; over IPv4, UDP may go without. */
static void forgo_checksum(struct seen *seen)
{
	memset(seen->octets + 26, 0, 2);
}

static void a_replaced_packet_arrives_instead(void **state)
{
	struct world *world = world_of(state);
	struct seen seen;

	say(world, "secret");
	take(world, &seen, 1);
	memcpy(seen.octets + UDP_HEADERS, "public", 6);
	forgo_checksum(&seen);
	nfqueue_verdict(world->queue, &(struct nfqueue_verdict){
					      .id = seen.last.id,
					      .is_accepted = true,
					      .packet = seen.last.packet,
				      });
	assert_int_equal(nfqueue_flush(world->queue), 0);
	assert_heard(world, "public");
}

static void a_mark_comes_with_the_packet_and_goes_with_the_verdict(void **state)
{
	struct world *world = world_of(state);
	struct seen seen;
	uint32_t mark = 0x01020308;

	assert_int_equal(system("iptables-legacy -w -t filter -A OUTPUT -m mark ! --mark 0x55 "
	                        "-j DROP"),
	                 0);
	setsockopt(world->sender, SOL_SOCKET, SO_MARK, &mark, sizeof(mark));
	say(world, "marked");
	take(world, &seen, 1);
	assert_int_equal(seen.last.mark, mark);
	nfqueue_verdict(world->queue, &(struct nfqueue_verdict){
					      .id = seen.last.id,
					      .is_accepted = true,
					      .has_mark = true,
					      .mark = 0x55,
				      });
	assert_int_equal(nfqueue_flush(world->queue), 0);
	assert_heard(world, "marked");
}

/* Accepted, it would skip the rules behind the queue's; a mark keeps it from being queued again. */
static void a_repeated_packet_sees_the_rest_of_the_table(void **state)
{
	struct world *world = world_of(state);
	struct seen seen;
	size_t i;

	assert_int_equal(system("iptables-legacy -w -t mangle -A OUTPUT -p udp -m mark --mark 4 "
	                        "-j MARK --set-mark 0x55"),
	                 0);
	assert_int_equal(system("iptables-legacy -w -t filter -A OUTPUT -m mark ! --mark 0x55 "
	                        "-j DROP"),
	                 0);
	for (i = 0; i < 2; i++) {
		say(world, i == 0 ? "accepted" : "repeated");
		take(world, &seen, 1);
		nfqueue_verdict(world->queue, &(struct nfqueue_verdict){
						      .id = seen.last.id,
						      .is_accepted = true,
						      .repeats = i == 1,
						      .has_mark = true,
						      .mark = 4,
					      });
		assert_int_equal(nfqueue_flush(world->queue), 0);
	}
	assert_heard(world, "repeated");
	assert_false(is_readable(nfqueue_descriptor(world->queue), 50));
}

static void a_second_owner_is_told_who_has_the_queue(void **state)
{
	struct world *world = world_of(state);
	uint32_t owner = 0;
	int second = -1;

	(void)world;
	assert_int_equal(nfqueue_open(&second, &owner, QUEUE, QUEUE_LEN), -EBUSY);
	assert_int_equal(owner, getpid());
	assert_int_equal(second, -1);
}

static void without_the_capability_nothing_is_opened(void **state)
{
	pid_t child;
	int status;

	(void)world_of(state);
	child = fork();
	if (child == 0) {
		uint32_t owner = 0;
		int opened;

		if (setgid(65534) < 0 || setuid(65534) < 0)
			_exit(1);
		_exit(nfqueue_open(&opened, &owner, QUEUE + 1, QUEUE_LEN) == -EPERM ? 0 : 2);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* The successor finds what was not read; what had been read leaves by a verdict for its id. */
static void a_successor_drops_what_was_read_and_judges_what_was_not(void **state)
{
	struct world *world = world_of(state);
	struct seen seen;

	say(world, "read by the first");
	take(world, &seen, 1);
	nfqueue_free(world->queue);
	say(world, "left for the second");

	world->queue = nfqueue_adopt(dup(world->queue_descriptor), QUEUE);
	take(world, &seen, 1);
	assert_memory_equal(seen.octets + UDP_HEADERS, "left for the second", 19);
	assert_int_equal(nfqueue_drop_up_to(world->queue, seen.last.id - 1), 0);
	nfqueue_verdict(world->queue,
	                &(struct nfqueue_verdict){ .id = seen.last.id, .is_accepted = true });
	assert_int_equal(nfqueue_flush(world->queue), 0);
	assert_heard(world, "left for the second");
	assert_false(is_readable(world->receiver, 50));
	assert_int_equal(nfqueue_counters(world->queue)->verdict_errors, 0);
}

static void a_verdict_for_an_unknown_packet_is_counted(void **state)
{
	struct world *world = world_of(state);
	struct seen seen = { 0 };

	nfqueue_verdict(world->queue, &(struct nfqueue_verdict){ .id = 4711 });
	assert_int_equal(nfqueue_flush(world->queue), 0);
	assert_true(is_readable(nfqueue_descriptor(world->queue), WAIT_MS));
	assert_int_equal(nfqueue_receive(world->queue, on_packet, &seen), 0);
	assert_int_equal(nfqueue_counters(world->queue)->verdict_errors, 1);
	assert_int_equal(seen.count, 0);
	assert_int_equal(nfqueue_receive(world->queue, on_packet, &seen), -EAGAIN);
}

static void more_verdicts_than_one_batch_holds_all_take_effect(void **state)
{
	struct world *world = world_of(state);
	struct seen seen;
	const int room = 4 * 1024 * 1024;
	char text[1400];
	size_t i;

	setsockopt(world->sender, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
	setsockopt(world->receiver, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (i = 0; i < 300; i++) {
		say(world, text);
		take(world, &seen, 1);
		forgo_checksum(&seen);
		assert_int_equal(nfqueue_verdict(world->queue,
		                                 &(struct nfqueue_verdict){
							 .id = seen.last.id,
							 .is_accepted = i % 3 == 0,
							 .packet = seen.last.packet,
						 }),
		                 0);
		if (i % 150 == 149)
			assert_int_equal(nfqueue_flush(world->queue), 0);
	}
	for (i = 0; i < 100; i++)
		assert_heard(world, text);
	assert_false(is_readable(world->receiver, 50));
	assert_int_equal(nfqueue_counters(world->queue)->received, 300);
}

static void accept_at_once(void *owner, const struct nfqueue_packet *packet)
{
	struct world *world = owner;

	assert_int_equal(nfqueue_verdict(world->queue,
	                                 &(struct nfqueue_verdict){
						 .id = packet->id,
						 .is_accepted = true,
					 }),
	                 0);
}

static void many_packets_take_few_system_calls(void **state)
{
	struct world *world = world_of(state);
	size_t i;

	for (i = 0; i < WAITING; i++)
		say(world, "hello");
	reads = 0;
	writes = 0;
	for (i = 1; i <= WAITING / BATCH; i++) {
		assert_int_equal(nfqueue_receive(world->queue, accept_at_once, world), 0);
		assert_int_equal(nfqueue_counters(world->queue)->received, i * BATCH);
	}
	assert_int_equal(reads, WAITING / BATCH);
	assert_int_equal(writes, 0);
	assert_int_equal(nfqueue_flush(world->queue), 0);
	assert_int_equal(writes, 1);
	for (i = 0; i < WAITING; i++)
		assert_heard(world, "hello");
}

static void a_verdict_too_large_for_an_attribute_is_refused(void **state)
{
	static const uint8_t octets[0x10000];
	struct world *world = world_of(state);

	assert_int_equal(nfqueue_verdict(world->queue,
	                                 &(struct nfqueue_verdict){
						 .id = 1,
						 .is_accepted = true,
						 .packet = bytes_of(octets, sizeof(octets)),
					 }),
	                 -EMSGSIZE);
}

#define IN_A_NETWORK(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_NETWORK(a_queued_packet_is_told_whole_with_its_hook),
		IN_A_NETWORK(a_packet_waits_for_its_verdict_and_then_arrives),
		IN_A_NETWORK(verdicts_may_come_out_of_order),
		IN_A_NETWORK(a_dropped_packet_does_not_arrive),
		IN_A_NETWORK(a_replaced_packet_arrives_instead),
		IN_A_NETWORK(a_mark_comes_with_the_packet_and_goes_with_the_verdict),
		IN_A_NETWORK(a_repeated_packet_sees_the_rest_of_the_table),
		IN_A_NETWORK(a_second_owner_is_told_who_has_the_queue),
		IN_A_NETWORK(without_the_capability_nothing_is_opened),
		IN_A_NETWORK(a_successor_drops_what_was_read_and_judges_what_was_not),
		IN_A_NETWORK(a_verdict_for_an_unknown_packet_is_counted),
		IN_A_NETWORK(more_verdicts_than_one_batch_holds_all_take_effect),
		IN_A_NETWORK(many_packets_take_few_system_calls),
		IN_A_NETWORK(a_verdict_too_large_for_an_attribute_is_refused),
	};

	return cmocka_run_group_tests_name("net/nfqueue", tests, NULL, NULL);
}
