/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_UNIT_OPENPGP_H
#define HOPGUARD_TESTS_UNIT_OPENPGP_H

/*
 * A folder with OpenPGP keys made by gpg: of lister, stranger and former, whose key expired in 2020. "lister.gpg" and "lister.asc" are
 * exported, and so on.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { OPENPGP_PATH_MAX = 64 };

struct openpgp {
	char folder[OPENPGP_PATH_MAX];
};

/* In the folder, with gpg as a command that asks nothing. */
__attribute__((format(printf, 2, 3))) static inline void openpgp_run(const struct openpgp *openpgp,
                                                                     const char *format, ...)
{
	char words[1024], command[2048];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(words, sizeof(words), format, arguments);
	va_end(arguments);
	snprintf(
		command, sizeof(command),
		"cd %s && "
		"gpg() { command gpg --homedir home --batch --yes --quiet --pinentry-mode loopback "
		"--passphrase '' \"$@\"; } 2>>log && { %s; } >>log 2>&1",
		openpgp->folder, words);
	if (system(command) != 0)
		fail_msg("%s (see %s/log)", words, openpgp->folder);
}

static inline void openpgp_write(const struct openpgp *openpgp, const char *name, const char *text)
{
	char path[2 * OPENPGP_PATH_MAX];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", openpgp->folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fputs(text, file) < 0, 0);
	assert_int_equal(fclose(file), 0);
}

static inline void openpgp_open(struct openpgp *openpgp)
{
	static const char *const holders[] = { "lister", "stranger", "former" };

	strcpy(openpgp->folder, "/tmp/hopguard-openpgp-XXXXXX");
	assert_non_null(mkdtemp(openpgp->folder));
	openpgp_run(openpgp, "mkdir -m 700 home");
	openpgp_run(openpgp, "gpg --quick-gen-key lister ed25519 sign never");
	openpgp_run(openpgp, "gpg --quick-gen-key stranger rsa2048 sign never");
	openpgp_run(openpgp,
	            "gpg --faked-system-time 20200101T000000 --quick-gen-key former ed25519 "
	            "sign 2020-06-01");
	for (size_t i = 0; i < 3; i++)
		openpgp_run(openpgp, "gpg --export %s >%s.gpg && gpg --armor --export %s >%s.asc",
		            holders[i], holders[i], holders[i], holders[i]);
}

static inline void openpgp_close(const struct openpgp *openpgp)
{
	char command[256];

	snprintf(command, sizeof(command),
	         "gpgconf --homedir %s/home --kill all >/dev/null 2>&1; rm -rf %s", openpgp->folder,
	         openpgp->folder);
	assert_int_equal(system(command), 0);
}

#endif
