/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "operator_files.h"

#include <stdlib.h>

#include "files_config.h"

struct operator_files {
	void (*tell)(void *owner, enum event_kind kind, const char *subject, const char *text);
	void *owner;
	struct children *children; /* while it is served */
	struct files *lists;       /* for the scout */
	struct files *authorities; /* for the verifier */
};

static int send_list(void *owner, const struct message_file *message, int copy)
{
	struct operator_files *files = owner;

	return children_send(files->children, ROLE_SCOUT, 0, message, sizeof(*message), copy);
}

static int send_authorities(void *owner, const struct message_file *message, int copy)
{
	struct operator_files *files = owner;

	return children_send(files->children, ROLE_VERIFIER, 0, message, sizeof(*message), copy);
}

static void tell(void *owner, enum event_kind kind, const char *subject, const char *text)
{
	struct operator_files *files = owner;

	files->tell(files->owner, kind, subject, text);
}

struct operator_files *operator_files_new(void (*teller)(void *owner, enum event_kind kind,
                                                         const char *subject, const char *text),
                                          void *owner)
{
	static const struct files_hooks to_scout = { .send = send_list, .tell = tell };
	/* The verifier knows what it comes to, and tells that. */
	static const struct files_hooks to_verifier = { .send = send_authorities };
	struct operator_files *files = calloc(1, sizeof(*files));

	if (!files)
		return NULL;
	files->tell = teller;
	files->owner = owner;
	files->lists = files_new(&to_scout, files);
	files->authorities = files_new(&to_verifier, files);
	if (!files->lists || !files->authorities) {
		operator_files_free(files);
		return NULL;
	}
	return files;
}

void operator_files_free(struct operator_files *files)
{
	if (!files)
		return;
	files_free(files->lists);
	files_free(files->authorities);
	free(files);
}

void operator_files_configure(struct operator_files *files, const struct config *config)
{
	struct files_options *options = malloc(sizeof(*options));

	if (!options)
		return;
	files_config(options, config);
	files_configure(files->lists, options);
	files_config_authorities(options, config);
	files_configure(files->authorities, options);
	free(options);
}

void operator_files_look(struct operator_files *files)
{
	files_look(files->lists);
	files_look(files->authorities);
}

void operator_files_serve(struct operator_files *files, struct children *children)
{
	files->children = children;
	files_serve(files->lists, children_life(children, ROLE_SCOUT, 0));
	files_serve(files->authorities, children_life(children, ROLE_VERIFIER, 0));
}
