/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "passage_choice.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/sandbox.h"
#include "enforce/saved_rules.h"
#include "messages.h"
#include "net/passage_ebpf.h"
#include "net/passage_load.h"
#include "net/passage_module.h"

_Static_assert((int)RULES_PIN_MAX >= (int)PASSAGE_PATH_MAX, "a pin fits the rules");

/*
 * Where others save all rules to put them in at the next start, ours would be among them, and without module or pin nobody's would go
 * in. Whoever names a kind has been told.
 */
static const char *find_obstacle(const struct config *config)
{
	return config->passage == PASSAGE_WANTED_AUTO ? saved_rules_find("") : NULL;
}

static bool permits(const struct config *config, enum passage_kind kind)
{
	return config->passage == PASSAGE_WANTED_AUTO ||
	       (config->passage == PASSAGE_WANTED_MODULE && kind == PASSAGE_MODULE) ||
	       (config->passage == PASSAGE_WANTED_EBPF && kind == PASSAGE_EBPF);
}

/* Says it in the rules, if these are to be had with it. */
static bool try_rules(struct config *config, enum passage_kind kind, int lock,
                      char why[RULES_WHY_MAX])
{
	struct rules *rules = &config->rules;

	rules->passage = kind;
	if (kind == PASSAGE_EBPF)
		(void)passage_pin_path(rules->passage_pin);
	if (rules_try_passage(rules, config->backend, lock, why) == 0)
		return true;
	rules->passage = PASSAGE_NONE;
	rules->passage_pin[0] = '\0';
	return false;
}

static void add_why(struct passage_choice *choice, enum passage_kind kind, const char *why)
{
	size_t len = strlen(choice->why);

	(void)snprintf(choice->why + len, sizeof(choice->why) - len, "%s%s: %.110s",
	               len ? "; " : "", passage_kind_name(kind), why);
}

static void close_modules(struct passage_choice *choice)
{
	size_t i;

	for (i = 0; i < choice->module_count; i++)
		close(choice->modules[i].descriptors[0]);
	free(choice->modules);
	choice->modules = NULL;
	choice->module_count = 0;
}

static bool open_module(struct passage_choice *choice, struct config *config, int lock)
{
	char why[RULES_WHY_MAX] = "";
	int err = 0;

	choice->modules = calloc(config->rules.queue_count, sizeof(*choice->modules));
	if (!choice->modules)
		err = -ENOMEM;
	while (!err && choice->module_count < config->rules.queue_count) {
		size_t index = choice->module_count;

		err = passage_module_open(&choice->modules[index],
		                          (uint16_t)(config->rules.queue_first + index));
		choice->module_count += !err;
	}
	if (err)
		add_why(choice, PASSAGE_MODULE,
		        err == -ENOENT   ? "not loaded"
		        : err == -EPROTO ? "another version is loaded"
		                         : strerror(-err));
	else if (try_rules(config, PASSAGE_MODULE, lock, why))
		return true;
	else
		add_why(choice, PASSAGE_MODULE, why);
	close_modules(choice);
	return false;
}

static int load(int *table, const struct config *config, char why[PASSAGE_WHY_MAX])
{
	unsigned user, group;
	const char *name;

	/* Else it stays root's, and guards that root starts inherit what they need of it. */
	if (!sandbox_user(config->user, &name, &user, &group) ||
	    strcmp(name, SANDBOX_SHARED_USER) == 0) {
		user = geteuid();
		group = getegid();
	}
	return passage_load(table, user, group, why);
}

/*
 * Other people's iptables-legacy opens our path at each change to its table, in their own view of files: where they could not find
 * it, they could change nothing any more. With nft, too, ours is there (enforce/rules.h).
 */
static bool is_out_of_sight(const struct config *config)
{
	return config->backend != RULES_IPTABLES && geteuid() == 0 && !passage_pin_is_public();
}

static const char OUT_OF_SIGHT[] = "its pin would not be seen by others who run iptables-legacy";

static const char UNCHECKED[] =
	"wrong checksums would pass by it (net.netfilter.nf_conntrack_checksum = 0)";

static bool open_ebpf(struct passage_choice *choice, struct config *config, int lock)
{
	char why[RULES_WHY_MAX] = "";
	int err;

	if (!passage_sums_are_checked()) {
		add_why(choice, PASSAGE_EBPF, UNCHECKED);
		return false;
	}
	err = geteuid() == 0 ? load(&choice->table, config, why)
	                     : passage_open_pinned(&choice->table, why);
	if (!err && is_out_of_sight(config)) {
		(void)snprintf(why, sizeof(why), "%s", OUT_OF_SIGHT);
		err = -EXDEV;
	}
	if (!err && try_rules(config, PASSAGE_EBPF, lock, why))
		return true;
	add_why(choice, PASSAGE_EBPF, why);
	if (choice->table >= 0) {
		close(choice->table);
		choice->table = -1;
		passage_unpin();
	}
	return false;
}

void passage_choice_open(struct passage_choice *choice, struct config *config, int lock)
{
	const char *obstacle = find_obstacle(config);

	*choice = (struct passage_choice){ .kind = PASSAGE_NONE, .table = -1 };
	if (obstacle)
		(void)snprintf(
			choice->why, sizeof(choice->why),
			"rules are saved here (%s): with it they might not load at the next start",
			obstacle);
	else if (permits(config, PASSAGE_MODULE) && open_module(choice, config, lock))
		choice->kind = PASSAGE_MODULE;
	else if (permits(config, PASSAGE_EBPF) && open_ebpf(choice, config, lock))
		choice->kind = PASSAGE_EBPF;
	log_info("message bodies pass kernel=%s%s%s%s", passage_kind_name(choice->kind),
	         choice->why[0] ? " (" : "", choice->why, choice->why[0] ? ")" : "");
}

void passage_choice_close(struct passage_choice *choice)
{
	close_modules(choice);
	if (choice->table >= 0)
		close(choice->table);
	choice->table = -1;
}

static void give_up(struct passage_choice *choice, struct config *config, const char *why)
{
	log_warn("message bodies come to the queue kernel=%s error=\"%s\"",
	         passage_kind_name(choice->kind), why);
	add_why(choice, choice->kind, why);
	passage_choice_close(choice);
	choice->kind = PASSAGE_NONE;
	config->rules.passage = PASSAGE_NONE;
	config->rules.passage_pin[0] = '\0';
}

bool passage_choice_look(struct passage_choice *choice, struct config *config)
{
	if (choice->kind != PASSAGE_EBPF || passage_sums_are_checked())
		return false;
	give_up(choice, config, UNCHECKED);
	return true;
}

int passage_choice_apply(struct passage_choice *choice, struct config *config, int lock,
                         char why[RULES_WHY_MAX])
{
	int err = rules_apply(NULL, &config->rules, config->backend, lock, why);

	if (!err || config->rules.passage == PASSAGE_NONE)
		return err;
	give_up(choice, config, why);
	return rules_apply(NULL, &config->rules, config->backend, lock, why);
}

int passage_choice_remove(const struct config *config, int lock, char why[RULES_WHY_MAX])
{
	int err = rules_remove(config->backend, lock, why);

	if (!err)
		passage_unpin();
	return err;
}

void passage_choice_fill_state(const struct passage_choice *choice, struct message_state *state)
{
	text_copy(state->passage, sizeof(state->passage), passage_kind_name(choice->kind));
	text_copy(state->passage_why, sizeof(state->passage_why), choice->why);
}

struct passage_ticket passage_choice_ticket(const struct passage_choice *choice,
                                            const struct config *config, unsigned index)
{
	struct passage_ticket ticket = {
		.kind = PASSAGE_NONE,
		.descriptors = { -1, -1, -1, -1 },
	};

	if (choice->kind == PASSAGE_MODULE && index < choice->module_count)
		return choice->modules[index];
	if (choice->kind == PASSAGE_EBPF) {
		ticket.kind = PASSAGE_EBPF;
		ticket.owner = (uint16_t)(config->rules.queue_first + index);
		ticket.descriptors[0] = choice->table;
	}
	return ticket;
}

struct body_passage *passage_choice_adopt(const struct passage_ticket *ticket)
{
	struct body_passage *passage = NULL;
	int err = 0;

	switch (ticket->kind) {
	case PASSAGE_NONE:
		return NULL;
	case PASSAGE_EBPF:
		err = passage_ebpf_adopt(&passage, ticket);
		break;
	case PASSAGE_MODULE:
		passage = passage_module_adopt(ticket);
		break;
	}
	if (!passage && !err)
		err = -ENOMEM;
	if (!err)
		return passage;
	log_warn("message bodies come to the queue kernel=%s error=\"%s\"",
	         passage_kind_name(ticket->kind), strerror(-err));
	return NULL;
}

void passage_choice_find(struct config *config, int lock)
{
	char why[RULES_WHY_MAX];
	struct passage_ticket ticket;

	if (find_obstacle(config))
		return;
	if (permits(config, PASSAGE_MODULE) &&
	    passage_module_open(&ticket, config->rules.queue_first) == 0) {
		close(ticket.descriptors[0]);
		if (try_rules(config, PASSAGE_MODULE, lock, why))
			return;
	}
	if (permits(config, PASSAGE_EBPF) && passage_sums_are_checked() && passage_pin_is_there())
		(void)try_rules(config, PASSAGE_EBPF, lock, why);
}

int passage_choice_prepare(struct config *config, char why[PASSAGE_CHOICE_WHY_MAX])
{
	char reason[RULES_WHY_MAX] = "";
	int err = 0;

	if (!permits(config, PASSAGE_EBPF) || find_obstacle(config)) {
		passage_unpin();
		return 0;
	}
	if (config->backend == RULES_AUTO)
		err = rules_detect(&config->backend, -1, reason);
	if (!err)
		err = load(NULL, config, reason);
	if (!err && is_out_of_sight(config)) {
		passage_unpin();
		(void)snprintf(reason, sizeof(reason), "%s", OUT_OF_SIGHT);
		err = -EXDEV;
	}
	(void)snprintf(why, PASSAGE_CHOICE_WHY_MAX, "%s", reason);
	return err;
}
