/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/stream.h"

#include <stdlib.h>
#include <string.h>

#include "../../fuzz/stream_model.h"
#include "streamed.h"

static void octets_are_readable_once_in_order(void **state)
{
	struct stream *stream = new_stream(first);

	(void)state;
	assert_int_equal(push(stream, first, "EHLO "), STREAM_NEW);
	assert_bytes(stream_readable(stream), "EHLO ");
	stream_consume(stream, 2);
	assert_int_equal(push(stream, first + 5, "client\r\n"), STREAM_NEW);
	assert_bytes(stream_readable(stream), "LO client\r\n");
	read_all(stream);
	assert_bytes(stream_readable(stream), "");
	assert_int_equal(stream_next(stream), 2);
	end_stream(stream);
}

static void a_segment_behind_a_gap_is_not_taken_in_and_is_early(void **state)
{
	static const uint32_t ahead[] = { 1, 3, 70000, 16 << 20, 0x7f000000 };
	struct stream *stream = stream_having("EHLO client\r\n");
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(ahead) / sizeof(ahead[0]); i++) {
		assert_int_equal(push(stream, 2 + ahead[i], "NOOP\r\n"), STREAM_GAP);
		assert_int_equal(judge(stream, 2 + ahead[i], "NOOP\r\n"), STREAM_EARLY);
	}
	assert_int_equal(stream_next(stream), 2);
	assert_int_equal(push(stream, 2, "NOOP\r\n"), STREAM_NEW);
	assert_false(is_inconsistent);
	end_stream(stream);
}

static void a_segment_from_the_far_past_brings_nothing(void **state)
{
	struct stream *stream = stream_having("EHLO client\r\n");

	(void)state;
	assert_true(stream_acknowledge(stream, 2));
	assert_int_equal(push(stream, 2 + 0x80000000U, "RCPT\r\n"), STREAM_OLD);
	assert_int_equal(judge(stream, 2 + 0x80000000U, "RCPT\r\n"), STREAM_REWRITE);
	assert_int_equal(rewrite.payload.len, 0);
	assert_int_equal(rewrite.seq, 1);
	assert_false(is_inconsistent);
	end_stream(stream);
}

static void octets_wait_until_they_are_allowed(void **state)
{
	struct stream *stream = new_stream(first);

	(void)state;
	assert_int_equal(judge(stream, first, "MAIL"), STREAM_WAIT);
	assert_int_equal(push(stream, first, "NOOP\r\nMAIL FROM:<>\r\n"), STREAM_NEW);
	assert_int_equal(judge(stream, first, "NOOP\r\nMAIL FROM:<>\r\n"), STREAM_WAIT);
	assert_int_equal(rewrite.payload.len, 0);
	stream_allow(stream, 6);
	assert_int_equal(judge(stream, first, "NOOP\r\n"), STREAM_PASS);
	assert_int_equal(judge(stream, first + 6, "MAIL"), STREAM_WAIT);
	assert_int_equal(rewrite.payload.len, 0);
	stream_consume(stream, 6);
	stream_allow(stream, 14);
	assert_int_equal(judge(stream, first, "NOOP\r\nMAIL FROM:<>\r\n"), STREAM_PASS);
	end_stream(stream);
}

static void a_waiting_segment_tells_what_of_it_may_pass(void **state)
{
	struct stream *stream = new_stream(first);

	(void)state;
	push(stream, first, "NOOP\r\nMAIL");
	stream_allow(stream, 6);
	assert_int_equal(judge(stream, first, "NOOX\r\nMAIL"), STREAM_WAIT);
	assert_bytes(rewrite.payload, "NOOP\r\n");
	assert_int_equal(rewrite.seq, first);
	assert_true(stream_acknowledge(stream, first + 2));
	assert_int_equal(judge(stream, first, "NOOP\r\nMAIL"), STREAM_WAIT);
	assert_bytes(rewrite.payload, "OP\r\n");
	assert_int_equal(rewrite.seq, first + 2);
	end_stream(stream);
}

static void what_was_allowed_is_never_taken_back(void **state)
{
	struct stream *stream = new_stream(first);

	(void)state;
	push(stream, first, "NOOP\r\nNOOP\r\n");
	stream_allow(stream, 12);
	stream_allow(stream, 3);
	assert_int_equal(stream_allowed(stream), first + 12);
	stream_allow(stream, 100);
	assert_int_equal(stream_allowed(stream), stream_next(stream));
	end_stream(stream);
}

static void the_same_octets_again_pass_however_they_are_cut(void **state)
{
	static const char text[] = "EHLO client\r\nNOOP\r\n";
	struct stream *stream = stream_having(text);
	size_t from;
	size_t len;

	(void)state;
	for (from = 0; from < sizeof(text) - 1; from++) {
		for (len = 1; len <= sizeof(text) - 1 - from; len++) {
			struct bytes copy = bytes_of(text + from, len);

			assert_int_equal(
				stream_push(stream, &is_inconsistent, first + (uint32_t)from, copy),
				STREAM_OLD);
			assert_int_equal(
				stream_judge(stream, &rewrite, first + (uint32_t)from, copy),
				STREAM_PASS);
		}
	}
	assert_false(is_inconsistent);
	end_stream(stream);
}

static void a_differing_octet_is_noticed_wherever_it_stands_and_replaced(void **state)
{
	static const char text[] = "EHLO client\r\n";
	struct stream *stream = stream_having(text);
	char copy[sizeof(text)];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(text) - 1; i++) {
		memcpy(copy, text, sizeof(text));
		copy[i] ^= 1;
		is_inconsistent = false;
		assert_int_equal(push(stream, first, copy), STREAM_OLD);
		assert_true(is_inconsistent);
		assert_int_equal(judge(stream, first, copy), STREAM_REWRITE);
		assert_bytes(rewrite.payload, text);
		assert_int_equal(rewrite.seq, first);
		assert_int_equal(judge(stream, first + (uint32_t)i, copy + i), STREAM_REWRITE);
		assert_bytes(rewrite.payload, text + i);
	}
	end_stream(stream);
}

static void a_coalesced_copy_loses_the_acknowledged_and_keeps_ours_and_the_new(void **state)
{
	struct stream *stream = stream_having("aaaabbbb");

	(void)state;
	assert_true(stream_acknowledge(stream, first + 4));
	assert_int_equal(push(stream, first, "xxxxyybbcccc"), STREAM_NEW);
	assert_true(is_inconsistent);
	assert_bytes(stream_readable(stream), "cccc");
	assert_int_equal(judge(stream, first, "xxxxyybbcccc"), STREAM_WAIT);
	assert_bytes(rewrite.payload, "bbbb");
	read_all(stream);
	assert_int_equal(judge(stream, first, "xxxxyybbcccc"), STREAM_REWRITE);
	assert_int_equal(rewrite.seq, first + 4);
	assert_bytes(rewrite.payload, "bbbbcccc");
	end_stream(stream);
}

static void acknowledged_octets_are_trimmed_and_not_compared(void **state)
{
	struct stream *stream = stream_having("aaaabbbb");

	(void)state;
	assert_true(stream_acknowledge(stream, first + 4));
	assert_int_equal(push(stream, first, "xxxxbbbb"), STREAM_OLD);
	assert_int_equal(judge(stream, first, "xxxxbbbb"), STREAM_REWRITE);
	assert_int_equal(rewrite.seq, first + 4);
	assert_bytes(rewrite.payload, "bbbb");
	assert_false(is_inconsistent);
	end_stream(stream);
}

static void a_keep_alive_becomes_one_that_the_receiver_answers(void **state)
{
	struct stream *stream = stream_having("NOOP\r\n");
	uint32_t next = first + 6;

	(void)state;
	assert_true(stream_acknowledge(stream, next));
	assert_int_equal(push(stream, next - 1, "?"), STREAM_OLD);
	assert_int_equal(judge(stream, next - 1, "?"), STREAM_REWRITE);
	assert_int_equal(rewrite.payload.len, 0);
	/* At next it would be a bare acknowledgement, which is not answered. */
	assert_int_equal(rewrite.seq, next - 1);
	assert_int_equal(judge(stream, first, "NOOP\r\n"), STREAM_REWRITE);
	assert_int_equal(rewrite.payload.len, 0);
	assert_int_equal(rewrite.seq, next - 1);
	assert_false(is_inconsistent);
	end_stream(stream);
}

static void a_segment_without_octets_passes_and_changes_nothing(void **state)
{
	struct stream *stream = stream_having("NOOP\r\n");

	(void)state;
	assert_int_equal(push(stream, first - 1, ""), STREAM_OLD);
	assert_int_equal(push(stream, first + 100, ""), STREAM_OLD);
	assert_int_equal(judge(stream, first - 1, ""), STREAM_PASS);
	assert_int_equal(judge(stream, first + 100, ""), STREAM_PASS);
	assert_int_equal(stream_next(stream), first + 6);
	end_stream(stream);
}

static void an_acknowledgement_of_what_may_not_have_passed_is_ignored(void **state)
{
	struct stream *stream = new_stream(first);

	(void)state;
	push(stream, first, "NOOP\r\nMAIL");
	assert_false(stream_acknowledge(stream, first + 1));
	stream_allow(stream, 6);
	assert_false(stream_acknowledge(stream, first + 7));
	assert_false(stream_acknowledge(stream, first + 10));
	assert_false(stream_acknowledge(stream, first + 11));
	assert_int_equal(stream_acked(stream), first);
	assert_true(stream_acknowledge(stream, first + 6));
	assert_true(stream_acknowledge(stream, first));
	assert_int_equal(stream_acked(stream), first + 6);
	end_stream(stream);
}

static void octets_acknowledged_before_they_are_consumed_stay_readable(void **state)
{
	struct stream *stream = new_stream(first);

	(void)state;
	push(stream, first, "EHLO cli");
	stream_allow(stream, 8);
	assert_true(stream_acknowledge(stream, first + 8));
	assert_bytes(stream_readable(stream), "EHLO cli");
	assert_int_equal(push(stream, first + 4, "????ent\r\n"), STREAM_NEW);
	assert_bytes(stream_readable(stream), "EHLO client\r\n");
	assert_false(is_inconsistent);
	assert_int_equal(judge(stream, first, "EHLO cli"), STREAM_REWRITE);
	assert_int_equal(rewrite.payload.len, 0);
	end_stream(stream);
}

static void kept_octets_can_be_sent_again_up_to_what_is_allowed(void **state)
{
	struct stream *stream = new_stream(first);

	(void)state;
	push(stream, first, "NOOP\r\nMAIL");
	stream_allow(stream, 6);
	assert_bytes(stream_kept(stream, first + 2), "OP\r\n");
	assert_bytes(stream_kept(stream, first + 6), "");
	assert_bytes(stream_kept(stream, first + 8), "");
	assert_bytes(stream_kept(stream, first - 1), "");
	end_stream(stream);
}

static void an_idle_stream_holds_no_buffer(void **state)
{
	struct stream *stream = new_stream(first);
	size_t empty = budget.used;

	(void)state;
	assert_true(empty <= 72);
	push(stream, first, "NOOP\r\n");
	assert_true(budget.used > empty);
	read_all(stream);
	assert_true(stream_acknowledge(stream, first + 6));
	assert_int_equal(budget.used, empty);
	end_stream(stream);
}

/* SCHEDULES=1000000 for a long run. */
static void receivers_get_what_was_read_whatever_the_schedule(void **state)
{
	const char *wanted = getenv("SCHEDULES");
	long schedules = wanted ? atol(wanted) : 10000;
	uint64_t random = 88172645463325252U;
	uint8_t choices[1200];
	size_t let_go_passes = 0, unseen_passes = 0, unseen;

	(void)state;
	while (schedules-- > 0) {
		size_t len = 50 + (size_t)(random >> 20) % (sizeof(choices) - 50);
		size_t i;

		for (i = 0; i < len; i++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			choices[i] = (uint8_t)(random >> 32);
		}
		let_go_passes += model_run(&unseen, choices, len);
		unseen_passes += unseen;
	}
	assert_true(let_go_passes > 0);
	assert_true(unseen_passes > 1000);
}

static void a_stream_that_keeps_nothing_rests_in_a_few_octets(void **state)
{
	struct stream *stream = stream_having("EHLO a\r\n");
	struct stream_rest rest;
	uint32_t end = first + 8;

	(void)state;
	assert_false(stream_rest(&rest, stream));
	assert_true(stream_acknowledge(stream, end));
	assert_true(stream_rest(&rest, stream));
	assert_int_equal(budget.used, 0);
	assert_true(sizeof(rest) <= 8);

	stream = stream_resume(&rest, &budget);
	assert_non_null(stream);
	assert_int_equal(stream_next(stream), end);
	assert_int_equal(stream_allowed(stream), end);
	assert_int_equal(stream_acked(stream), end);
	assert_false(stream_acknowledge(stream, end + 1));
	assert_int_equal(push(stream, first, "EHLO a\r\n"), STREAM_OLD);
	assert_int_equal(push(stream, end + 1, "OOP\r\n"), STREAM_GAP);
	assert_int_equal(push(stream, end, "NOOP\r\n"), STREAM_NEW);
	assert_bytes(stream_readable(stream), "NOOP\r\n");
	end_stream(stream);
}

static void what_is_unread_or_not_allowed_keeps_a_stream_from_resting(void **state)
{
	struct stream *stream = new_stream(first);
	struct stream_rest rest;

	(void)state;
	assert_int_equal(push(stream, first, "RCPT TO:"), STREAM_NEW);
	assert_false(stream_rest(&rest, stream));
	stream_allow(stream, 7);
	assert_true(stream_acknowledge(stream, first + 7));
	assert_false(stream_rest(&rest, stream));
	end_stream(stream);
}

static void a_stream_that_finds_no_memory_goes_on_resting(void **state)
{
	struct stream *stream = new_stream(first);
	struct stream_rest rest;

	(void)state;
	assert_true(stream_rest(&rest, stream));
	budget.limit = 1;
	assert_null(stream_resume(&rest, &budget));
	budget.limit = 1 << 20;
	stream = stream_resume(&rest, &budget);
	assert_non_null(stream);
	assert_int_equal(stream_next(stream), first);
	end_stream(stream);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(octets_are_readable_once_in_order),
		cmocka_unit_test(a_segment_behind_a_gap_is_not_taken_in_and_is_early),
		cmocka_unit_test(a_segment_from_the_far_past_brings_nothing),
		cmocka_unit_test(octets_wait_until_they_are_allowed),
		cmocka_unit_test(a_waiting_segment_tells_what_of_it_may_pass),
		cmocka_unit_test(what_was_allowed_is_never_taken_back),
		cmocka_unit_test(the_same_octets_again_pass_however_they_are_cut),
		cmocka_unit_test(a_differing_octet_is_noticed_wherever_it_stands_and_replaced),
		cmocka_unit_test(
			a_coalesced_copy_loses_the_acknowledged_and_keeps_ours_and_the_new),
		cmocka_unit_test(acknowledged_octets_are_trimmed_and_not_compared),
		cmocka_unit_test(a_keep_alive_becomes_one_that_the_receiver_answers),
		cmocka_unit_test(a_segment_without_octets_passes_and_changes_nothing),
		cmocka_unit_test(an_acknowledgement_of_what_may_not_have_passed_is_ignored),
		cmocka_unit_test(octets_acknowledged_before_they_are_consumed_stay_readable),
		cmocka_unit_test(kept_octets_can_be_sent_again_up_to_what_is_allowed),
		cmocka_unit_test(an_idle_stream_holds_no_buffer),
		cmocka_unit_test(receivers_get_what_was_read_whatever_the_schedule),
		cmocka_unit_test(a_stream_that_keeps_nothing_rests_in_a_few_octets),
		cmocka_unit_test(what_is_unread_or_not_allowed_keeps_a_stream_from_resting),
		cmocka_unit_test(a_stream_that_finds_no_memory_goes_on_resting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
