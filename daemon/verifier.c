/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verifier.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/sealed.h"
#include "confine.h"
#include "policy/certificate_anchors.h"
#include "process.h"
#include "verifier_judge.h"

enum { EXIT_SYSTEM = 4 };

struct verifier {
	const struct child *child;
	struct process *process;
	struct verifier_judge *judge;
	struct counters told;
	char problem[EVENT_TEXT_MAX]; /* with the file of authorities; empty: none */
	bool must_tell;
	bool was_told;
};

static void tell_problem(struct verifier *verifier)
{
	struct message_event message = {
		.type = MESSAGE_EVENT,
		.event = { .kind = verifier->problem[0] ? EVENT_DEGRADED : EVENT_RECOVERED,
		           .time_ms = process_time_ms(),
		           .pid = getpid(),
		           .count = 1 },
	};

	if (!verifier->must_tell)
		return;
	text_copy(message.event.subject, sizeof(message.event.subject), "CA file");
	text_copy(message.event.text, sizeof(message.event.text),
	          verifier->problem[0] ? verifier->problem : "the CA file is good again");
	if (process_send(verifier->process, ROLE_LEDGER, 0, &message, sizeof(message)) != 0)
		return;
	verifier->must_tell = false;
	verifier->was_told = verifier->problem[0] != '\0';
}

/* why: what is wrong, and with which file; NULL: nothing is. */
static void set_problem(struct verifier *verifier, const char *why)
{
	char problem[EVENT_TEXT_MAX] = "";

	if (why && verifier_judge_trusts_any(verifier->judge))
		(void)snprintf(problem, sizeof(problem),
		               "CA file not taken, what was trusted before stays: %.180s", why);
	else if (why)
		(void)snprintf(
			problem, sizeof(problem),
			"no authority is known, so mail that asks for a certificate of one waits: "
			"install ca-certificates, or set tls { ca-file }: %.120s",
			why);
	if (strcmp(problem, verifier->problem) == 0)
		return;
	text_copy(verifier->problem, sizeof(verifier->problem), problem);
	verifier->must_tell = problem[0] || verifier->was_told;
	if (problem[0])
		log_warn("authorities not taken error=\"%s\"", why);
	tell_problem(verifier);
}

static void take_authorities(struct verifier *verifier, const char *path, int copy)
{
	struct certificate_anchors *anchors = NULL;
	char why[CERTIFICATE_WHY_MAX] = "the file is empty", problem[MESSAGE_ERROR_MAX];
	struct bytes pem;
	int err = sealed_map(&pem, copy, FILE_LEN_MAX);

	if (err) {
		(void)snprintf(why, sizeof(why), "%s", strerror(-err));
	} else {
		if (pem.len > 0)
			anchors = certificate_anchors_new(pem, why);
		sealed_unmap(pem);
	}
	(void)snprintf(problem, sizeof(problem), "%s: %s", path, why);
	set_problem(verifier, anchors ? NULL : problem);
	if (!anchors)
		return;
	log_info("authorities taken file=%s count=%zu", path, certificate_anchors_count(anchors));
	verifier_judge_trust(verifier->judge, anchors);
}

static bool take_file(struct verifier *verifier, const struct message_file *message)
{
	int copy;

	if (message->kind != FILE_AUTHORITIES)
		return false;
	copy = process_take_descriptor(verifier->process);
	if (copy < 0) {
		set_problem(verifier, message->why);
		return true;
	}
	take_authorities(verifier, message->path, copy);
	close(copy);
	return true;
}

static bool take_check(struct verifier *verifier, unsigned guard, const struct message_check *check,
                       size_t len)
{
	struct message_checked answer;

	memset(&answer, 0, sizeof(answer));
	if (!verifier_judge_check(&answer.finding, verifier->judge, check, len,
	                          (int64_t)(process_time_ms() / 1000)))
		return false;
	answer.type = MESSAGE_CHECKED;
	answer.request = check->request;
	/* A guard that is slow or gone asks again. */
	(void)process_send(verifier->process, ROLE_GUARD, guard, &answer, sizeof(answer));
	return true;
}

/* False: not from this process, or not of its size. */
static bool take_message(struct verifier *verifier, enum role from, unsigned index,
                         const void *message, size_t len)
{
	switch (((const struct message *)message)->type) {
	case MESSAGE_CHECK:
		return from == ROLE_GUARD && take_check(verifier, index, message, len);
	case MESSAGE_FILE:
		return from == ROLE_SUPERVISOR && take_file(verifier, message);
	default:
		return false;
	}
}

static void on_message(void *owner, enum role from, unsigned index, const void *message, size_t len)
{
	struct verifier *verifier = owner;

	if (!take_message(verifier, from, index, message, len))
		process_count_refused(verifier->process);
}

/* A ledger that starts anew knows nothing of our troubles and sums. */
static void on_peer(void *owner, enum role role, unsigned index)
{
	struct verifier *verifier = owner;

	(void)index;
	if (role != ROLE_LEDGER)
		return;
	verifier->must_tell |= verifier->problem[0] != '\0';
	tell_problem(verifier);
	memset(&verifier->told, 0, sizeof(verifier->told));
}

static void on_second(void *owner)
{
	struct verifier *verifier = owner;
	struct verifier_counts counts = verifier_judge_counts(verifier->judge);
	struct message_counters message;

	tell_problem(verifier);
	memset(&message, 0, sizeof(message));
	message.type = MESSAGE_COUNTERS;
	message.counters.checks = counts.checks;
	message.counters.checks_cached = counts.cached;
	message.counters.checks_unproven = counts.unproven;
	message.counters.messages_refused = process_refused(verifier->process);
	if (memcmp(&message.counters, &verifier->told, sizeof(verifier->told)) == 0)
		return;
	if (process_send(verifier->process, ROLE_LEDGER, 0, &message, sizeof(message)) == 0)
		verifier->told = message.counters;
}

static int start_judging(struct verifier *verifier)
{
	char why[CERTIFICATE_WHY_MAX];
	struct certificate_anchors *none = certificate_anchors_new((struct bytes){ 0 }, why);
	uint8_t secret[TABLE_SECRET_LEN];

	if (!none)
		return -ENOMEM;
	if (getrandom(secret, sizeof(secret), 0) != sizeof(secret)) {
		certificate_anchors_free(none);
		return -EIO;
	}
	verifier->judge = verifier_judge_new(none, secret);
	if (!verifier->judge) {
		certificate_anchors_free(none);
		return -ENOMEM;
	}
	return 0;
}

static int start(struct verifier *verifier)
{
	static const struct process_hooks hooks = {
		.on_message = on_message,
		.on_peer = on_peer,
		.on_second = on_second,
	};
	const char *became;
	int err = process_open(&verifier->process, verifier->child, &hooks, verifier);

	/* Whatever OpenSSL wants of the system, it takes now. */
	if (!err)
		err = start_judging(verifier);
	return err ? err : confine(&became, ROLE_VERIFIER, verifier->child->config);
}

int verifier_run(const struct child *child)
{
	struct verifier *verifier = calloc(1, sizeof(*verifier));
	int status = EXIT_SYSTEM;
	int err;

	if (!verifier)
		return EXIT_SYSTEM;
	verifier->child = child;
	err = start(verifier);
	if (err)
		log_error("verifier not started error=\"%s\"", strerror(-err));
	else
		status = process_run(verifier->process);
	verifier_judge_free(verifier->judge);
	process_close(verifier->process);
	free(verifier);
	return status;
}
