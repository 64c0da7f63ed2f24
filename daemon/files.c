/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/log.h"
#include "files_read.h"

struct file {
	struct files_option option;
	struct files_stamp read; /* when it was read last */
	struct files_stamp seen; /* at the last look */
	int copy;                /* the last good one; -1: none */
	char signer[FILE_SIGNER_MAX];
	char why[MESSAGE_ERROR_MAX]; /* what is wrong with it now; empty: nothing */
	bool copy_is_sent;
	bool why_is_sent;
};

struct files {
	struct files_hooks hooks;
	void *owner;
	unsigned life; /* of the scout that was served */
	size_t count;
	struct file files[FILES_MAX];
};

struct files *files_new(const struct files_hooks *hooks, void *owner)
{
	struct files *files = calloc(1, sizeof(*files));

	if (!files)
		return NULL;
	files->hooks = *hooks;
	files->owner = owner;
	return files;
}

static void close_all(struct files *files)
{
	for (size_t i = 0; i < files->count; i++) {
		if (files->files[i].copy >= 0)
			close(files->files[i].copy);
	}
	files->count = 0;
}

void files_free(struct files *files)
{
	if (!files)
		return;
	close_all(files);
	free(files);
}

const char *files_kind_name(enum file_kind kind)
{
	switch (kind) {
	case FILE_POLICY_LIST:
		return "policy list";
	case FILE_POSTFIX_POLICY:
		return "Postfix table";
	case FILE_WATCH:
		return "watch list";
	case FILE_AUTHORITIES:
		return "CA file";
	case FILE_KIND_COUNT:
		break;
	}
	return "file";
}

void files_subject(char subject[EVENT_SUBJECT_MAX], enum file_kind kind, const char *path)
{
	(void)snprintf(subject, EVENT_SUBJECT_MAX, "%s %s", files_kind_name(kind), path);
}

static void tell(struct files *files, const struct file *file, enum event_kind kind,
                 const char *text)
{
	char subject[EVENT_SUBJECT_MAX];

	if (!files->hooks.tell)
		return;
	files_subject(subject, file->option.kind, file->option.path);
	files->hooks.tell(files->owner, kind, subject, text);
}

/* What is the same as before is not said again. */
static void tell_trouble(struct files *files, struct file *file, const char *why)
{
	char text[EVENT_TEXT_MAX];

	if (strcmp(file->why, why) == 0)
		return;
	text_copy(file->why, sizeof(file->why), why);
	file->why_is_sent = false;
	(void)snprintf(text, sizeof(text), "%s not taken%s: %.200s",
	               files_kind_name(file->option.kind),
	               file->copy >= 0 ? ", the one before stays" : "", why);
	tell(files, file, EVENT_DEGRADED, text);
}

static void tell_good(struct files *files, struct file *file)
{
	char text[EVENT_TEXT_MAX];

	if (file->why[0] == '\0')
		return;
	file->why[0] = '\0';
	(void)snprintf(text, sizeof(text), "%s %.200s can be read again",
	               files_kind_name(file->option.kind), file->option.path);
	tell(files, file, EVENT_RECOVERED, text);
}

static void read_file(struct files *files, struct file *file)
{
	char why[MESSAGE_ERROR_MAX] = "";
	int copy;

	/* Before: whatever changes while it is read shows at the next look. */
	files_stamp_of(&file->read, &file->option);
	file->seen = file->read;
	if (files_read(&copy, file->signer, &file->option, why) != 0) {
		tell_trouble(files, file, why);
		return;
	}
	if (file->copy >= 0)
		close(file->copy);
	file->copy = copy;
	file->copy_is_sent = false;
	tell_good(files, file);
}

static bool is_same(const struct files_option *a, const struct files_option *b)
{
	return a->kind == b->kind && strcmp(a->path, b->path) == 0 && strcmp(a->key, b->key) == 0;
}

/* What was known of it passes to the new place. */
static void adopt(struct file *file, struct files *old)
{
	for (size_t i = 0; i < old->count; i++) {
		if (!is_same(&old->files[i].option, &file->option))
			continue;
		*file = old->files[i];
		old->files[i].copy = -1;
		old->files[i].why[0] = '\0';
		return;
	}
}

/* Of files that nobody adopted. */
static void end_dropped(struct files *old)
{
	char text[EVENT_TEXT_MAX];

	for (size_t i = 0; i < old->count; i++) {
		struct file *file = &old->files[i];

		if (file->why[0] == '\0')
			continue;
		(void)snprintf(text, sizeof(text), "%s %.200s is not asked for any more",
		               files_kind_name(file->option.kind), file->option.path);
		tell(old, file, EVENT_RECOVERED, text);
	}
}

void files_configure(struct files *files, const struct files_options *options)
{
	struct files *old = calloc(1, sizeof(*old));

	if (!old) {
		log_error("files not read anew error=\"out of memory\"");
		return;
	}
	*old = *files;
	files->count = 0;
	for (size_t i = 0; i < options->count && i < FILES_MAX; i++) {
		struct file *file = &files->files[files->count++];
		struct files_stamp stamp;

		*file = (struct file){ .option = options->files[i], .copy = -1 };
		adopt(file, old);
		files_stamp_of(&stamp, &file->option);
		if (file->copy < 0 || file->why[0] || !files_stamp_equal(&stamp, &file->read))
			read_file(files, file);
	}
	end_dropped(old);
	close_all(old);
	free(old);
}

void files_look(struct files *files)
{
	for (size_t i = 0; i < files->count; i++) {
		struct file *file = &files->files[i];
		struct files_stamp stamp;
		bool stands_still;

		files_stamp_of(&stamp, &file->option);
		stands_still = files_stamp_equal(&stamp, &file->seen);
		file->seen = stamp;
		if (stands_still && !files_stamp_equal(&stamp, &file->read))
			read_file(files, file);
	}
}

static bool send_copy(const struct files *files, const struct file *file)
{
	struct message_file message = { .type = MESSAGE_FILE, .kind = file->option.kind };

	if (file->copy < 0)
		return true;
	text_copy(message.path, sizeof(message.path), file->option.path);
	text_copy(message.signer, sizeof(message.signer), file->signer);
	return files->hooks.send(files->owner, &message, file->copy) == 0;
}

static bool send_why(const struct files *files, const struct file *file)
{
	struct message_file message = { .type = MESSAGE_FILE, .kind = file->option.kind };

	if (file->why[0] == '\0')
		return true;
	text_copy(message.path, sizeof(message.path), file->option.path);
	text_copy(message.why, sizeof(message.why), file->why);
	return files->hooks.send(files->owner, &message, -1) == 0;
}

void files_serve(struct files *files, unsigned life)
{
	if (life == 0)
		return;
	for (size_t i = 0; i < files->count; i++) {
		struct file *file = &files->files[i];

		if (life != files->life)
			file->copy_is_sent = file->why_is_sent = false;
		if (!file->copy_is_sent)
			file->copy_is_sent = send_copy(files, file);
		if (file->copy_is_sent && !file->why_is_sent)
			file->why_is_sent = send_why(files, file);
	}
	files->life = life;
}
