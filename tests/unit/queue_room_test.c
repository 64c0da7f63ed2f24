/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "queue_room.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "net/nfqueue.h"
#include "unit/net/loopback.h"

static const struct rules two = { .queue_first = 2500, .queue_count = 2 };

/* The kernel gives its table page by page: this many rows are several. */
enum { OTHERS = 200, OTHERS_FIRST = 100, OTHERS_AND_MORE = 3000 };

struct told {
	unsigned count;
	enum event_kind kind;
	char text[EVENT_TEXT_MAX];
};

static void note(void *owner, enum event_kind kind, const char *subject, const char *text)
{
	struct told *told = owner;

	assert_string_equal(subject, "queues");
	told->count++;
	told->kind = kind;
	text_copy(told->text, sizeof(told->text), text);
}

/* As the kernel prints it (net/netfilter/nfnetlink_queue.c), of queues 2499 to 2501; the last column is always 1. */
static void write_table(const struct queue_room *room, unsigned others, unsigned first_full,
                        unsigned second_full, unsigned second_unread)
{
	assert_int_equal(ftruncate(room->table, 0), 0);
	assert_int_equal(lseek(room->table, 0, SEEK_SET), 0);
	dprintf(room->table, "%5u %6u %5u %1u %5u %5u %5u %8u %2d\n", 2499, 77, 0, 2, 65531, others,
	        0, 9, 1);
	dprintf(room->table, "%5u %6u %5u %1u %5u %5u %5u %8u %2d\n", 2500, 78, 3, 2, 65531,
	        first_full, 0, 12, 1);
	dprintf(room->table, "%5u %6u %5u %1u %5u %5u %5u %8u %2d\n", 2501, 79, 0, 2, 65531,
	        second_full, second_unread, 4294967295U, 1);
}

static int open_room(void **state)
{
	static struct queue_room room;
	static struct told told;
	FILE *file = tmpfile();

	if (!file)
		return -1;
	told = (struct told){ 0 };
	room = (struct queue_room){ .table = dup(fileno(file)), .tell = note, .owner = &told };
	fclose(file);
	*state = &room;
	return 0;
}

static int close_room(void **state)
{
	queue_room_close(*state);
	return 0;
}

static void what_has_no_room_is_told_once_and_its_end(void **state)
{
	struct queue_room *room = *state;
	struct told *told = room->owner;

	write_table(room, 0, 0, 0, 0);
	queue_room_look(room, &two, 1000);
	assert_int_equal(told->count, 0);
	write_table(room, 0, 1, 20, 3);
	queue_room_look(room, &two, 2000);
	assert_int_equal(told->count, 1);
	assert_int_equal(told->kind, EVENT_DEGRADED);
	assert_non_null(strstr(told->text, "queue 2501 has no room"));
	write_table(room, 0, 1, 30, 3);
	queue_room_look(room, &two, 3000);
	queue_room_look(room, &two, 3000 + QUEUE_ROOM_OVER_MS - 1);
	assert_int_equal(told->count, 1);
	queue_room_look(room, &two, 3000 + QUEUE_ROOM_OVER_MS);
	assert_int_equal(told->count, 2);
	assert_int_equal(told->kind, EVENT_RECOVERED);
	assert_string_equal(told->text, "queues have room again, 34 packets had none");
	write_table(room, 0, 2, 30, 3);
	queue_room_look(room, &two, 100000);
	assert_int_equal(told->count, 3);
	queue_room_look(room, &two, 100000 + QUEUE_ROOM_OVER_MS);
	assert_string_equal(told->text, "queues have room again, 1 packets had none");
}

static void others_queues_are_none_of_ours(void **state)
{
	struct queue_room *room = *state;
	struct told *told = room->owner;

	write_table(room, 5000, 0, 0, 0);
	queue_room_look(room, &two, 1000);
	assert_int_equal(told->count, 0);
}

static void ours_are_found_behind_many_of_others(void **state)
{
	struct queue_room *room = *state;
	struct told *told = room->owner;
	FILE *table = fdopen(dup(room->table), "w");

	assert_non_null(table);
	for (unsigned i = 0; i < OTHERS_AND_MORE; i++)
		fprintf(table, "%5u %6u %5u %1u %5u %5u %5u %8u %2d\n", 10000 + i, 77, 0, 2, 65531,
		        3, 0, 9, 1);
	fprintf(table, "%5u %6u %5u %1u %5u %5u %5u %8u %2d\n", 2501, 78, 3, 2, 65531, 2, 0, 12, 1);
	assert_int_equal(fclose(table), 0);
	queue_room_look(room, &two, 1000);
	assert_int_equal(told->count, 1);
	assert_non_null(strstr(told->text, "queue 2501 has no room"));
	assert_int_equal(room->count, 2);
}

/* The oldest of its bucket, near the end of the table: what the kernel shows first are the others. */
static void ours_are_found_behind_many_of_others_in_the_kernels_table(void **state)
{
	struct told told = { 0 };
	struct queue_room room = { .table = -1 };
	int queues[OTHERS + 1], sender;
	uint32_t owner;

	(void)state;
	if (!enter_network())
		skip();
	assert_int_equal(system("iptables-legacy -w -t mangle -A OUTPUT -p udp --dport 9000 "
	                        "-j NFQUEUE --queue-num 2500"),
	                 0);
	assert_int_equal(nfqueue_open(&queues[OTHERS], &owner, 2500, 1), 0);
	for (int i = 0; i < OTHERS; i++)
		assert_int_equal(nfqueue_open(&queues[i], &owner, (uint16_t)(OTHERS_FIRST + i), 1),
		                 0);
	queue_room_open(&room, note, &told);
	queue_room_look(&room, &two, 1000);
	assert_int_equal(told.count, 0);
	sender = udp_socket(false);
	for (int i = 0; i < 4; i++)
		(void)send(sender, "x", 1, 0);
	close(sender);
	queue_room_look(&room, &two, 2000);
	queue_room_close(&room);
	for (int i = 0; i <= OTHERS; i++)
		close(queues[i]);
	assert_int_equal(told.count, 1);
	assert_int_equal(room.count, 3);
}

static void a_queue_that_is_opened_anew_counts_from_nothing(void **state)
{
	struct queue_room *room = *state;
	struct told *told = room->owner;

	write_table(room, 0, 4000000000U, 0, 0);
	queue_room_look(room, &two, 1000);
	assert_int_equal(told->count, 1);
	write_table(room, 0, 0, 0, 0);
	queue_room_look(room, &two, 1000 + QUEUE_ROOM_OVER_MS);
	assert_string_equal(told->text, "queues have room again, 4000000000 packets had none");
	write_table(room, 0, 7, 0, 0);
	queue_room_look(room, &two, 200000);
	assert_int_equal(told->kind, EVENT_DEGRADED);
	assert_int_equal(room->count, 7);
}

static void a_table_that_is_not_one_tells_nothing(void **state)
{
	struct queue_room *room = *state;
	struct told *told = room->owner;

	dprintf(room->table, "\n 2500\n2500 1 2 3 4 5\nx 2500 1 2 3 4 5 6 7\n");
	queue_room_look(room, &two, 1000);
	queue_room_close(room);
	queue_room_look(room, &two, 2000);
	assert_int_equal(told->count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_has_no_room_is_told_once_and_its_end,
		                                open_room, close_room),
		cmocka_unit_test_setup_teardown(others_queues_are_none_of_ours, open_room,
		                                close_room),
		cmocka_unit_test_setup_teardown(ours_are_found_behind_many_of_others, open_room,
		                                close_room),
		cmocka_unit_test(ours_are_found_behind_many_of_others_in_the_kernels_table),
		cmocka_unit_test_setup_teardown(a_queue_that_is_opened_anew_counts_from_nothing,
		                                open_room, close_room),
		cmocka_unit_test_setup_teardown(a_table_that_is_not_one_tells_nothing, open_room,
		                                close_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
