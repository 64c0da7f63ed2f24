/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "passage_choice.h"

#include "messages.h"
#include "passage_machine.h"

/* Who passes message bodies, of what this machine has. */

static struct config config;

/* Root, with all that there can be. */
static struct passage_choice *made(enum passage_wanted wanted)
{
	static struct passage_choice choice;

	memset(&config, 0, sizeof(config));
	config.passage = wanted;
	config.backend = RULES_IPTABLES;
	config.rules.queue_first = 2500;
	config.rules.queue_count = QUEUES;
	machine = (struct machine){ .is_root = true, .is_public = true };
	return &choice;
}

static void assert_took(const struct passage_choice *choice, enum passage_kind kind,
                        const char *why)
{
	struct message_state state;

	assert_int_equal(choice->kind, kind);
	assert_string_equal(choice->why, why);
	assert_int_equal(config.rules.passage, kind);
	assert_string_equal(config.rules.passage_pin, kind == PASSAGE_EBPF ? "/run/pin" : "");
	assert_int_equal(choice->module_count, kind == PASSAGE_MODULE ? QUEUES : 0);
	assert_int_equal(choice->table >= 0, kind == PASSAGE_EBPF);
	passage_choice_fill_state(choice, &state);
	assert_string_equal(state.passage, passage_kind_name(kind));
	assert_string_equal(state.passage_why, why);
}

static void the_module_is_taken_where_it_is_loaded_with_a_socket_for_each_guard(void **state)
{
	struct passage_choice *choice = made(PASSAGE_WANTED_AUTO);
	unsigned i;

	(void)state;
	passage_choice_open(choice, &config, 7);
	assert_took(choice, PASSAGE_MODULE, "");
	assert_int_equal(machine.loads, 0);
	for (i = 0; i < QUEUES; i++) {
		struct passage_ticket ticket = passage_choice_ticket(choice, &config, i);

		assert_int_equal(ticket.kind, PASSAGE_MODULE);
		assert_int_equal(ticket.owner, 2500 + i);
		assert_true(is_open(ticket.descriptors[0]));
	}
	assert_int_equal(passage_choice_ticket(choice, &config, QUEUES).kind, PASSAGE_NONE);
	assert_int_equal(passage_choice_ticket(choice, &config, QUEUES).descriptors[0], -1);
	passage_choice_close(choice);
	assert_false(is_open(machine.last_descriptor));
	assert_int_equal(choice->module_count, 0);
}

static void without_the_module_ebpf_is_taken_and_it_is_said_why_not_the_module(void **state)
{
	static const struct {
		int err, trial_err;
		const char *why;
	} cases[] = {
		{ -ENOENT, 0, "module: not loaded" },
		{ -EPROTO, 0, "module: another version is loaded" },
		{ -EPERM, 0, "module: Operation not permitted" },
		{ 0, -EIO, "module: no such match" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct passage_choice *choice = made(PASSAGE_WANTED_AUTO);
		struct passage_ticket ticket;
		int before = dup(STDIN_FILENO);

		close(before);
		machine.module_err = cases[i].err;
		machine.trial_err[PASSAGE_MODULE] = cases[i].trial_err;
		passage_choice_open(choice, &config, 7);
		assert_took(choice, PASSAGE_EBPF, cases[i].why);
		/* What was opened of the module is closed. */
		assert_int_equal(choice->table, before);
		assert_int_equal(machine.user, USER);
		ticket = passage_choice_ticket(choice, &config, 2);
		assert_int_equal(ticket.kind, PASSAGE_EBPF);
		assert_int_equal(ticket.owner, 2502);
		assert_int_equal(ticket.descriptors[0], choice->table);
		passage_choice_close(choice);
		assert_false(is_open(before));
	}
}

static void without_either_bodies_come_to_the_queue_and_both_reasons_are_said(void **state)
{
	struct passage_choice *choice = made(PASSAGE_WANTED_AUTO);

	(void)state;
	machine.module_err = -ENOENT;
	machine.load_err = -EINVAL;
	passage_choice_open(choice, &config, 7);
	assert_took(choice, PASSAGE_NONE, "module: not loaded; ebpf: this kernel does not take it");
	assert_int_equal(passage_choice_ticket(choice, &config, 0).kind, PASSAGE_NONE);

	choice = made(PASSAGE_WANTED_AUTO);
	machine.trial_err[PASSAGE_MODULE] = machine.trial_err[PASSAGE_EBPF] = -EIO;
	passage_choice_open(choice, &config, 7);
	assert_took(choice, PASSAGE_NONE, "module: no such match; ebpf: no such match");
	assert_false(machine.is_pinned);
	assert_false(is_open(machine.last_descriptor));
	passage_choice_close(choice);
}

static void what_is_not_wanted_is_not_even_asked_for(void **state)
{
	struct passage_choice *choice = made(PASSAGE_WANTED_NONE);

	(void)state;
	passage_choice_open(choice, &config, 7);
	assert_took(choice, PASSAGE_NONE, "");
	assert_int_equal(machine.modules + machine.loads + machine.trials, 0);

	choice = made(PASSAGE_WANTED_EBPF);
	passage_choice_open(choice, &config, 7);
	assert_took(choice, PASSAGE_EBPF, "");
	assert_int_equal(machine.modules, 0);
	passage_choice_close(choice);

	choice = made(PASSAGE_WANTED_MODULE);
	machine.module_err = -ENOENT;
	passage_choice_open(choice, &config, 7);
	assert_took(choice, PASSAGE_NONE, "module: not loaded");
	assert_int_equal(machine.loads, 0);
}

static void who_may_load_nothing_takes_what_was_pinned_before(void **state)
{
	struct passage_choice *choice = made(PASSAGE_WANTED_EBPF);

	(void)state;
	machine.is_root = false;
	passage_choice_open(choice, &config, 7);
	assert_took(choice, PASSAGE_NONE, "ebpf: none is pinned");

	choice = made(PASSAGE_WANTED_EBPF);
	machine.is_root = false;
	machine.is_pinned = true;
	/* Whether others see it only root can know, and `prepare` has looked. */
	machine.is_public = false;
	config.backend = RULES_NFT;
	passage_choice_open(choice, &config, 7);
	assert_took(choice, PASSAGE_EBPF, "");
	assert_int_equal(machine.loads, 0);
	passage_choice_close(choice);
	assert_true(machine.is_pinned);
}

static void a_pin_that_others_do_not_see_is_none_where_the_kernel_has_them_look_for_it(void **state)
{
	enum rules_backend backend;

	(void)state;
	for (backend = RULES_NFT; backend <= RULES_IPTABLES_LEGACY; backend++) {
		struct passage_choice *choice = made(PASSAGE_WANTED_EBPF);
		char why[PASSAGE_CHOICE_WHY_MAX];

		machine.is_public = false;
		config.backend = backend;
		passage_choice_open(choice, &config, 7);
		if (backend == RULES_IPTABLES) {
			assert_took(choice, PASSAGE_EBPF, "");
			passage_choice_close(choice);
			continue;
		}
		assert_took(choice, PASSAGE_NONE,
		            "ebpf: its pin would not be seen by others who run iptables-legacy");
		assert_false(machine.is_pinned);
		assert_int_equal(passage_choice_prepare(&config, why), -EXDEV);
		assert_false(machine.is_pinned);
	}
}

static void where_rules_are_saved_only_what_was_named_is_taken(void **state)
{
	static const enum passage_wanted named[] = { PASSAGE_WANTED_MODULE, PASSAGE_WANTED_EBPF };
	struct passage_choice *choice = made(PASSAGE_WANTED_AUTO);
	char why[PASSAGE_CHOICE_WHY_MAX] = "";
	size_t i;

	(void)state;
	machine.saved = "/etc/iptables/rules.v4";
	machine.is_pinned = true;
	passage_choice_open(choice, &config, 7);
	assert_took(choice, PASSAGE_NONE,
	            "rules are saved here (/etc/iptables/rules.v4): with it they might not load at "
	            "the next start");
	passage_choice_find(&config, 7);
	assert_int_equal(config.rules.passage, PASSAGE_NONE);
	assert_int_equal(machine.modules + machine.loads + machine.trials, 0);
	assert_int_equal(passage_choice_prepare(&config, why), 0);
	assert_false(machine.is_pinned);
	for (i = 0; i < 2; i++) {
		choice = made(named[i]);
		machine.saved = "/etc/iptables/rules.v4";
		passage_choice_open(choice, &config, 7);
		assert_took(choice, i ? PASSAGE_EBPF : PASSAGE_MODULE, "");
		passage_choice_close(choice);
	}
}

static void rules_that_fail_with_it_go_in_without_it(void **state)
{
	struct passage_choice *choice = made(PASSAGE_WANTED_AUTO);
	char why[RULES_WHY_MAX];
	int table;

	(void)state;
	passage_choice_open(choice, &config, 7);
	assert_int_equal(passage_choice_apply(choice, &config, 7, why), 0);
	assert_took(choice, PASSAGE_MODULE, "");
	machine.apply_err = -EIO;
	assert_int_equal(passage_choice_apply(choice, &config, 7, why), 0);
	assert_took(choice, PASSAGE_NONE, "module: the kernel would not");
	assert_int_equal(machine.applies, 3);

	choice = made(PASSAGE_WANTED_EBPF);
	machine.apply_err = -EIO;
	passage_choice_open(choice, &config, 7);
	table = choice->table;
	assert_int_equal(passage_choice_apply(choice, &config, 7, why), 0);
	assert_took(choice, PASSAGE_NONE, "ebpf: the kernel would not");
	assert_false(is_open(table));
}

static void conntrack_has_to_look_at_the_sums_that_ebpf_does_not_see(void **state)
{
	struct passage_choice *choice = made(PASSAGE_WANTED_AUTO);

	(void)state;
	machine.is_unchecked = true;
	passage_choice_open(choice, &config, 7);
	assert_took(choice, PASSAGE_MODULE, "");
	passage_choice_close(choice);

	choice = made(PASSAGE_WANTED_EBPF);
	machine.is_unchecked = true;
	passage_choice_open(choice, &config, 7);
	assert_took(
		choice, PASSAGE_NONE,
		"ebpf: wrong checksums would pass by it (net.netfilter.nf_conntrack_checksum = 0)");
	assert_int_equal(machine.loads, 0);
}

static void the_pin_goes_with_the_rules_that_name_it_and_not_before(void **state)
{
	char why[RULES_WHY_MAX];

	(void)state;
	(void)made(PASSAGE_WANTED_AUTO);
	machine.is_pinned = true;
	machine.apply_err = -EIO;
	assert_int_equal(passage_choice_remove(&config, 7, why), -EIO);
	assert_true(machine.is_pinned);
	machine.apply_err = 0;
	assert_int_equal(passage_choice_remove(&config, 7, why), 0);
	assert_false(machine.is_pinned);
}

static void a_guard_that_cannot_adopt_works_without(void **state)
{
	struct passage_ticket ticket = { .descriptors = { -1, -1, -1, -1 } };

	(void)state;
	(void)made(PASSAGE_WANTED_AUTO);
	assert_null(passage_choice_adopt(&ticket));
	for (ticket.kind = PASSAGE_EBPF; ticket.kind <= PASSAGE_MODULE; ticket.kind++) {
		machine.adopt_err = 0;
		assert_ptr_equal(passage_choice_adopt(&ticket), &machine);
		machine.adopt_err = -ENOMEM;
		assert_null(passage_choice_adopt(&ticket));
	}
}

static void rules_without_a_guard_name_what_is_there(void **state)
{
	(void)state;
	(void)made(PASSAGE_WANTED_AUTO);
	passage_choice_find(&config, 7);
	assert_int_equal(config.rules.passage, PASSAGE_MODULE);
	assert_false(is_open(machine.last_descriptor));

	(void)made(PASSAGE_WANTED_AUTO);
	machine.trial_err[PASSAGE_MODULE] = -EIO;
	passage_choice_find(&config, 7);
	assert_int_equal(config.rules.passage, PASSAGE_NONE);
	machine.is_pinned = true;
	passage_choice_find(&config, 7);
	assert_int_equal(config.rules.passage, PASSAGE_EBPF);
	assert_int_equal(machine.loads, 0);

	(void)made(PASSAGE_WANTED_EBPF);
	machine.is_pinned = machine.is_unchecked = true;
	passage_choice_find(&config, 7);
	assert_int_equal(config.rules.passage, PASSAGE_NONE);
}

static void who_tells_conntrack_later_to_look_at_no_sums_ends_it(void **state)
{
	struct passage_choice *choice = made(PASSAGE_WANTED_AUTO);

	(void)state;
	passage_choice_open(choice, &config, 7);
	assert_took(choice, PASSAGE_MODULE, "");
	machine.is_unchecked = true;
	assert_false(passage_choice_look(choice, &config));
	assert_took(choice, PASSAGE_MODULE, "");
	passage_choice_close(choice);

	choice = made(PASSAGE_WANTED_EBPF);
	passage_choice_open(choice, &config, 7);
	assert_false(passage_choice_look(choice, &config));
	assert_took(choice, PASSAGE_EBPF, "");
	machine.is_unchecked = true;
	assert_true(passage_choice_look(choice, &config));
	assert_took(
		choice, PASSAGE_NONE,
		"ebpf: wrong checksums would pass by it (net.netfilter.nf_conntrack_checksum = 0)");
	assert_false(is_open(machine.last_descriptor));
	assert_false(passage_choice_look(choice, &config));
}

/* Any process of that user could have the kernel pass what it likes. */
static void a_user_whom_others_are_too_has_no_table(void **state)
{
	char why[PASSAGE_CHOICE_WHY_MAX] = "";
	struct passage_choice *choice = made(PASSAGE_WANTED_EBPF);

	(void)state;
	machine.is_user_shared = true;
	passage_choice_open(choice, &config, 7);
	assert_int_equal(choice->kind, PASSAGE_EBPF);
	assert_int_equal(machine.user, 0);
	passage_choice_close(choice);

	(void)made(PASSAGE_WANTED_EBPF);
	machine.is_user_shared = true;
	assert_int_equal(passage_choice_prepare(&config, why), 0);
	assert_int_equal(machine.user, 0);
}

static void what_is_prepared_is_for_the_user_of_the_configuration(void **state)
{
	char why[PASSAGE_CHOICE_WHY_MAX] = "";

	(void)state;
	(void)made(PASSAGE_WANTED_AUTO);
	config.backend = RULES_AUTO;
	assert_int_equal(passage_choice_prepare(&config, why), 0);
	assert_true(machine.is_pinned);
	assert_int_equal(machine.user, USER);

	(void)made(PASSAGE_WANTED_EBPF);
	machine.is_nobody_known = true;
	assert_int_equal(passage_choice_prepare(&config, why), 0);
	assert_int_equal(machine.user, 0);
	machine.load_err = -EPERM;
	assert_int_equal(passage_choice_prepare(&config, why), -EPERM);
	assert_string_equal(why, "this kernel does not take it");

	(void)made(PASSAGE_WANTED_MODULE);
	machine.is_pinned = true;
	assert_int_equal(passage_choice_prepare(&config, why), 0);
	assert_false(machine.is_pinned);
	assert_int_equal(machine.loads, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			the_module_is_taken_where_it_is_loaded_with_a_socket_for_each_guard),
		cmocka_unit_test(
			without_the_module_ebpf_is_taken_and_it_is_said_why_not_the_module),
		cmocka_unit_test(without_either_bodies_come_to_the_queue_and_both_reasons_are_said),
		cmocka_unit_test(what_is_not_wanted_is_not_even_asked_for),
		cmocka_unit_test(who_may_load_nothing_takes_what_was_pinned_before),
		cmocka_unit_test(
			a_pin_that_others_do_not_see_is_none_where_the_kernel_has_them_look_for_it),
		cmocka_unit_test(where_rules_are_saved_only_what_was_named_is_taken),
		cmocka_unit_test(rules_that_fail_with_it_go_in_without_it),
		cmocka_unit_test(conntrack_has_to_look_at_the_sums_that_ebpf_does_not_see),
		cmocka_unit_test(the_pin_goes_with_the_rules_that_name_it_and_not_before),
		cmocka_unit_test(a_guard_that_cannot_adopt_works_without),
		cmocka_unit_test(rules_without_a_guard_name_what_is_there),
		cmocka_unit_test(who_tells_conntrack_later_to_look_at_no_sums_ends_it),
		cmocka_unit_test(a_user_whom_others_are_too_has_no_table),
		cmocka_unit_test(what_is_prepared_is_for_the_user_of_the_configuration),
	};

	return cmocka_run_group_tests_name("passage_choice", tests, NULL, NULL);
}
