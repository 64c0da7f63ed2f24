/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/check_world.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/sealed.h"
#include "files_read.h"
#include "policy/certificate_anchors.h"
#include "policy/mtasts_fetch.h"
#include "policy/policy_lists.h"
#include "policy/resolver.h"
#include "process.h"

enum {
	CA_FILE_MAX = 8 * 1024 * 1024, /* the system's has 220 KiB */
	GOODBYE_US = 200 * 1000,       /* for the answers to QUIT that are still to come */
};

static const char system_authorities[] = "/etc/ssl/certs/ca-certificates.crt";

static void take_resolver_options(struct resolver_options *options, const struct config *config)
{
	memset(options, 0, sizeof(*options));
	text_copy(options->trust_anchor, sizeof(options->trust_anchor), config->trust_anchor);
	text_copy(options->root_hints, sizeof(options->root_hints), config->root_hints);
	options->forwarder_count = config->forwarder_count;
	memcpy(options->forwarders, config->forwarders, sizeof(options->forwarders));
	options->timeout_ms = config->dns_timeout_ms;
}

/* Without a file of the system's nobody is trusted, which is told with each certificate. */
static int read_authorities(struct check_world *world, char error[CHECK_ERROR_MAX])
{
	const char *configured = world->options.config->ca_file;
	const char *path = configured[0] ? configured : system_authorities;
	int file = open(path, O_RDONLY | O_CLOEXEC);
	char why[CERTIFICATE_WHY_MAX] = "";
	struct bytes pem = { 0 };
	int copy = -1;
	int err = file < 0 ? -errno : sealed_copy(&copy, file, CA_FILE_MAX);

	if (!err)
		err = sealed_map(&pem, copy, CA_FILE_MAX);
	if (file >= 0)
		close(file);
	if (copy >= 0)
		close(copy);
	if (err && configured[0]) {
		snprintf(error, CHECK_ERROR_MAX, "tls.ca-file %s: %s", path, strerror(-err));
		return -EINVAL;
	}
	world->anchors = certificate_anchors_new(pem, why);
	if (!err)
		sealed_unmap(pem);
	if (world->anchors)
		return 0;
	snprintf(error, CHECK_ERROR_MAX, "%s: %s", path, why);
	return -EINVAL;
}

static void take_list(struct check_world *world, const struct config_policy_list *list)
{
	const struct policy_moment moment = { process_now_ms(), process_time_ms() };
	struct policy_list_offer offer = { .path = list->path, .is_signed = list->key[0] };
	struct files_option option = { .kind = FILE_POLICY_LIST };
	char signer[FILE_SIGNER_MAX], error[POLICY_LIST_ERROR_MAX];
	int copy;

	text_copy(option.path, sizeof(option.path), list->path);
	text_copy(option.key, sizeof(option.key), list->key);
	if (files_read(&copy, signer, &option, error) != 0) {
		snprintf(world->list_trouble, sizeof(world->list_trouble), "%.400s", error);
		return;
	}
	if (sealed_map(&offer.text, copy, POLICY_LIST_TEXT_MAX) != 0) {
		snprintf(world->list_trouble, sizeof(world->list_trouble), "%.400s: out of memory",
		         list->path);
	} else {
		if (policy_lists_take(world->lists, &offer, moment, error) == 0)
			world->list_count++;
		else
			snprintf(world->list_trouble, sizeof(world->list_trouble), "%.200s: %.300s",
			         list->path, error);
		sealed_unmap(offer.text);
	}
	close(copy);
}

static int read_lists(struct check_world *world)
{
	const struct config *config = world->options.config;
	const char *paths[CONFIG_POLICY_LISTS_MAX];
	uint8_t secret[SIPHASH_KEY_LEN];

	if (getrandom(secret, sizeof(secret), 0) != sizeof(secret))
		return -EIO;
	world->lists = policy_lists_new(secret);
	if (!world->lists)
		return -ENOMEM;
	for (size_t i = 0; i < config->policy_list_count; i++)
		paths[i] = config->policy_lists[i].path;
	policy_lists_configure(world->lists, paths, config->policy_list_count);
	for (size_t i = 0; i < config->policy_list_count; i++)
		take_list(world, &config->policy_lists[i]);
	return 0;
}

static int open_network(struct check_world *world)
{
	const struct config *config = world->options.config;
	struct mtasts_fetch_options fetch = { .port = config->mta_sts_https_port };
	struct resolver_options options;
	int err;

	take_resolver_options(&options, config);
	text_copy(fetch.ca_file, sizeof(fetch.ca_file), config->ca_file);
	world->base = event_base_new();
	if (!world->base)
		return -ENOMEM;
	err = resolver_new(&world->resolver, world->base, &options);
	if (!err)
		err = mtasts_fetcher_new(&world->fetcher, world->base, &fetch);
	return err;
}

int check_world_open(struct check_world *world, const struct check_options *options,
                     char error[CHECK_ERROR_MAX])
{
	int err;

	memset(world, 0, sizeof(*world));
	error[0] = '\0';
	world->options = *options;
	(void)signal(SIGPIPE, SIG_IGN);
	err = read_authorities(world, error);
	if (!err)
		err = read_lists(world);
	if (!err)
		err = open_network(world);
	if (!err && resolver_trouble(world->resolver)[0]) {
		snprintf(error, CHECK_ERROR_MAX, "%s", resolver_trouble(world->resolver));
		err = -EINVAL;
	}
	if (err && error[0] == '\0')
		snprintf(error, CHECK_ERROR_MAX, "cannot start: %s", strerror(-err));
	if (err)
		check_world_close(world);
	return err;
}

void check_world_close(struct check_world *world)
{
	const struct timeval goodbye = { .tv_usec = GOODBYE_US };

	if (world->base && event_base_loopexit(world->base, &goodbye) == 0)
		event_base_dispatch(world->base);
	if (world->fetcher)
		mtasts_fetcher_free(world->fetcher);
	if (world->resolver)
		resolver_free(world->resolver);
	if (world->base)
		event_base_free(world->base);
	if (world->lists)
		policy_lists_free(world->lists);
	if (world->anchors)
		certificate_anchors_free(world->anchors);
}
