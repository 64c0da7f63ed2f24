/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The rules of message bodies that pass in the kernel: written, put in, taken out. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "enforce/iptables.h"
#include "net/passage_load.h"
#include "plain_rules.h"
#include "support/body_segments.h"

static struct rules rules_with(enum passage_kind kind)
{
	struct rules rules = plain_rules();

	rules.returns_probes = false;
	rules.passage = kind;
	if (kind == PASSAGE_EBPF)
		(void)passage_pin_path(rules.passage_pin);
	return rules;
}

/* In a network and a view of files of its own, with the program pinned; skipped where that is not to be had. */
static struct rules pinned_rules(void)
{
	char why[PASSAGE_WHY_MAX];

	if (!body_program_enter() || passage_load(NULL, getuid(), getgid(), why) != 0)
		skip();
	return rules_with(PASSAGE_EBPF);
}

static void bodies_leave_before_the_queue_and_behind_all_that_is_exempt(void **state)
{
	struct rules rules = rules_with(PASSAGE_EBPF);
	const char *match;

	(void)state;
	assert_true(network_parse(&rules.exempt_servers[rules.exempt_server_count++], "192.0.2.1"));
	memcpy(rules.passage_pin, "/run/pin", 9);
	assert_true(rules_iptables_print(text, sizeof(text), &rules, 4) > 0);
	match = strstr(text, "-A HOPGUARD-SENT -p tcp -m conntrack --ctstate ESTABLISHED "
	                     "-m bpf --object-pinned /run/pin -j RETURN\n");
	assert_non_null(match);
	assert_true(match < strstr(text, "-A HOPGUARD-SENT -p tcp -j NFQUEUE"));
	assert_true(match > strstr(text, "-A HOPGUARD-SENT -d 192.0.2.1"));
	/* And what acknowledges them, behind what is mail for us. */
	match = strstr(text, "-A HOPGUARD-ANSWERED -p tcp -m conntrack --ctstate ESTABLISHED "
	                     "-m bpf --object-pinned /run/pin -j RETURN\n");
	assert_non_null(match);
	assert_true(match < strstr(text, "-A HOPGUARD-ANSWERED -p tcp -j NFQUEUE"));
	assert_true(match > strstr(text, "-A HOPGUARD-ANSWERED -s 192.0.2.1"));
	assert_true(match > strstr(text, "--ctdir ORIGINAL -j RETURN"));
	assert_int_equal(count_of("-m bpf"), 2);
	rules.passage = PASSAGE_MODULE;
	assert_true(rules_iptables_print(text, sizeof(text), &rules, 6) > 0);
	assert_int_equal(count_of(" -p tcp -m conntrack --ctstate ESTABLISHED "
	                          "-m smtpbody -j RETURN\n"),
	                 2);
	rules.passage = PASSAGE_NONE;
	assert_true(rules_iptables_print(text, sizeof(text), &rules, 6) > 0);
	assert_int_equal(count_of("smtpbody") + count_of("-m bpf") + count_of("BODY"), 0);
}

static void before_nft_they_are_marked_as_passed(void **state)
{
	struct rules rules = rules_with(PASSAGE_MODULE);

	(void)state;
	assert_true(rules_before_nft_print(text, sizeof(text), &rules, 4) > 0);
	assert_string_equal(text, "*mangle\n"
	                          ":HOPGUARD-BODY-FWD - [0:0]\n"
	                          ":HOPGUARD-BODY-OUT - [0:0]\n"
	                          ":HOPGUARD-BODY-IN - [0:0]\n"
	                          "-A HOPGUARD-BODY-FWD -m mark ! --mark 0x0/0xe000000 -j RETURN\n"
	                          "-A HOPGUARD-BODY-FWD -p tcp -m multiport --ports 25 "
	                          "-m conntrack --ctstate ESTABLISHED -m smtpbody "
	                          "-j MARK --set-xmark 0x4000000/0x4000000\n"
	                          "-A HOPGUARD-BODY-OUT -m mark ! --mark 0x0/0xe000000 -j RETURN\n"
	                          "-A HOPGUARD-BODY-OUT -p tcp -m multiport --dports 25 "
	                          "-m conntrack --ctstate ESTABLISHED -m smtpbody "
	                          "-j MARK --set-xmark 0x4000000/0x4000000\n"
	                          "-A HOPGUARD-BODY-IN -m mark ! --mark 0x0/0xe000000 -j RETURN\n"
	                          "-A HOPGUARD-BODY-IN -p tcp -m multiport --sports 25 "
	                          "-m conntrack --ctstate ESTABLISHED -m smtpbody "
	                          "-j MARK --set-xmark 0x4000000/0x4000000\n"
	                          "-I FORWARD 1 -j HOPGUARD-BODY-FWD\n"
	                          "-I OUTPUT 1 -j HOPGUARD-BODY-OUT\n"
	                          "-I INPUT 1 -j HOPGUARD-BODY-IN\n"
	                          "COMMIT\n");
	assert_true(rules_nft_print(text, sizeof(text), &rules) > 0);
	assert_int_equal(count_of("hook forward priority mangle + 1;"), 1);
	assert_int_equal(count_of("hook output priority mangle + 1;"), 1);
	assert_int_equal(count_of("hook input priority mangle + 1;"), 1);
	rules.passage = PASSAGE_NONE;
	assert_true(rules_nft_print(text, sizeof(text), &rules) > 0);
	assert_int_equal(count_of("mangle + 1"), 0);
}

static void rules_with_another_passage_are_others(void **state)
{
	struct rules rules = rules_with(PASSAGE_EBPF);
	struct rules other = rules;

	(void)state;
	assert_true(rules_equal(&rules, &other));
	other.passage_pin[0] = 'x';
	assert_false(rules_equal(&rules, &other));
	other = rules_with(PASSAGE_NONE);
	assert_false(rules_equal(&rules, &other));
}

static void they_are_put_in_seen_and_taken_out_with_the_pin(void **state)
{
	static const enum rules_backend backends[] = { RULES_IPTABLES, RULES_IPTABLES_LEGACY };
	static const char *const damages[] = {
		"iptables-nft -t mangle -D HOPGUARD-SENT 1",
		"ip6tables-legacy -w -t mangle -D HOPGUARD-SENT 1",
	};
	char why[RULES_WHY_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct rules rules = pinned_rules();
		struct rules without = rules_with(PASSAGE_NONE);

		assert_int_equal(rules_try_passage(&rules, backends[i], -1, why), 0);
		assert_int_equal(rules_apply(NULL, &rules, backends[i], -1, why), 0);
		assert_true(rules_are_present(&rules, backends[i], -1));
		assert_false(rules_are_present(&without, backends[i], -1));
		assert_int_equal(system(damages[i]), 0);
		assert_false(rules_are_present(&rules, backends[i], -1));
		assert_int_equal(rules_apply(NULL, &rules, backends[i], -1, why), 0);
		assert_int_equal(rules_apply(NULL, &without, backends[i], -1, why), 0);
		assert_true(rules_are_present(&without, backends[i], -1));
		assert_true(passage_pin_is_there());
		assert_int_equal(rules_remove(RULES_AUTO, -1, why), 0);
		assert_false(passage_pin_is_there());
		assert_int_not_equal(access("/run/hopguard-passage", F_OK), 0);
	}
}

static void without_its_pin_nothing_is_changed(void **state)
{
	struct rules rules = pinned_rules();
	struct rules without = rules_with(PASSAGE_NONE);
	char why[RULES_WHY_MAX];

	(void)state;
	assert_int_equal(rules_apply(NULL, &without, RULES_IPTABLES, -1, why), 0);
	passage_unpin();
	assert_int_not_equal(rules_try_passage(&rules, RULES_IPTABLES, -1, why), 0);
	assert_true(why[0] != '\0');
	assert_int_not_equal(rules_apply(NULL, &rules, RULES_IPTABLES, -1, why), 0);
	assert_true(rules_are_present(&without, RULES_IPTABLES, -1));
	assert_int_equal(rules_remove(RULES_AUTO, -1, why), 0);
}

static void what_goes_before_nft_stands_by_itself(void **state)
{
	const struct iptables before = { .is_legacy = true, .lock = -1, .is_before_nft = true };
	struct rules rules = pinned_rules();
	struct rules without = rules_with(PASSAGE_NONE);
	char why[RULES_WHY_MAX];

	(void)state;
	assert_int_equal(iptables_try_passage(&before, &rules, why), 0);
	assert_int_equal(iptables_apply(&before, &rules, why), 0);
	assert_int_equal(iptables_apply(&before, &rules, why), 0);
	assert_true(iptables_are_present(&before, &rules));
	assert_int_equal(system("test $(iptables-legacy-save -t mangle | grep -c BODY) = 12"), 0);
	assert_int_equal(system("! iptables-legacy-save | grep raw"), 0);
	assert_int_equal(system("test -z \"$(nft list ruleset)$(iptables-nft-save)\""), 0);
	assert_int_equal(system("ip6tables-legacy -w -t mangle -F FORWARD"), 0);
	assert_false(iptables_are_present(&before, &rules));
	/* And goes when our rules are put in otherwise. */
	assert_int_equal(rules_apply(NULL, &without, RULES_IPTABLES, -1, why), 0);
	assert_true(rules_are_present(&without, RULES_IPTABLES, -1));
	assert_int_equal(system("! iptables-legacy-save | grep BODY"), 0);
	assert_int_equal(iptables_apply(&before, &rules, why), 0);
	assert_int_equal(iptables_remove(&before, why), 0);
	assert_true(rules_are_present(&without, RULES_IPTABLES, -1));
	assert_int_equal(rules_remove(RULES_AUTO, -1, why), 0);
	assert_int_equal(system("! iptables-nft-save | grep HOPGUARD || iptables-legacy-save | "
	                        "grep HOPGUARD"),
	                 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies_leave_before_the_queue_and_behind_all_that_is_exempt),
		cmocka_unit_test(before_nft_they_are_marked_as_passed),
		cmocka_unit_test(rules_with_another_passage_are_others),
		cmocka_unit_test(they_are_put_in_seen_and_taken_out_with_the_pin),
		cmocka_unit_test(without_its_pin_nothing_is_changed),
		cmocka_unit_test(what_goes_before_nft_stands_by_itself),
	};

	return cmocka_run_group_tests_name("enforce/rules_passage", tests, NULL, NULL);
}
