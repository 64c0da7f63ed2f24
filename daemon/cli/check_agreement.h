/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_CLI_CHECK_AGREEMENT_H
#define HOPGUARD_CLI_CHECK_AGREEMENT_H

/*
 * Whether the name servers of a zone say the same: what one denies and others have, or has in another form, is an old copy of the zone, or
 * none of it.
 */

#include "cli/check_exchange.h"
#include "cli/check_facts.h"

enum { CHECK_QUESTIONS_MAX = 4 };

enum check_presence { RECORD_UNKNOWN, RECORD_THERE, RECORD_DENIED };

struct check_questions {
	size_t count;
	struct check_question list[CHECK_QUESTIONS_MAX];
};

/* By the places of facts->zones and facts->servers, and the zone's questions. Zeroed, nobody was asked. */
struct check_answers {
	struct check_questions questions[CHECK_ASKED_MAX]; /* to each zone's servers */
	bool is_done[CHECK_SERVERS_MAX];                   /* some answer came */
	enum check_presence presence[CHECK_SERVERS_MAX][CHECK_QUESTIONS_MAX];
	uint64_t sums[CHECK_SERVERS_MAX][CHECK_QUESTIONS_MAX]; /* check_agreement_sum */
};

/* Of the records in an answer, whatever their order and the compression of names; 0: none, or malformed. */
uint64_t check_agreement_sum(struct bytes octets);
/* The worst of a server's answers is told. */
void check_agreement_tell(struct check_server *server, enum check_server_state state,
                          const char *why);
/* When all have answered: those that differ are WRONG. Where none of a family answers, it is the network here that does not let us ask. */
void check_agreement_judge(struct check_facts *facts, const struct check_answers *answers);

#endif
