/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforce/rules_nft.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/tool.h"
#include "enforce/rules_text.h"

static const char TABLE_BLANK[] = "add table inet hopguard\n"
				  "delete table inet hopguard\n";

static const char EXPLANATION[] =
	"# hopguard's table, as printed by `hopguard rules print --backend nft`; load it with nft "
	"-f.\n"
	"#\n"
	"# Connections from the guarded clients to SMTP servers go through the queues, both ways; "
	"what\n"
	"# comes in for our own servers does not. A bridge's traffic comes by here when "
	"br_netfilter is\n"
	"# loaded and net.bridge.bridge-nf-call-iptables (and -ip6tables) is 1. A flowtable would "
	"carry\n"
	"# connections past the forward chain: keep these ports out of it.\n"
	"#\n"
	"# Copies of questions to name servers, and of their answers, tell ahead whose mail goes "
	"where.\n";

/* One named set; false, and nothing printed, when no network is of that family. */
static bool print_set(struct rules_text *script, const char *name, const struct network *networks,
                      size_t count, uint8_t family)
{
	struct rules_networks selected;
	char text[NETWORK_TEXT_MAX];
	size_t i;

	rules_networks_select(&selected, networks, count, family);
	if (selected.count == 0)
		return false;
	rules_text_add(script, "\tset %s%u {\n\t\ttype ipv%u_addr\n\t\tflags interval\n", name,
	               family, family);
	rules_text_add(script, "\t\telements = {\n");
	for (i = 0; i < selected.count; i++)
		rules_text_add(script, "\t\t\t%s,\n", network_format(text, &selected.networks[i]));
	rules_text_add(script, "\t\t}\n\t}\n\n");
	return true;
}

/* Which of the sets have members, by family. */
struct sets {
	bool clients[2];
	bool locals[2];
	bool exempt_clients[2];
	bool exempt_servers[2];
};

static const struct {
	uint8_t family;
	const char *protocol;
} families[2] = { { 4, "ip" }, { 6, "ip6" } };

static void print_sets(struct rules_text *script, struct sets *sets, const struct rules *rules)
{
	size_t i;

	for (i = 0; i < 2; i++) {
		uint8_t family = families[i].family;

		sets->clients[i] =
			rules->has_forward &&
			print_set(script, "clients", rules->clients, rules->client_count, family);
		sets->locals[i] = rules->has_forward && print_set(script, "local", rules->locals,
		                                                  rules->local_count, family);
		sets->exempt_clients[i] = print_set(script, "exempt_clients", rules->exempt_clients,
		                                    rules->exempt_client_count, family);
		sets->exempt_servers[i] = print_set(script, "exempt_servers", rules->exempt_servers,
		                                    rules->exempt_server_count, family);
	}
}

static void print_queue(struct rules_text *script, const struct rules *rules)
{
	rules_text_add(script, "\t\tmeta l4proto tcp queue num %u", rules->queue_first);
	if (rules->queue_count > 1)
		rules_text_add(script, "-%u", rules->queue_first + rules->queue_count - 1);
	rules_text_add(script, "%s\n\t}\n\n", rules->is_bypassed ? " bypass" : "");
}

/* The way of one direction into the queue: client_side is saddr or daddr. */
static void print_judged(struct rules_text *script, const struct rules *rules,
                         const struct sets *sets, const char *client_side, const char *server_side)
{
	size_t i;

	for (i = 0; i < 2; i++) {
		if (sets->exempt_clients[i])
			rules_text_add(script, "\t\t%s %s @exempt_clients%u return\n",
			               families[i].protocol, client_side, families[i].family);
		if (sets->exempt_servers[i])
			rules_text_add(script, "\t\t%s %s @exempt_servers%u return\n",
			               families[i].protocol, server_side, families[i].family);
	}
	print_queue(script, rules);
}

/* Of `own` as enforce/rules_iptables.c. */
static void print_ours(struct rules_text *script, const struct marks *marks)
{
	rules_text_add(script,
	               "\t# Passed or sent by the guard; what the connection is to keep of it.\n"
	               "\tchain ours {\n"
	               "\t\tmeta mark & 0x%08x != 0 ct mark set ct mark | 0x%08x\n"
	               "\t\tmeta mark & 0x%08x != 0 ct status & confirmed == 0 ct mark set ct mark "
	               "| 0x%08x\n"
	               "\t\tmeta mark & 0x%08x != 0 ct mark & 0x%08x == 0 drop\n"
	               "\t\tmeta mark set meta mark & 0x%08x\n"
	               "\t}\n\n",
	               marks->offload, marks->offload, marks->own, marks->own, marks->own,
	               marks->own, ~(marks->offload | marks->to_server));
}

static void print_ports(struct rules_text *script, const struct rules *rules, const char *side)
{
	rules_text_add(script, "\t\ttcp %s { ", side);
	rules_text_ports(script, rules, ", ");
	rules_text_add(script, " } ");
}

/* Behind the chains that say of message bodies which need no look, where there are any. */
static void print_chain_head(struct rules_text *script, const char *hook, const struct rules *rules)
{
	rules_text_add(script,
	               "\tchain %s {\n"
	               "\t\ttype filter hook %s priority mangle%s; policy accept;\n",
	               hook, hook, rules->passage == PASSAGE_NONE ? "" : " + 1");
}

static void print_ours_first(struct rules_text *script, const struct marks *marks)
{
	rules_text_add(script, "\t\tmeta mark & 0x%08x != 0 goto ours\n",
	               marks->to_client | marks->to_server | marks->own);
}

/*
 * Ports used again. Connection tracking keeps a connection, mark and all, whose end it did not see: who swallows that end would
 * have the next by the same ports pass unread. In front of what the guard has passed, so that a SYN is looked at once more when it comes
 * again: what it waited behind in the queue may have set the mark. Not the SYN of a probe, which may go by a client's port (print_ours).
 */
static void print_unmark(struct rules_text *script, const struct rules *rules)
{
	uint32_t unwatched = rules->marks.offload | rules->marks.own;

	print_ports(script, rules, "dport");
	rules_text_add(script,
	               "tcp flags & (fin | syn | rst | ack) == syn meta mark & 0x%08x == 0 "
	               "ct mark & 0x%08x != 0 ct mark set ct mark & 0x%08x\n",
	               rules->marks.own, unwatched, ~unwatched);
}

static void print_unwatched(struct rules_text *script, const struct marks *marks)
{
	rules_text_add(script, "\t\tct mark & 0x%08x != 0 return\n", marks->offload | marks->own);
}

/* Chains may only go to those that stand before them. */
static void print_questions(struct rules_text *script, const struct rules *rules,
                            const struct sets *sets)
{
	size_t i;

	rules_text_add(script,
	               "\t# To name servers, so that an answer is known to have been asked for: a "
	               "copy.\n"
	               "\tchain asked {\n"
	               "\t\tlog group %u\n"
	               "\t}\n\n"
	               "\tchain asking {\n",
	               rules_dns_group(rules));
	for (i = 0; i < 2; i++) {
		if (sets->exempt_clients[i])
			rules_text_add(script, "\t\t%s saddr @exempt_clients%u return\n",
			               families[i].protocol, families[i].family);
	}
	rules_text_add(script, "\t\tgoto asked\n\t}\n\n");
}

static void print_answers(struct rules_text *script, const struct rules *rules,
                          const struct sets *sets)
{
	size_t i;

	rules_text_add(script,
	               "\t# Of name servers, to whoever asked them: a copy.\n"
	               "\tchain heard {\n"
	               "\t\tct direction reply log group %u\n"
	               "\t}\n\n"
	               "\tchain named {\n",
	               rules_dns_group(rules));
	for (i = 0; i < 2; i++) {
		if (sets->exempt_clients[i])
			rules_text_add(script, "\t\t%s daddr @exempt_clients%u return\n",
			               families[i].protocol, families[i].family);
	}
	if (rules->dns == RULES_DNS_HOLD)
		rules_text_add(script,
		               "\t\tmeta l4proto udp ct direction reply queue num %u bypass\n",
		               rules_dns_queue(rules));
	rules_text_add(script, "\t\tgoto heard\n\t}\n\n");
}

static void print_named(struct rules_text *script, const char *set, size_t family)
{
	rules_text_add(script,
	               "\t\tmeta l4proto { tcp, udp } th sport 53 %s daddr @%s%u goto named\n",
	               families[family].protocol, set, families[family].family);
}

/* First, and by direction: where both ports are 53, the answer goes on to the rule for answers. */
static void print_asking(struct rules_text *script, const char *set, size_t family)
{
	rules_text_add(script,
	               "\t\tmeta l4proto { tcp, udp } th dport 53 ct direction original %s saddr "
	               "@%s%u goto asking\n",
	               families[family].protocol, set, families[family].family);
}

static void print_forward(struct rules_text *script, const struct rules *rules,
                          const struct sets *sets)
{
	size_t i;

	print_chain_head(script, "forward", rules);
	print_unmark(script, rules);
	print_ours_first(script, &rules->marks);
	print_unwatched(script, &rules->marks);
	for (i = 0; i < 2; i++) {
		if (sets->clients[i])
			print_asking(script, "clients", i);
		if (sets->locals[i])
			print_asking(script, "local", i);
	}
	for (i = 0; i < 2; i++) {
		if (sets->clients[i])
			print_named(script, "clients", i);
		if (sets->locals[i])
			print_named(script, "local", i);
	}
	for (i = 0; i < 2; i++) {
		if (!sets->clients[i])
			continue;
		print_ports(script, rules, "dport");
		rules_text_add(script, "%s saddr @clients%u goto sent\n", families[i].protocol,
		               families[i].family);
		print_ports(script, rules, "sport");
		rules_text_add(script, "%s daddr @clients%u goto answered\n", families[i].protocol,
		               families[i].family);
	}
	rules_text_add(script, "\t}\n\n");
}

/* What stays on the loopback is a filter of the mail server's own, not mail that leaves; a resolver may well be there. */
static void print_output(struct rules_text *script, const struct rules *rules)
{
	print_chain_head(script, "output", rules);
	print_unmark(script, rules);
	print_ours_first(script, &rules->marks);
	print_unwatched(script, &rules->marks);
	rules_text_add(script,
	               "\t\tmeta l4proto { tcp, udp } th dport 53 ct direction original goto "
	               "asked\n");
	if (!rules->has_output) {
		rules_text_add(script, "\t}\n\n");
		return;
	}
	rules_text_add(script, "\t\tip daddr 127.0.0.0/8 return\n\t\tip6 daddr ::1 return\n");
	print_ports(script, rules, "dport");
	rules_text_add(script, "goto sent\n\t}\n\n");
}

/* By the connection's mark, which needs no match for sockets and holds before and behind NAT alike. */
static void print_return(struct rules_text *script, const struct marks *marks)
{
	rules_text_add(script,
	               "\t# What answers a probe in a client's name is for us.\n"
	               "\tchain returned {\n"
	               "\t\ttype filter hook prerouting priority mangle; policy accept;\n"
	               "\t\tct mark & 0x%08x != 0 ct direction reply meta mark set meta mark | "
	               "0x%08x\n"
	               "\t}\n\n",
	               marks->own, marks->returned);
}

/* A resolver on this host may be that of forwarded clients. */
static void print_input(struct rules_text *script, const struct rules *rules)
{
	print_chain_head(script, "input", rules);
	print_ours_first(script, &rules->marks);
	print_unwatched(script, &rules->marks);
	rules_text_add(script, "\t\tmeta l4proto { tcp, udp } th sport 53 goto heard\n");
	if (!rules->has_output) {
		rules_text_add(script, "\t}\n\n");
		return;
	}
	rules_text_add(script, "\t\tip saddr 127.0.0.0/8 return\n\t\tip6 saddr ::1 return\n");
	print_ports(script, rules, "sport");
	rules_text_add(script, "goto answered\n\t}\n\n");
}

size_t rules_nft_print(char *text, size_t room, const struct rules *rules)
{
	struct rules_text script = rules_text_over(text, room);
	struct sets sets;

	rules_text_add(&script, "%s", EXPLANATION);
	rules_text_return_way(&script, rules, true, true);
	rules_text_add(&script, "\n%s\ntable inet hopguard {\n", TABLE_BLANK);
	print_sets(&script, &sets, rules);
	print_ours(&script, &rules->marks);

	rules_text_add(&script, "\tchain sent {\n");
	print_judged(&script, rules, &sets, "saddr", "daddr");
	rules_text_add(&script, "\t# From port 25 to port 25: what conntrack saw begin at the far "
	                        "end is mail for us.\n"
	                        "\tchain answered {\n");
	print_ports(&script, rules, "dport");
	rules_text_add(&script, "ct direction original return\n");
	print_judged(&script, rules, &sets, "daddr", "saddr");

	print_questions(&script, rules, &sets);
	print_answers(&script, rules, &sets);
	if (rules->has_forward)
		print_forward(&script, rules, &sets);
	print_output(&script, rules);
	if (rules->returns_probes)
		print_return(&script, &rules->marks);
	print_input(&script, rules);
	rules_text_add(&script,
	               "\t# Segments in a server's name: connection tracking behind NAT would lose "
	               "them.\n"
	               "\tchain untracked {\n"
	               "\t\ttype filter hook output priority raw; policy accept;\n"
	               "\t\tmeta mark & 0x%08x != 0 oifname != \"lo\" notrack\n"
	               "\t}\n}\n",
	               rules->marks.to_client);
	return rules_text_len(&script);
}

int rules_nft_call(const char *const *arguments, const char *input, char why[RULES_WHY_MAX])
{
	const struct tool_call call = {
		.program = "nft",
		.arguments = arguments,
		.input = input,
		.lock = -1,
	};

	return tool_run(NULL, &call, why);
}

int rules_nft_script(const char *text, bool is_trial, char why[RULES_WHY_MAX])
{
	static const char *const carry_out[] = { "-f", "-", NULL };
	static const char *const try_out[] = { "-c", "-f", "-", NULL };

	return rules_nft_call(is_trial ? try_out : carry_out, text, why);
}

static int run_script(const struct rules *rules, bool is_trial, char why[RULES_WHY_MAX])
{
	char *text = malloc(RULES_TEXT_MAX);
	int err;

	if (!text)
		return -ENOMEM;
	err = rules_nft_print(text, RULES_TEXT_MAX, rules) > 0 ? 0 : -ENOSPC;
	if (!err)
		err = rules_nft_script(text, is_trial, why);
	free(text);
	return err;
}

int rules_nft_probe(const struct rules *sample, char why[RULES_WHY_MAX])
{
	return run_script(sample, true, why);
}

int rules_nft_apply(const struct rules *rules, char why[RULES_WHY_MAX])
{
	return run_script(rules, false, why);
}

/* The listing of our table, to be freed; NULL when there is none. */
static char *list_table(const char *family)
{
	const char *const arguments[] = { "list", "table", family, "hopguard", NULL };
	const struct tool_call call = { .program = "nft", .arguments = arguments, .lock = -1 };
	char why[RULES_WHY_MAX];
	char *listing;

	return tool_run(&listing, &call, why) == 0 ? listing : NULL;
}

int rules_nft_remove(char why[RULES_WHY_MAX])
{
	char *listing = list_table("inet");

	if (!listing)
		return 0;
	free(listing);
	return rules_nft_script(TABLE_BLANK, false, why);
}

/* What a script or a listing has. */
struct counted {
	size_t rules;       /* one a line, in chains */
	size_t filled_sets; /* that have members */
	bool is_dormant;    /* then none of its chains is asked */
};

static struct counted count(const char *text)
{
	struct counted counted = { 0 };
	bool is_in_chain = false;
	const char *line, *end;

	for (line = text; *line; line = *end ? end + 1 : end) {
		end = line + strcspn(line, "\n");
		if (strncmp(line, "\tchain ", 7) == 0)
			is_in_chain = true;
		else if (strncmp(line, "\t}", 2) == 0)
			is_in_chain = false;
		else if (is_in_chain && strncmp(line, "\t\ttype ", 7) != 0)
			counted.rules++;
		counted.filled_sets += strncmp(line, "\t\telements = {", 14) == 0;
		counted.is_dormant |= strncmp(line, "\tflags dormant", 14) == 0;
	}
	return counted;
}

/* Rules are not compared by their words, which differ between versions of nft, nor are the members of sets, which it may join. */
bool rules_nft_are_there(const char *family, const char *script)
{
	struct counted wanted = count(script);
	char *listing = list_table(family);
	struct counted found;

	if (!listing)
		return false;
	found = count(listing);
	free(listing);
	return found.rules == wanted.rules && found.filled_sets == wanted.filled_sets &&
	       !found.is_dormant;
}

bool rules_nft_are_present(const struct rules *rules)
{
	char *text = malloc(RULES_TEXT_MAX);
	bool is_present = text && rules_nft_print(text, RULES_TEXT_MAX, rules) > 0 &&
	                  rules_nft_are_there("inet", text);

	free(text);
	return is_present;
}
