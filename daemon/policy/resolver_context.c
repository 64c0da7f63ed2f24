/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/resolver_context.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unbound-event.h>
#include <unbound.h>
#include <unistd.h>

/* https://data.iana.org/root-anchors/root-anchors.xml; Debian's dns-root-data has the same. */
const char *const resolver_root_anchors[] = {
	". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
	". IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16",
	NULL,
};

static const struct {
	const char *option;
	const char *value;
} settings[] = {
	{ "harden-dnssec-stripped:", "yes" },
	{ "harden-below-nxdomain:", "yes" },
	/* A round trip for each label, and TLSA names have three more than their host: the mail would be faster than its look-up. */
	{ "qname-minimisation:", "no" },
	/* What libunbound 1.17 makes of a wildcard in its cache it keeps under the wildcard's hash: all such names are one chain, ever longer. */
	{ "aggressive-nsec:", "no" },
	{ "val-clean-additional:", "yes" },
	{ "val-permissive-mode:", "no" },
	/* What was bogus or unreachable is asked again soon: mail waits for it. */
	{ "val-bogus-ttl:", "10" },
	{ "infra-host-ttl:", "60" },
	{ "infra-keep-probing:", "yes" },
	/* Servers are chosen at random: one that cuts its answers and offers no TCP may be asked five times before another. */
	{ "tcp-auth-query-timeout:", "1500" },
	{ "prefetch:", "yes" },
	{ "prefetch-key:", "yes" },
	{ "cache-max-ttl:", "86400" },
	{ "cache-max-negative-ttl:", "3600" },
	{ "minimal-responses:", "yes" },
	{ "rrset-roundrobin:", "no" },
	{ "unwanted-reply-threshold:", "100000" },
	/* Bounds. */
	{ "num-queries-per-thread:", "1024" },
	{ "outgoing-range:", "512" },
	{ "msg-cache-size:", "16m" },
	{ "rrset-cache-size:", "32m" },
	{ "key-cache-size:", "8m" },
	{ "neg-cache-size:", "4m" },
	{ "infra-cache-numhosts:", "20000" },
	{ "msg-cache-slabs:", "1" },
	{ "rrset-cache-slabs:", "1" },
	{ "key-cache-slabs:", "1" },
	{ "infra-cache-slabs:", "1" },
};

bool resolver_options_equal(const struct resolver_options *a, const struct resolver_options *b)
{
	size_t i;

	if (strcmp(a->trust_anchor, b->trust_anchor) != 0 ||
	    strcmp(a->root_hints, b->root_hints) != 0 ||
	    strcmp(a->state_directory, b->state_directory) != 0 ||
	    a->forwarder_count != b->forwarder_count || a->timeout_ms != b->timeout_ms)
		return false;
	for (i = 0; i < a->forwarder_count; i++) {
		if (!endpoint_equal(&a->forwarders[i], &b->forwarders[i]))
			return false;
	}
	return true;
}

static int errno_of(int ub_error)
{
	switch (ub_error) {
	case UB_NOERROR:
		return 0;
	case UB_NOMEM:
		return -ENOMEM;
	case UB_READFILE:
		return -ENOENT;
	default:
		return -EINVAL;
	}
}

static int set_options(struct ub_ctx *context)
{
	size_t i;

	for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		int err = ub_ctx_set_option(context, settings[i].option, settings[i].value);

		if (err)
			return errno_of(err);
	}
	return 0;
}

static int set_forwarders(struct ub_ctx *context, const struct resolver_options *options)
{
	size_t i;

	for (i = 0; i < options->forwarder_count; i++) {
		char text[ADDRESS_TEXT_MAX], with_port[ADDRESS_TEXT_MAX + 8];
		int err;

		address_format(text, &options->forwarders[i].address);
		snprintf(with_port, sizeof(with_port), "%s@%u", text,
		         options->forwarders[i].port ? options->forwarders[i].port : 53u);
		err = ub_ctx_set_fwd(context, with_port);
		if (err)
			return errno_of(err);
	}
	return 0;
}

/* The built-in anchors as the file to be tracked: whole or not at all, and only where there is none yet. */
static int seed_root_key(const char *directory, const char *path)
{
	char fresh[RESOLVER_PATH_MAX + 32];
	struct stat status;
	FILE *file;
	size_t i;
	int err = 0;

	if (access(directory, R_OK | W_OK | X_OK) < 0)
		return -errno;
	if (stat(path, &status) == 0 && status.st_size > 0)
		return access(path, R_OK | W_OK) < 0 ? -errno : 0;
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	file = fopen(fresh, "we");
	if (!file)
		return -errno;
	for (i = 0; resolver_root_anchors[i]; i++)
		fprintf(file, "%s\n", resolver_root_anchors[i]);
	if (fflush(file) != 0 || fsync(fileno(file)) != 0)
		err = -errno;
	if (fclose(file) != 0 && !err)
		err = -errno;
	if (!err && rename(fresh, path) < 0)
		err = -errno;
	if (err)
		unlink(fresh);
	return err;
}

/* False, and why in `trouble`, when the anchors cannot be tracked. */
static bool track_anchors(struct ub_ctx *context, char trouble[RESOLVER_TROUBLE_MAX],
                          const char *directory)
{
	char path[RESOLVER_PATH_MAX + 16];
	int err;

	snprintf(path, sizeof(path), "%s/root.key", directory);
	err = seed_root_key(directory, path);
	if (!err)
		err = errno_of(ub_ctx_add_ta_autr(context, path));
	if (err)
		snprintf(trouble, RESOLVER_TROUBLE_MAX,
		         "root key rollovers are not followed: cannot keep %s: %s", path,
		         strerror(-err));
	return !err;
}

static int add_anchors(struct ub_ctx *context, char trouble[RESOLVER_TROUBLE_MAX],
                       const struct resolver_options *options, bool is_tracked)
{
	size_t i;

	if (options->trust_anchor[0])
		return errno_of(ub_ctx_add_ta_file(context, options->trust_anchor));
	if (options->state_directory[0] && is_tracked &&
	    track_anchors(context, trouble, options->state_directory))
		return 0;
	for (i = 0; resolver_root_anchors[i]; i++) {
		int err = ub_ctx_add_ta(context, resolver_root_anchors[i]);

		if (err)
			return errno_of(err);
	}
	return 0;
}

/* libunbound would only say that it cannot be initialised. */
static void check_readable(char trouble[RESOLVER_TROUBLE_MAX], const char *path)
{
	if (path[0] && access(path, R_OK) < 0)
		snprintf(trouble, RESOLVER_TROUBLE_MAX, "cannot read %s: %s", path,
		         strerror(errno));
}

int resolver_context_new(struct ub_ctx **made, char trouble[RESOLVER_TROUBLE_MAX],
                         struct event_base *base, const struct resolver_options *options,
                         bool is_tracked)
{
	struct ub_ctx *context = ub_ctx_create_event(base);
	int err;

	trouble[0] = '\0';
	if (!context)
		return -ENOMEM;
	err = set_options(context);
	if (!err)
		err = set_forwarders(context, options);
	if (!err && options->root_hints[0])
		err = errno_of(ub_ctx_set_option(context, "root-hints:", options->root_hints));
	if (!err)
		err = add_anchors(context, trouble, options, is_tracked);
	check_readable(trouble, options->root_hints);
	check_readable(trouble, options->trust_anchor);
	if (err) {
		ub_ctx_delete(context);
		return err;
	}
	*made = context;
	return 0;
}
