/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/dots.h"

#include <stdlib.h>
#include <string.h>

enum { DOTS_ROOM_MIN = 64, DOT_SEQ_MASK = 0x3fffffff };

struct dot {
	unsigned int seq : 30;
	unsigned int line_end_before : 1;
	unsigned int line_end_behind : 1;
};

struct dots {
	struct budget *budget;
	struct dot *dots;
	size_t room;
	size_t first;
	size_t count;
};

/* a - b as a signed distance modulo 2^30. */
static int64_t dot_distance(uint32_t a, uint32_t b)
{
	return (int32_t)((a - b) << 2) / 4;
}

struct dots *dots_new(struct budget *budget)
{
	struct dots *dots;

	if (!budget_charge(budget, sizeof(*dots)))
		return NULL;
	dots = calloc(1, sizeof(*dots));
	if (!dots) {
		budget_refund(budget, sizeof(*dots));
		return NULL;
	}
	dots->budget = budget;
	return dots;
}

void dots_free(struct dots *dots)
{
	if (!dots)
		return;
	budget_refund(dots->budget, sizeof(*dots) + dots->room * sizeof(*dots->dots));
	free(dots->dots);
	free(dots);
}

static bool grow(struct dots *dots)
{
	size_t room = dots->room ? dots->room * 2 : DOTS_ROOM_MIN;
	size_t more = (room - dots->room) * sizeof(*dots->dots);
	struct dot *grown;

	if (room > DOTS_MAX || !budget_charge(dots->budget, more))
		return false;
	grown = malloc(room * sizeof(*grown));
	if (!grown) {
		budget_refund(dots->budget, more);
		return false;
	}
	if (dots->count)
		memcpy(grown, dots->dots + dots->first, dots->count * sizeof(*grown));
	free(dots->dots);
	dots->dots = grown;
	dots->room = room;
	dots->first = 0;
	return true;
}

static bool make_room(struct dots *dots)
{
	if (dots->first + dots->count < dots->room)
		return true;
	/* Half empty: moving costs no more than what was forgotten. */
	if (dots->room && dots->count <= dots->room / 2) {
		memmove(dots->dots, dots->dots + dots->first, dots->count * sizeof(*dots->dots));
		dots->first = 0;
		return true;
	}
	if (grow(dots))
		return true;
	if (!dots->first)
		return false;
	memmove(dots->dots, dots->dots + dots->first, dots->count * sizeof(*dots->dots));
	dots->first = 0;
	return true;
}

bool dots_add(struct dots *dots, uint32_t seq, bool line_end_before, bool line_end_behind)
{
	if (dots->count && dots->dots[dots->first + dots->count - 1].seq == (seq & DOT_SEQ_MASK))
		return true;
	if (!make_room(dots))
		return false;
	dots->dots[dots->first + dots->count++] = (struct dot){
		.seq = seq & DOT_SEQ_MASK,
		.line_end_before = line_end_before,
		.line_end_behind = line_end_behind,
	};
	return true;
}

/* Index of the first dot at seq or behind. */
static size_t first_from(const struct dots *dots, uint32_t seq)
{
	size_t low = dots->first;
	size_t high = dots->first + dots->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (dot_distance(dots->dots[middle].seq, seq) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void dots_forget(struct dots *dots, uint32_t seq)
{
	size_t first = first_from(dots, seq);

	dots->count -= first - dots->first;
	dots->first = first;
}

/* `at` is the dot's offset from the first octet: -1 to len. */
static bool dot_agrees(struct dot dot, int64_t at, struct bytes octets)
{
	int64_t len = (int64_t)octets.len;

	if (at >= 1 && ascii_is_line_end(octets.data[at - 1]) != dot.line_end_before)
		return false;
	if (at >= 0 && at < len && octets.data[at] != '.')
		return false;
	return at + 1 >= len || ascii_is_line_end(octets.data[at + 1]) == dot.line_end_behind;
}

static size_t count_dots(struct bytes octets)
{
	size_t count = 0;
	size_t at;

	for (at = bytes_find(octets, '.'); at < octets.len;
	     at += 1 + bytes_find(bytes_after(octets, at + 1), '.'))
		count++;
	return count;
}

bool dots_agree(const struct dots *dots, uint32_t seq, struct bytes octets)
{
	size_t end = dots->first + dots->count;
	size_t inside = 0;
	size_t i;

	for (i = first_from(dots, seq - 1); i < end; i++) {
		int64_t at = dot_distance(dots->dots[i].seq, seq);

		if (at > (int64_t)octets.len)
			break;
		if (!dot_agrees(dots->dots[i], at, octets))
			return false;
		inside += at >= 0 && at < (int64_t)octets.len;
	}
	/* All remembered dots are there; one more would be false. */
	return count_dots(octets) == inside;
}

bool dots_end_data(struct bytes octets)
{
	for (size_t i = 2; i < octets.len; i++) {
		if (octets.data[i - 1] == '.' && ascii_is_line_end(octets.data[i - 2]) &&
		    ascii_is_line_end(octets.data[i]))
			return true;
	}
	return false;
}
