/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforce/rules_iptables.h"

#include <string.h>

#include "enforce/rules_text.h"

enum { CHAINS = RULES_IPTABLES_CHAINS };

const struct rules_iptables_chain rules_iptables_chains[CHAINS] = {
	{ "raw", "HOPGUARD-RAW", "OUTPUT", false },
	{ "mangle", "HOPGUARD-FORWARD", "FORWARD", false },
	{ "mangle", "HOPGUARD-OUTPUT", "OUTPUT", false },
	{ "mangle", "HOPGUARD-INPUT", "INPUT", false },
	{ "mangle", "HOPGUARD-FROM", NULL, false },
	{ "mangle", "HOPGUARD-TO", NULL, false },
	{ "mangle", "HOPGUARD-SENT", NULL, false },
	{ "mangle", "HOPGUARD-ANSWERED", NULL, false },
	{ "mangle", "HOPGUARD-OURS", NULL, false },
	{ "mangle", "HOPGUARD-NAMES", NULL, false },
	{ "mangle", "HOPGUARD-NAMED", NULL, false },
	{ "mangle", "HOPGUARD-HEARD", NULL, false },
	{ "mangle", "HOPGUARD-ASKERS", NULL, false },
	{ "mangle", "HOPGUARD-ASKING", NULL, false },
	{ "mangle", "HOPGUARD-ASKED", NULL, false },
	{ "mangle", "HOPGUARD-RETURN", "PREROUTING", false },
	{ "mangle", "HOPGUARD-BODY-FWD", "FORWARD", true },
	{ "mangle", "HOPGUARD-BODY-OUT", "OUTPUT", true },
	{ "mangle", "HOPGUARD-BODY-IN", "INPUT", true },
};

const char *const rules_iptables_tables[RULES_IPTABLES_TABLES] = { "raw", "mangle" };

static const char EXPLANATION[] =
	"# hopguard's chains, as printed by `hopguard rules print --backend iptables`; load them "
	"with\n"
	"# %s-restore --noflush, once: a second time would add a second jump.\n"
	"#\n"
	"# Connections from the guarded clients to SMTP servers go through the queues, both ways; "
	"what\n"
	"# comes in for our own servers does not. A bridge's traffic comes by FORWARD when "
	"br_netfilter\n"
	"# is loaded and net.bridge.bridge-nf-call-%s is 1.\n"
	"#\n"
	"# Copies of questions to name servers, and of their answers, tell ahead whose mail goes "
	"where.\n";

static void print_unjumps(struct rules_text *script, size_t chain, size_t jumps)
{
	size_t i;

	for (i = 0; i < jumps; i++)
		rules_text_add(script, "-D %s -j %s\n", rules_iptables_chains[chain].built_in,
		               rules_iptables_chains[chain].name);
}

/* Chains of the other kind have no place beside those that this script is about. */
static void print_begin(struct rules_text *script, const char *table, bool is_before_nft,
                        const struct rules_iptables_standing *standing)
{
	size_t i;

	rules_text_add(script, "*%s\n", table);
	for (i = 0; i < CHAINS; i++) {
		const struct rules_iptables_chain *chain = &rules_iptables_chains[i];

		if (strcmp(chain->table, table) != 0)
			continue;
		print_unjumps(script, i, standing->jumps[i]);
		if (chain->is_before_nft == is_before_nft)
			rules_text_add(script, ":%s - [0:0]\n", chain->name);
		else if (standing->has_chain[i] && chain->is_before_nft)
			rules_text_add(script, "-F %s\n-X %s\n", chain->name, chain->name);
	}
}

/* The jumps come last, and each first in its chain: no accept before it lets a packet by. */
static void print_end(struct rules_text *script, const char *table, bool is_before_nft)
{
	size_t i;

	for (i = 0; i < CHAINS; i++) {
		const struct rules_iptables_chain *chain = &rules_iptables_chains[i];

		if (strcmp(chain->table, table) == 0 && chain->built_in &&
		    chain->is_before_nft == is_before_nft)
			rules_text_add(script, "-I %s 1 -j %s\n", chain->built_in, chain->name);
	}
	rules_text_add(script, "COMMIT\n");
}

static void print_networks(struct rules_text *script, const char *before, const char *after,
                           const struct network *networks, size_t count, uint8_t family)
{
	struct rules_networks selected;
	char text[NETWORK_TEXT_MAX];
	size_t i;

	rules_networks_select(&selected, networks, count, family);
	for (i = 0; i < selected.count; i++)
		rules_text_add(script, "-A %s %s %s\n", before,
		               network_format(text, &selected.networks[i]), after);
}

static void print_ours_first(struct rules_text *script, const char *chain,
                             const struct marks *marks)
{
	rules_text_add(script, "-A %s -m mark ! --mark 0x0/0x%x -g HOPGUARD-OURS\n", chain,
	               marks->to_client | marks->to_server | marks->own);
}

static void print_unwatched(struct rules_text *script, const char *chain, const struct marks *marks)
{
	rules_text_add(script, "-A %s -m connmark ! --mark 0x0/0x%x -j RETURN\n", chain,
	               marks->offload | marks->own);
}

static void print_ports(struct rules_text *script, const struct rules *rules, const char *chain,
                        const char *side, const char *target)
{
	rules_text_add(script, "-A %s -p tcp -m multiport --%s ", chain, side);
	rules_text_ports(script, rules, ",");
	rules_text_add(script, " %s\n", target);
}

/*
 * Ports used again. Connection tracking keeps a connection, mark and all, whose end it did not see: who swallows that end would
 * have the next by the same ports pass unread. In front of what the guard has passed, so that a SYN is looked at once more when it comes
 * again: what it waited behind in the queue may have set the mark. Not the SYN of a probe, which may go by a client's port (print_ours).
 */
static void print_unmark(struct rules_text *script, const struct rules *rules, const char *chain)
{
	uint32_t unwatched = rules->marks.offload | rules->marks.own;

	rules_text_add(script, "-A %s -p tcp --syn -m multiport --dports ", chain);
	rules_text_ports(script, rules, ",");
	rules_text_add(script,
	               " -m mark --mark 0x0/0x%x -m connmark ! --mark 0x0/0x%x -j CONNMARK "
	               "--set-xmark 0x0/0x%x\n",
	               rules->marks.own, unwatched, unwatched);
}

static void print_answers_of(struct rules_text *script, const char *chain, const char *target)
{
	rules_text_add(script,
	               "-A %s -p udp --sport 53 %s\n"
	               "-A %s -p tcp --sport 53 %s\n",
	               chain, target, chain, target);
}

/* By direction: where both ports are 53, the answer goes on to the rule for answers. */
static void print_questions_of(struct rules_text *script, const char *chain, const char *target)
{
	rules_text_add(script,
	               "-A %s -p udp --dport 53 -m conntrack --ctdir ORIGINAL %s\n"
	               "-A %s -p tcp --dport 53 -m conntrack --ctdir ORIGINAL %s\n",
	               chain, target, chain, target);
}

static void print_questions(struct rules_text *script, const struct rules *rules, uint8_t family)
{
	rules_text_add(script, "# To name servers, so that an answer is known to have been asked "
	                       "for: a copy.\n");
	if (rules->has_forward) {
		print_networks(script, "HOPGUARD-ASKERS -s", "-g HOPGUARD-ASKING", rules->clients,
		               rules->client_count, family);
		print_networks(script, "HOPGUARD-ASKERS -s", "-g HOPGUARD-ASKING", rules->locals,
		               rules->local_count, family);
	}
	print_networks(script, "HOPGUARD-ASKING -s", "-j RETURN", rules->exempt_clients,
	               rules->exempt_client_count, family);
	rules_text_add(script,
	               "-A HOPGUARD-ASKING -g HOPGUARD-ASKED\n"
	               "-A HOPGUARD-ASKED -j NFLOG --nflog-group %u\n",
	               rules_dns_group(rules));
}

static void print_answers(struct rules_text *script, const struct rules *rules, uint8_t family)
{
	rules_text_add(script, "# Of name servers, to whoever asked them: a copy.\n");
	if (rules->has_forward) {
		print_networks(script, "HOPGUARD-NAMES -d", "-g HOPGUARD-NAMED", rules->clients,
		               rules->client_count, family);
		print_networks(script, "HOPGUARD-NAMES -d", "-g HOPGUARD-NAMED", rules->locals,
		               rules->local_count, family);
	}
	print_networks(script, "HOPGUARD-NAMED -d", "-j RETURN", rules->exempt_clients,
	               rules->exempt_client_count, family);
	if (rules->dns == RULES_DNS_HOLD)
		rules_text_add(script,
		               "-A HOPGUARD-NAMED -p udp -m conntrack --ctdir REPLY -j NFQUEUE "
		               "--queue-num %u --queue-bypass\n",
		               rules_dns_queue(rules));
	rules_text_add(script,
	               "-A HOPGUARD-NAMED -g HOPGUARD-HEARD\n"
	               "-A HOPGUARD-HEARD -m conntrack --ctdir REPLY -j NFLOG --nflog-group %u\n",
	               rules_dns_group(rules));
}

static void print_forward(struct rules_text *script, const struct rules *rules, uint8_t family)
{
	print_unmark(script, rules, "HOPGUARD-FORWARD");
	print_ours_first(script, "HOPGUARD-FORWARD", &rules->marks);
	print_unwatched(script, "HOPGUARD-FORWARD", &rules->marks);
	print_questions_of(script, "HOPGUARD-FORWARD", "-j HOPGUARD-ASKERS");
	print_answers_of(script, "HOPGUARD-FORWARD", "-j HOPGUARD-NAMES");
	print_ports(script, rules, "HOPGUARD-FORWARD", "dports", "-j HOPGUARD-FROM");
	print_ports(script, rules, "HOPGUARD-FORWARD", "sports", "-j HOPGUARD-TO");
	print_networks(script, "HOPGUARD-FROM -s", "-g HOPGUARD-SENT", rules->clients,
	               rules->client_count, family);
	print_networks(script, "HOPGUARD-TO -d", "-g HOPGUARD-ANSWERED", rules->clients,
	               rules->client_count, family);
}

/* What stays on the loopback is a filter of the mail server's own, not mail that leaves; a resolver may well be there. */
static void print_output(struct rules_text *script, const struct rules *rules, const char *loopback)
{
	print_unmark(script, rules, "HOPGUARD-OUTPUT");
	print_ours_first(script, "HOPGUARD-OUTPUT", &rules->marks);
	print_unwatched(script, "HOPGUARD-OUTPUT", &rules->marks);
	print_questions_of(script, "HOPGUARD-OUTPUT", "-g HOPGUARD-ASKED");
	if (!rules->has_output)
		return;
	rules_text_add(script, "-A HOPGUARD-OUTPUT -d %s -j RETURN\n", loopback);
	print_ports(script, rules, "HOPGUARD-OUTPUT", "dports", "-g HOPGUARD-SENT");
}

/* A resolver on this host may be that of forwarded clients. */
static void print_input(struct rules_text *script, const struct rules *rules, const char *loopback)
{
	print_ours_first(script, "HOPGUARD-INPUT", &rules->marks);
	print_unwatched(script, "HOPGUARD-INPUT", &rules->marks);
	print_answers_of(script, "HOPGUARD-INPUT", "-g HOPGUARD-HEARD");
	if (!rules->has_output)
		return;
	rules_text_add(script, "-A HOPGUARD-INPUT -s %s -j RETURN\n", loopback);
	print_ports(script, rules, "HOPGUARD-INPUT", "sports", "-g HOPGUARD-ANSWERED");
}

/* By the connection's mark, which needs no match for sockets and holds before and behind NAT alike. */
static void print_return(struct rules_text *script, const struct marks *marks)
{
	rules_text_add(script,
	               "# What answers a probe in a client's name is for us.\n"
	               "-A HOPGUARD-RETURN -m connmark --mark 0x%x/0x%x -m conntrack --ctdir REPLY "
	               "-j MARK --set-xmark 0x%x/0x%x\n",
	               marks->own, marks->own, marks->returned, marks->returned);
}

static void print_queue(struct rules_text *script, const struct rules *rules, const char *chain)
{
	rules_text_add(script, "-A %s -p tcp -j NFQUEUE ", chain);
	if (rules->queue_count > 1)
		rules_text_add(script, "--queue-balance %u:%u", rules->queue_first,
		               rules->queue_first + rules->queue_count - 1);
	else
		rules_text_add(script, "--queue-num %u", rules->queue_first);
	rules_text_add(script, "%s\n", rules->is_bypassed ? " --queue-bypass" : "");
}

/*
 * What conntrack takes for no part of the connection, the receiver throws away, and gets another segment in its place: a wrong checksum,
 * which eBPF cannot see, or what lies outside of the window.
 */
static void print_match(struct rules_text *script, const struct rules *rules)
{
	rules_text_add(script, "-m conntrack --ctstate ESTABLISHED ");
	if (rules->passage == PASSAGE_EBPF)
		rules_text_add(script, "-m bpf --object-pinned %s", rules->passage_pin);
	else
		rules_text_add(script, "-m smtpbody");
}

static void print_passage(struct rules_text *script, const struct rules *rules, const char *chain)
{
	rules_text_add(script, "-A %s -p tcp ", chain);
	print_match(script, rules);
	rules_text_add(script, " -j RETURN\n");
}

static void print_judged(struct rules_text *script, const struct rules *rules, uint8_t family)
{
	print_networks(script, "HOPGUARD-SENT -s", "-j RETURN", rules->exempt_clients,
	               rules->exempt_client_count, family);
	print_networks(script, "HOPGUARD-SENT -d", "-j RETURN", rules->exempt_servers,
	               rules->exempt_server_count, family);
	if (rules->passage != PASSAGE_NONE) {
		rules_text_add(script, "# Message bodies that need no look, and what acknowledges "
		                       "them.\n");
		print_passage(script, rules, "HOPGUARD-SENT");
	}
	print_queue(script, rules, "HOPGUARD-SENT");

	rules_text_add(script,
	               "# From port 25 to port 25: what conntrack saw begin at the far end is "
	               "mail for us.\n");
	print_ports(script, rules, "HOPGUARD-ANSWERED", "dports",
	            "-m conntrack --ctdir ORIGINAL -j RETURN");
	print_networks(script, "HOPGUARD-ANSWERED -d", "-j RETURN", rules->exempt_clients,
	               rules->exempt_client_count, family);
	print_networks(script, "HOPGUARD-ANSWERED -s", "-j RETURN", rules->exempt_servers,
	               rules->exempt_server_count, family);
	if (rules->passage != PASSAGE_NONE)
		print_passage(script, rules, "HOPGUARD-ANSWERED");
	print_queue(script, rules, "HOPGUARD-ANSWERED");
}

/*
 * A probe in a client's name has a port that this kernel chose, which cannot know that the client has it at the same server: then it is
 * the client's connection, which has begun before and is judged, and the probe that goes. By the status, not the state: that stays NEW
 * until the server has answered, and who is on the path says when that is.
 */
static void print_ours(struct rules_text *script, const struct marks *marks)
{
	uint32_t own = marks->own;

	rules_text_add(
		script,
		"# Passed or sent by the guard; what the connection is to keep of it.\n"
		"-A HOPGUARD-OURS -m mark --mark 0x%x/0x%x -j CONNMARK --set-xmark 0x%x/0x%x\n"
		"-A HOPGUARD-OURS -m mark --mark 0x%x/0x%x -m conntrack ! --ctstatus "
		"CONFIRMED -j CONNMARK --set-xmark 0x%x/0x%x\n"
		"-A HOPGUARD-OURS -m mark --mark 0x%x/0x%x -m connmark --mark 0x0/0x%x -j DROP\n"
		"-A HOPGUARD-OURS -j MARK --set-xmark 0x0/0x%x\n",
		marks->offload, marks->offload, marks->offload, marks->offload, own, own, own, own,
		own, own, own, marks->offload | marks->to_server);
}

size_t rules_iptables_script(char *text, size_t room, const struct rules *rules, uint8_t family,
                             const struct rules_iptables_standing *standing)
{
	const char *loopback = family == 4 ? "127.0.0.0/8" : "::1/128";
	struct rules_text script = rules_text_over(text, room);
	const char *name = family == 4 ? "iptables" : "ip6tables";

	rules_text_add(&script, EXPLANATION, name, name);
	rules_text_return_way(&script, rules, family == 4, family == 6);
	print_begin(&script, "raw", false, standing);
	rules_text_add(&script,
	               "# Segments in a server's name: connection tracking behind NAT would lose "
	               "them.\n"
	               "-A HOPGUARD-RAW ! -o lo -m mark --mark 0x%x/0x%x -j CT --notrack\n",
	               rules->marks.to_client, rules->marks.to_client);
	print_end(&script, "raw", false);

	print_begin(&script, "mangle", false, standing);
	if (rules->has_forward)
		print_forward(&script, rules, family);
	print_output(&script, rules, loopback);
	if (rules->returns_probes)
		print_return(&script, &rules->marks);
	print_input(&script, rules, loopback);
	print_questions(&script, rules, family);
	print_answers(&script, rules, family);
	print_judged(&script, rules, family);
	print_ours(&script, &rules->marks);
	print_end(&script, "mangle", false);
	return rules_text_len(&script);
}

size_t rules_iptables_print(char *text, size_t room, const struct rules *rules, uint8_t family)
{
	return rules_iptables_script(text, room, rules, family,
	                             &(struct rules_iptables_standing){ 0 });
}

static void print_before_nft(struct rules_text *script, const struct rules *rules,
                             const char *chain, const char *side)
{
	const struct marks *marks = &rules->marks;

	/* What carries a mark of ours has been judged. */
	rules_text_add(script, "-A %s -m mark ! --mark 0x0/0x%x -j RETURN\n", chain,
	               marks->to_client | marks->to_server | marks->own);
	/* Both ways by one rule: from port 25 to port 25 two would ask twice. */
	rules_text_add(script, "-A %s -p tcp -m multiport --%s ", chain, side);
	rules_text_ports(script, rules, ",");
	rules_text_add(script, " ");
	print_match(script, rules);
	rules_text_add(script, " -j MARK --set-xmark 0x%x/0x%x\n", marks->to_server,
	               marks->to_server);
}

size_t rules_iptables_before_nft(char *text, size_t room, const struct rules *rules, uint8_t family,
                                 const struct rules_iptables_standing *standing)
{
	struct rules_text script = rules_text_over(text, room);

	(void)family;
	print_begin(&script, "mangle", true, standing);
	if (rules->has_forward)
		print_before_nft(&script, rules, "HOPGUARD-BODY-FWD", "ports");
	if (rules->has_output) {
		print_before_nft(&script, rules, "HOPGUARD-BODY-OUT", "dports");
		print_before_nft(&script, rules, "HOPGUARD-BODY-IN", "sports");
	}
	print_end(&script, "mangle", true);
	return rules_text_len(&script);
}

size_t rules_before_nft_print(char *text, size_t room, const struct rules *rules, uint8_t family)
{
	return rules_iptables_before_nft(text, room, rules, family,
	                                 &(struct rules_iptables_standing){ 0 });
}

size_t rules_iptables_passage_trial(char *text, size_t room, const struct rules *rules)
{
	struct rules_text script = rules_text_over(text, room);

	rules_text_add(&script, "*mangle\n:HOPGUARD-TRIAL - [0:0]\n");
	print_passage(&script, rules, "HOPGUARD-TRIAL");
	rules_text_add(&script, "COMMIT\n");
	return rules_text_len(&script);
}

static void print_table_removal(struct rules_text *script, const char *table,
                                const struct rules_iptables_standing *standing)
{
	size_t i, k;

	rules_text_add(script, "*%s\n", table);
	for (i = 0; i < CHAINS; i++) {
		if (strcmp(rules_iptables_chains[i].table, table) != 0 || !standing->has_chain[i])
			continue;
		for (k = 0; k < standing->jumps[i]; k++)
			rules_text_add(script, "-D %s -j %s\n", rules_iptables_chains[i].built_in,
			               rules_iptables_chains[i].name);
		rules_text_add(script, "-F %s\n", rules_iptables_chains[i].name);
	}
	/* Chains lead to each other: none can go before all are empty. */
	for (i = 0; i < CHAINS; i++) {
		if (strcmp(rules_iptables_chains[i].table, table) == 0 && standing->has_chain[i])
			rules_text_add(script, "-X %s\n", rules_iptables_chains[i].name);
	}
	rules_text_add(script, "COMMIT\n");
}

bool rules_iptables_removal(char *text, size_t room, const struct rules_iptables_standing *standing)
{
	struct rules_text script = rules_text_over(text, room);
	bool is_any = false;
	size_t i;

	for (i = 0; i < CHAINS; i++)
		is_any |= standing->has_chain[i];
	for (i = 0; i < RULES_IPTABLES_TABLES && is_any; i++)
		print_table_removal(&script, rules_iptables_tables[i], standing);
	return !script.is_full;
}
