/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_BASE_SANDBOX_CALLS_H
#define HOPGUARD_BASE_SANDBOX_CALLS_H

/*
 * Which system calls a process may make from now on (seccomp). What is nowhere in its lists ends it by SIGSYS, before the call
 * does anything; a line of the log says which it was. Calls of which libseccomp has no name yet answer ENOSYS, so that a later C
 * library takes its older way.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum call_comparison {
	CALL_ALWAYS,
	CALL_EQUAL,
	CALL_INT, /* equal as an int, of which the kernel reads the lower half of the register: for what is refused */
	CALL_OTHER,    /* than the value, as an int; one of a call's tests at most */
	CALL_NOT_NULL, /* a pointer */
	CALL_WITHOUT,  /* any of these bits */
	CALL_WITH,     /* all of these bits */
	CALL_OWN,      /* the process's own number */
	CALL_TYPE,     /* of a socket, whatever flags are with it */
};

struct call_test {
	enum call_comparison comparison;
	unsigned argument; /* from 0 */
	uint64_t value;
};

enum { CALL_TESTS_MAX = 3 };

/* A call, when all tests hold of its arguments. The same name may come more than once. */
struct call {
	const char
		*name; /* as Linux names it; what this machine's architecture has not is left out */
	struct call_test
		tests[CALL_TESTS_MAX]; /* each of another argument; ends with CALL_ALWAYS */
};

enum call_answer {
	CALL_PERMITTED,
	CALL_REFUSED,     /* EACCES: a library may try, and live without */
	CALL_ABSENT,      /* ENOSYS: it has another way */
	CALL_UNSUPPORTED, /* EOPNOTSUPP: so says a kernel that cannot do it */
};

struct call_list {
	enum call_answer answer;
	const struct call *calls; /* ends with one without a name */
};

enum { SANDBOX_LISTS_MAX = 8 };

struct sandbox_calls {
	struct call_list lists[SANDBOX_LISTS_MAX]; /* ends with one without calls */
	bool permits_others; /* what is in no list is permitted: for who runs other people's programs */
};

/* False: this kernel has no filters. */
bool sandbox_calls_are_there(void);

/* For this process and all it starts. Needs no_new_privs. 0, also where the kernel has no filters; else -errno. */
int sandbox_calls_enter(const struct sandbox_calls *calls);

#endif
