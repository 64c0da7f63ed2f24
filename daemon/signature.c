/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "signature.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/armor.h"
#include "base/sealed.h"
#include "base/tool.h"

enum { PASSED_PATH_MAX = 32, STATUS_LEN_MAX = 64 * 1024, KEY_ID_MAX = 48 };

/* What gpgv says of all signatures (doc/DETAILS of GnuPG): its exit status alone is good for a key that has expired, too. */
struct findings {
	bool is_good;                 /* the signature at hand */
	char signer[FILE_SIGNER_MAX]; /* of the first good one, empty: none */
	const char *complaint;
	char key[KEY_ID_MAX];
	bool is_bad; /* one that spoils all */
};

static const struct {
	const char *word;
	const char *complaint;
	bool is_bad;
} complaints[] = {
	{ "BADSIG", "the signature is not of this file: one of them was changed, key", true },
	{ "EXPKEYSIG", "signed by a key that has expired,", false },
	{ "REVKEYSIG", "signed by a key that was revoked,", true },
	{ "EXPSIG", "the signature has expired, key", false },
	{ "NO_PUBKEY", "signed by another key,", false },
};

/* The word behind the blank, cut to the room. */
static void copy_word(char *word, size_t room, const char *text)
{
	size_t len;

	text += strspn(text, " ");
	len = strcspn(text, " ");
	(void)snprintf(word, room, "%.*s", (int)len, text);
}

static void read_line(struct findings *findings, const char *line)
{
	static const char prefix[] = "[GNUPG:] ";
	size_t len, i;

	if (strncmp(line, prefix, sizeof(prefix) - 1) != 0)
		return;
	line += sizeof(prefix) - 1;
	len = strcspn(line, " ");
	if (len == 6 && strncmp(line, "NEWSIG", len) == 0)
		findings->is_good = false;
	else if (len == 7 && strncmp(line, "GOODSIG", len) == 0)
		findings->is_good = true;
	else if (len == 8 && strncmp(line, "VALIDSIG", len) == 0 && findings->is_good &&
	         !findings->signer[0])
		copy_word(findings->signer, sizeof(findings->signer), line + len);
	for (i = 0; i < sizeof(complaints) / sizeof(complaints[0]); i++) {
		if (strlen(complaints[i].word) != len ||
		    strncmp(line, complaints[i].word, len) != 0)
			continue;
		findings->complaint = complaints[i].complaint;
		findings->is_bad |= complaints[i].is_bad;
		copy_word(findings->key, sizeof(findings->key), line + len);
	}
}

static void read_status(struct findings *findings, char *text)
{
	char *line, *rest = NULL;

	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		read_line(findings, line);
}

/* What gpgv wrote into `status`, and how it ended. */
static int judge(char signer[FILE_SIGNER_MAX], int status, char why[MESSAGE_ERROR_MAX],
                 const char *complaint)
{
	struct findings findings = { 0 };
	char *text = calloc(1, STATUS_LEN_MAX);
	ssize_t len;

	if (!text)
		return -ENOMEM;
	len = pread(status, text, STATUS_LEN_MAX - 1, 0);
	if (len > 0)
		read_status(&findings, text);
	free(text);
	if (findings.signer[0] && !findings.is_bad) {
		memcpy(signer, findings.signer, sizeof(findings.signer));
		return 0;
	}
	if (findings.complaint)
		(void)snprintf(why, MESSAGE_ERROR_MAX, "%s %s", findings.complaint, findings.key);
	else
		(void)snprintf(why, MESSAGE_ERROR_MAX, "the signature is not good: %s",
		               complaint[0] ? complaint : "gpgv found none");
	return -EKEYREJECTED;
}

static int run_gpgv(char signer[FILE_SIGNER_MAX], const struct signature_parts *parts, int status,
                    char why[MESSAGE_ERROR_MAX])
{
	const int passed[] = { parts->content, parts->signature, parts->keys, status };
	char paths[3][PASSED_PATH_MAX], status_number[PASSED_PATH_MAX];
	const char *const arguments[] = {
		"--homedir",   "/nonexistent", "--weak-digest", "SHA1",   "--status-fd",
		status_number, "--keyring",    paths[2],        paths[1], paths[0],
		NULL,
	};
	const struct tool_call call = {
		.program = "gpgv",
		.arguments = arguments,
		.lock = -1,
		.passed = passed,
		.passed_count = sizeof(passed) / sizeof(passed[0]),
		.seconds_max = SIGNATURE_SECONDS_MAX,
		.is_unprivileged = true,
	};
	char complaint[TOOL_WHY_MAX];
	int err;

	for (size_t i = 0; i < 3; i++)
		(void)snprintf(paths[i], sizeof(paths[i]), "/proc/self/fd/%d", passed[i]);
	(void)snprintf(status_number, sizeof(status_number), "%d", status);
	err = tool_run(NULL, &call, complaint);
	if (!err || err == -EIO)
		return judge(signer, status, why, complaint);
	(void)snprintf(why, MESSAGE_ERROR_MAX, "its signature cannot be checked: %s", complaint);
	return err;
}

/* gpgv reads no armor. */
static int open_keys(int *keys, int exported, char why[MESSAGE_ERROR_MAX])
{
	struct bytes text;
	uint8_t *octets;
	size_t len;
	int err = sealed_map(&text, exported, SIGNATURE_KEYS_LEN_MAX);

	if (err)
		return err;
	if (!armor_has_public_key(text)) {
		sealed_unmap(text);
		*keys = dup(exported);
		return *keys < 0 ? -errno : 0;
	}
	octets = malloc(text.len);
	err = octets ? 0 : -ENOMEM;
	if (!err && !armor_decode(octets, &len, text)) {
		(void)snprintf(why, MESSAGE_ERROR_MAX, "the key file's armor is damaged");
		err = -EKEYREJECTED;
	}
	if (!err)
		err = sealed_keep(keys, bytes_of(octets, len));
	free(octets);
	sealed_unmap(text);
	return err;
}

int signature_check(char signer[FILE_SIGNER_MAX], const struct signature_parts *parts,
                    char why[MESSAGE_ERROR_MAX])
{
	struct signature_parts ready = *parts;
	int status, err;

	why[0] = '\0';
	err = open_keys(&ready.keys, parts->keys, why);
	if (err)
		goto say_why;
	status = memfd_create("hopguard-status", MFD_CLOEXEC);
	if (status < 0) {
		err = -errno;
		goto close_keys;
	}
	err = run_gpgv(signer, &ready, status, why);
	close(status);

close_keys:
	close(ready.keys);
say_why:
	if (err && why[0] == '\0')
		(void)snprintf(why, MESSAGE_ERROR_MAX, "its signature cannot be checked: %s",
		               strerror(-err));
	return err;
}
