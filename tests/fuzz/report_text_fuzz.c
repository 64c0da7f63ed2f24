/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON as the daemon may answer it, made text for people: whatever it is, nothing steers the terminal, and all lines but the last one end.
 */

#include "require.h"

#include "report/event_text.h"
#include "report/explain_text.h"
#include "report/flow_page.h"
#include "report/flush_page.h"
#include "report/status_page.h"

enum { PAGES = 4 };

static void require_plain(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		REQUIRE((text[i] >= ' ' && text[i] <= '~') || text[i] == '\n');
}

static bool print_page(FILE *out, unsigned page, const char *json)
{
	switch (page) {
	case 0:
		return flow_text_print(out, json);
	case 1:
		return status_text_print(out, json, false);
	case 2:
		return explain_text_print(out, json, false);
	default:
		return flush_text_print(out, json, "example.org");
	}
}

static void check_page(unsigned page, const char *json)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	bool is_page;

	REQUIRE(out);
	is_page = print_page(out, page, json);
	REQUIRE(fclose(out) == 0);
	require_plain(text, len);
	REQUIRE(!is_page || (len > 0 && text[len - 1] == '\n'));
	free(text);
}

/* The first octet chooses the page. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char sentence[EVENT_SENTENCE_MAX];
	char *json;

	if (len == 0)
		return 0;
	json = malloc(len);
	REQUIRE(json);
	memcpy(json, data + 1, len - 1);
	json[len - 1] = '\0';
	if (data[0] % (PAGES + 1) < PAGES) {
		check_page(data[0] % (PAGES + 1), json);
	} else if (event_text_print(sentence, json, false)) {
		REQUIRE(strnlen(sentence, sizeof(sentence)) < sizeof(sentence));
		REQUIRE(!strchr(sentence, '\n'));
		require_plain(sentence, strlen(sentence));
	}
	free(json);
	return 0;
}
