/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "message_sound.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../fuzz/message_model.h"

static void *make(const struct model *model)
{
	void *message = malloc(model->len);

	assert_non_null(message);
	model_make(message, model);
	return message;
}

static void each_type_is_sound_as_it_is_sent(void **state)
{
	(void)state;
	for (size_t i = 0; i < MODEL_COUNT; i++) {
		void *message = make(&models[i]);

		if (!message_is_sound(message, models[i].len))
			fail_msg("type %u is not sound", models[i].type);
		free(message);
	}
}

static void each_type_has_its_length_alone(void **state)
{
	(void)state;
	for (size_t i = 0; i < MODEL_COUNT; i++) {
		uint8_t *message = calloc(1, models[i].len + 1);

		assert_non_null(message);
		model_make(message, &models[i]);
		assert_false(message_is_sound(message, models[i].len - 1));
		assert_false(message_is_sound(message, models[i].len + 1));
		assert_false(message_is_sound(message, 3));
		free(message);
	}
}

static void spoil(uint8_t *at, const struct field *field)
{
	uint32_t beyond = field->last + 1;

	switch (field->kind) {
	case FIELD_NUMBER:
		break;
	case FIELD_ENUM:
		memcpy(at, &beyond, sizeof(beyond));
		break;
	case FIELD_BOOL:
		*at = 2;
		break;
	case FIELD_TEXT:
		memset(at, 'a', field->size);
		break;
	case FIELD_FAMILY:
		*at = field->last ? 0 : 5;
		break;
	}
}

static void no_field_goes_beyond_what_may_stand_there(void **state)
{
	(void)state;
	for (size_t i = 0; i < MODEL_COUNT; i++) {
		const struct model *model = &models[i];

		for (size_t f = 0; f < model->field_count; f++) {
			const struct field *field = &model->fields[f];
			size_t count = field->count > 0 ? field->count : 1;

			for (size_t element = 0; element < count; element++) {
				void *message = make(model);

				spoil(model_field(message, field, element), field);
				if (message_is_sound(message, model->len) !=
				    (field->kind == FIELD_NUMBER))
					fail_msg("type %u, field %zu, element %zu", model->type, f,
					         element);
				free(message);
			}
		}
	}
}

static void a_type_that_does_not_exist_is_not_sound(void **state)
{
	struct message message = { .type = 0 };

	(void)state;
	assert_false(message_is_sound(&message, sizeof(message)));
	message.type = MESSAGE_NAMES + 1;
	assert_false(message_is_sound(&message, sizeof(message)));
	message.type = UINT32_MAX;
	assert_false(message_is_sound(&message, sizeof(message)));
	message.type = MESSAGE_STOP;
	assert_true(message_is_sound(&message, sizeof(message)));
}

/* Their length says how much there is. */
static void what_is_sent_as_long_as_it_is_says_how_long(void **state)
{
	static struct message_dns_answer answer;
	static struct message_probed probed;

	(void)state;
	answer = (struct message_dns_answer){ .type = MESSAGE_DNS_ANSWER, .len = 12 };
	answer.client = model_address(1);
	answer.server = model_address(2);
	assert_true(message_is_sound(&answer, offsetof(struct message_dns_answer, message) + 12));
	assert_false(message_is_sound(&answer, offsetof(struct message_dns_answer, message) + 11));
	assert_false(message_is_sound(&answer, offsetof(struct message_dns_answer, message)));
	probed = (struct message_probed){ .type = MESSAGE_PROBED, .chain_len = 7 };
	assert_true(message_is_sound(&probed, PROBED_HEAD_LEN + 7));
	assert_false(message_is_sound(&probed, PROBED_HEAD_LEN + 6));
	probed.chain_len = CHECK_CHAIN_MAX + 1;
	assert_false(message_is_sound(&probed, PROBED_HEAD_LEN + (size_t)CHECK_CHAIN_MAX + 1));
}

/* Read by whoever it is for; here no more is asked than that it has a head, and room. */
static void what_ends_where_it_likes_has_its_bounds(void **state)
{
	static const struct {
		uint32_t type;
		size_t shortest, longest;
	} kinds[] = {
		{ MESSAGE_CONFIG, sizeof(struct message) + 1, sizeof(struct message_config) },
		{ MESSAGE_ROWS, offsetof(struct message_rows, octets) + 1,
		  sizeof(struct message_rows) },
		{ MESSAGE_CHECK, CHECK_HEAD_LEN, sizeof(struct message_check) },
		{ MESSAGE_PROBE, PROBE_HEAD_LEN, sizeof(struct message_probe) },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct message *message = calloc(1, kinds[i].longest + 1);

		assert_non_null(message);
		message->type = kinds[i].type;
		assert_false(message_is_sound(message, kinds[i].shortest - 1));
		assert_true(message_is_sound(message, kinds[i].shortest));
		assert_true(message_is_sound(message, kinds[i].longest));
		assert_false(message_is_sound(message, kinds[i].longest + 1));
		free(message);
	}
}

static void what_is_said_of_names_has_some_and_all_else_none(void **state)
{
	(void)state;
	for (uint32_t word = NAMES_GIVEN; word < NAMES_WORD_COUNT; word++) {
		struct message_names names = { .type = MESSAGE_NAMES, .word = word };
		bool is_of_guards = word == NAMES_COME;

		assert_int_equal(message_is_sound(&names, sizeof(names)),
		                 word == NAMES_LOST || word == NAMES_ASKED || is_of_guards);
		names.names[1] = 1;
		assert_int_equal(message_is_sound(&names, sizeof(names)),
		                 word <= NAMES_DOUBTED || is_of_guards);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_type_is_sound_as_it_is_sent),
		cmocka_unit_test(each_type_has_its_length_alone),
		cmocka_unit_test(no_field_goes_beyond_what_may_stand_there),
		cmocka_unit_test(a_type_that_does_not_exist_is_not_sound),
		cmocka_unit_test(what_is_sent_as_long_as_it_is_says_how_long),
		cmocka_unit_test(what_is_said_of_names_has_some_and_all_else_none),
		cmocka_unit_test(what_ends_where_it_likes_has_its_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
