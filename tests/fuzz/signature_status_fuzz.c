/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What gpgv says of signatures that somebody made: a list counts as signed only where one of them is good and none is bad, which a slower
 * reading says as well; and whatever is kept has its bounds.
 */

#include "require.h"

#include <errno.h>
#include <unistd.h>

#include "base/sealed.h"
#include "base/tool.h"
#include "signature.h"

enum { STATUS_READ_MAX = 64 * 1024 - 1, STATUS_PLACE = 3 };

static struct bytes said;

/* In the place of what runs gpgv, which failed where the input's first octet is odd. */
int tool_run(char **output, const struct tool_call *call, char why[TOOL_WHY_MAX])
{
	struct bytes text = bytes_after(said, 1);

	REQUIRE(!output && call->passed_count == STATUS_PLACE + 1 && call->is_unprivileged);
	REQUIRE(write(call->passed[STATUS_PLACE], text.data, text.len) == (ssize_t)text.len);
	why[0] = '\0';
	return said.data[0] & 1 ? -EIO : 0;
}

static bool is_word(struct bytes line, const char *word)
{
	struct bytes first = bytes_slice(line, 0, bytes_find(line, ' '));

	return bytes_equal(first, bytes_of_string(word));
}

/* The first good one's key. False: none, or a bad one beside it. */
static bool read_slowly(struct bytes *signer, struct bytes text)
{
	struct bytes prefix = bytes_of_string("[GNUPG:] ");
	bool is_good = false, is_bad = false, is_signed = false;

	text = bytes_slice(text, 0, STATUS_READ_MAX);
	text = bytes_slice(text, 0, bytes_find(text, '\0'));
	while (text.len > 0) {
		struct bytes line = bytes_slice(text, 0, bytes_find(text, '\n'));

		text = bytes_after(text, line.len + 1);
		if (line.len < prefix.len || !bytes_equal(bytes_slice(line, 0, prefix.len), prefix))
			continue;
		line = bytes_after(line, prefix.len);
		if (is_word(line, "NEWSIG"))
			is_good = false;
		if (is_word(line, "GOODSIG"))
			is_good = true;
		if (is_word(line, "BADSIG") || is_word(line, "REVKEYSIG"))
			is_bad = true;
		if (is_word(line, "VALIDSIG") && is_good && !is_signed) {
			line = bytes_after(line, 8);
			while (line.len > 0 && line.data[0] == ' ')
				line = bytes_after(line, 1);
			*signer = bytes_slice(line, 0, bytes_find(line, ' '));
			*signer = bytes_slice(*signer, 0, FILE_SIGNER_MAX - 1);
			is_signed = signer->len > 0;
		}
	}
	return is_signed && !is_bad;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static int keys = -1;
	struct signature_parts parts = { .content = -1, .signature = -1 };
	char signer[FILE_SIGNER_MAX] = "", why[MESSAGE_ERROR_MAX];
	struct bytes wanted = { 0 };
	int err;

	if (len == 0)
		return 0;
	if (keys < 0)
		REQUIRE(sealed_keep(&keys, bytes_of_string("no armor")) == 0);
	parts.keys = keys;
	said = bytes_of(data, len);
	err = signature_check(signer, &parts, why);
	if (read_slowly(&wanted, bytes_after(said, 1))) {
		REQUIRE(err == 0 && why[0] == '\0');
		REQUIRE(bytes_equal(bytes_of_string(signer), wanted));
	} else {
		REQUIRE(err == -EKEYREJECTED && signer[0] == '\0');
		REQUIRE(why[0] != '\0' && strnlen(why, sizeof(why)) < sizeof(why));
	}
	return 0;
}
