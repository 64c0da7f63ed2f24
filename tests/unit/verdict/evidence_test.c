/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verdict/evidence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "verdict/sound.h"

static void each_state_has_a_word_of_its_own(void **state)
{
	(void)state;
	for (int i = EVIDENCE_NONE; i <= EVIDENCE_PENDING; i++) {
		const char *name = evidence_state_name((enum evidence_state)i);

		assert_true(name[0] != '\0');
		for (int k = EVIDENCE_NONE; k < i; k++)
			assert_string_not_equal(name, evidence_state_name((enum evidence_state)k));
	}
	assert_string_equal(evidence_state_name(EVIDENCE_OVERRIDDEN), "overridden");
}

/* As octets: what came from elsewhere need not be one of the enum. */
static void put(void *at, unsigned value)
{
	memcpy(at, &value, sizeof(value));
}

static void what_another_process_says_is_looked_at_before_it_is_used(void **state)
{
	struct evidence evidence[EVIDENCE_MAX] = { 0 };
	struct evidence *last = &evidence[EVIDENCE_MAX - 1];

	(void)state;
	assert_true(evidence_is_sound(evidence, 0));
	assert_true(evidence_is_sound(evidence, EVIDENCE_MAX));
	assert_false(evidence_is_sound(evidence, EVIDENCE_MAX + 1));
	assert_false(evidence_is_sound(evidence, SIZE_MAX));
	put(&last->source, SOURCE_SEEN + 1);
	assert_false(evidence_is_sound(evidence, EVIDENCE_MAX));
	/* Behind the count it is nobody's business. */
	assert_true(evidence_is_sound(evidence, EVIDENCE_MAX - 1));
	put(&last->source, SOURCE_SEEN);
	put(&last->state, EVIDENCE_PENDING + 1);
	assert_false(evidence_is_sound(evidence, EVIDENCE_MAX));
	put(&last->state, EVIDENCE_PENDING);
	memset(last->detail, 'a', sizeof(last->detail));
	assert_false(evidence_is_sound(evidence, EVIDENCE_MAX));
	last->detail[sizeof(last->detail) - 1] = '\0';
	assert_true(evidence_is_sound(evidence, EVIDENCE_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_state_has_a_word_of_its_own),
		cmocka_unit_test(what_another_process_says_is_looked_at_before_it_is_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
