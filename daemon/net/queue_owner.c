/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/queue_owner.h"

#include <ctype.h>
#include <dirent.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_ROOM = 320, COMMAND_ROOM = 32 };

/* The socket's inode by its port id: /proc/net/netlink, "sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode". */
static unsigned long find_inode(uint32_t portid)
{
	FILE *list = fopen("/proc/net/netlink", "re");
	unsigned long inode = 0;
	char line[256];

	while (list && inode == 0 && fgets(line, sizeof(line), list)) {
		unsigned family, pid;
		unsigned long found;

		if (sscanf(line, "%*s %u %u %*s %*s %*s %*s %*s %*s %lu", &family, &pid, &found) ==
		            3 &&
		    family == NETLINK_NETFILTER && pid == portid)
			inode = found;
	}
	if (list)
		fclose(list);
	return inode;
}

static bool has_socket(const char *pid, unsigned long inode)
{
	char path[PATH_ROOM], wanted[64], target[64];
	const struct dirent *entry;
	bool is_found = false;
	DIR *descriptors;

	snprintf(wanted, sizeof(wanted), "socket:[%lu]", inode);
	snprintf(path, sizeof(path), "/proc/%.16s/fd", pid);
	descriptors = opendir(path);
	while (descriptors && !is_found && (entry = readdir(descriptors)) != NULL) {
		ssize_t len;

		snprintf(path, sizeof(path), "/proc/%.16s/fd/%s", pid, entry->d_name);
		len = readlink(path, target, sizeof(target) - 1);
		if (len <= 0)
			continue;
		target[len] = '\0';
		is_found = strcmp(target, wanted) == 0;
	}
	if (descriptors)
		closedir(descriptors);
	return is_found;
}

/* The lowest process id that has the socket open: a parent comes before those who inherited it. 0: none. */
static long find_process(unsigned long inode)
{
	DIR *processes = opendir("/proc");
	const struct dirent *entry;
	long lowest = 0;

	while (processes && (entry = readdir(processes)) != NULL) {
		long pid;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		pid = strtol(entry->d_name, NULL, 10);
		if ((lowest == 0 || pid < lowest) && has_socket(entry->d_name, inode))
			lowest = pid;
	}
	if (processes)
		closedir(processes);
	return lowest;
}

static void read_command(char command[COMMAND_ROOM], long pid)
{
	char path[PATH_ROOM];
	FILE *file;

	snprintf(command, COMMAND_ROOM, "another program");
	snprintf(path, sizeof(path), "/proc/%ld/comm", pid);
	file = fopen(path, "re");
	if (!file)
		return;
	if (fgets(command, COMMAND_ROOM, file))
		command[strcspn(command, "\n")] = '\0';
	fclose(file);
}

const char *queue_owner_name(char *text, size_t room, uint32_t portid)
{
	unsigned long inode = portid ? find_inode(portid) : 0;
	long pid = inode ? find_process(inode) : 0;
	char command[COMMAND_ROOM];

	if (pid == 0) {
		snprintf(text, room, "another program (port id %u)", portid);
		return text;
	}
	read_command(command, pid);
	snprintf(text, room, "%s (pid %ld)", command, pid);
	return text;
}
