/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/object.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "report/flow_page.h"
#include "report/status_page.h"

static void strings_that_are_read_can_be_shown_wherever_they_stand(void **state)
{
	json_t *object =
		object_read("{\"a\":\"\\u001b[2Jx\\u007f\",\"b\":[{\"c\":\"\\n\"}],\"d\":\"é\"}");
	const json_t *inner = json_array_get(json_object_get(object, "b"), 0);

	(void)state;
	assert_string_equal(object_text(object, "a"), "?[2Jx?");
	assert_string_equal(object_text(inner, "c"), "?");
	assert_string_equal(object_text(object, "d"), "??");
	json_decref(object);
}

static void a_member_whose_name_cannot_be_shown_is_left_out(void **state)
{
	json_t *object = object_read("{\"\\u001b[2J\":1,\"a\":{\"\\r\":2,\"b\":3}}");

	(void)state;
	assert_int_equal(json_object_size(object), 1);
	assert_int_equal(json_object_size(json_object_get(object, "a")), 1);
	assert_int_equal(object_number(json_object_get(object, "a"), "b"), 3);
	json_decref(object);
}

static void what_is_no_json_is_none(void **state)
{
	(void)state;
	assert_null(object_read("{"));
	assert_null(object_read(""));
}

static bool print_flow(FILE *out, const char *json)
{
	return flow_text_print(out, json);
}

static bool print_status(FILE *out, const char *json)
{
	return status_text_print(out, json, false);
}

/* The ledger may have been taken over, and root looks at its pages. */
static void no_page_steers_a_terminal(void **state)
{
	static const struct {
		bool (*print)(FILE *out, const char *json);
		const char *json;
	} pages[] = {
		{ print_flow, "{\"client\":\"\\u001b]0;x\\u0007\",\"domain\":\"\\u001b[2J\"}" },
		{ print_status, "{\"processes\":[{\"role\":\"\\u001b[2J\",\"state\":\"\\r\"}],"
		                "\"version\":\"\\u001b[8m\",\"counters\":{\"\\u001b[2J\":1}}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		char *text = NULL;
		size_t len = 0;
		FILE *out = open_memstream(&text, &len);

		assert_non_null(out);
		assert_true(pages[i].print(out, pages[i].json));
		assert_int_equal(fclose(out), 0);
		for (size_t at = 0; at < len; at++)
			assert_true((text[at] >= ' ' && text[at] <= '~') || text[at] == '\n');
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strings_that_are_read_can_be_shown_wherever_they_stand),
		cmocka_unit_test(a_member_whose_name_cannot_be_shown_is_left_out),
		cmocka_unit_test(what_is_no_json_is_none),
		cmocka_unit_test(no_page_steers_a_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
