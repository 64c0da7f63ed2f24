/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_UNIT_PASSAGE_MACHINE_H
#define HOPGUARD_TESTS_UNIT_PASSAGE_MACHINE_H

/* What a machine has to pass message bodies with, said here in the place of its kernel, tools, and files. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/sandbox.h"
#include "enforce/saved_rules.h"
#include "net/passage_ebpf.h"
#include "net/passage_load.h"
#include "net/passage_module.h"

enum { QUEUES = 3, USER = 1234, GROUP = 4321 };

struct machine {
	int module_err; /* of the queue's socket that is opened as the last one */
	int load_err;
	int adopt_err;
	int trial_err[PASSAGE_MODULE + 1];
	int apply_err; /* of rules with a passage */
	bool is_public;
	bool is_pinned;
	bool is_unchecked; /* by conntrack */
	bool is_root;
	bool is_nobody_known; /* the user of the configuration */
	bool is_user_shared;
	const char *saved;
	/* What was done. */
	unsigned modules, loads, pins_opened, unpins, trials, applies;
	uid_t user;
	int last_descriptor;
};

static struct machine machine;

const char *saved_rules_find(const char *root)
{
	assert_string_equal(root, "");
	return machine.saved;
}

uid_t geteuid(void)
{
	return machine.is_root ? 0 : USER;
}

bool sandbox_user(const char *user, const char **name, unsigned *uid, unsigned *gid)
{
	*name = machine.is_user_shared ? SANDBOX_SHARED_USER : user;
	*uid = USER;
	*gid = GROUP;
	return !machine.is_nobody_known;
}

static int open_one(void)
{
	machine.last_descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return machine.last_descriptor;
}

static bool is_open(int descriptor)
{
	return fcntl(descriptor, F_GETFD) >= 0;
}

int passage_module_open(struct passage_ticket *ticket, uint16_t owner)
{
	if (machine.module_err && ++machine.modules == QUEUES)
		return machine.module_err;
	machine.modules += !machine.module_err;
	*ticket = (struct passage_ticket){ .kind = PASSAGE_MODULE,
		                           .owner = owner,
		                           .descriptors = { open_one(), -1, -1, -1 } };
	return 0;
}

struct body_passage *passage_module_adopt(const struct passage_ticket *ticket)
{
	(void)ticket;
	return machine.adopt_err ? NULL : (struct body_passage *)&machine;
}

int passage_ebpf_adopt(struct body_passage **adopted, const struct passage_ticket *ticket)
{
	(void)ticket;
	*adopted = machine.adopt_err ? NULL : (struct body_passage *)&machine;
	return machine.adopt_err;
}

int passage_load(int *table, uid_t user, gid_t group, char why[PASSAGE_WHY_MAX])
{
	machine.loads++;
	machine.user = user;
	assert_int_equal(group,
	                 machine.is_nobody_known || machine.is_user_shared ? getegid() : GROUP);
	if (machine.load_err) {
		strcpy(why, "this kernel does not take it");
		return machine.load_err;
	}
	machine.is_pinned = true;
	if (table)
		*table = open_one();
	return 0;
}

int passage_open_pinned(int *table, char why[PASSAGE_WHY_MAX])
{
	machine.pins_opened++;
	if (!machine.is_pinned) {
		strcpy(why, "none is pinned");
		return -ENOENT;
	}
	*table = open_one();
	return 0;
}

const char *passage_pin_path(char path[PASSAGE_PATH_MAX])
{
	return strcpy(path, "/run/pin");
}

bool passage_pin_is_there(void)
{
	return machine.is_pinned;
}

bool passage_pin_is_public(void)
{
	return machine.is_public;
}

void passage_unpin(void)
{
	machine.unpins++;
	machine.is_pinned = false;
}

bool passage_sums_are_checked(void)
{
	return !machine.is_unchecked;
}

/* Of what else is linked here. */
int passage_open_program(void)
{
	return -ENOSYS;
}

int rules_detect(enum rules_backend *backend, int lock, char why[RULES_WHY_MAX])
{
	(void)lock;
	(void)why;
	*backend = RULES_NFT;
	return 0;
}

int rules_try_passage(const struct rules *rules, enum rules_backend backend, int lock,
                      char why[RULES_WHY_MAX])
{
	machine.trials++;
	assert_int_not_equal(backend, RULES_AUTO);
	assert_int_equal(lock, 7);
	assert_string_equal(rules->passage_pin, rules->passage == PASSAGE_EBPF ? "/run/pin" : "");
	if (machine.trial_err[rules->passage])
		strcpy(why, "no such match");
	return machine.trial_err[rules->passage];
}

int rules_apply(enum rules_backend *used, const struct rules *rules, enum rules_backend backend,
                int lock, char why[RULES_WHY_MAX])
{
	(void)used;
	(void)backend;
	(void)lock;
	machine.applies++;
	if (rules->passage == PASSAGE_NONE)
		return 0;
	if (machine.apply_err)
		strcpy(why, "the kernel would not");
	return machine.apply_err;
}

int rules_remove(enum rules_backend backend, int lock, char why[RULES_WHY_MAX])
{
	(void)backend;
	(void)lock;
	strcpy(why, "the kernel would not");
	return machine.apply_err;
}

#endif
