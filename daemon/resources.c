/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "resources.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/sandbox.h"
#include "net/listen.h"
#include "net/nflog.h"
#include "net/nfqueue.h"
#include "net/queue_owner.h"

/*
 * Packets that may wait for the guards, and at least for one of them: a full table of connections that close at once, both ends and
 * what these send again meanwhile. What they take is bounded by the socket's buffer, not by their number: large segments fill it first.
 */
enum { QUEUES_LEN = 131072, QUEUE_LEN_MIN = 65536 };

/* DNS answers that may wait for the first guard to read them; beyond, or when it hangs, the kernel passes them. */
enum { DNS_QUEUE_LEN = 256 };

static void close_one(int *descriptor)
{
	if (*descriptor >= 0)
		close(*descriptor);
	*descriptor = -1;
}

static gid_t control_group(const struct config *config)
{
	const struct group *group = getgrnam(config->control_group);

	return group ? group->gr_gid : (gid_t)-1;
}

int resources_open_queue(struct resources *resources, const struct config *config, unsigned index,
                         char error[CONFIG_ERROR_MAX])
{
	uint16_t number = (uint16_t)(config->rules.queue_first + index);
	uint32_t queue_len = QUEUES_LEN / config->rules.queue_count;
	uint32_t portid = 0;
	char owner[96];
	int err;

	if (queue_len < QUEUE_LEN_MIN)
		queue_len = QUEUE_LEN_MIN;
	err = nfqueue_open(&resources->queues[index], &portid, number, queue_len);

	if (!err)
		return 0;
	resources->queues[index] = -1;
	if (err == -EBUSY)
		snprintf(
			error, CONFIG_ERROR_MAX,
			"netfilter queue %u is taken by %s: stop it, or choose another queue-first",
			number, queue_owner_name(owner, sizeof(owner), portid));
	else if (err == -EPERM)
		snprintf(
			error, CONFIG_ERROR_MAX,
			"netfilter queue %u: not permitted: run as root, or with CAP_NET_ADMIN and "
			"CAP_NET_RAW",
			number);
	else
		snprintf(error, CONFIG_ERROR_MAX, "netfilter queue %u: %s", number, strerror(-err));
	return err;
}

static int open_queues(struct resources *resources, const struct config *config,
                       char error[CONFIG_ERROR_MAX])
{
	unsigned i;

	for (i = 0; i < config->rules.queue_count; i++) {
		int err = resources_open_queue(resources, config, i, error);

		if (err)
			return err;
		resources->queue_count = i + 1;
	}
	return 0;
}

void resources_open_dns_queue(struct resources *resources, const struct config *config)
{
	uint16_t number = rules_dns_queue(&config->rules);
	uint32_t portid = 0;
	int err;

	if (config->rules.dns != RULES_DNS_HOLD || resources->dns_queue >= 0)
		return;
	err = nfqueue_open(&resources->dns_queue, &portid, number, DNS_QUEUE_LEN);
	if (!err)
		err = nfqueue_pass_when_full(resources->dns_queue, number);
	if (!err)
		return;
	resources_close_dns_queue(resources);
	log_error("netfilter queue %u error=\"%s\": forged DNS answers are not kept from clients",
	          number, strerror(-err));
}

void resources_close_dns_queue(struct resources *resources)
{
	close_one(&resources->dns_queue);
}

/* Without copies of DNS answers, less is known ahead; mail is guarded all the same. */
static void open_log(struct resources *resources, const struct config *config)
{
	uint16_t group = rules_dns_group(&config->rules);
	int err = nflog_open(&resources->log, group);

	if (!err)
		return;
	resources->log = -1;
	log_warn("netfilter log group %u error=\"%s\": DNS answers are not watched%s%s", group,
	         strerror(-err),
	         config->dns_guard == DNS_GUARD_DROP ? ", none is kept from a client" : "",
	         err == -EBUSY ? " (another program has that group: choose another queue-first)"
	                       : "");
}

static int open_raw(struct resources *resources, const struct config *config,
                    char error[CONFIG_ERROR_MAX])
{
	const struct marks *marks = &config->rules.marks;
	int err = rawsend_open(resources->raw, marks->to_client, marks->to_server);

	if (err)
		snprintf(error, CONFIG_ERROR_MAX, "raw sockets: %s", strerror(-err));
	return err;
}

/* Made by us, it belongs to the user we become; found, it stays as it is. */
static int make_directory(const char *path, mode_t mode, uid_t owner, gid_t group)
{
	if (mkdir(path, mode))
		return errno == EEXIST ? 0 : -errno;
	if (geteuid() == 0 && lchown(path, owner, group))
		return -errno;
	return 0;
}

/* Why nothing can be made there: the first directory that is missing, where that is it. */
static const char *why_not(char why[CONFIG_ERROR_MAX], const char *path, int err)
{
	char directory[CONFIG_PATH_MAX];
	char *slash = directory;

	text_copy(directory, sizeof(directory), path);
	while (err == -ENOENT && (slash = strchr(slash + 1, '/')) != NULL) {
		*slash = '\0';
		if (access(directory, F_OK) != 0 && errno == ENOENT) {
			snprintf(why, CONFIG_ERROR_MAX, "the directory %s is missing", directory);
			return why;
		}
		*slash = '/';
	}
	return strerror(-err);
}

static int make_parent(const char *path, uid_t owner, gid_t group)
{
	char parent[CONFIG_PATH_MAX];
	char *slash;

	text_copy(parent, sizeof(parent), path);
	slash = strrchr(parent, '/');
	if (!slash || slash == parent)
		return 0;
	*slash = '\0';
	return make_directory(parent, 0755, owner, group);
}

static int open_listener(struct resources *resources, const struct config *config, uid_t owner,
                         gid_t group, char error[CONFIG_ERROR_MAX])
{
	struct listen_access rights = { .owner = owner, .group = control_group(config) };
	int err = make_parent(config->control_socket, owner, group);
	char why[CONFIG_ERROR_MAX];

	if (rights.group == (gid_t)-1)
		log_info("no such control-group=%s: only root may use the control socket",
		         config->control_group);
	if (!err)
		err = listen_unix(&resources->listener, config->control_socket, &rights);
	if (err == -EADDRINUSE)
		snprintf(error, CONFIG_ERROR_MAX,
		         "control socket %s: another hopguard answers there: stop it, or choose "
		         "another control-socket",
		         config->control_socket);
	else if (err)
		snprintf(error, CONFIG_ERROR_MAX, "control socket %s: %.200s",
		         config->control_socket, why_not(why, config->control_socket, err));
	if (err)
		resources->listener = -1;
	else
		text_copy(resources->socket_path, sizeof(resources->socket_path),
		          config->control_socket);
	return err;
}

int resources_open_event_file(int *opened, const struct config *config,
                              char error[CONFIG_ERROR_MAX])
{
	gid_t group = control_group(config);
	unsigned user_id, user_group;
	struct stat status;
	const char *user;
	int file;

	*opened = -1;
	if (config->event_file[0] == '\0')
		return 0;
	/* Not blocking: it might be a pipe that nobody reads. */
	file = open(config->event_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK,
	            0640);
	if (file < 0) {
		char why[CONFIG_ERROR_MAX];
		int err = -errno;

		snprintf(error, CONFIG_ERROR_MAX, "event file %s: %.200s", config->event_file,
		         why_not(why, config->event_file, err));
		return err;
	}
	/* For those who may ask at the control socket, whatever the umask; a mode that somebody chose stays. */
	if (fstat(file, &status) == 0 && status.st_size == 0)
		(void)!fchmod(file, 0640);
	/* After a rotation it is opened without root's rights. */
	if (geteuid() == 0 && sandbox_user(config->user, &user, &user_id, &user_group))
		(void)!fchown(file, user_id, group == (gid_t)-1 ? user_group : group);
	*opened = file;
	return 0;
}

bool resources_awaits_event_file(int err)
{
	return err != -EISDIR && err != -ENOTDIR && err != -ELOOP && err != -ENAMETOOLONG;
}

/* For want of it the guard must not stay away from its work: syslog and the control socket have the events as well. */
static int open_event_file(struct resources *resources, const struct config *config,
                           char error[CONFIG_ERROR_MAX])
{
	int err = resources_open_event_file(&resources->event_file, config, error);

	if (!err || !resources_awaits_event_file(err))
		return err;
	log_error("%s: tried again until it can be opened", error);
	error[0] = '\0';
	return 0;
}

/* Without one, nothing is remembered over a restart; mail is guarded all the same. */
static void make_state_directory(const struct config *config, uid_t owner, gid_t group)
{
	int err = make_directory(config->state_directory, 0750, owner, group);
	char why[CONFIG_ERROR_MAX];

	if (err)
		log_warn("no state directory path=%s error=\"%s\"", config->state_directory,
		         why_not(why, config->state_directory, err));
}

static int open_files(struct resources *resources, const struct config *config,
                      char error[CONFIG_ERROR_MAX])
{
	unsigned owner, group;
	const char *user;
	int err;

	if (geteuid() != 0) {
		owner = geteuid();
		group = getegid();
	} else if (!sandbox_user(config->user, &user, &owner, &group)) {
		snprintf(error, CONFIG_ERROR_MAX, "neither user %s nor nobody exists",
		         config->user);
		return -ENOENT;
	}
	err = open_listener(resources, config, owner, group, error);
	if (!err)
		err = open_event_file(resources, config, error);
	if (!err)
		make_state_directory(config, owner, group);
	return err;
}

int resources_open(struct resources *resources, const struct config *config,
                   char error[CONFIG_ERROR_MAX])
{
	unsigned i;
	int err;

	memset(resources, 0, sizeof(*resources));
	resources->passage.table = -1;
	resources->listener = resources->event_file = -1;
	resources->log = resources->dns_queue = -1;
	for (i = 0; i < CONFIG_QUEUES_MAX; i++)
		resources->queues[i] = -1;
	for (i = 0; i < RAWSEND_COUNT; i++)
		resources->raw[i] = -1;

	/* First of all: a queue that is taken means a hopguard that runs, whose socket must stay. */
	err = open_queues(resources, config, error);
	if (!err)
		err = open_raw(resources, config, error);
	if (!err)
		err = open_files(resources, config, error);
	if (err) {
		resources_close(resources);
		return err;
	}
	open_log(resources, config);
	resources_open_dns_queue(resources, config);
	return 0;
}

void resources_close(struct resources *resources)
{
	unsigned i;

	for (i = 0; i < CONFIG_QUEUES_MAX; i++)
		close_one(&resources->queues[i]);
	for (i = 0; i < RAWSEND_COUNT; i++)
		close_one(&resources->raw[i]);
	if (resources->listener >= 0)
		(void)unlink(resources->socket_path);
	passage_choice_close(&resources->passage);
	close_one(&resources->log);
	close_one(&resources->dns_queue);
	close_one(&resources->listener);
	close_one(&resources->event_file);
}
