/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/check_judge.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "check_scene.h"

static void what_a_server_does_is_told_apart(void **state)
{
	static const struct {
		enum starttls_step step;
		enum starttls_outcome outcome;
		int system_error;
		uint16_t code;
		uint32_t step_octets;
		const char *kinds;
	} cases[] = {
		{ VISIT_AT_CONNECTING, VISIT_REFUSED, ECONNREFUSED, 0, 0, "unreachable unproven" },
		{ VISIT_AT_CONNECTING, VISIT_TIMEOUT, 0, 0, 0, "unreachable unproven" },
		{ VISIT_AT_CONNECTING, VISIT_UNREACHABLE, EHOSTUNREACH, 0, 0,
		  "unreachable unproven" },
		{ VISIT_AT_CONNECTING, VISIT_UNREACHABLE, ENETUNREACH, 0, 0,
		  "unproven (no-route)" },
		{ VISIT_AT_BANNER, VISIT_TIMEOUT, 0, 0, 0, "silent unproven" },
		{ VISIT_AT_BANNER, VISIT_TIMEOUT, 0, 0, 5, "tarpit unproven" },
		{ VISIT_AT_BANNER, VISIT_REPLIED, 0, 450, 9, "deferred unproven" },
		{ VISIT_AT_BANNER, VISIT_REPLIED, 0, 421, 9, "deferred unproven" },
		{ VISIT_AT_BANNER, VISIT_REPLIED, 0, 554, 9, "rejected unproven" },
		{ VISIT_AT_BANNER, VISIT_REPLIED, 0, 200, 9, "not-smtp unproven" },
		{ VISIT_AT_BANNER, VISIT_CLOSED, 0, 0, 0, "broken-off unproven" },
		{ VISIT_AT_BANNER, VISIT_NOT_SMTP, 0, 0, 9, "not-smtp unproven" },
		{ VISIT_AT_EHLO, VISIT_REPLIED, 0, 550, 9, "rejected unproven" },
		{ VISIT_AT_EHLO, VISIT_REPLIED, 0, 220, 9, "not-smtp unproven" },
		{ VISIT_AT_EHLO, VISIT_REPLIED, 0, 421, 9, "deferred unproven" },
		{ VISIT_AT_EHLO, VISIT_RESET, ECONNRESET, 220, 0, "broken-off unproven" },
		{ VISIT_AT_STARTTLS, VISIT_NOT_OFFERED, 0, 502, 9, "starttls-missing" },
		{ VISIT_AT_STARTTLS, VISIT_MASKED, 0, 502, 9, "starttls-masked" },
		{ VISIT_AT_STARTTLS, VISIT_REPLIED, 0, 454, 9, "starttls-refused" },
		{ VISIT_AT_STARTTLS, VISIT_TIMEOUT, 0, 250, 0, "starttls-refused unproven" },
		{ VISIT_AT_STARTTLS, VISIT_INJECTED, 0, 220, 9, "injected unproven" },
		{ VISIT_AT_HANDSHAKE, VISIT_TLS_FAILED, 0, 220, 0, "tls-failed" },
		{ VISIT_AT_HANDSHAKE, VISIT_INJECTED, 0, 220, 9, "injected" },
		{ VISIT_AT_HANDSHAKE, VISIT_RESET, ECONNRESET, 220, 0, "tls-broken" },
		{ VISIT_AT_HANDSHAKE, VISIT_TIMEOUT, 0, 220, 0, "tls-broken" },
		{ VISIT_AT_BANNER, VISIT_SYSTEM, EMFILE, 0, 0, "unproven unproven" },
	};
	struct check_scene *scene = *state;
	struct starttls_result *seen = scene->facts.places[0].seen;

	seen->has_ehlo = seen->is_offered = seen->has_leaf = false;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		seen->step = cases[i].step;
		seen->outcome = cases[i].outcome;
		seen->system_error = cases[i].system_error;
		seen->code = cases[i].code;
		seen->step_octets = cases[i].step_octets;
		assert_string_equal(check_scene_judge(scene), cases[i].kinds);
	}
}

static void who_is_put_off_after_the_first_connection_has_seen_what_matters(void **state)
{
	struct check_scene *scene = *state;

	scene->facts.places[0].put_off_code = 421;
	strcpy(scene->facts.places[0].put_off_reply, "too many");
	assert_string_equal(check_scene_judge(scene), "(deferred)");
	assert_non_null(strstr(scene->findings.list[0].detail, "421 too many"));
}

static void who_refuses_ehlo_is_a_downgrade_only_where_he_takes_helo(void **state)
{
	struct check_scene *scene = *state;
	struct starttls_result *seen = scene->facts.places[0].seen;

	seen->has_ehlo = seen->is_offered = seen->has_leaf = false;
	seen->step = VISIT_AT_EHLO;
	seen->outcome = VISIT_REPLIED;
	seen->code = 550;
	strcpy(seen->reply, "not you");
	seen->helo_code = 250;
	assert_string_equal(check_scene_judge(scene), "ehlo-refused");
	assert_string_equal(scene->findings.list[0].detail, "it says: 550 not you; and takes HELO");
	seen->helo_code = 554;
	assert_string_equal(check_scene_judge(scene), "rejected unproven");
	assert_string_equal(scene->findings.list[0].detail,
	                    "to EHLO it says: 550 not you; to HELO: 554");
}

static void what_is_hidden_or_masked_though_it_works_is_told(void **state)
{
	struct check_scene *scene = *state;
	struct starttls_result *seen = scene->facts.places[0].seen;

	seen->is_offered = false;
	assert_string_equal(check_scene_judge(scene), "starttls-hidden");
	seen->is_masked = true;
	seen->keyword_count = 1;
	strcpy(seen->keywords[0], "XXXXXXXA");
	assert_string_equal(check_scene_judge(scene), "starttls-masked");
	assert_non_null(strstr(scene->findings.list[0].detail, "\"XXXXXXXA\", yet STARTTLS works"));
}

static void a_banner_that_names_no_smtp_is_told_and_another_protocol_is_worse(void **state)
{
	struct check_scene *scene = *state;
	struct starttls_result *seen = scene->facts.places[0].seen;

	strcpy(seen->banner, "FTP ready");
	seen->is_smtp_named = false;
	assert_string_equal(check_scene_judge(scene), "(banner-strange)");
	seen->is_other_named = true;
	assert_string_equal(check_scene_judge(scene), "banner-strange");
	assert_string_equal(scene->findings.list[0].detail, "220 FTP ready");
	seen->is_banner_masked = true;
	assert_string_equal(check_scene_judge(scene), "banner-masked");
	seen->is_banner_masked = false;
	seen->is_smtp_named = true;
	seen->is_ehlo_masked = true;
	assert_string_equal(check_scene_judge(scene), "banner-masked");
}

static void versions_and_ciphers_are_judged(void **state)
{
	struct check_scene *scene = *state;
	struct check_place *place = &scene->facts.places[0];

	place->old_version = 0x0301;
	assert_string_equal(check_scene_judge(scene), "(tls-old-too)");
	place->old_version = 0;
	place->is_new_only = true;
	assert_string_equal(check_scene_judge(scene), "(tls-new-only)");
	place->is_new_only = false;
	place->seen->tls_version = 0x0303;
	strcpy(place->seen->cipher, "ECDHE-RSA-AES128-GCM-SHA256");
	assert_string_equal(check_scene_judge(scene), "");
	strcpy(place->seen->cipher, "AES128-SHA");
	assert_string_equal(check_scene_judge(scene), "(no-forward-secrecy)");
	strcpy(place->seen->cipher, "DHE-RSA-AES128-SHA");
	place->seen->tls_version = 0x0302;
	assert_string_equal(check_scene_judge(scene), "tls-old");
	place->seen->banner_ms = 12000;
	assert_string_equal(check_scene_judge(scene), "tls-old tarpit");
	place->seen->banner_ms = 20;
	place->anonymous_cipher = 0xc018;
	assert_string_equal(check_scene_judge(scene), "tls-old (anonymous-too)");
	place->seen->outcome = VISIT_TLS_FAILED;
	place->seen->step = VISIT_AT_HANDSHAKE;
	assert_string_equal(check_scene_judge(scene), "anonymous-only");
	place->seen->is_chain_long = true;
	assert_string_equal(check_scene_judge(scene), "chain-too-long");
	assert_string_equal(scene->findings.list[0].detail, "more than 64 KiB of certificates");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, check_scene_open, check_scene_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_a_server_does_is_told_apart),
		TEST(who_is_put_off_after_the_first_connection_has_seen_what_matters),
		TEST(who_refuses_ehlo_is_a_downgrade_only_where_he_takes_helo),
		TEST(what_is_hidden_or_masked_though_it_works_is_told),
		TEST(a_banner_that_names_no_smtp_is_told_and_another_protocol_is_worse),
		TEST(versions_and_ciphers_are_judged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
