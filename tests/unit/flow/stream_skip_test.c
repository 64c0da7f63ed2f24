/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/stream.h"

#include "streamed.h"

/* Octets of a body that passed in the kernel, between those that were seen. */

static const char seen[] = "Subject: a\r\n\r\n";
static const uint8_t tail[2] = { 'x', '\r' };

enum { SEEN = sizeof(seen) - 1, UNSEEN = 100000 };

/* A command that was acknowledged, and the beginning of a body that was not. */
static struct stream *in_body(void)
{
	struct stream *stream = stream_having("DATA\r\n");

	assert_true(stream_acknowledge(stream, first + 6));
	stream_keep_none(stream, true);
	assert_int_equal(push(stream, first + 6, seen), STREAM_NEW);
	read_all(stream);
	return stream;
}

static const uint32_t from = first + 6, skipped_from = first + 6 + SEEN,
		      skipped_to = first + 6 + SEEN + UNSEEN;

static struct stream *skipped(void)
{
	struct stream *stream = in_body();

	assert_true(stream_may_skip(stream));
	stream_skip(stream, skipped_to, tail);
	return stream;
}

static void a_stream_goes_on_behind_octets_that_it_never_saw(void **state)
{
	struct stream *stream = skipped();
	uint8_t last[2];

	(void)state;
	assert_int_equal(stream_next(stream), skipped_to);
	assert_int_equal(stream_allowed(stream), skipped_to);
	assert_int_equal(stream_acked(stream), from);
	stream_tail(stream, last);
	assert_memory_equal(last, tail, 2);
	assert_int_equal(push(stream, skipped_to + 1, "early"), STREAM_GAP);
	assert_int_equal(push(stream, skipped_to, "\nmore\r\n"), STREAM_NEW);
	assert_bytes(stream_readable(stream), "\nmore\r\n");
	assert_int_equal(judge(stream, skipped_to, "\nmore\r\n"), STREAM_WAIT);
	read_all(stream);
	assert_int_equal(judge(stream, skipped_to, "\nmore\r\n"), STREAM_PASS);
	stream_tail(stream, last);
	assert_memory_equal(last, "\r\n", 2);
	assert_false(is_inconsistent);
	end_stream(stream);
}

static void the_last_two_octets_are_known_across_the_edge(void **state)
{
	struct stream *stream = skipped();
	uint8_t last[2];

	(void)state;
	assert_int_equal(push(stream, skipped_to, "y"), STREAM_NEW);
	read_all(stream);
	stream_tail(stream, last);
	assert_memory_equal(last, "\ry", 2);
	end_stream(stream);
}

static void what_the_receiver_has_of_unseen_octets_it_may_say(void **state)
{
	struct stream *stream = skipped();

	(void)state;
	assert_true(stream_acknowledge(stream, skipped_from + 5));
	assert_true(stream_acknowledge(stream, skipped_to));
	assert_false(stream_acknowledge(stream, skipped_to + 1));
	assert_int_equal(stream_acked(stream), skipped_to);
	end_stream(stream);
}

static void unseen_octets_in_flight_come_again_and_pass(void **state)
{
	struct stream *stream = skipped();

	(void)state;
	assert_int_equal(push(stream, from, seen), STREAM_OLD);
	assert_int_equal(judge(stream, from, seen), STREAM_PASS);
	assert_int_equal(push(stream, skipped_from + 20, "one.\r\n..two\r\n"), STREAM_OLD);
	assert_int_equal(judge(stream, skipped_from + 20, "one.\r\n..two\r\n"), STREAM_PASS);
	/* Across both edges. */
	assert_int_equal(push(stream, skipped_from - 2, "\r\nseen"), STREAM_OLD);
	assert_int_equal(judge(stream, skipped_from - 2, "\r\nseen"), STREAM_PASS);
	assert_int_equal(push(stream, skipped_to - 3, "ax\r\nnew"), STREAM_NEW);
	read_all(stream);
	assert_int_equal(judge(stream, skipped_to - 3, "ax\r\nnew"), STREAM_PASS);
	assert_false(is_inconsistent);
	end_stream(stream);
}

/* As of octets that are kept, only what is not acknowledged goes on. */
static void of_unseen_octets_those_acknowledged_do_not_pass_again(void **state)
{
	struct stream *stream = skipped();

	(void)state;
	assert_true(stream_acknowledge(stream, skipped_from + 22));
	assert_int_equal(push(stream, skipped_from + 20, "one.two"), STREAM_OLD);
	assert_int_equal(judge(stream, skipped_from + 20, "one.two"), STREAM_REWRITE);
	assert_int_equal(rewrite.seq, skipped_from + 22);
	assert_bytes(rewrite.payload, "e.two");
	assert_int_equal(judge(stream, skipped_from + 22, "e.two"), STREAM_PASS);
	assert_false(is_inconsistent);
	end_stream(stream);
}

static void no_copy_of_unseen_octets_ends_the_data(void **state)
{
	static const char *const ends[] = { "\r\n.\r\n", "\n.\n", "\r.\r", "a\n.\rb" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct stream *stream = skipped();

		assert_int_equal(push(stream, skipped_from + 9, ends[i]), STREAM_OLD);
		assert_int_equal(judge(stream, skipped_from + 9, ends[i]), STREAM_DROP);
		assert_true(is_inconsistent);
		end_stream(stream);
	}
}

static void a_copy_that_differs_at_the_edge_does_not_pass(void **state)
{
	static const char *const copies[] = { "zx\n", "zz\r", "\n.\r" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(copies) / sizeof(copies[0]); i++) {
		struct stream *stream = skipped();

		assert_int_equal(push(stream, skipped_to - 3, copies[i]), STREAM_OLD);
		assert_int_equal(judge(stream, skipped_to - 3, copies[i]), STREAM_DROP);
		assert_true(is_inconsistent);
		end_stream(stream);
	}
}

static void a_keep_alive_among_what_is_acknowledged_carries_anything(void **state)
{
	struct stream *stream = skipped();

	(void)state;
	assert_true(stream_acknowledge(stream, skipped_to));
	assert_int_equal(push(stream, skipped_to - 1, "?"), STREAM_OLD);
	assert_int_equal(judge(stream, skipped_to - 1, "?"), STREAM_REWRITE);
	assert_int_equal(rewrite.payload.len, 0);
	assert_false(is_inconsistent);
	end_stream(stream);
}

/* "x\r" is unseen, then "\n.b" is seen and let go: no copy makes an end of data of that dot. */
static void what_is_let_go_behind_unseen_octets_is_remembered_as_ever(void **state)
{
	static char text[STREAM_WINDOW_MAX - 1];
	struct stream *stream = skipped();
	uint32_t next = skipped_to;
	int i;

	(void)state;
	budget.limit = 8 << 20;
	memset(text, 'a', sizeof(text) - 1);
	memcpy(text, "\n.b", 3);
	for (i = 0; i < 4; i++) {
		assert_int_equal(push(stream, next, text), STREAM_NEW);
		read_all(stream);
		next += sizeof(text) - 1;
	}
	assert_int_equal(stream_kept(stream, skipped_to).len, 0);
	assert_int_equal(judge(stream, skipped_to - 1, "\r\n.b"), STREAM_PASS);
	assert_int_equal(judge(stream, skipped_to - 1, "\r\n.\r"), STREAM_DROP);
	assert_int_equal(judge(stream, skipped_from + 7, "\n.\r"), STREAM_DROP);
	assert_int_equal(judge(stream, skipped_from + 7, "\n.a"), STREAM_PASS);
	end_stream(stream);
}

static void it_keeps_nothing_but_does_not_rest_before_all_is_acknowledged(void **state)
{
	struct stream *stream = skipped();
	struct stream_rest rest;

	(void)state;
	assert_false(stream_rest(&rest, stream));
	assert_true(stream_acknowledge(stream, skipped_to));
	assert_true(stream_rest(&rest, stream));
	stream = stream_resume(&rest, &budget);
	assert_true(stream_may_skip(stream));
	end_stream(stream);
}

static void of_many_skips_each_goes_on_from_the_last(void **state)
{
	struct stream *stream = skipped();

	(void)state;
	assert_true(stream_may_skip(stream));
	assert_int_equal(push(stream, skipped_to, "\nseen"), STREAM_NEW);
	assert_false(stream_may_skip(stream));
	read_all(stream);
	assert_true(stream_may_skip(stream));
	stream_skip(stream, skipped_to + 5, (const uint8_t *)"en");
	assert_int_equal(stream_kept(stream, skipped_to).len, 5);
	stream_skip(stream, skipped_to + 50, (const uint8_t *)".\n");
	assert_int_equal(stream_next(stream), skipped_to + 50);
	assert_int_equal(stream_acked(stream), from);
	assert_int_equal(judge(stream, skipped_to, "\nseen"), STREAM_PASS);
	end_stream(stream);
}

static void what_is_too_far_back_to_be_in_flight_counts_as_acknowledged(void **state)
{
	struct stream *stream = in_body();
	uint32_t to = from + 0xc0000000U;

	(void)state;
	stream_skip(stream, to, tail);
	assert_int_equal(stream_acked(stream), to - STREAM_UNSEEN_MAX);
	assert_true(stream_acknowledge(stream, to));
	end_stream(stream);
}

static void only_a_body_of_which_all_passed_is_left_to_the_kernel(void **state)
{
	struct stream *stream = new_stream(first);

	(void)state;
	/* A command in flight would no longer be known exactly. */
	assert_int_equal(push(stream, first, "DATA\r\n"), STREAM_NEW);
	read_all(stream);
	assert_false(stream_may_skip(stream));
	stream_keep_none(stream, true);
	assert_false(stream_may_skip(stream));
	assert_true(stream_acknowledge(stream, first + 3));
	assert_false(stream_may_skip(stream));
	assert_true(stream_acknowledge(stream, first + 6));
	assert_true(stream_may_skip(stream));
	assert_int_equal(push(stream, first + 6, "text"), STREAM_NEW);
	assert_false(stream_may_skip(stream));
	stream_consume(stream, 3);
	stream_allow(stream, 1);
	assert_false(stream_may_skip(stream));
	read_all(stream);
	assert_true(stream_may_skip(stream));
	/* The next body: the commands between are in flight. */
	stream_keep_none(stream, false);
	assert_false(stream_may_skip(stream));
	assert_int_equal(push(stream, first + 10, "DATA\r\n"), STREAM_NEW);
	read_all(stream);
	stream_keep_none(stream, true);
	assert_false(stream_may_skip(stream));
	assert_true(stream_acknowledge(stream, first + 16));
	assert_true(stream_may_skip(stream));
	end_stream(stream);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stream_goes_on_behind_octets_that_it_never_saw),
		cmocka_unit_test(the_last_two_octets_are_known_across_the_edge),
		cmocka_unit_test(what_the_receiver_has_of_unseen_octets_it_may_say),
		cmocka_unit_test(unseen_octets_in_flight_come_again_and_pass),
		cmocka_unit_test(of_unseen_octets_those_acknowledged_do_not_pass_again),
		cmocka_unit_test(no_copy_of_unseen_octets_ends_the_data),
		cmocka_unit_test(a_copy_that_differs_at_the_edge_does_not_pass),
		cmocka_unit_test(a_keep_alive_among_what_is_acknowledged_carries_anything),
		cmocka_unit_test(what_is_let_go_behind_unseen_octets_is_remembered_as_ever),
		cmocka_unit_test(it_keeps_nothing_but_does_not_rest_before_all_is_acknowledged),
		cmocka_unit_test(of_many_skips_each_goes_on_from_the_last),
		cmocka_unit_test(what_is_too_far_back_to_be_in_flight_counts_as_acknowledged),
		cmocka_unit_test(only_a_body_of_which_all_passed_is_left_to_the_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
