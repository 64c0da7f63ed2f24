/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_ENFORCE_SAVED_RULES_H
#define HOPGUARD_ENFORCE_SAVED_RULES_H

/*
 * Rule sets that somebody keeps in files, as iptables-save wrote them, to be put in when the machine starts. With what it does not find then, the
 * match of a module or of a pinned program, iptables-restore refuses such a file as a whole, other people's rules and all.
 */

/* Where this machine has such a file, or a program that writes one, below that root ("" is the machine's own). Static text; NULL: none is known. */
const char *saved_rules_find(const char *root);

#endif
