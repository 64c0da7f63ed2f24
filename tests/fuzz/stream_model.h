/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_FUZZ_STREAM_MODEL_H
#define HOPGUARD_TESTS_FUZZ_STREAM_MODEL_H

/*
 * A sender, a stream with its reader, and two receivers, driven by a string of choices. Of copies
 * of an octet one receiver takes the first, the other the last. Whatever the schedule: both get
 * what the reader read, as far as it allowed it; of message bodies, no end of data that the reader
 * did not read. An honest sender always gets through. For the fuzzer and for the unit test.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../kmod/smtpbody_scan.h"
#include "receivers.h"

#include "flow/stream.h"

enum {
	MODEL_OCTETS_MAX = RECEIVERS_ROOM,
	MODEL_SEGMENT_MAX = 400,
	MODEL_HELD_MAX = 6,
	MODEL_UNSEEN_MAX = 4,
	/* Lets a buffer of 1024 octets grow no further, so that bodies are let go. */
	MODEL_BUDGET_SMALL = 2000,
};

#define MODEL_CHECK(claim)                                                                         \
	do {                                                                                       \
		if (!(claim)) {                                                                    \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #claim);                \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static const char model_letters[] =
	"a.b\n\ra.b\n\r.\n.\r..aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

struct model_segment {
	size_t at; /* counted from the first octet; (size_t)-1 is one before */
	size_t len;
	uint8_t octets[MODEL_SEGMENT_MAX];
};

struct model {
	const uint8_t *choices;
	size_t choices_left;
	uint32_t first_seq;
	bool is_honest;
	bool is_body;
	bool is_inconsistent;
	struct budget budget;
	struct stream *stream;
	uint8_t text[MODEL_OCTETS_MAX]; /* what an honest sender sends */
	size_t text_len;                /* of it, as far as it is written */
	size_t variety;
	uint32_t seed;
	size_t sent; /* highest octet sent */
	uint8_t parsed[MODEL_OCTETS_MAX];
	size_t parsed_len;
	size_t consumed;
	bool was_body[MODEL_OCTETS_MAX];
	struct receivers far;
	struct model_segment held[MODEL_HELD_MAX];
	size_t held_count;
	size_t let_go_passes; /* segments that passed though they were not kept any more */
	size_t unseen_to;     /* octets before it passed in the kernel */
	size_t unseen_passes;
};

static uint8_t choose(struct model *model)
{
	if (model->choices_left == 0)
		return 0;
	model->choices_left--;
	return *model->choices++;
}

static size_t choose_below(struct model *model, size_t limit)
{
	size_t number = choose(model);

	if (limit > 256)
		number = number << 8 | choose(model);
	return limit ? number % limit : 0;
}

static uint32_t model_seq(const struct model *model, size_t at)
{
	return model->first_seq + (uint32_t)at;
}

static size_t model_at(const struct model *model, uint32_t seq)
{
	return (size_t)(int64_t)(int32_t)(seq - model->first_seq);
}

static bool model_is_end_of_data(const uint8_t *octets, size_t at)
{
	return octets[at] == '.' && (octets[at - 1] == '\r' || octets[at - 1] == '\n') &&
	       (octets[at + 1] == '\r' || octets[at + 1] == '\n');
}

/* What has just reached the applications. */
static void model_check_delivered(const struct model *model, size_t from)
{
	size_t allowed = model_at(model, stream_allowed(model->stream));
	size_t i;
	int r;

	MODEL_CHECK(model->far.len <= allowed);
	for (r = 0; r < 2; r++) {
		for (i = from; i < model->far.len; i++) {
			if (!model->was_body[i])
				MODEL_CHECK(model->far.got[r][i] == model->parsed[i]);
			if (i >= 2 && model_is_end_of_data(model->far.got[r], i - 1))
				MODEL_CHECK(memcmp(model->far.got[r] + i - 2, model->parsed + i - 2,
				                   3) == 0);
			if (i >= 4 && model->far.got[r][i] == '\n' &&
			    memcmp(model->far.got[r] + i - 4, "\r\n.\r\n", 5) == 0)
				MODEL_CHECK(memcmp(model->parsed + i - 4, "\r\n.\r\n", 5) == 0);
		}
	}
}

static void model_receive(struct model *model, uint32_t seq, struct bytes payload)
{
	size_t delivered = model->far.len;

	if (choose(model) % 8 == 0)
		return; /* lost behind us */
	receivers_take(&model->far, model_at(model, seq), payload);
	model_check_delivered(model, delivered);
}

static void model_read(struct model *model)
{
	struct bytes readable = stream_readable(model->stream);
	size_t len = readable.len;
	size_t i;

	MODEL_CHECK(readable.len == model->parsed_len - model->consumed);
	MODEL_CHECK(bytes_equal(readable, bytes_of(model->parsed + model->consumed, len)));
	if (choose(model) % 4 == 0)
		len = choose_below(model, len + 1);
	stream_consume(model->stream, len);
	for (i = 0; i < len; i++)
		model->was_body[model->consumed + i] = model->is_body;
	model->consumed += len;
	stream_allow(model->stream, choose_below(model, readable.len - len + 1));
}

static void model_judge(struct model *model, const struct model_segment *segment)
{
	uint32_t seq = model_seq(model, segment->at);
	struct bytes payload = bytes_of(segment->octets, segment->len);
	struct stream_rewrite rewrite = { 0 };

	switch (stream_judge(model->stream, &rewrite, seq, payload)) {
	case STREAM_PASS:
		if (segment->at < model->consumed && stream_kept(model->stream, seq).len == 0)
			model->let_go_passes++;
		model_receive(model, seq, payload);
		break;
	case STREAM_REWRITE:
		if (rewrite.payload.len == 0)
			MODEL_CHECK(rewrite.seq == stream_acked(model->stream) - 1);
		model_receive(model, rewrite.seq, rewrite.payload);
		break;
	case STREAM_WAIT:
		if (choose(model) % 2)
			model_receive(model, rewrite.seq, rewrite.payload);
		/* fall through */
	case STREAM_EARLY:
		if (model->held_count < MODEL_HELD_MAX)
			model->held[model->held_count++] = *segment;
		break;
	case STREAM_DROP:
		MODEL_CHECK(!model->is_honest);
		break;
	}
}

static void model_send(struct model *model, const struct model_segment *segment)
{
	enum stream_result result;
	size_t end = segment->at + segment->len;

	if (end > model->sent && segment->at <= end)
		model->sent = end;
	result = stream_push(model->stream, &model->is_inconsistent, model_seq(model, segment->at),
	                     bytes_of(segment->octets, segment->len));
	MODEL_CHECK(!model->is_honest || !model->is_inconsistent);
	if (result == STREAM_NEW) {
		MODEL_CHECK(end > model->parsed_len && segment->at + 1 <= model->parsed_len + 1);
		memcpy(model->parsed + model->parsed_len,
		       segment->octets + (model->parsed_len - segment->at),
		       end - model->parsed_len);
		model->parsed_len = end;
	}
	MODEL_CHECK(model_at(model, stream_next(model->stream)) == model->parsed_len);
	if (choose(model) % 4)
		model_read(model);
	model_judge(model, segment);
}

static void model_begin_text(struct model *model)
{
	model->variety = choose(model) % 4 ? sizeof(model_letters) - 1 : 10;
	model->seed = (uint32_t)choose(model) << 8 | choose(model);
}

static void model_write_text(struct model *model, size_t len)
{
	for (; model->text_len < len; model->text_len++) {
		model->seed = model->seed * 1664525 + 1013904223;
		model->text[model->text_len] =
			(uint8_t)model_letters[(model->seed >> 16) % model->variety];
	}
}

/* False: beyond the model's octets. */
static bool model_cut(struct model *model, struct model_segment *segment, size_t at, size_t len)
{
	size_t i;

	if (at + 1 == 0 || at >= MODEL_OCTETS_MAX || len > MODEL_SEGMENT_MAX ||
	    at + len > MODEL_OCTETS_MAX)
		return false;
	model_write_text(model, at + len);
	segment->at = at;
	segment->len = len;
	memcpy(segment->octets, model->text + at, len);
	/* Acknowledged octets may be anything: keep-alives. */
	for (i = 0; i < len && at + i < model_at(model, stream_acked(model->stream)); i++)
		segment->octets[i] = choose(model);
	return true;
}

static void model_mangle(struct model *model, struct model_segment *segment)
{
	static const char letters[] = "..\r\nab";
	size_t count = choose_below(model, 6);

	if (model->is_honest || segment->len == 0)
		return;
	while (count-- > 0) {
		size_t at = choose_below(model, segment->len);

		/* Of what was never seen the sender's word is taken. */
		if (segment->at + at < model->unseen_to)
			continue;
		segment->octets[at] = (uint8_t)letters[choose_below(model, sizeof(letters) - 1)];
	}
}

static void model_acknowledge(struct model *model)
{
	uint32_t acked = stream_acked(model->stream);
	uint32_t beyond = stream_allowed(model->stream) + 1 + choose(model);

	MODEL_CHECK(!stream_acknowledge(model->stream, beyond));
	MODEL_CHECK(stream_acked(model->stream) == acked);
	MODEL_CHECK(stream_acknowledge(model->stream, model_seq(model, model->far.len)));
	MODEL_CHECK(stream_acked(model->stream) == model_seq(model, model->far.len));
	MODEL_CHECK(stream_acknowledge(model->stream, acked));
}

static void model_release_held(struct model *model)
{
	size_t count = model->held_count;
	struct model_segment held[MODEL_HELD_MAX];
	size_t i;

	memcpy(held, model->held, count * sizeof(held[0]));
	model->held_count = 0;
	for (i = 0; i < count; i++)
		model_send(model, &held[i]);
}

/* With which carry the kernel begins; false where the guard would not have it begin. */
static bool model_carry(const struct model *model, uint32_t *carry)
{
	size_t acked = model_at(model, stream_acked(model->stream));
	size_t from = acked > 2 ? acked - 2 : 0;

	*carry = 0;
	if (!stream_may_skip(model->stream) || model->held_count > 0 || model->is_inconsistent ||
	    memcmp(model->parsed, model->text, model->parsed_len) != 0)
		return false;
	*carry = smtpbody_scan(0, model->parsed + from, (uint32_t)(model->parsed_len - from));
	return !(*carry & SMTPBODY_COMPLETES);
}

static void model_read_all(struct model *model)
{
	memset(model->was_body + model->consumed, model->is_body,
	       model->parsed_len - model->consumed);
	model->consumed = model->parsed_len;
	stream_consume(model->stream, SIZE_MAX);
	stream_allow(model->stream, 0);
}

/* The next octets pass in the kernel, and nobody sees them before the stream moves on. */
static void model_pass_unseen(struct model *model)
{
	struct model_segment segments[MODEL_UNSEEN_MAX];
	uint8_t tail[2];
	uint32_t carry;
	size_t count = 0;

	if (choose(model) % 2)
		model_acknowledge(model);
	model_read_all(model);
	if (!model_carry(model, &carry))
		return;
	stream_tail(model->stream, tail);
	MODEL_CHECK(model->parsed_len < 2 ||
	            memcmp(tail, model->parsed + model->parsed_len - 2, 2) == 0);
	while (count < 1 + choose_below(model, MODEL_UNSEEN_MAX)) {
		struct model_segment *segment = &segments[count];

		if (!model_cut(model, segment, model->parsed_len,
		               choose_below(model, choose(model) % 4 ? 8 : MODEL_SEGMENT_MAX)))
			break;
		carry = smtpbody_scan(carry, segment->octets, (uint32_t)segment->len);
		if (segment->len == 0 || !smtpbody_passes(carry))
			break;
		count++;
		tail[0] = (uint8_t)carry;
		tail[1] = (uint8_t)(carry >> 8);
		memcpy(model->parsed + segment->at, segment->octets, segment->len);
		memset(model->was_body + segment->at, true, segment->len);
		model->parsed_len += segment->len;
	}
	model->sent = model->parsed_len > model->sent ? model->parsed_len : model->sent;
	model->consumed = model->unseen_to = model->parsed_len;
	stream_skip(model->stream, model_seq(model, model->parsed_len), tail);
	for (size_t i = 0; i < count; i++)
		model_receive(model, model_seq(model, segments[i].at),
		              bytes_of(segments[i].octets, segments[i].len));
	model->unseen_passes += count;
}

static void model_step(struct model *model)
{
	struct model_segment segment;
	uint8_t choice = choose(model);
	size_t acked = model_at(model, stream_acked(model->stream));
	size_t at;

	switch (choice % 16) {
	case 0:
		model_acknowledge(model);
		break;
	case 1:
		model->is_body = !model->is_body || choice % 3;
		stream_keep_none(model->stream, model->is_body);
		break;
	case 2:
		model_release_held(model);
		break;
	case 3: {
		struct bytes again = stream_kept(model->stream, model_seq(model, model->far.len));

		model_receive(model, model_seq(model, model->far.len), again);
		break;
	}
	case 4: /* behind a gap */
		if (model_cut(model, &segment, model->parsed_len + choose(model), choose(model)))
			model_send(model, &segment);
		break;
	case 5:
	case 6:
	case 7:
	case 8: /* again, cut anyhow, from a little before what was acknowledged */
		at = choose_below(model, choice < 96 ? 4 : model->parsed_len - acked + 1);
		if (choice < 32)
			at -= choose_below(model, 8);
		if (model_cut(model, &segment, acked + at,
		              choice < 128 ? choose_below(model, 5) : choose(model))) {
			model_mangle(model, &segment);
			model_send(model, &segment);
		}
		break;
	case 9:
	case 10:
		model_pass_unseen(model);
		break;
	default: /* the next octets, as first seen */
		if (model_cut(model, &segment, model->parsed_len,
		              choose_below(model, choice < 200 ? MODEL_SEGMENT_MAX : 4)))
			model_send(model, &segment);
	}
	MODEL_CHECK(model->budget.used <= model->budget.limit);
}

/* An honest sender sends what was not acknowledged again until all has arrived. */
static void model_finish(struct model *model)
{
	struct model_segment segment;
	size_t rounds = 0;

	model->choices_left = 0;
	while (model->far.len < model->parsed_len) {
		size_t from = model_at(model, stream_acked(model->stream));
		size_t len = 1 + rounds % MODEL_SEGMENT_MAX;

		MODEL_CHECK(rounds++ < 4 * MODEL_OCTETS_MAX);
		if (len > model->parsed_len - from)
			len = model->parsed_len - from;
		MODEL_CHECK(model_cut(model, &segment, from, len));
		stream_consume(model->stream, SIZE_MAX);
		model->consumed = model->parsed_len;
		stream_allow(model->stream, 0);
		/* choose() gives 0 now, which loses all; so hand it over here. */
		{
			struct stream_rewrite rewrite;
			enum stream_judgement judgement =
				stream_judge(model->stream, &rewrite, model_seq(model, from),
			                     bytes_of(segment.octets, segment.len));

			MODEL_CHECK(judgement == STREAM_PASS);
			receivers_take(&model->far, from, bytes_of(segment.octets, segment.len));
		}
		MODEL_CHECK(stream_acknowledge(model->stream, model_seq(model, model->far.len)));
	}
}

/* Whatever the schedule, a stream that rested goes on as if it had not. */
static void model_rest(struct model *model)
{
	struct stream_rest rest;

	if (!stream_rest(&rest, model->stream))
		return;
	MODEL_CHECK(model->budget.used == 0);
	model->stream = stream_resume(&rest, &model->budget);
	MODEL_CHECK(model->stream);
}

/*
 * How many segments passed that were no longer kept, and *unseen how many in the kernel, to see that a schedule tries what it is meant
 * to.
 */
static size_t model_run(size_t *unseen, const uint8_t *choices, size_t len)
{
	static struct model model;

	memset(&model, 0, sizeof(model));
	model.choices = choices;
	model.choices_left = len;
	model.first_seq = choose(&model) % 2 ? 0xffffffffU - choose(&model) : 1000;
	model.is_honest = choose(&model) % 4 == 0;
	model.budget.limit = choose(&model) % 4 ? MODEL_BUDGET_SMALL : 1 << 20;
	model_begin_text(&model);
	model.stream = stream_new(model.first_seq, &model.budget);
	MODEL_CHECK(model.stream);
	while (model.choices_left > 0) {
		model_step(&model);
		model_rest(&model);
	}
	if (model.is_honest)
		model_finish(&model);
	stream_free(model.stream);
	MODEL_CHECK(model.budget.used == 0);
	*unseen = model.unseen_passes;
	return model.let_go_passes;
}

#endif
