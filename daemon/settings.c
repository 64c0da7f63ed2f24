/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/log.h"
#include "children.h"
#include "config_warning.h"
#include "files_config.h"
#include "report/line.h"

/* Networks named in the ready line; more are counted. */
enum { NETWORKS_SHOWN_MAX = 5 };

/* What stands behind --set comes last. */
static const char *place_of_authorities(const struct supervisor_options *options,
                                        const struct config *config)
{
	static const char key[] = "tls.ca-file=";

	for (size_t i = 0; i < options->set_count; i++) {
		if (strncmp(options->set[i], key, sizeof(key) - 1) == 0)
			return "--set";
	}
	return config->file_name;
}

int settings_read(struct settings *settings, const struct supervisor_options *options,
                  char error[CONFIG_ERROR_MAX])
{
	const char *name = options->config_path ? options->config_path : config_default_path;
	struct config *config = &settings->config;
	int err = config_read(settings->text, options->config_path, error);

	if (!err)
		err = config_parse(config, name, settings->text, options->set, options->set_count,
		                   error);
	if (!err)
		err = files_check_authorities(config, place_of_authorities(options, config), error);
	if (err)
		return -EINVAL;
	rules_add_locals(&config->rules, config->has_clients);
	return 0;
}

void settings_begin(const struct settings *settings, uint64_t now_ms)
{
	char line[CONFIG_ERROR_MAX];
	size_t at = 0;

	log_set_level(settings->config.log_level);
	while (config_warning(line, &at, &settings->config, now_ms))
		log_warn("configuration warning=\"%s\"", line);
}

int settings_find_backend(struct settings *settings, char error[CONFIG_ERROR_MAX])
{
	char why[RULES_WHY_MAX] = "";
	int err;

	if (settings->config.backend != RULES_AUTO)
		return 0;
	err = rules_detect(&settings->config.backend, -1, why);
	if (err)
		snprintf(error, CONFIG_ERROR_MAX, "no way to bring packets into a queue: %s", why);
	return err;
}

static void note(struct line *line, bool differs, const char *key)
{
	if (differs)
		line_add(line, "%s%s", line->len > 0 ? ", " : "", key);
}

int settings_check_reload(struct settings *news, const struct settings *old,
                          char error[CONFIG_ERROR_MAX])
{
	struct config *now = &news->config;
	const struct config *was = &old->config;
	char keys[160];
	struct line line;

	/* Found by itself once, it stays found. */
	if (now->backend == RULES_AUTO)
		now->backend = was->backend;
	line_init(&line, keys, sizeof(keys));
	now->rules.passage = was->rules.passage;
	memcpy(now->rules.passage_pin, was->rules.passage_pin, sizeof(now->rules.passage_pin));
	note(&line, now->passage != was->passage, "passage");
	note(&line, now->rules.queue_count != was->rules.queue_count, "queues");
	note(&line, now->rules.queue_first != was->rules.queue_first, "queue-first");
	note(&line, now->rules.marks.mask != was->rules.marks.mask, "mark-mask");
	note(&line, now->backend != was->backend, "backend");
	note(&line, now->rules.dns != was->rules.dns, "dns.guard");
	note(&line, now->dns_names_max != was->dns_names_max, "dns.names-max");
	note(&line, strcmp(now->user, was->user) != 0, "user");
	note(&line, strcmp(now->control_group, was->control_group) != 0, "control-group");
	note(&line, strcmp(now->control_socket, was->control_socket) != 0, "control-socket");
	note(&line, strcmp(now->state_directory, was->state_directory) != 0, "state-directory");
	if (line.len == 0)
		return 0;
	snprintf(error, CONFIG_ERROR_MAX, "%s cannot change while hopguard runs: restart it", keys);
	return -EINVAL;
}

bool settings_differ(const struct settings *a, const struct settings *b)
{
	return strcmp(a->text, b->text) != 0 || settings_rules_differ(a, b);
}

bool settings_rules_differ(const struct settings *a, const struct settings *b)
{
	return !rules_equal(&a->config.rules, &b->config.rules);
}

void settings_move(struct settings *to, const struct settings *from)
{
	memcpy(to, from, sizeof(*to));
}

static void add_clients(struct line *line, const struct rules *rules)
{
	char text[NETWORK_TEXT_MAX];
	size_t i;

	for (i = 0; i < rules->client_count && i < NETWORKS_SHOWN_MAX; i++)
		line_add(line, "%s%s", i > 0 ? " " : "", network_format(text, &rules->clients[i]));
	if (rules->client_count > NETWORKS_SHOWN_MAX)
		line_add(line, " and %zu more", rules->client_count - NETWORKS_SHOWN_MAX);
}

static void add_guarded(struct line *line, const struct rules *rules)
{
	if (rules->has_output)
		line_add(line, "this host");
	if (rules->has_forward && rules->client_count > 0) {
		line_add(line, "%s", rules->has_output ? " and forwarded " : "forwarded ");
		add_clients(line, rules);
	}
}

void settings_describe(char *text, size_t room, const struct settings *settings)
{
	const struct config *config = &settings->config;
	const struct rules *rules = &config->rules;
	struct line line;
	size_t i;

	line_init(&line, text, room);
	line_add(&line, "%s: port",
	         config->stance.mode == MODE_ENFORCE ? "enforce" : "monitor (nothing is refused)");
	for (i = 0; i < rules->port_count; i++)
		line_add(&line, "%s%u", i > 0 ? "," : " ", rules->ports[i]);
	line_add(&line, " from ");
	add_guarded(&line, rules);
	line_add(&line, "; queues %u-%u, rules by %s, when down mail %s", rules->queue_first,
	         rules->queue_first + rules->queue_count - 1, rules_backend_name(config->backend),
	         config->fails_open ? "passes" : "waits");
}

/* NULL: out of memory. */
static struct message_config *message_of(size_t *len, const struct settings *settings)
{
	struct message_config *message = calloc(1, sizeof(*message));

	if (!message)
		return NULL;
	message->type = MESSAGE_CONFIG;
	text_copy(message->text, sizeof(message->text), settings->text);
	*len = offsetof(struct message_config, text) + strlen(settings->text) + 1;
	return message;
}

void settings_send(const struct settings *settings, struct children *children,
                   const struct resources *resources, bool for_guards)
{
	size_t len;
	struct message_config *message = message_of(&len, settings);
	unsigned i;

	if (!message)
		return;
	(void)children_send(children, ROLE_SCOUT, 0, message, len, -1);
	(void)children_send(children, ROLE_VERIFIER, 0, message, len, -1);
	(void)children_send(children, ROLE_LEDGER, 0, message, len, resources->event_file);
	for (i = 0; for_guards && i < resources->queue_count; i++)
		(void)children_send(children, ROLE_GUARD, i, message, len, -1);
	free(message);
}

int settings_send_event_file(const struct settings *settings, struct children *children,
                             const struct resources *resources)
{
	size_t len;
	struct message_config *message = message_of(&len, settings);
	int err = message ? children_send(children, ROLE_LEDGER, 0, message, len,
	                                  resources->event_file)
	                  : -ENOMEM;

	free(message);
	return err;
}

bool settings_narrates(const struct settings *settings)
{
	const char *journal = getenv("JOURNAL_STREAM");
	unsigned long device, inode;
	struct stat output;

	if (settings->config.syslog_facility < 0 || !journal ||
	    sscanf(journal, "%lu:%lu", &device, &inode) != 2 || fstat(STDERR_FILENO, &output))
		return true;
	return output.st_dev != device || output.st_ino != inode;
}
