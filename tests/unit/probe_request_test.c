/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe_request.h"

#include "config.h"
#include "unit/probe_scene.h"

static const uint8_t secret[SIPHASH_KEY_LEN] = "sixteen octets.";

static struct config config;

static int set_up(void **state)
{
	(void)state;
	config.rules.ports[0] = 25;
	config.rules.ports[1] = 26;
	config.rules.port_count = 2;
	return 0;
}

static bool is_sound(const struct message_probe *probe)
{
	return probe_request_is_sound(probe, probe_len(probe), &config);
}

static void a_sound_wish_is_taken(void **state)
{
	struct message_probe probe = sound_probe("192.0.2.2", "198.51.100.25");
	struct message_probe probe6 = sound_probe("2001:db8::2", "2001:db8::25");

	(void)state;
	assert_true(is_sound(&probe));
	assert_true(is_sound(&probe6));
	probe.is_again = 1;
	probe.server_name[0] = probe.ehlo_name[0] = '\0';
	probe.server.port = 26;
	assert_true(is_sound(&probe));
}

static void lengths_must_be_those_of_the_message(void **state)
{
	struct message_probe probe = sound_probe("192.0.2.2", "198.51.100.25");
	size_t len = probe_len(&probe);

	(void)state;
	for (size_t cut = 0; cut <= sizeof(probe); cut++)
		assert_int_equal(probe_request_is_sound(&probe, cut, &config), cut == len);
	assert_false(probe_request_is_sound(&probe, sizeof(probe) + 1, &config));
	/* Sums that only fit by an overflow, and odd ones. */
	probe.groups_len = probe.versions_len = 0xffff;
	assert_false(probe_request_is_sound(&probe, len, &config));
	probe = sound_probe("192.0.2.2", "198.51.100.25");
	probe.cipher_suites_len += 1;
	probe.groups_len -= 1;
	assert_false(probe_request_is_sound(&probe, len, &config));
	probe = sound_probe("192.0.2.2", "198.51.100.25");
	probe.cipher_suites_len = PROBE_SHAPE_MAX;
	assert_false(is_sound(&probe));
}

static void places_that_are_not_guarded_are_not_visited(void **state)
{
	struct message_probe probe = sound_probe("192.0.2.2", "198.51.100.25");

	(void)state;
	probe.server.port = 22;
	assert_false(is_sound(&probe));
	probe.server.port = 0;
	assert_false(is_sound(&probe));
	probe = sound_probe("192.0.2.2", "2001:db8::25");
	assert_false(is_sound(&probe));
	probe.client.family = probe.server.address.family = 5;
	assert_false(is_sound(&probe));
	probe = sound_probe("192.0.2.2", "198.51.100.25");
	probe.is_again = 2;
	assert_false(is_sound(&probe));
}

static void names_cannot_become_commands(void **state)
{
	static const char *const bad[] = {
		"a\r\nRCPT TO:<x>", "a b", "a\nb", "a;b", "\x80", "a\tb", "a<b"
	};
	struct message_probe probe;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		probe = sound_probe("192.0.2.2", "198.51.100.25");
		text_copy(probe.ehlo_name, sizeof(probe.ehlo_name), bad[i]);
		assert_false(is_sound(&probe));
		probe = sound_probe("192.0.2.2", "198.51.100.25");
		text_copy(probe.server_name, sizeof(probe.server_name), bad[i]);
		assert_false(is_sound(&probe));
	}
	probe = sound_probe("192.0.2.2", "198.51.100.25");
	memset(probe.ehlo_name, 'a', sizeof(probe.ehlo_name));
	assert_false(is_sound(&probe));
	probe = sound_probe("192.0.2.2", "198.51.100.25");
	memset(probe.server_name, 'a', sizeof(probe.server_name));
	assert_false(is_sound(&probe));
	probe = sound_probe("192.0.2.2", "198.51.100.25");
	text_copy(probe.ehlo_name, sizeof(probe.ehlo_name), "[IPv6:2001:db8::2]");
	assert_true(is_sound(&probe));
}

static uint64_t hash(const struct message_probe *probe)
{
	return probe_request_hash(probe, secret);
}

static void whoever_asks_the_same_asks_for_the_same_probe(void **state)
{
	struct message_probe one = sound_probe("192.0.2.2", "198.51.100.25");
	struct message_probe other = sound_probe("192.0.2.3", "198.51.100.25");

	(void)state;
	other.key = 77;
	other.is_again = 1;
	text_copy(other.ehlo_name, sizeof(other.ehlo_name), "another.example");
	assert_int_equal(hash(&one), hash(&other));
	/* Octets that mean nothing, in texts and addresses. */
	memset(other.server_name + strlen(other.server_name) + 1, 'x', 20);
	memset(other.server.address.octets + 4, 7, 12);
	assert_int_equal(hash(&one), hash(&other));
}

static void another_place_name_or_shape_is_another_probe(void **state)
{
	struct message_probe one = sound_probe("192.0.2.2", "198.51.100.25");
	struct message_probe other = one;

	(void)state;
	other.server.port = 26;
	assert_int_not_equal(hash(&one), hash(&other));
	other = sound_probe("192.0.2.2", "198.51.100.26");
	assert_int_not_equal(hash(&one), hash(&other));
	other = one;
	other.server_name[0] = '\0';
	assert_int_not_equal(hash(&one), hash(&other));
	other = one;
	put_u16(other.shape + 4, 0xc02c);
	assert_int_not_equal(hash(&one), hash(&other));
	/* The same entries, one of them in another list. */
	other = one;
	other.cipher_suites_len += 2;
	other.groups_len -= 2;
	assert_int_not_equal(hash(&one), hash(&other));
}

/* Puts an entry first into the list of suites. */
static void prepend(struct message_probe *probe, uint16_t entry)
{
	size_t len = probe_len(probe) - PROBE_HEAD_LEN;

	memmove(probe->shape + 2, probe->shape, len);
	put_u16(probe->shape, entry);
	probe->cipher_suites_len += 2;
}

static void values_that_mean_nothing_make_no_other_probe(void **state)
{
	struct message_probe one = sound_probe("192.0.2.2", "198.51.100.25");
	struct message_probe other = one;
	struct tls_shape shape;

	(void)state;
	prepend(&other, 0x8a8a);
	assert_int_equal(hash(&one), hash(&other));
	probe_request_shape(&shape, &other);
	assert_int_equal(shape.cipher_count, 3);
	assert_int_equal(shape.ciphers[0], 0x1301);
	other = one;
	prepend(&other, 0x8a9a);
	assert_int_not_equal(hash(&one), hash(&other));
}

static void the_shape_is_that_of_the_client(void **state)
{
	struct message_probe probe = sound_probe("192.0.2.2", "198.51.100.25");
	struct tls_shape shape;

	(void)state;
	probe_request_shape(&shape, &probe);
	assert_int_equal(shape.cipher_count, 3);
	assert_int_equal(shape.ciphers[2], 0xc02b);
	assert_int_equal(shape.group_count, 2);
	assert_int_equal(shape.groups[0], 29);
	assert_int_equal(shape.signature_count, 2);
	assert_int_equal(shape.signatures[1], 0x0804);
	assert_int_equal(shape.version_min, 0x0303);
	assert_int_equal(shape.version_max, 0x0304);
}

static void a_list_without_end_is_cut_to_its_bound(void **state)
{
	struct message_probe probe = sound_probe("192.0.2.2", "198.51.100.25");
	struct tls_shape shape;

	(void)state;
	probe.cipher_suites_len = 0;
	probe.groups_len = PROBE_SHAPE_MAX;
	probe.signature_algorithms_len = probe.versions_len = 0;
	memset(probe.shape, 1, sizeof(probe.shape));
	assert_true(is_sound(&probe));
	probe_request_shape(&shape, &probe);
	assert_int_equal(shape.group_count, TLS_SHAPE_GROUPS_MAX);
	assert_int_equal(shape.version_min, 0);
	(void)hash(&probe);
}

static void versions_that_nobody_speaks_are_no_bound(void **state)
{
	struct message_probe probe = sound_probe("192.0.2.2", "198.51.100.25");
	struct tls_shape shape;

	(void)state;
	put_u16(probe.shape + 14, 0x0300);
	put_u16(probe.shape + 16, 0x7f1c);
	probe_request_shape(&shape, &probe);
	assert_int_equal(shape.version_min, 0);
	assert_int_equal(shape.version_max, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sound_wish_is_taken),
		cmocka_unit_test(lengths_must_be_those_of_the_message),
		cmocka_unit_test(places_that_are_not_guarded_are_not_visited),
		cmocka_unit_test(names_cannot_become_commands),
		cmocka_unit_test(whoever_asks_the_same_asks_for_the_same_probe),
		cmocka_unit_test(another_place_name_or_shape_is_another_probe),
		cmocka_unit_test(values_that_mean_nothing_make_no_other_probe),
		cmocka_unit_test(the_shape_is_that_of_the_client),
		cmocka_unit_test(a_list_without_end_is_cut_to_its_bound),
		cmocka_unit_test(versions_that_nobody_speaks_are_no_bound),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
