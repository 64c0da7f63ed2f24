/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What it costs to listen to DNS: in the first guard a question that is kept and its answer that is matched, by UDP, and its place within
 * the bounds; in the scout an MX answer and the address of its host, which make a candidate. All names differ. Times are of the
 * processor.
 *
 *     hearing_bench [QUESTIONS]
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "flow/dns_questions.h"
#include "flow/dns_shares.h"
#include "policy/heard.h"
#include "unit/wire/dns_message.h"

enum { QUESTIONS = 200000, SECOND_MS = 1000, PER_SECOND = 4000 };

static const uint8_t secret[TABLE_SECRET_LEN] = { 1, 2, 3 };

static double clock_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void fill(struct message *message, size_t number, unsigned flags, unsigned type)
{
	char name[32], host[32];

	(void)snprintf(name, sizeof(name), "d%zu.example", number);
	(void)snprintf(host, sizeof(host), "mx%zu.example", number);
	begin(message, flags, type == DNS_TYPE_A ? host : name, type, flags == FOUND, 0);
	if (flags == FOUND && type == DNS_TYPE_MX)
		add_mx(message, name, 10, host);
	if (flags == FOUND && type == DNS_TYPE_A)
		add_a(message, host, 0xc6336400 + (uint32_t)number % 250, 300);
	put_u16(message->octets, (uint16_t)number);
}

static bool parse(struct dns_message *parsed, const struct message *message)
{
	return dns_message_parse(parsed, bytes_of(message->octets, message->len)) == PARSE_OK;
}

static void in_the_guard(size_t count)
{
	struct dns_questions *questions = dns_questions_new(secret);
	struct dns_shares *shares = dns_shares_new(secret);
	struct dns_path path = { .client = { .address = { 4, { 192, 0, 2, 1 } } },
		                 .server = { .address = { 4, { 198, 51, 100, 1 } }, .port = 53 } };
	double asked_us = 0, answered_us = 0;
	size_t taken = 0;

	for (size_t i = 0; questions && shares && i < count; i++) {
		uint64_t now_ms = i * SECOND_MS / PER_SECOND;
		struct message question, answer;
		struct dns_message parsed;
		double start_us;

		fill(&question, i, 0x0100, DNS_TYPE_MX);
		fill(&answer, i, FOUND, DNS_TYPE_MX);
		path.client.port = (uint16_t)(i >> 16);
		start_us = clock_us();
		if (parse(&parsed, &question))
			dns_questions_ask(questions, &path, &parsed, now_ms);
		asked_us += clock_us() - start_us;
		start_us = clock_us();
		if (parse(&parsed, &answer) &&
		    dns_questions_answer(questions, &path, &parsed, 4, now_ms) == DNS_REPLY_NEW &&
		    !dns_shares_follows(shares, &parsed, now_ms))
			taken += dns_shares_take(shares, &path.client.address, &parsed, false,
			                         now_ms);
		answered_us += clock_us() - start_us;
	}
	printf("guard: a question %.2f us, its answer %.2f us; %zu of %zu within the bounds, %zu "
	       "questions kept\n",
	       asked_us / (double)count, answered_us / (double)count, taken, count,
	       questions ? dns_questions_count(questions) : 0);
	dns_questions_free(questions);
	dns_shares_free(shares);
}

static void on_candidate(void *owner, const struct heard_candidate *candidate)
{
	size_t *told = owner;

	(void)candidate;
	++*told;
}

static void in_the_scout(size_t count)
{
	const struct address client = { 4, { 192, 0, 2, 1 } };
	size_t told = 0;
	struct heard *heard = heard_new(secret, on_candidate, &told);
	double sum_us = 0;

	for (size_t i = 0; heard && i < count; i++) {
		for (unsigned step = 0; step < 2; step++) {
			struct message answer;
			struct dns_message parsed;
			double start_us;

			fill(&answer, i, FOUND, step == 0 ? DNS_TYPE_MX : DNS_TYPE_A);
			start_us = clock_us();
			if (parse(&parsed, &answer))
				(void)heard_answer(heard, &client, &parsed, false, 1000);
			sum_us += clock_us() - start_us;
		}
	}
	printf("scout: an answer %.2f us; %zu candidates of %zu pairs\n",
	       sum_us / (double)(2 * count), told, count);
	heard_free(heard);
}

int main(int argc, char **argv)
{
	size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : QUESTIONS;

	in_the_guard(count);
	in_the_scout(count);
	return 0;
}
