/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scout_files.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/rfc3339.h"
#include "base/sealed.h"
#include "files_config.h"
#include "scout_state.h"

int scout_files_open(struct scout *scout, const uint8_t secret[SIPHASH_KEY_LEN])
{
	scout->files.lists = policy_lists_new(secret);
	if (!scout->files.lists)
		return -ENOMEM;
	scout_files_configure(scout, process_config(scout->process));
	return 0;
}

void scout_files_close(struct scout *scout)
{
	policy_lists_free(scout->files.lists);
	watch_list_free(scout->files.watch);
	watch_list_free(scout->files.listed);
}

static struct scout_file *file_of(struct scout_files *files, uint32_t kind, const char *path)
{
	for (size_t i = 0; i < files->count; i++) {
		if (files->files[i].kind == kind && strcmp(files->files[i].path, path) == 0)
			return &files->files[i];
	}
	return NULL;
}

static const char *listed_at(const void *owner, size_t index)
{
	return policy_lists_domain(owner, index);
}

/* Whose mail a connection in TLS may be for is known only of what was looked up. */
static void renew_listed(struct scout_files *files)
{
	struct watch_list *listed = watch_list_of(listed_at, files->lists);

	if (listed && files->listed)
		watch_list_adopt(listed, files->listed);
	watch_list_free(files->listed);
	files->listed = listed;
}

static void configure_lists(struct scout_files *files)
{
	const char *paths[POLICY_LISTS_MAX];
	size_t count = 0;

	for (size_t i = 0; i < files->count && count < POLICY_LISTS_MAX; i++) {
		if (files->files[i].kind == FILE_POLICY_LIST)
			paths[count++] = files->files[i].path;
	}
	policy_lists_configure(files->lists, paths, count);
	renew_listed(files);
}

static void configure_watch(struct scout *scout)
{
	struct scout_files *files = &scout->files;

	for (size_t i = 0; i < files->count; i++) {
		if (files->files[i].kind == FILE_WATCH)
			return;
	}
	watch_list_free(files->watch);
	scout->sources.watch = files->watch = NULL;
}

/* A problem, or with an empty text its end; what the ledger was told already is not told again. */
__attribute__((format(printf, 2, 3))) static void set_problem(struct scout_file *file,
                                                              const char *format, ...)
{
	char problem[EVENT_TEXT_MAX];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(problem, sizeof(problem), format, arguments);
	va_end(arguments);
	if (strcmp(problem, file->problem) == 0)
		return;
	text_copy(file->problem, sizeof(file->problem), problem);
	file->must_tell = problem[0] || file->was_told;
}

static void tell(struct scout *scout, struct scout_file *file)
{
	struct message_event message = {
		.type = MESSAGE_EVENT,
		.event = { .kind = file->problem[0] ? EVENT_DEGRADED : EVENT_RECOVERED,
		           .time_ms = process_time_ms(),
		           .pid = getpid(),
		           .count = 1 },
	};

	if (!file->must_tell)
		return;
	files_subject(message.event.subject, file->kind, file->path);
	if (file->problem[0])
		text_copy(message.event.text, sizeof(message.event.text), file->problem);
	else
		(void)snprintf(message.event.text, sizeof(message.event.text),
		               "%s %.200s is good again", files_kind_name(file->kind), file->path);
	if (process_send(scout->process, ROLE_LEDGER, 0, &message, sizeof(message)) != 0)
		return;
	file->must_tell = false;
	file->was_told = file->problem[0] != '\0';
}

/* What the configuration does not name any more is no trouble any more. */
static void end_dropped(struct scout *scout, struct scout_file *file,
                        const struct files_options *options)
{
	for (size_t i = 0; i < options->count; i++) {
		if (options->files[i].kind == file->kind &&
		    strcmp(options->files[i].path, file->path) == 0)
			return;
	}
	set_problem(file, "%s", "");
	tell(scout, file);
}

void scout_files_configure(struct scout *scout, const struct config *config)
{
	struct scout_files *files = &scout->files;
	struct scout_file news[FILES_MAX] = { 0 };
	struct files_options options;
	bool has_changed;

	files_config(&options, config);
	has_changed = options.count != files->count;
	for (size_t i = 0; i < options.count; i++) {
		const struct files_option *option = &options.files[i];
		const struct scout_file *old = file_of(files, option->kind, option->path);

		has_changed |= !old || old != &files->files[i];
		if (old)
			news[i] = *old;
		news[i].kind = option->kind;
		text_copy(news[i].path, sizeof(news[i].path), option->path);
	}
	if (!has_changed)
		return;
	for (size_t i = 0; i < files->count; i++)
		end_dropped(scout, &files->files[i], &options);
	memcpy(files->files, news, sizeof(news));
	files->count = options.count;
	configure_lists(files);
	configure_watch(scout);
	scout_forget_answers(scout);
}

static struct policy_moment moment_now(void)
{
	return (struct policy_moment){ process_now_ms(), process_time_ms() };
}

/* Before the rows are known none is sent: it might take the place of a newer one. */
static void send_rows(struct scout *scout)
{
	struct row row = { .kind = ROW_LIST };

	while (scout->files.rows_are_known && policy_lists_unsaved(&row.list, scout->files.lists)) {
		scout_rows_send(scout->rows, &row);
		policy_lists_note_saved(scout->files.lists, &row.list);
	}
}

static void say_taken(const struct scout *scout, const struct message_file *message)
{
	char timestamp[RFC3339_TEXT_MAX], expires[RFC3339_TEXT_MAX];
	struct policy_list_facts facts;

	if (!policy_lists_facts(&facts, scout->files.lists, message->path, process_now_ms()))
		return;
	log_info("policy list taken file=%s domains=%zu timestamp=%s expires=%s signed-by=%s "
	         "octets=%zu",
	         message->path, facts.domains, rfc3339_format(timestamp, facts.timestamp_s),
	         rfc3339_format(expires, facts.expires_s),
	         message->signer[0] ? message->signer : "nobody", facts.memory);
}

static void take_policy_list(struct scout *scout, struct scout_file *file,
                             const struct message_file *message, struct bytes text)
{
	const struct policy_list_offer offer = { file->path, text, message->signer[0] != '\0' };
	struct policy_lists *lists = scout->files.lists;
	char error[POLICY_LIST_ERROR_MAX];
	struct policy_list_facts facts;
	int err = policy_lists_take(lists, &offer, moment_now(), error);

	if (err) {
		set_problem(file, "policy list not taken%s: %.120s: %s",
		            policy_lists_facts(&facts, lists, file->path, 0)
		                    ? ", the one before stays"
		                    : "",
		            file->path, error);
		return;
	}
	set_problem(file, "%s", "");
	say_taken(scout, message);
	renew_listed(&scout->files);
	scout_forget_answers(scout);
	send_rows(scout);
}

/* "line 3: not a domain name; line 7: …; and 12 more". */
static void describe_faults(char text[EVENT_TEXT_MAX], const struct watch_faults *faults)
{
	size_t len = 0;

	text[0] = '\0';
	for (size_t i = 0; i < faults->count && i < WATCH_FAULTS_MAX && len < EVENT_TEXT_MAX; i++)
		len += (size_t)snprintf(text + len, EVENT_TEXT_MAX - len, "%sline %u: %s",
		                        i > 0 ? "; " : "", faults->shown[i].line,
		                        faults->shown[i].rule);
	if (faults->count > WATCH_FAULTS_MAX && len < EVENT_TEXT_MAX)
		(void)snprintf(text + len, EVENT_TEXT_MAX - len, "; and %zu more",
		               faults->count - WATCH_FAULTS_MAX);
}

static void take_watch(struct scout *scout, struct scout_file *file, struct bytes text)
{
	struct scout_files *files = &scout->files;
	char description[EVENT_TEXT_MAX];
	struct watch_faults faults;
	struct watch_list *list = watch_list_parse(&faults, text);

	if (!list) {
		set_problem(file, "watch list not taken: %.120s: out of memory", file->path);
		return;
	}
	if (files->watch)
		watch_list_adopt(list, files->watch);
	watch_list_free(files->watch);
	scout->sources.watch = files->watch = list;
	describe_faults(description, &faults);
	if (faults.count > 0) {
		set_problem(file, "watch list %.120s has faults, all else is watched: %s",
		            file->path, description);
	} else {
		set_problem(file, "%s", "");
	}
	log_info("watch list taken file=%s domains=%zu", file->path, watch_list_count(list));
	scout_forget_answers(scout);
}

static void take_postfix(struct scout *scout, struct scout_file *file, struct bytes text)
{
	char problem[EVENT_TEXT_MAX];

	scout_table_take(scout, file->path, text, problem, sizeof(problem));
	if (problem[0])
		set_problem(file, "Postfix table %.80s: %.150s", file->path, problem);
	else
		set_problem(file, "%s", "");
	scout_forget_answers(scout);
}

/* False: nobody takes such a file. */
static bool parse(struct scout *scout, struct scout_file *file, const struct message_file *message,
                  struct bytes text)
{
	switch (file->kind) {
	case FILE_POLICY_LIST:
		take_policy_list(scout, file, message, text);
		return true;
	case FILE_WATCH:
		take_watch(scout, file, text);
		return true;
	case FILE_POSTFIX_POLICY:
		take_postfix(scout, file, text);
		return true;
	case FILE_AUTHORITIES:
	case FILE_KIND_COUNT:
		break;
	}
	return false;
}

static bool take_copy(struct scout *scout, struct scout_file *file,
                      const struct message_file *message, int copy)
{
	struct bytes text;
	int err = sealed_map(&text, copy, FILE_LEN_MAX);
	bool is_taken;

	if (err) {
		log_error("file not mapped file=%s error=\"%s\"", file->path, strerror(-err));
		return false;
	}
	is_taken = parse(scout, file, message, text);
	sealed_unmap(text);
	tell(scout, file);
	return is_taken;
}

bool scout_take_file(struct scout *scout, const struct message_file *message)
{
	struct scout_file *file;
	bool is_sound;
	int copy;

	file = file_of(&scout->files, message->kind, message->path);
	if (!file)
		return false;
	copy = process_take_descriptor(scout->process);
	if (copy < 0) {
		/* Whoever could not read it has told that already. */
		text_copy(file->problem, sizeof(file->problem), message->why);
		return message->why[0] != '\0';
	}
	is_sound = take_copy(scout, file, message, copy);
	close(copy);
	return is_sound;
}

static void notice_expiry(struct scout *scout)
{
	const char *path;

	while ((path = policy_lists_expired(scout->files.lists, process_now_ms()))) {
		struct scout_file *file = file_of(&scout->files, FILE_POLICY_LIST, path);

		if (!file)
			continue;
		set_problem(file,
		            "policy list %.120s has expired: what breaks it is told, and no "
		            "longer refused",
		            path);
		scout_forget_answers(scout);
	}
}

/* How many more may be asked. */
static int ask_ahead(struct scout *scout, struct watch_list *list, int left)
{
	const char *domain;

	for (; list && left > 0; left--) {
		domain = watch_list_due(list, process_now_ms());
		if (!domain || !enquiries_ask_ahead(scout->enquiries, MERGE_DOMAIN, domain))
			break;
	}
	return left;
}

void scout_files_repeat(struct scout *scout)
{
	for (size_t i = 0; i < scout->files.count; i++)
		scout->files.files[i].must_tell |= scout->files.files[i].was_told;
}

void scout_files_second(struct scout *scout)
{
	notice_expiry(scout);
	for (size_t i = 0; i < scout->files.count; i++)
		tell(scout, &scout->files.files[i]);
	send_rows(scout);
	if (scout_rows_are_in(scout->rows))
		(void)ask_ahead(scout, scout->files.listed,
		                ask_ahead(scout, scout->files.watch, WATCH_RATE));
}

void scout_files_learn(struct scout *scout, const struct destination *destination)
{
	struct watch_list *const lists[] = { scout->files.watch, scout->files.listed };

	for (size_t i = 0; destination->mx_state != MX_HOST && i < 2; i++) {
		if (lists[i])
			watch_list_learn(lists[i], destination->name, destination->ttl_s,
			                 process_now_ms());
	}
}

void scout_files_recall(struct scout *scout, const struct row_list *row)
{
	struct scout_file *file;

	if (!policy_lists_recall(scout->files.lists, row))
		return;
	renew_listed(&scout->files);
	file = file_of(&scout->files, FILE_POLICY_LIST, row->path);
	if (file)
		set_problem(file,
		            "policy list %.120s dropped: it is older than one that was taken from "
		            "there before",
		            row->path);
	scout_forget_answers(scout);
}

void scout_files_rows_end(struct scout *scout)
{
	scout->files.rows_are_known = true;
	send_rows(scout);
}
