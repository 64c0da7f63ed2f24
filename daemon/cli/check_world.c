/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/check_world.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/sealed.h"
#include "cli/authorities.h"
#include "files_read.h"
#include "policy/certificate_anchors.h"
#include "policy/mtasts_fetch.h"
#include "policy/policy_lists.h"
#include "policy/resolver.h"
#include "process.h"
#include "scout.h"

enum {
	GOODBYE_US = 200 * 1000, /* for the answers to QUIT that are still to come */
};

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

	scout_resolver_options(&options, config);
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
	err = authorities_read(&world->anchors, world->options.config, error);
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
