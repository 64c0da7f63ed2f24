/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_BASE_SANDBOX_LISTS_H
#define HOPGUARD_BASE_SANDBOX_LISTS_H

/*
 * System calls by what they are for: the C library's own (glibc and musl), and those that libevent, libunbound, libcurl, OpenSSL and
 * SQLite make after their start. Each ends with one without a name.
 */

#include "base/sandbox_calls.h"

/* Memory that is not executable, clocks, own signals, what is open already: without these nothing runs. */
extern const struct call calls_basic[];
/* What a library asks of the file system and lives without: to be refused where there is no file to be opened. */
extern const struct call calls_opening[];
/* Files by their path; Landlock says which. */
extern const struct call calls_files[];
/* Locks and sizes of a database, and listening to others at a socket with a path. */
extern const struct call calls_database[];
extern const struct call calls_local_sockets[];
/* TCP and UDP over IPv4 and IPv6, and questions about routes. */
extern const struct call calls_internet[];
/* Connecting with the first octets, which libunbound tries: to be unsupported. Then it connects first. */
extern const struct call calls_fast_open[];
/* Newer than what they do better, which all of the above can do otherwise: to be absent. */
extern const struct call calls_newer[];
/* What no program that this one starts has a reason for. */
extern const struct call calls_never[];
/* What one that shall only read and write has none for: other processes of this user, and whoever listens. */
extern const struct call calls_on_others[];
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANDBOX_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANDBOX_SANITIZED 1
#endif
#endif
/* Where the program is built with sanitizers: what they need to say what they found. Else empty. */
extern const struct call calls_sanitizers[];

#endif
