/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Octets as a policy list: refused with one printable line, or a list that answers soundly whatever it is asked. */

#include "policy/policy_list.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const uint8_t secret[SIPHASH_KEY_LEN];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char error[POLICY_LIST_ERROR_MAX] = "";
	struct policy_list *list = NULL;
	struct policy_view found;
	int err = policy_list_parse(&list, bytes_of(data, len), secret, error);

	/* Refused: nothing, with one line of complaint. Taken: sound, whatever is asked of it. */
	if (err) {
		assert(!list && strlen(error) > 0 && strlen(error) < POLICY_LIST_ERROR_MAX);
		for (const char *at = error; *at; at++)
			assert(*at >= ' ' && *at <= '~');
		return 0;
	}
	assert(list->timestamp_s <= list->expires_s);
	assert(policy_set_count(list->policies) <= len);
	if (policy_set_find(&found, list->policies, "example.org")) {
		assert(found.mode == MX_POLICY_TESTING || found.mode == MX_POLICY_ENFORCE);
		assert(found.mx_count > 0 && found.mx_count <= POLICY_LIST_MXS_MAX);
		assert(!policy_view_allows(&found, ""));
		(void)policy_view_allows(&found, "mx1.example.org");
	}
	policy_list_free(list);
	return 0;
}
