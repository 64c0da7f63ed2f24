/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages between the processes, from one that was taken over: the first octet chooses a sound one, then its fields are edited, each by an
 * octet for the field, one for the element, one for what is done, and what it takes. Whatever is still called sound is what every receiver can
 * print, keep and judge by; and a text without an end, or an enum beyond its last value, is never called so.
 */

#include "message_consumers.h"
#include "message_model.h"
#include "message_sound.h"

enum { EDITS_MAX = 16, TEXT_MAX = 64 };

/* Around the bounds of what is counted and enumerated. */
static const uint32_t numbers[] = { 0,     1,     2,          3,          4,         5,     6,
	                            7,     8,     31,         32,         33,        127,   128,
	                            129,   255,   256,        4095,       16383,     16384, 16385,
	                            65535, 65536, 0x7fffffff, 0x80000000, 0xffffffff };

static void set_number(uint8_t *at, const struct field *field, struct cursor *input)
{
	uint32_t number = numbers[cursor_u8(input) % (sizeof(numbers) / sizeof(numbers[0]))];

	memcpy(at, &number, field->size < sizeof(number) ? field->size : sizeof(number));
}

static void set_octets(uint8_t *at, const struct field *field, struct cursor *input)
{
	size_t len = cursor_u8(input) % TEXT_MAX;

	if (len > field->size)
		len = field->size;
	if (len > cursor_left(input))
		len = cursor_left(input);
	if (len > 0)
		memcpy(at, cursor_bytes(input, len).data, len);
	if (len < field->size && field->kind == FIELD_TEXT)
		at[len] = '\0';
}

static void edit(void *message, const struct model *model, struct cursor *input)
{
	const struct field *field = &model->fields[cursor_u8(input) % model->field_count];
	uint8_t *at = model_field(message, field, cursor_u8(input));

	switch (cursor_u8(input) % 5) {
	case 0:
		set_number(at, field, input);
		break;
	case 1:
		set_octets(at, field, input);
		break;
	case 2: /* without an end */
		memset(at, cursor_u8(input), field->size);
		break;
	case 3: /* as long as there is room */
		memset(at, cursor_u8(input) | 1, field->size);
		at[field->size - 1] = 0;
		break;
	default:
		at[cursor_u8(input) % field->size] = cursor_u8(input);
	}
}

/* Asked here in another way than there. */
static void require_fields(void *message, const struct model *model)
{
	for (size_t i = 0; i < model->field_count; i++) {
		const struct field *field = &model->fields[i];
		size_t count = field->count > 0 ? field->count : 1;

		/* Of an array it may be that less counts. */
		for (size_t element = 0; element < count && field->count == 0; element++) {
			const uint8_t *at = model_field(message, field, element);
			uint32_t value = 0;

			if (field->kind == FIELD_TEXT)
				REQUIRE(strnlen((const char *)at, field->size) < field->size);
			memcpy(&value, at,
			       field->size < sizeof(value) ? field->size : sizeof(value));
			if (field->kind == FIELD_ENUM)
				REQUIRE(value <= field->last);
			if (field->kind == FIELD_BOOL)
				REQUIRE(*at <= 1);
		}
	}
}

static void consume_destination(const struct destination *destination)
{
	const struct explanation explanation = { .destination = destination };
	struct gate *gate = consumer_gate();

	consume_in_cache(destination);
	consume_explanation(&explanation);
	gate_answer(gate, destination, 1000, 1790000000000);
	gate_forget(gate, destination->name);
}

static void consume(const void *message)
{
	const struct message_explanation *told = message;
	struct last_key key = { .sight = SIGHT_WIRE, .server = model_address(1) };
	struct explanation explanation;

	switch ((enum message_type)((const struct message *)message)->type) {
	case MESSAGE_EVENT:
		consume_event(&((const struct message_event *)message)->event);
		break;
	case MESSAGE_DESTINATION:
		consume_destination(&((const struct message_destination *)message)->destination);
		break;
	case MESSAGE_EXPLANATION:
		explanation = (struct explanation){ .destination = &told->destination,
			                            .evidence = told->evidence,
			                            .evidence_count = told->evidence_count,
			                            .last_keys = told->last_keys,
			                            .age_s = told->age_s,
			                            .is_cached = told->is_cached != 0 };
		consume_explanation(&explanation);
		break;
	case MESSAGE_CHECKED:
		key.finding = ((const struct message_checked *)message)->finding;
		consume_last_key(&key);
		gate_checked(consumer_gate(), message, 1000, 1790000000000);
		break;
	case MESSAGE_SIGHTING:
		key.finding = ((const struct message_sighting *)message)->key;
		consume_last_key(&key);
		break;
	case MESSAGE_PROBED:
		gate_probed(consumer_gate(), message, 1000, 1790000000000);
		break;
	case MESSAGE_CANDIDATE:
		gate_candidate(consumer_gate(), message, 1000);
		break;
	case MESSAGE_BROKEN:
		gate_broken(consumer_gate(), message, 1000);
		break;
	case MESSAGE_NAMES:
		REQUIRE(((const struct message_names *)message)->word <= NAMES_COME);
		gate_hear_names(consumer_gate(), message, 1000, 1790000000000);
		break;
	case MESSAGE_FORGET:
		gate_forget(consumer_gate(), ((const struct message_forget *)message)->name);
		break;
	case MESSAGE_FLOW:
		consume_flow(message);
		break;
	case MESSAGE_STATE:
		consume_state(message);
		break;
	case MESSAGE_COUNTERS:
		consume_counters(&((const struct message_counters *)message)->counters);
		break;
	default:
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct cursor input = cursor_over(bytes_of(data, len));
	const struct model *model = &models[cursor_u8(&input) % MODEL_COUNT];
	uint8_t *message = malloc(model->len);

	REQUIRE(message);
	model_make(message, model);
	REQUIRE(message_is_sound(message, model->len));
	for (size_t i = 0; i < EDITS_MAX && cursor_left(&input) > 0; i++)
		edit(message, model, &input);
	((struct message *)message)->type = model->type;
	REQUIRE(!message_is_sound(message, model->len - 1));
	if (message_is_sound(message, model->len)) {
		require_fields(message, model);
		consume(message);
	}
	free(message);
	return 0;
}
