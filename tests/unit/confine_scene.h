/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_UNIT_CONFINE_SCENE_H
#define HOPGUARD_TESTS_UNIT_CONFINE_SCENE_H

/* What surrounds a process that attempts something (attempts.h): a state directory, an anchor, another process, a network of its own. */

#include <net/if.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "config.h"
#include "state_folders.h"
#include "unit/attempts.h"

static struct config config;

static void make_file(const char *path)
{
	const struct passwd *user = getpwnam("nobody");
	int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(user && file >= 0);
	assert_int_equal(fchown(file, user->pw_uid, user->pw_gid), 0);
	close(file);
}

static bool make_own_folder(char path[160], enum role role, const char *name,
                            const struct passwd *user)
{
	char folder[STATE_FOLDER_MAX];

	state_folder(folder, around.state, role);
	snprintf(path, 160, "%.140s%s", folder, name);
	return mkdir(folder, 0750) == 0 && chown(folder, user->pw_uid, user->pw_gid) == 0;
}

static void remove_with_its_folder(char *path)
{
	(void)unlink(path);
	*strrchr(path, '/') = '\0';
	(void)rmdir(path);
}

/* Whatever the attempt before made or removed. */
static void tidy(void)
{
	(void)remove(around.inside);
	(void)remove("/tmp/hopguard-attempt");
	make_file(around.anchor);
	make_file(around.database);
	make_file(around.root_keys);
}

static int set_up(void **state)
{
	const struct passwd *user = getpwnam("nobody");
	struct ifreq loopback = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	char error[CONFIG_ERROR_MAX], text[512];
	int made;

	(void)state;
	if (geteuid() != 0)
		return 0;
	snprintf(around.state, sizeof(around.state), "/tmp/hopguard-confine-XXXXXX");
	if (!user || !mkdtemp(around.state) || chown(around.state, user->pw_uid, user->pw_gid) ||
	    unshare(CLONE_NEWNET))
		return -1;
	snprintf(around.inside, sizeof(around.inside), "%s/made", around.state);
	if (!make_own_folder(around.database, ROLE_LEDGER, "/hopguard.db", user) ||
	    !make_own_folder(around.root_keys, ROLE_SCOUT, "/root.key", user))
		return -1;
	/* Not below the state directory, which the ledger may read. */
	snprintf(around.anchor, sizeof(around.anchor), "%s.anchors", around.state);
	if (mkdir(around.anchor, 0755) || chown(around.anchor, user->pw_uid, user->pw_gid))
		return -1;
	strcat(around.anchor, "/key");
	around.netfilter = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	made = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (around.netfilter < 0 || made < 0 || ioctl(made, SIOCSIFFLAGS, &loopback))
		return -1;
	close(made);
	snprintf(text, sizeof(text),
	         "user = \"nobody\"\nstate-directory = \"%s\"\ndns { trust-anchor = \"%s\" }\n",
	         around.state, around.anchor);
	around.other = fork();
	if (around.other == 0) {
		(void)!setresuid(user->pw_uid, user->pw_uid, user->pw_uid);
		pause();
		_exit(0);
	}
	return config_parse(&config, "test", text, NULL, 0, error);
}

static int tear_down(void **state)
{
	(void)state;
	if (around.other <= 0)
		return 0;
	kill(around.other, SIGKILL);
	waitpid(around.other, NULL, 0);
	tidy();
	remove_with_its_folder(around.anchor);
	remove_with_its_folder(around.database);
	remove_with_its_folder(around.root_keys);
	return rmdir(around.state);
}

#endif
