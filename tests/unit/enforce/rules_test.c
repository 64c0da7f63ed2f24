/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforce/rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plain_rules.h"

static void add_network(struct network *networks, size_t *count, const char *network)
{
	assert_true(network_parse(&networks[(*count)++], network));
}

static void assert_file_is(const char *path, const char *wanted)
{
	char *content = calloc(1, RULES_TEXT_MAX);
	FILE *file = fopen(path, "r");

	assert_non_null(content);
	assert_non_null(file);
	assert_true(fread(content, 1, RULES_TEXT_MAX - 1, file) > 0);
	fclose(file);
	assert_string_equal(content, wanted);
	free(content);
}

static void the_printed_rule_sets_are_what_the_program_prints(void **state)
{
	struct rules rules = plain_rules();

	(void)state;
	assert_true(rules_nft_print(text, sizeof(text), &rules) > 0);
	assert_file_is("rules/hopguard.nft", text);
	assert_true(rules_iptables_print(text, sizeof(text), &rules, 4) > 0);
	assert_file_is("rules/hopguard.iptables", text);
	assert_true(rules_iptables_print(text, sizeof(text), &rules, 6) > 0);
	assert_file_is("rules/hopguard.ip6tables", text);
}

static void a_script_that_does_not_fit_is_none(void **state)
{
	struct rules rules = plain_rules();
	size_t len = rules_nft_print(text, sizeof(text), &rules);
	size_t len4 = rules_iptables_print(text, sizeof(text), &rules, 4);
	char *tight = malloc(len > len4 ? len : len4);
	size_t room;

	(void)state;
	assert_non_null(tight);
	assert_int_equal(strlen(text), len4);
	for (room = 0; room <= len; room += room < len - 1 ? 7 : 1)
		assert_int_equal(rules_nft_print(tight, room < len ? room : len, &rules), 0);
	for (room = 0; room <= len4; room += 7)
		assert_int_equal(rules_iptables_print(tight, room, &rules, 4), 0);
	assert_int_equal(rules_iptables_print(text, len4 + 1, &rules, 4), len4);
	free(tight);
}

static void the_largest_configuration_fits(void **state)
{
	struct rules rules = plain_rules();
	size_t i;
	uint8_t octets[16] = { 0x20, 0x01, 0x0d, 0xb8, 0xff, 0xff, 0xff, 0xff,
		               0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

	(void)state;
	rules.client_count = 0;
	for (i = 0; i < RULES_NETWORKS_MAX; i++) {
		octets[15] = (uint8_t)i;
		rules.clients[i].address = address_of(6, octets);
		rules.clients[i].prefix_len = 128;
		rules.exempt_clients[i] = rules.clients[i];
		rules.exempt_servers[i] = rules.clients[i];
		rules.locals[i] = rules.clients[i];
	}
	rules.local_count = RULES_NETWORKS_MAX;
	rules.dns = RULES_DNS_HOLD;
	rules.client_count = RULES_NETWORKS_MAX;
	rules.exempt_client_count = RULES_NETWORKS_MAX;
	rules.exempt_server_count = RULES_NETWORKS_MAX;
	rules.port_count = RULES_PORTS_MAX;
	for (i = 0; i < RULES_PORTS_MAX; i++)
		rules.ports[i] = (uint16_t)(65535 - i);
	assert_true(rules_nft_print(text, sizeof(text), &rules) > 0);
	assert_true(rules_iptables_print(text, sizeof(text), &rules, 6) > 0);
}

static void networks_inside_others_are_left_out(void **state)
{
	struct rules rules = plain_rules();

	(void)state;
	rules.client_count = 0;
	add_network(rules.clients, &rules.client_count, "192.0.2.128/25");
	add_network(rules.clients, &rules.client_count, "192.0.2.0/24");
	add_network(rules.clients, &rules.client_count, "192.0.2.0/24");
	add_network(rules.clients, &rules.client_count, "192.0.2.7");
	add_network(rules.clients, &rules.client_count, "198.51.100.0/24");
	assert_true(rules_nft_print(text, sizeof(text), &rules) > 0);
	assert_int_equal(count_of("192.0.2."), 1);
	assert_int_equal(count_of("198.51.100.0/24"), 1);
	assert_int_equal(count_of("clients6"), 0);
	assert_true(rules_iptables_print(text, sizeof(text), &rules, 4) > 0);
	assert_int_equal(count_of("192.0.2."), 4);
}

static void answers_to_probes_come_here_only_where_probes_are_made(void **state)
{
	struct rules rules = plain_rules();

	(void)state;
	rules_nft_print(text, sizeof(text), &rules);
	assert_int_equal(count_of("ct direction reply meta mark set meta mark | 0x0a000000"), 1);
	assert_int_equal(count_of("fwmark 0xa000000/0xa000000 lookup 2525"), 2);
	rules_iptables_print(text, sizeof(text), &rules, 6);
	assert_int_equal(count_of("-I PREROUTING 1 -j HOPGUARD-RETURN"), 1);
	assert_int_equal(count_of("-A HOPGUARD-RETURN "), 1);
	assert_int_equal(count_of("# ip -6 rule add"), 2);
	rules.returns_probes = false;
	rules_nft_print(text, sizeof(text), &rules);
	assert_int_equal(count_of("prerouting") + count_of("fwmark"), 0);
	rules_iptables_print(text, sizeof(text), &rules, 4);
	assert_int_equal(count_of("-A HOPGUARD-RETURN ") + count_of("fwmark"), 0);
}

static void what_we_send_is_known_even_where_no_own_mail_is_guarded(void **state)
{
	struct rules rules = plain_rules();

	(void)state;
	rules.has_output = false;
	rules_nft_print(text, sizeof(text), &rules);
	assert_int_equal(count_of("type filter hook output priority mangle"), 1);
	rules_iptables_print(text, sizeof(text), &rules, 4);
	assert_int_equal(
		count_of("-A HOPGUARD-OUTPUT -m mark ! --mark 0x0/0xe000000 -g HOPGUARD-OURS"), 1);
	assert_int_equal(count_of("-A HOPGUARD-OUTPUT -p tcp -m multiport"), 0);
}

static void one_queue_is_not_balanced(void **state)
{
	struct rules rules = plain_rules();

	(void)state;
	rules.queue_count = 1;
	rules_nft_print(text, sizeof(text), &rules);
	assert_int_equal(count_of("queue num 2500 bypass"), 2);
	rules_iptables_print(text, sizeof(text), &rules, 4);
	assert_int_equal(count_of("--queue-num 2500 --queue-bypass"), 2);
	assert_int_equal(count_of("--queue-balance"), 0);
}

static void nothing_bypasses_a_closed_guard(void **state)
{
	struct rules rules = plain_rules();

	(void)state;
	rules.is_bypassed = false;
	rules_nft_print(text, sizeof(text), &rules);
	assert_int_equal(count_of("queue num 2500-2503\n"), 2);
	assert_int_equal(count_of("bypass"), 0);
	rules_iptables_print(text, sizeof(text), &rules, 4);
	assert_int_equal(count_of("--queue-balance 2500:2503\n"), 2);
	assert_int_equal(count_of("bypass"), 0);
}

static void hooks_that_are_off_have_no_rules(void **state)
{
	struct rules rules = plain_rules();

	(void)state;
	rules.has_forward = false;
	rules_nft_print(text, sizeof(text), &rules);
	assert_int_equal(count_of("hook forward"), 0);
	assert_int_equal(count_of("hook input"), 1);
	rules_iptables_print(text, sizeof(text), &rules, 4);
	assert_int_equal(count_of("-A HOPGUARD-FORWARD"), 0);
	assert_int_equal(count_of("-A HOPGUARD-FROM"), 0);

	assert_int_equal(count_of("-A HOPGUARD-NAMES"), 0);
	assert_int_equal(count_of("-A HOPGUARD-ASKERS"), 0);

	rules.has_forward = true;
	rules.has_output = false;
	rules_nft_print(text, sizeof(text), &rules);
	assert_int_equal(count_of("hook forward"), 1);
	assert_int_equal(count_of("tcp sport { 25 } goto"), 0);
	/* Nothing but copies of questions. */
	assert_int_equal(count_of("hook output priority mangle"), 1);
	assert_int_equal(count_of("th dport 53 ct direction original goto asked\n"), 1);
	assert_int_equal(count_of("tcp dport { 25 } goto sent"), 0);
	assert_int_equal(count_of("tcp dport { 25 } ip saddr @clients4 goto sent"), 1);
	rules_iptables_print(text, sizeof(text), &rules, 4);
	assert_int_equal(count_of("-A HOPGUARD-OUTPUT -p udp --dport 53"), 1);
	assert_int_equal(count_of("-A HOPGUARD-OUTPUT -p tcp -m multiport"), 0);
	assert_int_equal(count_of("-A HOPGUARD-OUTPUT -d"), 0);
	assert_int_equal(count_of("-A HOPGUARD-INPUT -p tcp -m multiport"), 0);
	/* The forwarded clients' resolver may be this host. */
	assert_int_equal(count_of("-A HOPGUARD-INPUT -p udp --sport 53 -g HOPGUARD-HEARD"), 1);
}

static void answers_of_name_servers_are_copied_to_the_group_of_the_first_queue(void **state)
{
	struct rules rules = plain_rules();

	(void)state;
	add_network(rules.locals, &rules.local_count, "198.51.100.0/24");
	add_network(rules.exempt_clients, &rules.exempt_client_count, "10.1.2.3");
	rules_nft_print(text, sizeof(text), &rules);
	assert_int_equal(count_of("ct direction reply log group 2500\n"), 1);
	assert_int_equal(count_of("th sport 53 ip daddr @clients4 goto named\n"), 1);
	assert_int_equal(count_of("th sport 53 ip daddr @local4 goto named\n"), 1);
	assert_int_equal(count_of("@local6"), 0);
	assert_int_equal(count_of("ip daddr @exempt_clients4 return\n"), 2);
	assert_int_equal(count_of("2504"), 0);
	rules_iptables_print(text, sizeof(text), &rules, 4);
	assert_int_equal(count_of("--ctdir REPLY -j NFLOG --nflog-group 2500\n"), 1);
	assert_int_equal(count_of("-A HOPGUARD-NAMES -d 198.51.100.0/24 -g HOPGUARD-NAMED\n"), 1);
	assert_int_equal(count_of("-A HOPGUARD-NAMES -d 10.0.0.0/8 -g HOPGUARD-NAMED\n"), 1);
	assert_int_equal(count_of("-A HOPGUARD-NAMED -d 10.1.2.3/32 -j RETURN\n") +
	                         count_of("-A HOPGUARD-NAMED -d 10.1.2.3 -j RETURN\n"),
	                 1);
	assert_int_equal(count_of("2504"), 0);
}

static void questions_are_copied_in_the_direction_in_which_they_are_asked(void **state)
{
	struct rules rules = plain_rules();

	(void)state;
	add_network(rules.locals, &rules.local_count, "198.51.100.0/24");
	add_network(rules.exempt_clients, &rules.exempt_client_count, "10.1.2.3");
	rules_nft_print(text, sizeof(text), &rules);
	assert_int_equal(count_of("\tchain asked {\n\t\tlog group 2500\n\t}\n"), 1);
	assert_int_equal(
		count_of("th dport 53 ct direction original ip saddr @clients4 goto asking\n"), 1);
	assert_int_equal(
		count_of("th dport 53 ct direction original ip saddr @local4 goto asking\n"), 1);
	assert_int_equal(count_of("\tchain asking {\n"
	                          "\t\tip saddr @exempt_clients4 return\n"
	                          "\t\tgoto asked\n"),
	                 1);
	/* Before what stays on the loopback is let go: a resolver may be there. */
	assert_true(strstr(text, "th dport 53 ct direction original goto asked") <
	            strstr(text, "ip daddr 127.0.0.0/8 return"));
	rules_iptables_print(text, sizeof(text), &rules, 4);
	assert_int_equal(count_of("-A HOPGUARD-FORWARD -p udp --dport 53 -m conntrack --ctdir "
	                          "ORIGINAL -j HOPGUARD-ASKERS\n"),
	                 1);
	assert_int_equal(count_of("-A HOPGUARD-OUTPUT -p tcp --dport 53 -m conntrack --ctdir "
	                          "ORIGINAL -g HOPGUARD-ASKED\n"),
	                 1);
	assert_int_equal(count_of("-A HOPGUARD-ASKERS -s 198.51.100.0/24 -g HOPGUARD-ASKING\n"), 1);
	assert_int_equal(count_of("-A HOPGUARD-ASKED -j NFLOG --nflog-group 2500\n"), 1);
	assert_int_equal(count_of("-A HOPGUARD-ASKING -s 10.1.2.3"), 1);
	assert_true(strstr(text, "-A HOPGUARD-ASKING -s 10.1.2.3") <
	            strstr(text, "-A HOPGUARD-ASKING -g HOPGUARD-ASKED"));
	assert_true(strstr(text, "-A HOPGUARD-OUTPUT -p udp --dport 53") <
	            strstr(text, "-A HOPGUARD-OUTPUT -d 127.0.0.0/8 -j RETURN"));
}

static void answers_that_wait_have_a_queue_that_nobody_need_listen_to(void **state)
{
	struct rules rules = plain_rules();

	(void)state;
	rules.dns = RULES_DNS_HOLD;
	rules.is_bypassed = false;
	rules_nft_print(text, sizeof(text), &rules);
	assert_int_equal(count_of("udp ct direction reply queue num 2504 bypass\n"), 1);
	rules_iptables_print(text, sizeof(text), &rules, 6);
	assert_int_equal(count_of("-A HOPGUARD-NAMED -p udp -m conntrack --ctdir REPLY -j NFQUEUE "
	                          "--queue-num 2504 --queue-bypass\n"),
	                 1);
	assert_int_equal(count_of("bypass"), 1);
	assert_int_equal(rules_dns_queue(&rules), 2504);
	assert_int_equal(rules_dns_group(&rules), 2500);
}

static void other_mark_bits_are_used_everywhere(void **state)
{
	struct rules rules = plain_rules();

	(void)state;
	assert_true(marks_of(&rules.marks, 0xf0));
	rules_nft_print(text, sizeof(text), &rules);
	assert_int_equal(count_of("000000 "), 0);
	assert_int_equal(count_of("0x000000e0"), 3);
	rules_iptables_print(text, sizeof(text), &rules, 4);
	assert_int_equal(count_of("000000"), 0);
	assert_int_equal(count_of("0xe0 "), 3);
}

static void back_ends_have_names_that_can_be_read_again(void **state)
{
	enum rules_backend backend, read_again;

	(void)state;
	for (backend = RULES_AUTO; backend <= RULES_IPTABLES_LEGACY; backend++) {
		assert_true(rules_backend_parse(&read_again, rules_backend_name(backend)));
		assert_int_equal(read_again, backend);
	}
	assert_false(rules_backend_parse(&read_again, "nftables"));
}

static void private_networks_are_guarded_by_default(void **state)
{
	static struct network clients[RULES_NETWORKS_MAX];
	size_t count = rules_default_clients(clients);
	static const char *const inside[] = { "10.1.2.3",   "172.31.0.1",  "192.168.7.7",
		                              "100.64.0.1", "169.254.0.9", "fd00::1",
		                              "fe80::1:2:3" };
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof(inside) / sizeof(inside[0]); i++) {
		struct address address;
		bool is_inside = false;

		assert_true(address_parse(&address, inside[i]));
		for (k = 0; k < count; k++)
			is_inside |= network_contains(&clients[k], &address);
		assert_true(is_inside);
	}
}

static void rules_are_equal_until_any_of_them_differs(void **state)
{
	struct rules others[12];
	struct rules rules = plain_rules();
	size_t i;

	(void)state;
	rules.exempt_clients[rules.exempt_client_count++] = rules.clients[0];
	rules.exempt_servers[rules.exempt_server_count++] = rules.clients[1];
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		others[i] = rules;
		assert_true(rules_equal(&rules, &others[i]));
	}
	assert_true(marks_of(&others[0].marks, 0x00f00000));
	others[1].queue_first++;
	others[2].queue_count++;
	others[3].is_bypassed = false;
	others[4].has_forward = false;
	others[5].has_output = false;
	others[6].ports[0] = 587;
	others[7].client_count--;
	others[8].exempt_clients[0].prefix_len++;
	others[9].exempt_servers[0] = rules.clients[2];
	others[10].dns = RULES_DNS_HOLD;
	others[11].locals[others[11].local_count++] = rules.clients[0];
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_false(rules_equal(&rules, &others[i]));
}

static void what_lies_behind_the_last_rule_is_none(void **state)
{
	struct rules rules = plain_rules();
	struct rules other = rules;

	(void)state;
	other.ports[other.port_count] = 587;
	other.clients[other.client_count] = other.clients[0];
	assert_true(rules_equal(&rules, &other));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_printed_rule_sets_are_what_the_program_prints),
		cmocka_unit_test(a_script_that_does_not_fit_is_none),
		cmocka_unit_test(the_largest_configuration_fits),
		cmocka_unit_test(networks_inside_others_are_left_out),
		cmocka_unit_test(answers_to_probes_come_here_only_where_probes_are_made),
		cmocka_unit_test(what_we_send_is_known_even_where_no_own_mail_is_guarded),
		cmocka_unit_test(one_queue_is_not_balanced),
		cmocka_unit_test(nothing_bypasses_a_closed_guard),
		cmocka_unit_test(hooks_that_are_off_have_no_rules),
		cmocka_unit_test(
			answers_of_name_servers_are_copied_to_the_group_of_the_first_queue),
		cmocka_unit_test(questions_are_copied_in_the_direction_in_which_they_are_asked),
		cmocka_unit_test(answers_that_wait_have_a_queue_that_nobody_need_listen_to),
		cmocka_unit_test(other_mark_bits_are_used_everywhere),
		cmocka_unit_test(rules_are_equal_until_any_of_them_differs),
		cmocka_unit_test(what_lies_behind_the_last_rule_is_none),
		cmocka_unit_test(back_ends_have_names_that_can_be_read_again),
		cmocka_unit_test(private_networks_are_guarded_by_default),
	};

	return cmocka_run_group_tests_name("enforce/rules", tests, NULL, NULL);
}
