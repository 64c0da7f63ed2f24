/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * body_fuzz [--ebpf] STREAMS [SEED]: random message bodies, cut, repeated, reordered and garbled at random, given to who passes
 * segments in the kernel, and to an oracle that keeps all octets and looks at each; beside them what a server may acknowledge of it,
 * and more. They must agree on each segment, and on where a flow stands when it is taken back. Without --ebpf, the scan as the
 * header has it, in this process. Prints what it saw; 1: they differ; 77: no right to load a program.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kmod/smtpbody_scan.h"
#include "net/passage_ebpf.h"
#include "support/body_oracle.h"
#include "support/body_segments.h"

enum { TEXT_MAX = 6000, STATUS_SKIPPED = 77, SEGMENTS_PER_STREAM_MAX = 12, SERVER_INGRESS = 5 };

struct fuzz {
	uint64_t random;
	/* Without eBPF. */
	uint64_t word;
	uint64_t acks;
	uint64_t server;
	struct body_passage *passage;
	int program;
	struct passage_flow flow;
	struct body_oracle oracle;
	uint8_t text[TEXT_MAX];
	size_t text_len;
	uint64_t segments;
	uint64_t passed;
	uint64_t ends;   /* segments in which a mark completed */
	uint64_t parted; /* of those, where it had begun in what passed before */
	uint64_t answers;
	uint64_t answers_passed;
};

static uint32_t draw(struct fuzz *fuzz, uint32_t limit)
{
	/* xorshift64* (Vigna 2016) */
	fuzz->random ^= fuzz->random >> 12;
	fuzz->random ^= fuzz->random << 25;
	fuzz->random ^= fuzz->random >> 27;
	return (uint32_t)((fuzz->random * 0x2545f4914f6cdd1dULL) >> 32) % limit;
}

/* Lines without a dot, and few that begin with one or nearly so; many of these about the ends of what is scanned in one go. */
static void write_lines(struct fuzz *fuzz)
{
	static const char *const bits[] = { "\r\n.\r\n", "\n.\n",   "\r.\r", "\n.x", "\r\n..",
		                            "\n\xae\r",  "\x8d.\n", "x.\r",  ".",    "\x0e.\n" };
	uint32_t left = draw(fuzz, 4);
	size_t at;

	fuzz->text_len = draw(fuzz, 2) ? 1 + draw(fuzz, 300) : 1 + draw(fuzz, TEXT_MAX);
	memset(fuzz->text, 'A' + (int)draw(fuzz, 26), fuzz->text_len);
	for (at = 2 + draw(fuzz, 78); at < fuzz->text_len; at += 78)
		memcpy(fuzz->text + at - 2, "\r\n", 2);
	while (left-- > 0) {
		const char *bit = bits[draw(fuzz, sizeof(bits) / sizeof(bits[0]))];
		uint32_t step = draw(fuzz, 2) ? SMTPBODY_BLOCK_LEN : SMTPBODY_PIECE_LEN;

		at = draw(fuzz, (uint32_t)fuzz->text_len);
		if (draw(fuzz, 4))
			at = at / step * step + step - draw(fuzz, 5);
		if (at + strlen(bit) <= fuzz->text_len)
			memcpy(fuzz->text + at, bit, strlen(bit));
	}
}

static void write_text(struct fuzz *fuzz)
{
	static const char *const alphabets[] = {
		"\r\n.",
		"\r\n.x",
		"\r\n..abcdefghijkl",
		"\r\n.\x8d\x8a\xae\0\x0c\x0e\x2f\x2d",
	};
	static const uint32_t lens[] = { 3, 4, 16, 11 };
	uint32_t kind = draw(fuzz, 5);
	size_t at;

	if (draw(fuzz, 8) == 0) {
		write_lines(fuzz);
		return;
	}
	fuzz->text_len = draw(fuzz, 64) ? 1 + draw(fuzz, 40) : 1 + draw(fuzz, TEXT_MAX);
	for (at = 0; at < fuzz->text_len; at++)
		fuzz->text[at] = kind == 4 ? (uint8_t)draw(fuzz, 256)
		                           : (uint8_t)alphabets[kind][draw(fuzz, lens[kind])];
	/* Long ones would end in their first octets. */
	for (at = 40; at + 4 < fuzz->text_len; at++) {
		if (fuzz->text[at] == '.' && draw(fuzz, 400))
			fuzz->text[at] = ',';
	}
}

static void arm(struct fuzz *fuzz, uint32_t seq)
{
	const uint8_t octets[] = "\r\n.x";
	struct body_oracle_ack answer = {
		.seq = draw(fuzz, 0xffffffff),
		.acked = seq - draw(fuzz, 3) * draw(fuzz, 200),
		.window = (uint16_t)draw(fuzz, 0x10000),
		.timestamp = draw(fuzz, 0xffffffff),
	};
	struct passage_place place = {
		.next_seq = seq,
		.tail = { octets[draw(fuzz, 4)], octets[draw(fuzz, 4)] },
		.answers = { .may_pass = draw(fuzz, 8) != 0,
		             .window = answer.window,
		             .seq = answer.seq,
		             .ingress = SERVER_INGRESS,
		             .acked = answer.acked,
		             .timestamp = answer.timestamp },
	};

	body_oracle_arm(&fuzz->oracle, seq, place.tail, place.answers.may_pass ? &answer : NULL);
	if (fuzz->passage && body_passage_arm(fuzz->passage, &fuzz->flow, &place) != 0)
		abort();
	fuzz->word = smtpbody_pack((struct smtpbody_state){
		.next_seq = seq,
		.tail = (uint16_t)(place.tail[0] | place.tail[1] << 8),
		.is_armed = true,
	});
	fuzz->acks = smtpbody_acks(fuzz->word, answer.acked, answer.window);
	if (!place.answers.may_pass)
		fuzz->acks &= ~SMTPBODY_ARMED;
	fuzz->server = smtpbody_server(answer.seq, answer.timestamp);
}

/* The rule of kmod/smtpbody_scan.h. */
static bool takes(struct fuzz *fuzz, const struct body_oracle_segment *segment)
{
	uint32_t carry;

	if (!(fuzz->word & SMTPBODY_ARMED) ||
	    (segment->len == 0 && !(segment->tcp_flags & SMTPBODY_TCP_NEVER) && !segment->is_odd))
		return false;
	if (smtpbody_is_next(fuzz->word, segment->seq, (uint32_t)segment->len) &&
	    (segment->tcp_flags & (SMTPBODY_TCP_NEVER | 0x10)) == 0x10 && !segment->is_odd) {
		carry = smtpbody_scan(smtpbody_carry(fuzz->word), segment->payload,
		                      (uint32_t)segment->len);
		if (smtpbody_passes(carry)) {
			fuzz->word = smtpbody_moved(fuzz->word, (uint32_t)segment->len, carry);
			return true;
		}
	}
	fuzz->word &= ~SMTPBODY_ARMED;
	return false;
}

static bool runs(const struct fuzz *fuzz, const struct body_segment *segment, uint32_t ingress)
{
	uint8_t frame[BODY_SEGMENT_MAX + 200];
	size_t len = body_segment_write(frame, segment);
	int result = body_program_run(fuzz->program, frame, len, ingress);

	if (result < 0) {
		fprintf(stderr, "body_fuzz: %s\n", strerror(-result));
		exit(2);
	}
	return result == 1;
}

static bool program_takes(struct fuzz *fuzz, const struct body_oracle_segment *segment)
{
	const struct body_segment written = {
		.flow = fuzz->flow,
		.seq = segment->seq,
		.flags = segment->tcp_flags,
		.tcp_options_len = (uint8_t)(draw(fuzz, 4) * 12 % 40),
		.ip_options_len = segment->is_odd ? 4 : 0,
		.payload = segment->payload,
		.payload_len = segment->len,
	};

	return runs(fuzz, &written, fuzz->flow.ingress);
}

static bool says(struct fuzz *fuzz, const struct body_oracle_segment *segment)
{
	return fuzz->passage ? program_takes(fuzz, segment) : takes(fuzz, segment);
}

/* Options as they lie in a header: timestamps, one or two blocks of what came out of order, or some that nobody has. */
static uint8_t write_options(struct fuzz *fuzz, uint8_t options[40],
                             const struct body_oracle_ack *ack)
{
	static const uint8_t odd[] = "\1\1\5\x12\x8\xa\1\1\0\1\1\1";
	uint8_t blocks = (uint8_t)draw(fuzz, 3), len = 0;

	memset(options, 0, 40);
	if (ack->has_timestamp) {
		memcpy(options, "\1\1\x8\xa", 4);
		for (size_t i = 0; i < 4; i++)
			options[4 + i] = (uint8_t)(ack->timestamp >> (24 - 8 * i));
		len = 12;
	}
	if (ack->is_odd && draw(fuzz, 2)) {
		memcpy(options + len, odd + 4 * draw(fuzz, 3), 4);
		return (uint8_t)(len + 4 + 4 * draw(fuzz, 2));
	}
	/* Half a block more. */
	if (ack->is_odd) {
		memcpy(options + len, "\1\1\5", 3);
		options[len + 3] = (uint8_t)(6 + 8 * blocks);
		return (uint8_t)(len + 8 + 8 * blocks);
	}
	if (blocks) {
		memcpy(options + len, "\1\1\5", 3);
		options[len + 3] = (uint8_t)(2 + 8 * blocks);
		len = (uint8_t)(len + 4 + 8 * blocks);
	}
	return len;
}

/* The rule of kmod/smtpbody_scan.h. */
static bool takes_ack(struct fuzz *fuzz, const struct body_oracle_ack *ack,
                      const uint8_t options[40], uint8_t options_len)
{
	struct smtpbody_ack read = { .seq = ack->seq, .acked = ack->acked, .window = ack->window };
	uint32_t words[SMTPBODY_OPTION_WORDS] = { 0 };
	uint64_t acks = fuzz->acks;

	for (size_t i = 0; i < sizeof(words) && i < options_len; i++)
		words[i / 4] |= (uint32_t)options[i] << (24 - i % 4 * 8);
	if (ack->is_elsewhere || !smtpbody_is_bare(ack->tcp_flags, 0) ||
	    !smtpbody_read_options(&read, options_len, words) ||
	    !smtpbody_acks_move(acks, fuzz->word, fuzz->server, &read))
		return false;
	fuzz->server = smtpbody_server_moved(fuzz->server, &read);
	fuzz->acks = smtpbody_acks_moved(acks, &read);
	return !smtpbody_is_told(acks, &read);
}

static bool says_of_ack(struct fuzz *fuzz, const struct body_oracle_ack *ack)
{
	uint8_t options[40];
	uint8_t options_len = write_options(fuzz, options, ack);
	const struct body_segment written = {
		.flow = fuzz->flow,
		.seq = ack->seq,
		.acked = ack->acked,
		.window = ack->window,
		.flags = ack->tcp_flags,
		.is_answer = true,
		.tcp_options = options,
		.tcp_options_len = options_len,
	};

	return fuzz->passage ? runs(fuzz, &written,
	                            ack->is_elsewhere ? fuzz->flow.ingress : SERVER_INGRESS)
	                     : takes_ack(fuzz, ack, options, options_len);
}

/* What a server may say without a word, or what nobody should believe. */
static struct body_oracle_ack next_ack(struct fuzz *fuzz)
{
	static const uint8_t odd_flags[] = { 0x11, 0x12, 0x14, 0x18, 0x30, 0x00, 0x01 };
	const struct body_oracle *oracle = &fuzz->oracle;
	uint32_t open = oracle->has_answers ? oracle->next_seq - oracle->answer.acked : 0;
	struct body_oracle_ack ack = {
		.seq = oracle->answer.seq,
		.acked = oracle->answer.acked + draw(fuzz, open + 1),
		.window = (uint16_t)draw(fuzz, 0x10000),
		.tcp_flags = (uint8_t)(0x10 | draw(fuzz, 4) / 3 << 6),
		.has_timestamp = draw(fuzz, 3) != 0,
		.timestamp = oracle->answer.timestamp + draw(fuzz, 40) - 10,
	};

	switch (draw(fuzz, 24)) {
	case 0:
		ack.acked = oracle->next_seq + 1 + draw(fuzz, 3) * draw(fuzz, 100000);
		break;
	case 1:
		ack.acked = oracle->answer.acked - 1 - draw(fuzz, 3) * draw(fuzz, 100000);
		break;
	case 2:
		ack.seq += draw(fuzz, 5) - 2;
		break;
	case 3:
		ack.tcp_flags = odd_flags[draw(fuzz, sizeof(odd_flags))];
		break;
	case 4:
		ack.is_odd = true;
		break;
	case 5:
		ack.is_elsewhere = true;
		break;
	case 6:
		ack.acked = draw(fuzz, 0xffffffff);
		break;
	default:
		break;
	}
	return ack;
}

/* Some of them, between two segments of the client's. */
static bool agree_on_acks(struct fuzz *fuzz)
{
	while (draw(fuzz, 3) == 0) {
		struct body_oracle_ack ack;
		bool want;

		/* Without a place that was said for the server there is nothing that it would go on from. */
		if (!fuzz->oracle.has_answers && draw(fuzz, 4))
			return true;
		ack = next_ack(fuzz);
		want = body_oracle_takes_ack(&fuzz->oracle, &ack);
		fuzz->answers++;
		fuzz->answers_passed += want;
		if (says_of_ack(fuzz, &ack) != want) {
			fprintf(stderr, "body_fuzz: an acknowledgement %s\n",
			        want ? "does not pass" : "passes");
			return false;
		}
	}
	return true;
}

static bool answers_stand(const struct body_oracle *oracle, const struct passage_answers *answers)
{
	return answers->may_pass == oracle->has_answers &&
	       (!answers->may_pass || (answers->acked == oracle->answer.acked &&
	                               answers->window == oracle->answer.window &&
	                               answers->timestamp == oracle->answer.timestamp));
}

static bool stands(struct fuzz *fuzz)
{
	const struct body_oracle *oracle = &fuzz->oracle;
	struct smtpbody_state state = smtpbody_unpack(fuzz->word);
	struct passage_place place = {
		.next_seq = state.next_seq,
		.tail = { (uint8_t)state.tail, (uint8_t)(state.tail >> 8) },
		.answers = { .may_pass = fuzz->acks & SMTPBODY_ARMED,
		             .window = (uint16_t)(fuzz->acks >> 32),
		             .acked = (uint32_t)fuzz->acks,
		             .timestamp = (uint32_t)(fuzz->server >> 32) },
	};

	if (fuzz->passage && body_passage_take_back(fuzz->passage, &place, &fuzz->flow) != 0)
		return false;
	return place.next_seq == oracle->next_seq && answers_stand(oracle, &place.answers) &&
	       memcmp(place.tail, oracle->passed + oracle->len - 2, 2) == 0;
}

/* The next piece of the text, or something else that may come by. */
static struct body_oracle_segment next_segment(struct fuzz *fuzz, uint32_t begin, size_t *at)
{
	static const uint8_t odd_flags[] = { 0x11, 0x12, 0x14, 0x30, 0x08, 0x00, 0x39 };
	struct body_oracle_segment segment = { .tcp_flags = draw(fuzz, 2) ? 0x18 : 0x10 };
	size_t from = *at;
	size_t left = fuzz->text_len - from;
	uint32_t whim = draw(fuzz, 40);

	if (whim == 0)
		from = draw(fuzz, (uint32_t)fuzz->text_len);
	segment.len = draw(fuzz, 3) ? draw(fuzz, 9) : draw(fuzz, (uint32_t)left + 1);
	if (segment.len > fuzz->text_len - from)
		segment.len = fuzz->text_len - from;
	if (segment.len > BODY_SEGMENT_MAX)
		segment.len = BODY_SEGMENT_MAX;
	if (whim == 1)
		segment.tcp_flags = odd_flags[draw(fuzz, sizeof(odd_flags))];
	if (whim == 2)
		segment.is_odd = fuzz->flow.client.address.family == 4;
	segment.seq = begin + (uint32_t)from;
	segment.payload = fuzz->text + from;
	if (whim > 2)
		*at = from + segment.len;
	return segment;
}

/* Of a segment that froze the flow. What stands before it counts where it is the next one. */
static void count_end(struct fuzz *fuzz, const struct body_oracle_segment *segment)
{
	const struct body_oracle *oracle = &fuzz->oracle;
	size_t len = segment->len < 2 ? segment->len : 2;
	uint8_t cut[4];

	memcpy(cut, oracle->passed + oracle->len - 2, 2);
	memcpy(cut + 2, segment->payload, len);
	if (segment->seq == oracle->next_seq && body_oracle_completes(cut, 2 + len)) {
		fuzz->ends++;
		fuzz->parted++;
	} else if (body_oracle_completes(segment->payload, segment->len)) {
		fuzz->ends++;
	}
}

static bool run_stream(struct fuzz *fuzz)
{
	uint32_t begin = draw(fuzz, 4) ? draw(fuzz, 0xffffffff) : 0xffffffe0U + draw(fuzz, 64);
	size_t at = 0;
	int count;

	fuzz->flow.client.address.family = draw(fuzz, 2) ? 4 : 6;
	fuzz->flow.server.address.family = fuzz->flow.client.address.family;
	write_text(fuzz);
	arm(fuzz, begin);
	for (count = 0; at < fuzz->text_len && count < SEGMENTS_PER_STREAM_MAX; count++) {
		struct body_oracle_segment segment = next_segment(fuzz, begin, &at);
		bool was_armed = fuzz->oracle.is_armed;
		bool want = body_oracle_takes(&fuzz->oracle, &segment);

		fuzz->segments++;
		fuzz->passed += want;
		if (says(fuzz, &segment) != want) {
			fprintf(stderr, "body_fuzz: a segment of %zu octets %s\n", segment.len,
			        want ? "does not pass" : "passes");
			return false;
		}
		if (!agree_on_acks(fuzz))
			return false;
		if (fuzz->oracle.is_armed)
			continue;
		/* Frozen: what follows does not pass either, until one goes on from here, as a guard does. */
		if (was_armed)
			count_end(fuzz, &segment);
		if (draw(fuzz, 3))
			continue;
		if (!stands(fuzz))
			break;
		arm(fuzz, begin + (uint32_t)at);
	}
	if (!stands(fuzz)) {
		fprintf(stderr, "body_fuzz: a flow does not stand where it should\n");
		return false;
	}
	return true;
}

static bool begin_ebpf(struct fuzz *fuzz)
{
	struct passage_ticket ticket = { .kind = PASSAGE_EBPF, .descriptors = { -1, -1, -1, -1 } };

	return body_program_enter() &&
	       body_program_load(&fuzz->program, &ticket.descriptors[0]) == 0 &&
	       passage_ebpf_adopt(&fuzz->passage, &ticket) == 0;
}

int main(int argc, char **argv)
{
	static struct fuzz fuzz;
	bool is_ebpf = argc > 1 && strcmp(argv[1], "--ebpf") == 0;
	uint64_t streams = argc > 1 + is_ebpf ? strtoull(argv[1 + is_ebpf], NULL, 10) : 100000;
	uint64_t seed =
		argc > 2 + is_ebpf ? strtoull(argv[2 + is_ebpf], NULL, 10) : (uint64_t)time(NULL);
	uint64_t done;

	fuzz.random = seed * 0x9e3779b97f4a7c15ULL + 1;
	fuzz.flow = (struct passage_flow){ .client.port = 40000, .server.port = 25, .ingress = 3 };
	memset(fuzz.flow.client.address.octets, 1, 4);
	memset(fuzz.flow.server.address.octets, 2, 4);
	if (is_ebpf && !begin_ebpf(&fuzz)) {
		printf("no eBPF here\n");
		return STATUS_SKIPPED;
	}
	for (done = 0; done < streams; done++) {
		if (!run_stream(&fuzz)) {
			fprintf(stderr, "body_fuzz: stream %" PRIu64 " of seed %" PRIu64 "\n", done,
			        seed);
			return EXIT_FAILURE;
		}
	}
	printf("%s: %" PRIu64 " streams, %" PRIu64 " segments, %" PRIu64 " passed, %" PRIu64
	       " froze with an end, %" PRIu64 " of these across a cut; %" PRIu64
	       " acknowledgements, %" PRIu64 " passed\n",
	       is_ebpf ? "ebpf" : "scan", streams, fuzz.segments, fuzz.passed, fuzz.ends,
	       fuzz.parted, fuzz.answers, fuzz.answers_passed);
	return EXIT_SUCCESS;
}
