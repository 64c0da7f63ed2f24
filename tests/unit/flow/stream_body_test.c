/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/stream.h"

#include <string.h>

#include "flow/dots.h"
#include "streamed.h"

#define FILLER "and then more of the letter, of which each line holds about sixty octets\r\n"

static const char text_line[] = FILLER "A sentence ends here. Another here.\r\n";

static uint8_t large[3 * STREAM_KEPT_MAX];

static enum stream_result push_large(struct stream *stream, size_t from, size_t len)
{
	return stream_push(stream, &is_inconsistent, first + (uint32_t)from,
	                   bytes_of(large + from, len));
}

static enum stream_judgement judge_large(struct stream *stream, size_t from, size_t len)
{
	return stream_judge(stream, &rewrite, first + (uint32_t)from, bytes_of(large + from, len));
}

static void fill_large(const char *line)
{
	size_t i;

	for (i = 0; i < sizeof(large); i++)
		large[i] = (uint8_t)line[i % strlen(line)];
}

static void more_unread_than_the_window_is_full(void **state)
{
	struct stream *stream = new_stream(first);

	(void)state;
	fill_large("x");
	assert_int_equal(push_large(stream, 0, STREAM_WINDOW_MAX + 1), STREAM_FULL);
	assert_int_equal(stream_next(stream), first);
	assert_int_equal(push_large(stream, 0, STREAM_WINDOW_MAX), STREAM_NEW);
	assert_int_equal(push_large(stream, STREAM_WINDOW_MAX, 1), STREAM_FULL);
	assert_int_equal(judge_large(stream, STREAM_WINDOW_MAX, 1), STREAM_WAIT);
	assert_int_equal(stream_readable(stream).len, STREAM_WINDOW_MAX);
	stream_consume(stream, 1);
	assert_int_equal(push_large(stream, STREAM_WINDOW_MAX, 1), STREAM_NEW);
	end_stream(stream);
}

static void a_full_window_still_compares_the_copy(void **state)
{
	struct stream *stream = new_stream(first);

	(void)state;
	fill_large("x");
	assert_int_equal(push_large(stream, 0, STREAM_WINDOW_MAX), STREAM_NEW);
	large[STREAM_WINDOW_MAX - 1] = 'y';
	assert_int_equal(push_large(stream, STREAM_WINDOW_MAX - 1, 2), STREAM_FULL);
	assert_true(is_inconsistent);
	end_stream(stream);
}

static void commands_in_flight_make_the_stream_busy_until_acknowledged(void **state)
{
	struct stream *stream = new_stream(first);

	(void)state;
	fill_large("NOOP\r\n");
	assert_int_equal(push_large(stream, 0, STREAM_WINDOW_MAX), STREAM_NEW);
	read_all(stream);
	assert_int_equal(push_large(stream, STREAM_WINDOW_MAX, 60000), STREAM_NEW);
	read_all(stream);
	assert_int_equal(push_large(stream, STREAM_WINDOW_MAX + 60000, 1), STREAM_BUSY);
	assert_true(stream_acknowledge(stream, first + 60000));
	assert_int_equal(push_large(stream, STREAM_WINDOW_MAX + 60000, 1), STREAM_NEW);
	end_stream(stream);
}

static void a_refused_charge_keeps_nothing(void **state)
{
	struct stream *stream = new_stream(first);
	size_t used;

	(void)state;
	assert_int_equal(push(stream, first, "NOOP\r\n"), STREAM_NEW);
	used = budget.used;
	budget.limit = used;
	fill_large("x");
	assert_int_equal(push_large(stream, 6, 2000), STREAM_FULL);
	assert_int_equal(budget.used, used);
	assert_int_equal(stream_next(stream), first + 6);
	assert_bytes(stream_readable(stream), "NOOP\r\n");
	assert_int_equal(push(stream, first + 6, "QUIT\r\n"), STREAM_NEW);
	end_stream(stream);
	budget = (struct budget){ .limit = 1 };
	assert_null(stream_new(first, &budget));
	assert_int_equal(budget.used, 0);
}

/* A body of that line, all pushed in offloaded segments and read, nothing acknowledged. */
static struct stream *stream_with_body(const char *line)
{
	struct stream *stream = new_stream(first);
	size_t at;

	fill_large(line);
	stream_keep_none(stream, true);
	for (at = 0; at + 65212 <= sizeof(large); at += 65212) {
		assert_int_equal(push_large(stream, at, 65212), STREAM_NEW);
		read_all(stream);
		assert_int_equal(judge_large(stream, at, 65212), STREAM_PASS);
	}
	return stream;
}

static void a_body_flows_on_without_acknowledgements_and_within_bounds(void **state)
{
	struct stream *stream = stream_with_body(text_line);

	(void)state;
	assert_true(budget.peak < STREAM_KEPT_MAX + 128 * 1024);
	assert_int_equal(stream_kept(stream, first).len, 0);
	end_stream(stream);
}

static void a_body_again_passes_however_it_is_cut(void **state)
{
	struct stream *stream =
		stream_with_body("A line of text. Another line of text.\r\n..stuffed\r\n.x\r\n");
	size_t from;
	size_t len;

	(void)state;
	for (from = 0; from < 90; from++) {
		for (len = 1; len < 90; len++)
			assert_int_equal(judge_large(stream, from, len), STREAM_PASS);
	}
	/* From what was let go into what is kept. */
	assert_int_equal(push_large(stream, 0, sizeof(large) / 65212 * 65212), STREAM_OLD);
	assert_int_equal(judge_large(stream, 0, sizeof(large) / 65212 * 65212), STREAM_PASS);
	assert_false(is_inconsistent);
	end_stream(stream);
}

static void no_end_of_data_can_be_made_of_copies_of_a_body(void **state)
{
	struct stream *stream = stream_with_body("line\r\nx.y\r\n.z.\r\n" FILLER);

	(void)state;
	/* Each of these, with another copy cut elsewhere, would be one. */
	assert_int_equal(judge(stream, first, "line\r\n."), STREAM_DROP);
	assert_int_equal(judge(stream, first + 6, "."), STREAM_DROP);
	assert_int_equal(judge(stream, first + 6, "\n.y"), STREAM_DROP);
	assert_int_equal(judge(stream, first + 6, "\n"), STREAM_DROP);
	assert_int_equal(judge(stream, first + 8, "\r"), STREAM_DROP);
	assert_int_equal(judge(stream, first + 12, "\r"), STREAM_DROP);
	assert_int_equal(judge(stream, first + 12, "\n\r\n"), STREAM_DROP);
	assert_int_equal(push(stream, first + 12, "\r"), STREAM_OLD);
	assert_true(is_inconsistent);
	/* Letters may differ: they are beyond memory, and do no harm. */
	assert_int_equal(judge(stream, first, "LINE\r\nX.Y\r\n.Z.\r\nAND"), STREAM_PASS);
	end_stream(stream);
}

static void a_copy_that_differs_in_what_is_kept_and_begins_before_it_is_dropped(void **state)
{
	struct stream *stream = stream_with_body("x");
	size_t len = sizeof(large) / 65212 * 65212;

	(void)state;
	large[len - 1] = 'y';
	assert_int_equal(judge_large(stream, 0, len), STREAM_DROP);
	assert_int_equal(judge_large(stream, len - 10, 10), STREAM_REWRITE);
	assert_bytes(rewrite.payload, "xxxxxxxxxx");
	end_stream(stream);
}

static void an_end_of_data_is_kept_until_acknowledged(void **state)
{
	struct stream *stream = new_stream(first);
	size_t at = 65212;

	(void)state;
	fill_large("x");
	memcpy(large + 1000, "\r\n.\r\n", 5);
	stream_keep_none(stream, true);
	assert_int_equal(push_large(stream, 0, at), STREAM_NEW);
	read_all(stream);
	assert_int_equal(push_large(stream, at, at), STREAM_NEW);
	read_all(stream);
	assert_int_equal(push_large(stream, 2 * at, 2000), STREAM_BUSY);
	assert_bytes(bytes_slice(stream_kept(stream, first + 1002), 0, 3), ".\r\n");
	assert_int_equal(judge(stream, first + 1002, "...."), STREAM_REWRITE);
	assert_true(stream_acknowledge(stream, first + 1005));
	assert_int_equal(push_large(stream, 2 * at, 2000), STREAM_NEW);
	end_stream(stream);
}

static void commands_around_a_body_are_kept_until_acknowledged(void **state)
{
	struct stream *stream = new_stream(first);
	uint32_t command = first + 65212;

	(void)state;
	fill_large("x");
	stream_keep_none(stream, true);
	assert_int_equal(push_large(stream, 0, 65212), STREAM_NEW);
	read_all(stream);
	stream_keep_none(stream, false);
	assert_int_equal(push(stream, command, "BDAT 99999\r\n"), STREAM_NEW);
	read_all(stream);
	stream_keep_none(stream, true);
	assert_int_equal(push_large(stream, 65212 + 12, 65212), STREAM_NEW);
	read_all(stream);
	assert_int_equal(push_large(stream, 2 * 65212 + 12, 2000), STREAM_BUSY);
	assert_int_equal(judge(stream, command, "BDAT 00001\r\n"), STREAM_REWRITE);
	assert_bytes(rewrite.payload, "BDAT 99999\r\n");
	assert_true(stream_acknowledge(stream, command + 12));
	assert_int_equal(push_large(stream, 2 * 65212 + 12, 65212), STREAM_NEW);
	end_stream(stream);
}

static void a_body_that_is_over_may_still_be_let_go(void **state)
{
	struct stream *stream = new_stream(first);

	(void)state;
	fill_large("x");
	stream_keep_none(stream, true);
	assert_int_equal(push_large(stream, 0, 65212), STREAM_NEW);
	read_all(stream);
	stream_keep_none(stream, false);
	assert_int_equal(push_large(stream, 65212, 10000), STREAM_NEW);
	read_all(stream);
	assert_int_equal(push_large(stream, 75212, 2000), STREAM_NEW);
	assert_int_equal(stream_kept(stream, first).len, 0);
	assert_true(stream_kept(stream, first + 65211).len > 0);
	end_stream(stream);
}

static void what_may_not_pass_yet_is_not_let_go(void **state)
{
	struct stream *stream = new_stream(first);

	(void)state;
	fill_large("x");
	stream_keep_none(stream, true);
	assert_int_equal(push_large(stream, 0, 65000), STREAM_NEW);
	stream_consume(stream, SIZE_MAX);
	assert_int_equal(push_large(stream, 65000, 65000), STREAM_NEW);
	stream_consume(stream, SIZE_MAX);
	assert_int_equal(push_large(stream, 130000, 65000), STREAM_BUSY);
	stream_allow(stream, 0);
	assert_int_equal(judge_large(stream, 0, 65000), STREAM_PASS);
	assert_int_equal(stream_kept(stream, first).len, 130000);
	assert_int_equal(push_large(stream, 130000, 65000), STREAM_NEW);
	end_stream(stream);
}

static void an_end_of_data_cannot_be_completed_behind_its_acknowledged_part(void **state)
{
	struct stream *stream = new_stream(first);

	(void)state;
	fill_large("x");
	memcpy(large + 1000, "\r\n.\rX", 5);
	stream_keep_none(stream, true);
	assert_int_equal(push_large(stream, 0, 65000), STREAM_NEW);
	read_all(stream);
	assert_true(stream_acknowledge(stream, first + 1004));
	assert_int_equal(push_large(stream, 65000, 65000), STREAM_NEW);
	read_all(stream);
	assert_int_equal(push_large(stream, 130000, 2000), STREAM_BUSY);
	assert_int_equal(judge(stream, first + 1004, "\n"), STREAM_REWRITE);
	assert_bytes(rewrite.payload, "X");
	assert_true(stream_acknowledge(stream, first + 1005));
	assert_int_equal(push_large(stream, 130000, 2000), STREAM_NEW);
	end_stream(stream);
}

static void no_more_is_let_go_than_can_be_told_apart(void **state)
{
	struct stream *stream = new_stream(first);
	uint64_t sent = 0;

	(void)state;
	fill_large("x");
	stream_keep_none(stream, true);
	while (stream_push(stream, &is_inconsistent, first + (uint32_t)sent,
	                   bytes_of(large, 65000)) == STREAM_NEW) {
		read_all(stream);
		sent += 65000;
		assert_true(sent < 1U << 30);
	}
	assert_true(sent > DOTS_STRETCH_MAX);
	assert_true(stream_acknowledge(stream, first + (uint32_t)sent / 2));
	assert_int_equal(stream_push(stream, &is_inconsistent, first + (uint32_t)sent,
	                             bytes_of(large, 65000)),
	                 STREAM_NEW);
	end_stream(stream);
}

static void a_body_too_full_of_dots_to_remember_waits_for_acknowledgements(void **state)
{
	struct stream *stream = new_stream(first);

	(void)state;
	fill_large(".");
	stream_keep_none(stream, true);
	assert_int_equal(push_large(stream, 0, 65000), STREAM_NEW);
	read_all(stream);
	assert_int_equal(push_large(stream, 65000, 65000), STREAM_NEW);
	read_all(stream);
	assert_int_equal(push_large(stream, 130000, 65000), STREAM_BUSY);
	assert_true(stream_acknowledge(stream, first + 130000));
	assert_int_equal(push_large(stream, 130000, 65000), STREAM_NEW);
	end_stream(stream);
}

static void a_refused_charge_in_a_body_lets_more_of_it_go(void **state)
{
	struct stream *stream = new_stream(first);
	size_t at;

	(void)state;
	budget.limit = 4096;
	fill_large(text_line);
	stream_keep_none(stream, true);
	for (at = 0; at < 8000; at += 1000) {
		assert_int_equal(push_large(stream, at, 1000), STREAM_NEW);
		read_all(stream);
		assert_int_equal(judge_large(stream, 0, at + 1000), STREAM_PASS);
	}
	assert_true(stream_acknowledge(stream, first + 8000));
	assert_true(budget.used <= 72);
	end_stream(stream);
}

static void acknowledged_copies_of_a_body_are_answered(void **state)
{
	struct stream *stream = stream_with_body(text_line);

	(void)state;
	assert_true(stream_acknowledge(stream, first + 5000));
	assert_int_equal(judge_large(stream, 0, 5000), STREAM_REWRITE);
	assert_int_equal(rewrite.payload.len, 0);
	assert_int_equal(rewrite.seq, first + 4999);
	assert_int_equal(judge_large(stream, 4000, 2000), STREAM_REWRITE);
	assert_int_equal(rewrite.payload.len, 1000);
	assert_int_equal(rewrite.seq, first + 5000);
	assert_int_equal(judge_large(stream, 5000, 1000), STREAM_PASS);
	end_stream(stream);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(more_unread_than_the_window_is_full),
		cmocka_unit_test(a_full_window_still_compares_the_copy),
		cmocka_unit_test(commands_in_flight_make_the_stream_busy_until_acknowledged),
		cmocka_unit_test(a_refused_charge_keeps_nothing),
		cmocka_unit_test(a_body_flows_on_without_acknowledgements_and_within_bounds),
		cmocka_unit_test(a_body_again_passes_however_it_is_cut),
		cmocka_unit_test(no_end_of_data_can_be_made_of_copies_of_a_body),
		cmocka_unit_test(
			a_copy_that_differs_in_what_is_kept_and_begins_before_it_is_dropped),
		cmocka_unit_test(an_end_of_data_is_kept_until_acknowledged),
		cmocka_unit_test(commands_around_a_body_are_kept_until_acknowledged),
		cmocka_unit_test(a_body_that_is_over_may_still_be_let_go),
		cmocka_unit_test(what_may_not_pass_yet_is_not_let_go),
		cmocka_unit_test(an_end_of_data_cannot_be_completed_behind_its_acknowledged_part),
		cmocka_unit_test(no_more_is_let_go_than_can_be_told_apart),
		cmocka_unit_test(a_body_too_full_of_dots_to_remember_waits_for_acknowledgements),
		cmocka_unit_test(a_refused_charge_in_a_body_lets_more_of_it_go),
		cmocka_unit_test(acknowledged_copies_of_a_body_are_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
