/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DNS over TCP from copies of both ends' segments: the input's octets say which piece comes next, again, early or not at all. Every message
 * that is given is one that was sent, in its place; where no copy was lost, all of them are given.
 */

#include "require.h"

#include "flow/dns_streams.h"

enum { ENDS = 2, PIECE_MAX = 31, MESSAGES_MAX = 4096 };

struct end {
	struct segment segment;
	struct bytes sent; /* all that it will ever say */
	size_t at;         /* sent so far */
	size_t given;      /* octets of messages given, with their lengths */
	uint32_t first_seq;
	bool is_lost;
};

struct scene {
	struct end ends[ENDS];
	size_t messages;
};

static void take(void *owner, const struct segment *segment, struct bytes message)
{
	struct scene *scene = owner;
	struct end *end = &scene->ends[segment->source.port - 1];
	struct cursor rest = cursor_over(bytes_after(end->sent, end->given));
	struct bytes want = cursor_vector16(&rest);

	REQUIRE(!rest.failed && message.len > 0 && bytes_equal(message, want));
	end->given += rest.at;
	REQUIRE(end->given <= end->at && ++scene->messages <= MESSAGES_MAX);
}

static void say(struct dns_streams *streams, struct end *end, size_t from, size_t len,
                uint8_t flags)
{
	struct bytes copy = exact_copy(bytes_slice(end->sent, from, len));

	end->segment.flags = flags;
	end->segment.seq = end->first_seq + 1 + (uint32_t)from;
	end->segment.payload = copy;
	if (from + copy.len > end->at)
		end->at = from + copy.len;
	dns_streams_push(streams, &end->segment);
	exact_free(copy);
}

/* One octet: whose, how much, and what becomes of it. */
static void step(struct dns_streams *streams, struct scene *scene, uint8_t choice)
{
	struct end *end = &scene->ends[choice & 1];
	size_t len = choice >> 3, at = end->at;

	switch (choice >> 1 & 3) {
	case 0: /* the next octets */
	case 1:
		say(streams, end, at, len, TCP_ACK);
		break;
	case 2: /* some again, and some new */
		say(streams, end, at > len / 2 ? at - len / 2 : 0, len, TCP_ACK);
		break;
	default: /* a gap, or the end; a lost direction tells nothing more */
		if (len > PIECE_MAX / 2) {
			end->is_lost = true;
			say(streams, end, at + 1, len, TCP_ACK);
		} else if (len == 0) {
			end->is_lost = true;
			say(streams, end, at, 0, TCP_ACK | TCP_FIN);
		}
	}
}

/* All whole messages up to what was sent. */
static size_t whole_octets(const struct end *end)
{
	struct cursor rest = cursor_over(bytes_slice(end->sent, 0, end->at));
	size_t whole = 0;

	while (cursor_vector16(&rest).len > 0)
		whole = rest.at;
	return whole;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const uint8_t secret[TABLE_SECRET_LEN];
	static struct dns_streams *streams;
	static struct scene scene;
	size_t steps;

	if (len < 3)
		return 0;
	if (!streams)
		streams = dns_streams_new(secret, take, &scene);
	REQUIRE(streams);
	memset(&scene, 0, sizeof(scene));
	steps = data[0] < len - 2 ? data[0] : len - 2;
	for (size_t i = 0; i < ENDS; i++) {
		struct end *end = &scene.ends[i];
		size_t half = (len - 1 - steps) / 2;

		end->segment.source =
			(struct endpoint){ { 4, { 192, 0, 2, 1 } }, (uint16_t)(i + 1) };
		end->segment.destination = (struct endpoint){ { 4, { 192, 0, 2, 2 } }, 53 };
		end->first_seq = data[1] % 2 ? UINT32_MAX - data[1] : data[1];
		end->sent = bytes_of(data + 1 + steps + i * half, half);
		end->segment.seq = end->first_seq;
		end->segment.flags = TCP_SYN;
		dns_streams_push(streams, &end->segment);
	}
	for (size_t i = 0; i < steps; i++)
		step(streams, &scene, data[1 + i]);
	for (size_t i = 0; i < ENDS; i++) {
		struct end *end = &scene.ends[i];

		if (!end->is_lost)
			REQUIRE(end->given == whole_octets(end));
		/* Nothing of it stays. */
		end->segment.flags = TCP_SYN;
		dns_streams_push(streams, &end->segment);
		say(streams, end, 0, 0, TCP_RST);
	}
	return 0;
}
