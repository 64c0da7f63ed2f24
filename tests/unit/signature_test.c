/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "signature.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>

#include "base/sealed.h"
#include "openpgp.h"

static int set_up(void **state)
{
	static struct openpgp openpgp;

	openpgp_open(&openpgp);
	openpgp_write(&openpgp, "data", "a list\n");
	openpgp_write(&openpgp, "other", "another list\n");
	openpgp_run(&openpgp, "gpg -u lister --armor --detach-sign -o data.asc data");
	openpgp_run(&openpgp, "gpg -u lister --detach-sign -o data.sig data");
	*state = &openpgp;
	return 0;
}

static int tear_down(void **state)
{
	openpgp_close(*state);
	return 0;
}

static int copy_of(const struct openpgp *openpgp, const char *name)
{
	char path[2 * OPENPGP_PATH_MAX];
	int file, copy = -1;

	snprintf(path, sizeof(path), "%s/%s", openpgp->folder, name);
	file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		fail_msg("there is no %s", path);
	assert_int_equal(sealed_copy(&copy, file, SIGNATURE_KEYS_LEN_MAX), 0);
	close(file);
	return copy;
}

static char why[MESSAGE_ERROR_MAX];
static char signer[FILE_SIGNER_MAX];

static int check(const struct openpgp *openpgp, const char *keys, const char *signature,
                 const char *content)
{
	struct signature_parts parts = {
		.content = copy_of(openpgp, content),
		.signature = copy_of(openpgp, signature),
		.keys = copy_of(openpgp, keys),
	};
	int err;

	signer[0] = why[0] = '\0';
	err = signature_check(signer, &parts, why);
	close(parts.content);
	close(parts.signature);
	close(parts.keys);
	assert_int_equal(err != 0, why[0] != '\0');
	assert_int_equal(err == 0, signer[0] != '\0');
	assert_null(strchr(why, '\n'));
	return err;
}

static void assert_refused(const struct openpgp *openpgp, const char *keys, const char *signature,
                           const char *content, const char *words)
{
	assert_int_equal(check(openpgp, keys, signature, content), -EKEYREJECTED);
	if (!strstr(why, words))
		fail_msg("%s %s %s: %s", keys, signature, content, why);
}

static void a_good_signature_names_its_key(void **state)
{
	assert_int_equal(check(*state, "lister.gpg", "data.asc", "data"), 0);
	assert_int_equal(strlen(signer), 40);
	assert_int_equal(strspn(signer, "0123456789ABCDEF"), 40);
	assert_int_equal(check(*state, "lister.gpg", "data.sig", "data"), 0);
}

static void keys_may_be_armored_and_several(void **state)
{
	openpgp_run(*state,
	            "cat stranger.asc lister.asc >both.asc; cat stranger.gpg lister.gpg >both.gpg");
	assert_int_equal(check(*state, "lister.asc", "data.asc", "data"), 0);
	assert_int_equal(check(*state, "both.asc", "data.asc", "data"), 0);
	assert_int_equal(check(*state, "both.gpg", "data.sig", "data"), 0);
}

static void a_signature_is_of_one_file_only(void **state)
{
	openpgp_write(*state, "tampered", "a lisp\n");
	assert_refused(*state, "lister.gpg", "data.asc", "tampered", "not of this file");
	assert_refused(*state, "lister.gpg", "data.asc", "other", "not of this file");
	openpgp_write(*state, "empty", "");
	assert_refused(*state, "lister.gpg", "data.asc", "empty", "not of this file");
}

static void another_key_does_not_count(void **state)
{
	openpgp_run(*state, "gpg -u stranger --detach-sign -o stranger.sig data");
	assert_refused(*state, "lister.gpg", "stranger.sig", "data", "signed by another key, ");
	assert_refused(*state, "stranger.gpg", "data.asc", "data", "signed by another key, ");
}

/* gpgv itself calls such a signature good. */
static void a_key_that_has_expired_does_not_count(void **state)
{
	openpgp_run(*state, "gpg --faked-system-time 20200301T000000 -u former --detach-sign "
	                    "-o former.sig data");
	assert_refused(*state, "former.gpg", "former.sig", "data",
	               "signed by a key that has expired");
}

static void a_signature_that_has_expired_does_not_count(void **state)
{
	openpgp_run(*state, "gpg --faked-system-time 20250101T000000 --quick-gen-key elder ed25519 "
	                    "sign never && gpg --export elder >elder.gpg");
	openpgp_run(*state,
	            "gpg --faked-system-time 20260101T000000 --default-sig-expire 1m -u elder "
	            "--detach-sign -o expired.sig data");
	openpgp_run(*state, "gpg -u elder --detach-sign -o fresh.sig data");
	assert_int_equal(check(*state, "elder.gpg", "fresh.sig", "data"), 0);
	assert_refused(*state, "elder.gpg", "expired.sig", "data",
	               "the signature has expired, key ");
}

static void a_key_that_was_revoked_does_not_count(void **state)
{
	openpgp_run(*state,
	            "gpg --quick-gen-key revoked ed25519 sign never && "
	            "gpg -u revoked --detach-sign -o revoked.sig data && gpg --export revoked "
	            ">before.gpg && sed 's/^:---/---/' home/openpgp-revocs.d/$(gpg --with-colons "
	            "--list-keys revoked | sed -n 's/^fpr:*\\([^:]*\\):/\\1/p').rev | "
	            "gpg --import && gpg --export revoked >revoked.gpg");
	assert_int_equal(check(*state, "before.gpg", "revoked.sig", "data"), 0);
	assert_refused(*state, "revoked.gpg", "revoked.sig", "data", "revoked");
}

static void a_weak_digest_does_not_count(void **state)
{
	openpgp_run(*state, "gpg --digest-algo SHA1 -u stranger --detach-sign -o sha1.sig data");
	openpgp_run(*state, "gpg --digest-algo SHA256 -u stranger --detach-sign -o sha2.sig data");
	assert_int_equal(check(*state, "stranger.gpg", "sha2.sig", "data"), 0);
	assert_int_equal(check(*state, "stranger.gpg", "sha1.sig", "data"), -EKEYREJECTED);
}

/* Where it held its own text, that would be what is checked. */
static void a_message_with_its_own_text_is_no_detached_signature(void **state)
{
	openpgp_run(*state, "gpg -u lister --sign -o inline.sig other");
	openpgp_run(*state, "gpg -u lister --clearsign -o clear.sig data");
	assert_refused(*state, "lister.gpg", "inline.sig", "data", "not a detached signature");
	assert_refused(*state, "lister.gpg", "clear.sig", "data", "not a detached signature");
}

static void a_second_signature_may_be_unknown_but_not_bad(void **state)
{
	openpgp_run(*state, "gpg -u stranger --detach-sign -o stranger.sig data; "
	                    "gpg -u lister --detach-sign -o other.sig other; "
	                    "cat stranger.sig data.sig >unknown.sig; "
	                    "cat data.sig other.sig >bad.sig; cat other.sig data.sig >bad2.sig");
	assert_int_equal(check(*state, "lister.gpg", "unknown.sig", "data"), 0);
	assert_refused(*state, "lister.gpg", "bad.sig", "data", "not of this file");
	assert_refused(*state, "lister.gpg", "bad2.sig", "data", "not of this file");
}

static void nonsense_is_refused(void **state)
{
	openpgp_write(*state, "nonsense", "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n!!!\n");
	openpgp_write(*state, "nothing", "");
	assert_refused(*state, "lister.gpg", "nothing", "data", "the signature is not good");
	assert_refused(*state, "lister.gpg", "data", "data", "the signature is not good");
	assert_refused(*state, "lister.gpg", "lister.gpg", "data", "the signature is not good");
	assert_refused(*state, "nonsense", "data.asc", "data", "armor is damaged");
	assert_refused(*state, "nothing", "data.asc", "data", "signed by another key");
	assert_refused(*state, "data", "data.asc", "data", "signed by another key");
}

static void a_signature_cut_anywhere_is_refused(void **state)
{
	int signature = copy_of(*state, "data.sig");
	struct signature_parts parts = {
		.content = copy_of(*state, "data"),
		.keys = copy_of(*state, "lister.gpg"),
	};
	struct bytes octets;

	assert_int_equal(sealed_map(&octets, signature, SIGNATURE_LEN_MAX), 0);
	for (size_t len = 0; len < octets.len; len += 7) {
		assert_int_equal(sealed_keep(&parts.signature, bytes_slice(octets, 0, len)), 0);
		assert_int_equal(signature_check(signer, &parts, why), -EKEYREJECTED);
		close(parts.signature);
	}
	sealed_unmap(octets);
	close(signature);
	close(parts.content);
	close(parts.keys);
}

/* Neither a sealed copy nor a descriptor left: nothing was checked, and nobody signed. */
static void what_cannot_be_checked_is_said_and_not_good(void **state)
{
	struct signature_parts parts = {
		.content = copy_of(*state, "data"),
		.signature = copy_of(*state, "data.sig"),
		.keys = -1,
	};
	static const char *const whys[] = {
		"its signature cannot be checked: Too many open files",
		"its signature cannot be checked: gpgv: Too many open files",
	};
	struct rlimit all, limit;
	int err;

	signer[0] = '\0';
	assert_int_equal(signature_check(signer, &parts, why), -EPERM);
	assert_string_equal(why, "its signature cannot be checked: Operation not permitted");
	parts.keys = copy_of(*state, "lister.gpg");
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &all), 0);
	/* For the copy of the keys; and for what gpgv says, but not to run it. */
	for (rlim_t more = 0; more < 2; more++) {
		limit = (struct rlimit){ (rlim_t)parts.keys + 1 + more, all.rlim_max };
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
		err = signature_check(signer, &parts, why);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &all), 0);
		assert_int_equal(err, -EMFILE);
		assert_string_equal(why, whys[more]);
	}
	assert_string_equal(signer, "");
	close(parts.content);
	close(parts.signature);
	close(parts.keys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_signature_names_its_key),
		cmocka_unit_test(keys_may_be_armored_and_several),
		cmocka_unit_test(a_signature_is_of_one_file_only),
		cmocka_unit_test(another_key_does_not_count),
		cmocka_unit_test(a_key_that_has_expired_does_not_count),
		cmocka_unit_test(a_signature_that_has_expired_does_not_count),
		cmocka_unit_test(a_key_that_was_revoked_does_not_count),
		cmocka_unit_test(a_weak_digest_does_not_count),
		cmocka_unit_test(a_message_with_its_own_text_is_no_detached_signature),
		cmocka_unit_test(a_second_signature_may_be_unknown_but_not_bad),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(a_signature_cut_anywhere_is_refused),
		cmocka_unit_test(what_cannot_be_checked_is_said_and_not_good),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
