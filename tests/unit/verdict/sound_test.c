/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verdict/sound.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct event a_sound_event(void)
{
	return (struct event){ .kind = EVENT_VERDICT, .client = { { .family = 4 }, 25 } };
}

static void an_event_is_sound_as_it_comes(void **state)
{
	struct event event = a_sound_event();

	(void)state;
	assert_true(event_is_sound(&event));
}

/* Each enum one beyond its last value, and far beyond. */
static void an_enum_out_of_its_range_is_refused(void **state)
{
	const struct {
		size_t offset;
		unsigned last;
	} enums[] = {
		{ offsetof(struct event, kind), EVENT_POLICY },
		{ offsetof(struct event, action), ACTION_WAIT },
		{ offsetof(struct event, would), ACTION_WAIT },
		{ offsetof(struct event, reason), REASON_COUNT - 1 },
		{ offsetof(struct event, mode), MODE_ENFORCE },
		{ offsetof(struct event, hook), HOOK_CAPTURE },
		{ offsetof(struct event, place), PLACE_EXCLUDED },
		{ offsetof(struct event, promise.state), PROMISE_UNAVAILABLE },
		{ offsetof(struct event, promise.source), SOURCE_SEEN },
		{ offsetof(struct event, ehlo), EHLO_NOT_SENT },
		{ offsetof(struct event, starttls), STARTTLS_MASKED },
		{ offsetof(struct event, starttls_answer), STARTTLS_UNANSWERED },
		{ offsetof(struct event, tls), TLS_BROKEN },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(enums) / sizeof(enums[0]); i++) {
		struct event event = a_sound_event();
		unsigned values[] = { enums[i].last + 1, 0x7fffffff, 0xffffffff };
		size_t j;

		memcpy((char *)&event + enums[i].offset, &enums[i].last, sizeof(unsigned));
		assert_true(event_is_sound(&event));
		for (j = 0; j < 3; j++) {
			memcpy((char *)&event + enums[i].offset, &values[j], sizeof(unsigned));
			assert_false(event_is_sound(&event));
		}
	}
}

static void a_string_without_an_end_is_refused(void **state)
{
	const struct {
		size_t offset, room;
	} strings[] = {
		{ offsetof(struct event, id), EVENT_ID_LEN + 1 },
		{ offsetof(struct event, domain), DOMAIN_NAME_MAX },
		{ offsetof(struct event, mx), DOMAIN_NAME_MAX },
		{ offsetof(struct event, promise.detail), PROMISE_DETAIL_MAX },
		{ offsetof(struct event, ehlo_name), DOMAIN_NAME_MAX },
		{ offsetof(struct event, sni), DOMAIN_NAME_MAX },
		{ offsetof(struct event, rule), 64 },
		{ offsetof(struct event, cause), EVENT_TEXT_MAX },
		{ offsetof(struct event, text), EVENT_TEXT_MAX },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
		struct event event = a_sound_event();

		memset((char *)&event + strings[i].offset, 'a', strings[i].room);
		assert_false(event_is_sound(&event));
		memset((char *)&event + strings[i].offset + strings[i].room - 1, 0, 1);
		assert_true(event_is_sound(&event));
	}
}

static void an_address_of_no_family_we_know_is_refused(void **state)
{
	struct event event = a_sound_event();

	(void)state;
	event.server.address.family = 5;
	assert_false(event_is_sound(&event));
	event = a_sound_event();
	event.client.address.family = 255;
	assert_false(event_is_sound(&event));
}

static void fill(struct destination *destination)
{
	memset(destination, 0, sizeof(*destination));
	destination->host_count = MX_HOSTS_MAX;
	destination->place_count = MX_PLACES_MAX;
	for (size_t i = 0; i < MX_PLACES_MAX; i++)
		destination->places[i] =
			(struct mx_place){ { .family = 6 }, (uint8_t)(i % MX_HOSTS_MAX) };
}

static void a_full_destination_is_sound(void **state)
{
	struct destination *destination = malloc(sizeof(*destination));

	(void)state;
	fill(destination);
	assert_true(destination_is_sound(destination));
	free(destination);
}

static void counts_and_indices_beyond_their_arrays_are_refused(void **state)
{
	struct destination *destination = malloc(sizeof(*destination));

	(void)state;
	fill(destination);
	destination->host_count = MX_HOSTS_MAX + 1;
	assert_false(destination_is_sound(destination));
	fill(destination);
	destination->place_count = MX_PLACES_MAX + 1;
	assert_false(destination_is_sound(destination));
	fill(destination);
	destination->places[MX_PLACES_MAX - 1].host = MX_HOSTS_MAX;
	assert_false(destination_is_sound(destination));
	fill(destination);
	destination->host_count = 0;
	assert_false(destination_is_sound(destination));
	fill(destination);
	destination->places[3].address.family = 0;
	assert_false(destination_is_sound(destination));
	free(destination);
}

static void enums_and_strings_of_a_destination_are_checked_in_every_host(void **state)
{
	struct destination *destination = malloc(sizeof(*destination));
	size_t i;

	(void)state;
	for (i = 0; i < MX_HOSTS_MAX; i += MX_HOSTS_MAX - 1) {
		fill(destination);
		destination->hosts[i].address_security = DNS_FAILED + 1;
		assert_false(destination_is_sound(destination));
		fill(destination);
		destination->hosts[i].promise.state = PROMISE_UNAVAILABLE + 1;
		assert_false(destination_is_sound(destination));
		fill(destination);
		destination->hosts[i].promise.source = SOURCE_SEEN + 1;
		assert_false(destination_is_sound(destination));
		fill(destination);
		memset(destination->hosts[i].name, 'a', DOMAIN_NAME_MAX);
		assert_false(destination_is_sound(destination));
		fill(destination);
		memset(destination->hosts[i].promise.detail, 'a', PROMISE_DETAIL_MAX);
		assert_false(destination_is_sound(destination));
	}
	fill(destination);
	destination->mx_state = MX_HOST + 1;
	assert_false(destination_is_sound(destination));
	fill(destination);
	destination->mx_security = DNS_FAILED + 1;
	assert_false(destination_is_sound(destination));
	fill(destination);
	memset(destination->name, 'a', DOMAIN_NAME_MAX);
	assert_false(destination_is_sound(destination));
	fill(destination);
	memset(destination->why, 'a', PROMISE_DETAIL_MAX);
	assert_false(destination_is_sound(destination));
	free(destination);
}

static void a_bool_that_is_neither_is_refused(void **state)
{
	struct destination *destination = malloc(sizeof(*destination));

	(void)state;
	fill(destination);
	memset(&destination->is_truncated, 2, 1);
	assert_false(destination_is_sound(destination));
	free(destination);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_event_is_sound_as_it_comes),
		cmocka_unit_test(an_enum_out_of_its_range_is_refused),
		cmocka_unit_test(a_string_without_an_end_is_refused),
		cmocka_unit_test(an_address_of_no_family_we_know_is_refused),
		cmocka_unit_test(a_full_destination_is_sound),
		cmocka_unit_test(counts_and_indices_beyond_their_arrays_are_refused),
		cmocka_unit_test(enums_and_strings_of_a_destination_are_checked_in_every_host),
		cmocka_unit_test(a_bool_that_is_neither_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
