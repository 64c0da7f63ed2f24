/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_NET_PASSAGE_LOAD_H
#define HOPGUARD_NET_PASSAGE_LOAD_H

/*
 * The eBPF program for message bodies in the kernel, and where it is found by those who put rules in: pinned in a BPF file system of
 * our own, in which only root makes anything. (That at /sys/fs/bpf is root's alone, and `ip netns exec` hides it.) Each network
 * namespace has its folder there, which belongs to the user that hopguard becomes: it takes its pins away as it takes away its rules.
 *
 * The kernel opens the path again, as whoever makes the change, at every change to a table of iptables-legacy that has such
 * a rule: a pin is to be there for as long as the rule, and for everybody.
 */

#include <stdbool.h>
#include <sys/types.h>

enum { PASSAGE_PATH_MAX = 64, PASSAGE_WHY_MAX = 128 };

/* Of the program, as this network namespace has it. Returns path. */
const char *passage_pin_path(char path[PASSAGE_PATH_MAX]);
bool passage_pin_is_there(void);

/*
 * Loads the program, makes a table, and pins both in place of any before, for that user: who can open the table can have the kernel
 * pass what he likes, so it is to be nobody whom others are, too. Needs root's rights (CAP_SYS_ADMIN for the
 * file system, CAP_BPF and CAP_NET_ADMIN for the program). *table: a descriptor for passage_ebpf_adopt, to be closed; NULL: not
 * wanted. 0, or -errno with why.
 */
int passage_load(int *table, uid_t user, gid_t group, char why[PASSAGE_WHY_MAX]);
/* The table that was pinned by somebody who could. 0, or -errno with why. */
int passage_open_pinned(int *table, char why[PASSAGE_WHY_MAX]);
/* The pin is seen, by the same path, also outside of the view of files that this process has. Needs root's rights. */
bool passage_pin_is_public(void);
/* The pins, then the folder and the file system where there is nothing else in it and rights suffice. */
void passage_unpin(void);

/* The program cannot check a segment's sum, and leaves that to conntrack: false where that was told not to. */
bool passage_sums_are_checked(void);

/* For tests: the program as it was loaded, by its pin. A descriptor, or -errno. */
int passage_open_program(void);

#endif
