/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_POSTFIX_TABLE_H
#define HOPGUARD_POLICY_POSTFIX_TABLE_H

/*
 * The text of a table for Postfix's smtp_tls_policy_maps, read as postmap reads it: "name level attribute=value …", where blanks and
 * commas part level and attributes; a line that begins with a blank goes on with the one before; empty lines, and those whose first
 * character is '#', do not count. Tables of patterns (regexp, pcre) and databases are none of these.
 *
 * What cannot be honoured is said line by line, and costs nothing but what it says.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "policy/local_entry.h"

enum {
	POSTFIX_TABLE_MAX =
		8 * 1024 * 1024, /* octets: as many lines as LOCAL_ENTRIES_MAX, of usual length */
	POSTFIX_PROBLEM_MAX = 512,
};

enum postfix_severity {
	POSTFIX_IGNORED, /* an attribute is not looked at; the entry is used */
	POSTFIX_WEAKER, /* names, fingerprints or authorities that cannot be honoured: the entry counts as encrypt */
	POSTFIX_UNUSED, /* the line says nothing */
};

struct postfix_problem {
	enum postfix_severity severity;
	unsigned line; /* 0: the whole table */
	/* "tls_policy:7: exclude=aNULL is not looked at: …"; printable ASCII */
	char text[POSTFIX_PROBLEM_MAX];
};

/* Where all goes, in the order of lines. Problems are as many as wrong lines and words: the caller bounds what it shows. */
struct postfix_sink {
	void *owner;
	/* 0; -EEXIST: named before, left out; else no room, and the rest of the table is left out. */
	int (*take_entry)(void *owner, const struct local_entry *entry);
	void (*tell)(void *owner, const struct postfix_problem *problem);
};

/* `name` is for messages and entries' origin: "tls_policy". False: too long, or not all found room; that was told. */
bool postfix_table_parse(const struct postfix_sink *sink, const char *name, struct bytes text);

#endif
