/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/passage_load.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/log.h"
#include "kmod/smtpbody_table.h"

/* The program as it was built, a part of ours; without octets where there was no compiler for it. */
extern const uint8_t passage_object[];
extern const uint8_t passage_object_end[];
__asm__(".pushsection .rodata\n"
        ".balign 8\n"
        "passage_object:\n"
        ".incbin \"" HOPGUARD_BPF_OBJECT "\"\n"
        "passage_object_end:\n"
        ".byte 0\n"
        ".popsection\n");

enum { LIBBPF_TEXT_MAX = 64 * 1024 };

static const char SUMS_CHECKED[] = "/proc/sys/net/netfilter/nf_conntrack_checksum";
static const char MOUNT_POINT[] = "/run/hopguard-passage";

struct paths {
	char folder[PASSAGE_PATH_MAX];
	char match[PASSAGE_PATH_MAX];
	char flows[PASSAGE_PATH_MAX];
};

static void find_paths(struct paths *paths)
{
	struct stat network = { .st_ino = 0 };

	(void)stat("/proc/self/ns/net", &network);
	(void)snprintf(paths->folder, sizeof(paths->folder), "%s/%lu", MOUNT_POINT,
	               (unsigned long)network.st_ino);
	(void)snprintf(paths->match, sizeof(paths->match), "%.48s/match", paths->folder);
	(void)snprintf(paths->flows, sizeof(paths->flows), "%.48s/flows", paths->folder);
}

const char *passage_pin_path(char path[PASSAGE_PATH_MAX])
{
	struct paths paths;

	find_paths(&paths);
	memcpy(path, paths.match, PASSAGE_PATH_MAX);
	return path;
}

bool passage_pin_is_there(void)
{
	char path[PASSAGE_PATH_MAX];

	return access(passage_pin_path(path), F_OK) == 0;
}

static bool is_mounted(void)
{
	struct statfs found;

	return statfs(MOUNT_POINT, &found) == 0 && found.f_type == BPF_FS_MAGIC;
}

struct owner {
	uid_t user;
	gid_t group;
};

/* Nobody but root makes anything there; what an earlier version mounted let all do so. */
static int mount_ours(void)
{
	if (is_mounted())
		return chmod(MOUNT_POINT, 0755) ? -errno : 0;
	if (mkdir(MOUNT_POINT, 0755) && errno != EEXIST)
		return -errno;
	if (mount("bpffs", MOUNT_POINT, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0755"))
		return -errno;
	return 0;
}

/*
 * A descriptor, or -errno. It is root's until all is in it: whose it was could put a link in the place of a pin whose owner and mode we
 * are about to set.
 */
static int take_folder(const struct paths *paths)
{
	int folder, err;

	(void)unlink(paths->folder); /* does nothing to a folder */
	if (mkdir(paths->folder, 0755) && errno != EEXIST)
		return -errno;
	folder = open(paths->folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder < 0)
		return -errno;
	if (fchown(folder, geteuid(), getegid()) == 0 && fchmod(folder, 0755) == 0)
		return folder;
	err = -errno;
	close(folder);
	return err;
}

/* In one step: who changes a table of iptables-legacy meanwhile finds the old one or the new one. */
static int pin(int descriptor, const char *path, mode_t mode, const struct owner *owner)
{
	char fresh[PASSAGE_PATH_MAX + 4];
	int err;

	(void)snprintf(fresh, sizeof(fresh), "%s-new", path);
	(void)unlink(fresh);
	(void)rmdir(fresh);
	err = bpf_obj_pin(descriptor, fresh);
	if (err)
		return err;
	if (chmod(fresh, mode) || chown(fresh, owner->user, owner->group) || rename(fresh, path)) {
		err = -errno;
		(void)unlink(fresh);
	}
	return err;
}

/* Strangers choose addresses: without a seed they could choose the place of their entry as well. */
static int seed_table(int table)
{
	struct smtpbody_entry entry = { .version = SMTPBODY_TABLE_VERSION };
	uint32_t index = SMTPBODY_SEED_ENTRY;

	if (getrandom(&entry.word, sizeof(entry.word), 0) != (ssize_t)sizeof(entry.word))
		return -EAGAIN;
	return bpf_map_update_elem(table, &index, &entry, BPF_ANY);
}

/* What the kernel's verifier says of a program that it does not take; the first line of it tells nothing, so not at other levels. */
static int say(enum libbpf_print_level level, const char *format, va_list arguments)
{
	char text[LIBBPF_TEXT_MAX];
	const char *line;
	int len = vsnprintf(text, sizeof(text), format, arguments);

	if (level == LIBBPF_DEBUG)
		return len;
	/* Its end says why. */
	for (line = text; *line; line += strcspn(line, "\n"), line += *line == '\n')
		log_debug("libbpf %.*s", (int)strcspn(line, "\n"), line);
	return len;
}

static int load_object(struct bpf_object **loaded, char why[PASSAGE_WHY_MAX])
{
	LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = "smtpbody");
	size_t len = (size_t)(passage_object_end - passage_object);
	struct bpf_object *object;
	int err;

	if (len == 0) {
		(void)snprintf(why, PASSAGE_WHY_MAX, "built without the eBPF program");
		return -ENOSYS;
	}
	(void)libbpf_set_print(say);
	object = bpf_object__open_mem(passage_object, len, &options);
	if (!object) {
		err = -errno;
		(void)snprintf(why, PASSAGE_WHY_MAX, "eBPF program: %s", strerror(-err));
		return err;
	}
	err = bpf_object__load(object);
	if (err) {
		bpf_object__close(object);
		(void)snprintf(why, PASSAGE_WHY_MAX,
		               err == -EPERM ? "loading an eBPF program is not permitted"
		                             : "this kernel does not take the eBPF program: %s",
		               strerror(-err));
		return err;
	}
	*loaded = object;
	return 0;
}

/* The program is there for whoever changes a table of iptables-legacy, its memory for the guards alone. */
static int pin_object(const struct bpf_object *object, int table, const struct owner *owner)
{
	const struct bpf_program *program =
		bpf_object__find_program_by_name(object, "smtpbody_passes_it");
	struct paths paths;
	int folder, err;

	find_paths(&paths);
	if (!program)
		return -ENOENT;
	err = seed_table(table);
	if (!err)
		err = mount_ours();
	if (err)
		return err;
	folder = take_folder(&paths);
	if (folder < 0)
		return folder;
	err = pin(table, paths.flows, 0600, owner);
	if (!err)
		err = pin(bpf_program__fd(program), paths.match, 0644, owner);
	if (!err && fchown(folder, owner->user, owner->group))
		err = -errno;
	close(folder);
	return err;
}

int passage_load(int *table, uid_t user, gid_t group, char why[PASSAGE_WHY_MAX])
{
	const struct owner owner = { user, group };
	struct bpf_object *object = NULL;
	int flows, kept = -1;
	int err = load_object(&object, why);

	if (err)
		return err;
	flows = bpf_object__find_map_fd_by_name(object, "smtpbody_flows");
	err = flows < 0 ? flows : pin_object(object, flows, &owner);
	if (!err && table) {
		kept = dup(flows);
		err = kept < 0 ? -errno : 0;
	}
	/* What is pinned stays. */
	bpf_object__close(object);
	if (err) {
		(void)snprintf(why, PASSAGE_WHY_MAX, "%s: %s", MOUNT_POINT, strerror(-err));
		passage_unpin();
		return err;
	}
	if (table)
		*table = kept;
	return 0;
}

/* What another version pinned has other entries, or more of them, or says so. */
static bool is_of_this_version(int table)
{
	struct bpf_map_info info = { .type = 0 };
	uint32_t info_len = sizeof(info), index = SMTPBODY_SEED_ENTRY;
	struct smtpbody_entry seed;

	return bpf_obj_get_info_by_fd(table, &info, &info_len) == 0 &&
	       info.type == BPF_MAP_TYPE_ARRAY && info.value_size == sizeof(seed) &&
	       info.max_entries == SMTPBODY_ENTRIES + 1 &&
	       bpf_map_lookup_elem(table, &index, &seed) == 0 &&
	       seed.version == SMTPBODY_TABLE_VERSION;
}

int passage_open_pinned(int *table, char why[PASSAGE_WHY_MAX])
{
	struct paths paths;
	int opened;

	find_paths(&paths);
	opened = bpf_obj_get(paths.flows);
	if (opened < 0) {
		int err = -errno;

		(void)snprintf(why, PASSAGE_WHY_MAX,
		               err == -ENOENT ? "no eBPF program is pinned (hopguard rules prepare)"
		                              : "the pinned eBPF program: %s",
		               strerror(-err));
		return err;
	}
	if (!is_of_this_version(opened)) {
		close(opened);
		(void)snprintf(why, PASSAGE_WHY_MAX,
		               "the pinned eBPF program is another version's (hopguard rules "
		               "prepare)");
		return -EPROTO;
	}
	*table = opened;
	return 0;
}

int passage_open_program(void)
{
	char path[PASSAGE_PATH_MAX];
	int opened = bpf_obj_get(passage_pin_path(path));

	return opened < 0 ? -errno : opened;
}

bool passage_pin_is_public(void)
{
	char path[PASSAGE_PATH_MAX], outside[PASSAGE_PATH_MAX + 16];
	struct stat here, there;

	(void)snprintf(outside, sizeof(outside), "/proc/1/root%s", passage_pin_path(path));
	return stat(path, &here) == 0 && stat(outside, &there) == 0 &&
	       here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

bool passage_sums_are_checked(void)
{
	int opened = open(SUMS_CHECKED, O_RDONLY | O_CLOEXEC);
	char value = '1';

	/* Where conntrack is not there yet, it comes with the rules, and checks them. */
	if (opened >= 0 && read(opened, &value, 1) != 1)
		value = '0';
	if (opened >= 0)
		close(opened);
	return value != '0';
}

/* Another network namespace may have its folder there; the kernel itself may have files. */
static bool is_empty(void)
{
	DIR *folder = opendir(MOUNT_POINT);
	const struct dirent *entry;
	bool is_any = false;

	if (!folder)
		return false;
	while ((entry = readdir(folder)) != NULL)
		is_any |= entry->d_type == DT_DIR && strcmp(entry->d_name, ".") != 0 &&
		          strcmp(entry->d_name, "..") != 0;
	(void)closedir(folder);
	return !is_any;
}

void passage_unpin(void)
{
	struct paths paths;

	find_paths(&paths);
	(void)unlink(paths.match);
	(void)unlink(paths.flows);
	(void)rmdir(paths.folder);
	if (is_mounted() && is_empty() && umount2(MOUNT_POINT, UMOUNT_NOFOLLOW) == 0)
		(void)rmdir(MOUNT_POINT);
}
