/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_UNIT_FLOW_STREAMED_H
#define HOPGUARD_TESTS_UNIT_FLOW_STREAMED_H

/* A stream that octets are pushed to, and what it said of the last of them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "flow/stream.h"

/* Eleven octets below 2^32, so that the dialogues cross the wrap. */
static const uint32_t first = 0xfffffff5;

static struct budget budget;
static bool is_inconsistent;
static struct stream_rewrite rewrite;

static inline struct stream *new_stream(uint32_t first_seq)
{
	struct stream *stream;

	budget = (struct budget){ .limit = 1 << 20 };
	is_inconsistent = false;
	rewrite = (struct stream_rewrite){ 0 };
	stream = stream_new(first_seq, &budget);
	assert_non_null(stream);
	return stream;
}

static inline void end_stream(struct stream *stream)
{
	stream_free(stream);
	assert_int_equal(budget.used, 0);
}

static inline enum stream_result push(struct stream *stream, uint32_t seq, const char *text)
{
	/* Exactly sized, so that a sanitizer sees every octet read beyond. */
	size_t len = strlen(text);
	uint8_t *payload = malloc(len ? len : 1);
	enum stream_result result;

	memcpy(payload, text, len);
	result = stream_push(stream, &is_inconsistent, seq, bytes_of(payload, len));
	free(payload);
	return result;
}

static inline enum stream_judgement judge(struct stream *stream, uint32_t seq, const char *text)
{
	return stream_judge(stream, &rewrite, seq, bytes_of_string(text));
}

static inline void assert_bytes(struct bytes bytes, const char *text)
{
	assert_int_equal(bytes.len, strlen(text));
	if (bytes.len)
		assert_memory_equal(bytes.data, text, bytes.len);
}

/* All pushed, consumed and allowed. */
static inline void read_all(struct stream *stream)
{
	stream_consume(stream, SIZE_MAX);
	stream_allow(stream, 0);
}

static inline struct stream *stream_having(const char *text)
{
	struct stream *stream = new_stream(first);

	assert_int_equal(push(stream, first, text), STREAM_NEW);
	read_all(stream);
	return stream;
}

#endif
