/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_MTASTS_LIFE_H
#define HOPGUARD_POLICY_MTASTS_LIFE_H

/*
 * How long a policy lives, and when it is asked for again. While we run, life is counted by the monotonic clock alone; the wall
 * clock, which anybody on the path may set by forging NTP, only says how long we were down.
 */

#include <stdint.h>

enum {
	MTASTS_LIFE_MIN_S =
		60, /* also with max_age 0: the delivery that fetched a policy is bound by it */
	MTASTS_RENEW_MIN_S =
		5 * 60, /* a policy of a shorter life ends, and is fetched when it is asked for */
	MTASTS_RENEW_DAY_S = 24 * 60 * 60, /* of a life over two days: at least this often */
	MTASTS_RETRY_FIRST_S = 60,
	MTASTS_RETRY_MAX_S = 60 * 60,
	MTASTS_DOUBTED_S = 24 * 60 * 60, /* see mtasts_life_after_down_s */
	MTASTS_WARN_S = 24 * 60 * 60,    /* a policy that cannot be renewed is told of so often */
	MTASTS_WARN_LATE_S = 60 * 60,    /* the same from half of its life on */
};

/* The life of a policy that was fetched just now. */
uint32_t mtasts_life_s(uint32_t max_age_s);

/*
 * What is left of left_s, counted at saved_ms, when we start at wall_ms (both wall clock). A clock that stands before saved_ms says
 * nothing, and nothing is taken away. One that says that much time went by may be right, or may have been set far ahead, as by a
 * battery that died or an NTP answer that was forged, which would end every cached policy at once. So of what was left
 * MTASTS_DOUBTED_S stay in any case, counted while we run, in which the policy is fetched again first of all. What was over stays over.
 */
uint32_t mtasts_life_after_down_s(uint32_t left_s, uint64_t saved_ms, uint64_t wall_ms);

/*
 * After which part of its life a policy is to be fetched again: between 30 and 60 percent, and within a day for lives over two days,
 * at random, so that neither an attacker knows the moment nor all are fetched at once. 0: never, its life is too short.
 */
uint32_t mtasts_renew_after_s(uint32_t max_age_s, uint64_t random);

/* How long to wait after that many failures in a row, at least 1; doubles up to MTASTS_RETRY_MAX_S, give or take a quarter. */
uint32_t mtasts_retry_after_s(unsigned failures, uint64_t random);

#endif
