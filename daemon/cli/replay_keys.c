/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/replay_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "cli/authorities.h"
#include "verifier_judge.h"

struct replay_keys {
	struct verifier_judge *judge;
	struct message_checked open[REPLAY_KEYS_OPEN_MAX];
	size_t open_count;
	struct message_checked answer;
};

enum cli_status replay_keys_new(struct replay_keys **made, const struct config *config)
{
	struct replay_keys *keys = calloc(1, sizeof(*keys));
	struct certificate_anchors *anchors = NULL;
	uint8_t secret[TABLE_SECRET_LEN];
	char error[AUTHORITIES_ERROR_MAX];

	if (!keys)
		goto no_memory;
	if (authorities_read(&anchors, config, error) != 0) {
		fprintf(stderr, "hopguard: %s\n", error);
		free(keys);
		return CLI_USAGE;
	}
	if (getrandom(secret, sizeof(secret), 0) == (ssize_t)sizeof(secret))
		keys->judge = verifier_judge_new(anchors, secret);
	if (keys->judge) {
		*made = keys;
		return CLI_GOOD;
	}
	certificate_anchors_free(anchors);
	free(keys);
no_memory:
	fputs("hopguard: out of memory\n", stderr);
	return CLI_SYSTEM;
}

void replay_keys_free(struct replay_keys *keys)
{
	if (!keys)
		return;
	verifier_judge_free(keys->judge);
	free(keys);
}

void replay_keys_ask(struct replay_keys *keys, const struct message_check *check, size_t len,
                     int64_t now_s)
{
	struct message_checked *answer = &keys->open[keys->open_count];

	if (keys->open_count == REPLAY_KEYS_OPEN_MAX)
		return;
	*answer = (struct message_checked){ .type = MESSAGE_CHECKED, .request = check->request };
	keys->open_count += verifier_judge_check(&answer->finding, keys->judge, check, len, now_s);
}

const struct message_checked *replay_keys_next(struct replay_keys *keys)
{
	if (keys->open_count == 0)
		return NULL;
	keys->answer = keys->open[0];
	memmove(keys->open, keys->open + 1, --keys->open_count * sizeof(keys->open[0]));
	return &keys->answer;
}
