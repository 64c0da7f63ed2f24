/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scout_state.h"

#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "policy/mtasts.h"

void scout_forget_answers(struct scout *scout)
{
	const struct message_forget forget = { .type = MESSAGE_FORGET };

	(void)process_send_guards(scout->process, &forget, sizeof(forget), -1);
	scout_table_remind(scout);
	promise_cache_clear(scout->cache);
	enquiries_renew(scout->enquiries);
	scout_table_renew(scout);
}

void scout_tell_policy(struct scout *scout, enum promise_source source, const char *domain,
                       enum reason reason, const char *text)
{
	struct message_event message;
	struct event *event = &message.event;

	memset(&message, 0, sizeof(message));
	message.type = MESSAGE_EVENT;
	event->kind = EVENT_POLICY;
	event->action = event->would = ACTION_ALERT;
	event->reason = reason;
	event->mode = process_config(scout->process)->stance.mode;
	event->time_ms = process_time_ms();
	event->pid = getpid();
	event->count = 1;
	event->promise.source = source;
	text_copy(event->domain, sizeof(event->domain), domain);
	text_copy(event->text, sizeof(event->text), text);
	(void)process_send(scout->process, ROLE_LEDGER, 0, &message, sizeof(message));
}

static void on_row(void *owner, const struct row *row)
{
	struct scout *scout = owner;

	scout_rows_send(scout->rows, row);
}

static void on_tell(void *owner, const char *domain, enum reason reason, const char *text)
{
	scout_tell_policy(owner, SOURCE_MTA_STS, domain, reason, text);
}

static bool is_established(void *owner, const char *domain)
{
	const struct scout *scout = owner;

	return merge_standing(&scout->sources, domain) > 0;
}

static struct mtasts_options options_of(const struct config *config)
{
	struct mtasts_options options = {
		.is_enabled = config->mta_sts_is_enabled,
		.https_port = config->mta_sts_https_port,
	};

	text_copy(options.ca_file, sizeof(options.ca_file), config->ca_file);
	return options;
}

int scout_policy_open(struct scout *scout, const uint8_t secret[TABLE_SECRET_LEN])
{
	static const struct mtasts_hooks hooks = {
		.on_row = on_row,
		.tell = on_tell,
		.is_established = is_established,
		.now_ms = process_now_ms,
		.wall_ms = process_time_ms,
	};
	struct mtasts_options options = options_of(process_config(scout->process));

	memcpy(options.secret, secret, sizeof(options.secret));
	return mtasts_new(&scout->mtasts, process_base(scout->process), scout->resolver, &options,
	                  &hooks, scout);
}

void scout_policy_configure(struct scout *scout, const struct config *config)
{
	const struct mtasts_options options = options_of(config);

	mtasts_configure(scout->mtasts, &options);
}
