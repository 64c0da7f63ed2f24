/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <linux/securebits.h>
#include <pwd.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

bool sandbox_user(const char *user, const char **name, unsigned *uid, unsigned *gid)
{
	const struct passwd *entry = getpwnam(user);

	*name = user;
	if (!entry) {
		entry = getpwnam(SANDBOX_SHARED_USER);
		*name = SANDBOX_SHARED_USER;
	}
	if (!entry)
		return false;
	*uid = entry->pw_uid;
	*gid = entry->pw_gid;
	return true;
}

static bool is_kept(const struct sandbox *sandbox, cap_value_t capability)
{
	size_t i;

	for (i = 0; i < sandbox->capability_count; i++) {
		if (sandbox->capabilities[i] == capability)
			return true;
	}
	return false;
}

/* Whoever was not started as root may lack CAP_SETPCAP; the bounding set then stays as it was. */
static int shrink_bounding_set(const struct sandbox *sandbox)
{
	cap_value_t capability;

	for (capability = 0; cap_get_bound(capability) >= 0; capability++) {
		if (is_kept(sandbox, capability) || cap_get_bound(capability) == CAP_CLEAR)
			continue;
		if (cap_drop_bound(capability) != 0)
			return errno == EPERM && geteuid() != 0 ? 0 : -errno;
	}
	return 0;
}

/* From here on the user's number says nothing of capabilities: a change of it takes none away, and root's brings none by exec. */
static int lock_securebits(void)
{
	const unsigned long bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
	                           SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED;

	if (prctl(PR_SET_SECUREBITS, bits, 0L, 0L, 0L) != 0)
		return errno == EPERM ? 0 : -errno;
	return 0;
}

/* A manager of services may have set it, and keep everybody from changing limits. */
static int forbid_cores(void)
{
	const struct rlimit none = { 0, 0 };

	return setrlimit(RLIMIT_CORE, &none) == 0 || errno == EPERM ? 0 : -errno;
}

static int become(const char *name, uid_t uid, gid_t gid)
{
	/* Where securebits do not say so already. */
	(void)prctl(PR_SET_KEEPCAPS, 1L, 0L, 0L, 0L);
	if (initgroups(name, gid) != 0)
		return -errno;
	if (setresgid(gid, gid, gid) != 0)
		return -errno;
	if (setresuid(uid, uid, uid) != 0)
		return -errno;
	return 0;
}

static int set_capabilities(const struct sandbox *sandbox)
{
	static const cap_flag_t sets[] = { CAP_PERMITTED, CAP_EFFECTIVE, CAP_INHERITABLE };
	const size_t set_count = sandbox->runs_programs ? 3 : 2;
	int count = (int)sandbox->capability_count;
	cap_t capabilities = cap_init();
	int err = 0;
	size_t i;

	if (!capabilities)
		return -errno;
	for (i = 0; count > 0 && i < set_count; i++) {
		if (cap_set_flag(capabilities, sets[i], count, sandbox->capabilities, CAP_SET) != 0)
			err = -errno;
	}
	if (!err && cap_set_proc(capabilities) != 0)
		err = -errno;
	cap_free(capabilities);
	return err;
}

/* Those not kept left the ambient set when they left the permitted or the inheritable one. */
static int set_ambient(const struct sandbox *sandbox)
{
	size_t i;

	for (i = 0; sandbox->runs_programs && i < sandbox->capability_count; i++) {
		if (cap_set_ambient(sandbox->capabilities[i], CAP_SET) != 0)
			return -errno;
	}
	return 0;
}

int sandbox_enter(const char **became, const struct sandbox *sandbox)
{
	const char *name = "unchanged";
	unsigned uid, gid;
	int err;

	/* While CAP_SETPCAP is still there. */
	err = shrink_bounding_set(sandbox);
	if (err)
		return err;
	err = lock_securebits();
	if (err)
		return err;
	if (geteuid() == 0) {
		if (!sandbox_user(sandbox->user, &name, &uid, &gid))
			return -ENOENT;
		err = become(name, uid, gid);
		if (err)
			return err;
	}
	err = set_capabilities(sandbox);
	if (err)
		return err;
	err = set_ambient(sandbox);
	if (err)
		return err;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) != 0)
		return -errno;
	err = forbid_cores();
	if (err)
		return err;
	/* Last: a change of user makes memory dumpable or not as the system's default says. */
	if (prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L) != 0)
		return -errno;
	*became = name;
	return 0;
}
