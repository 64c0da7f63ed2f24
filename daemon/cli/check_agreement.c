/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/check_agreement.h"

#include <stdio.h>
#include <string.h>

#include "base/siphash.h"

void check_agreement_tell(struct check_server *server, enum check_server_state state,
                          const char *why)
{
	if (state <= server->state)
		return;
	server->state = state;
	text_copy(server->why, sizeof(server->why), why);
}

static bool answered_by_family(const struct check_facts *facts, const struct check_answers *answers,
                               uint8_t family)
{
	for (size_t i = 0; i < facts->server_count; i++) {
		if (facts->servers[i].address.family == family && answers->is_done[i])
			return true;
	}
	return false;
}

static size_t count_alike(const struct check_facts *facts, const struct check_answers *answers,
                          size_t index, size_t question)
{
	size_t count = 0;

	for (size_t i = 0; i < facts->server_count; i++)
		count += facts->servers[i].zone == facts->servers[index].zone &&
		         answers->presence[i][question] == RECORD_THERE &&
		         answers->sums[i][question] == answers->sums[index][question];
	return count;
}

/* Of those that have the record, the one that most agree with; of as many, the first. SIZE_MAX: none. */
static size_t find_spokesman(const struct check_facts *facts, const struct check_answers *answers,
                             uint8_t zone, size_t question)
{
	size_t best = SIZE_MAX, most = 0;

	for (size_t i = 0; i < facts->server_count; i++) {
		size_t count = count_alike(facts, answers, i, question);

		if (facts->servers[i].zone != zone ||
		    answers->presence[i][question] != RECORD_THERE || count <= most)
			continue;
		best = i;
		most = count;
	}
	return best;
}

static void compare(struct check_facts *facts, const struct check_answers *answers, size_t index)
{
	struct check_server *server = &facts->servers[index];
	const struct check_questions *questions = &answers->questions[server->zone];
	char why[CHECK_WHY_MAX];

	for (size_t i = 0; i < questions->count; i++) {
		size_t spokesman = find_spokesman(facts, answers, server->zone, i);
		enum check_presence presence = answers->presence[index][i];
		bool differs;

		if (spokesman == SIZE_MAX || presence == RECORD_UNKNOWN)
			continue;
		differs = answers->sums[index][i] != answers->sums[spokesman][i];
		if (presence == RECORD_DENIED)
			snprintf(why, sizeof(why), "it has no %s record at %.200s, others have",
			         check_question_type(questions->list[i].type),
			         questions->list[i].name);
		else if (differs && questions->list[i].type != DNS_TYPE_A)
			snprintf(why, sizeof(why),
			         "its %s records at %.160s are not those of %.60s",
			         check_question_type(questions->list[i].type),
			         questions->list[i].name, facts->servers[spokesman].name);
		else
			continue;
		check_agreement_tell(server, SERVER_WRONG, why);
	}
}

/* Names in MX records may be compressed in one answer and not in another. */
uint64_t check_agreement_sum(struct bytes octets)
{
	static const uint8_t key[SIPHASH_KEY_LEN] = { 0 };
	struct dns_answer answer;
	struct dns_record record;
	struct dns_mx mx;
	uint64_t sum = 0;

	if (dns_answer_parse(&answer, octets) != PARSE_OK)
		return 0;
	for (size_t i = 0; dns_answer_record(&record, &answer, i); i++) {
		if (answer.type != DNS_TYPE_MX)
			sum += siphash(key, record.data.data, record.data.len);
		else if (dns_mx_parse(&mx, &answer, &record) == PARSE_OK)
			sum += siphash(key, mx.host, strlen(mx.host)) * (1U + mx.preference);
	}
	return sum;
}

void check_agreement_judge(struct check_facts *facts, const struct check_answers *answers)
{
	for (size_t i = 0; i < facts->server_count; i++) {
		struct check_server *server = &facts->servers[i];

		if (server->state == SERVER_SILENT &&
		    !answered_by_family(facts, answers, server->address.family))
			server->state = SERVER_UNASKED;
		compare(facts, answers, i);
	}
}
