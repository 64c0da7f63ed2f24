/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforce/rules_bridge.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "enforce/rules_nft.h"
#include "enforce/rules_text.h"

enum { BRIDGE_TEXT_MAX = 4096 };

static const char TABLE_BLANK[] = "add table bridge hopguard\n"
				  "delete table bridge hopguard\n";

/* A setting of the kernel's for bridges; false also where there is none. */
static bool is_set(const char *name)
{
	char path[96];
	FILE *file;
	int value = 0;

	(void)snprintf(path, sizeof(path), "/proc/sys/net/bridge/bridge-nf-%s", name);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (fscanf(file, "%d", &value) != 1)
		value = 0;
	(void)fclose(file);
	return value != 0;
}

static bool is_wanted(const struct rules *rules)
{
	return rules->guards_bridges && (is_set("call-iptables") || is_set("call-ip6tables"));
}

/* Frames with one tag that do not come by the rules for IP. What is in pieces has no port to be known by. */
static void print_single(struct rules_text *script, const struct rules *rules)
{
	static const char *const sides[] = { "sport", "dport" };

	rules_text_add(script, "\t\tip frag-off & 0x3fff != 0 drop\n"
	                       "\t\tmeta protocol ip6 exthdr frag exists drop\n");
	for (size_t i = 0; i < 2; i++) {
		rules_text_add(script, "\t\ttcp %s { ", sides[i]);
		rules_text_ports(script, rules, ", ");
		rules_text_add(script, " } drop\n");
	}
}

size_t rules_bridge_print(char *text, size_t room, const struct rules *rules)
{
	struct rules_text script = rules_text_over(text, room);

	if (!is_wanted(rules))
		return 0;
	rules_text_add(&script,
	               "%s\n"
	               "# Frames that a bridge does not show to the rules for IP, and that hosts "
	               "take for mail.\n"
	               "table bridge hopguard {\n"
	               "\t# Of VLAN 0, by either kind of tag: another tag, or IP behind SNAP.\n"
	               "\tchain judged {\n"
	               "\t\t@ll,128,16 { 0x8100, 0x88a8 } drop\n"
	               "\t\t@ll,144,64 { 0xaaaa030000000800, 0xaaaa0300000086dd } drop\n",
	               TABLE_BLANK);
	if (!is_set("filter-vlan-tagged"))
		print_single(&script, rules);
	/* Before the bridge itself takes tags off. */
	rules_text_add(&script, "\t}\n\n"
	                        "\tchain hidden {\n"
	                        "\t\ttype filter hook prerouting priority -300; policy accept;\n"
	                        "\t\t@ll,96,16 { 0x8100, 0x88a8 } @ll,116,12 0 goto judged\n"
	                        "\t\t@ll,112,64 { 0xaaaa030000000800, 0xaaaa0300000086dd } drop\n"
	                        "\t}\n}\n");
	return rules_text_len(&script);
}

static int run_script(const struct rules *rules, bool is_trial, char why[RULES_WHY_MAX])
{
	char text[BRIDGE_TEXT_MAX];

	(void)rules_bridge_print(text, sizeof(text), rules);
	return rules_nft_script(text, is_trial, why);
}

static bool is_there(void)
{
	static const char *const arguments[] = { "list", "table", "bridge", "hopguard", NULL };
	char why[RULES_WHY_MAX];

	return rules_nft_call(arguments, NULL, why) == 0;
}

int rules_bridge_apply(const struct rules *rules, char why[RULES_WHY_MAX])
{
	return is_wanted(rules) ? run_script(rules, false, why) : rules_bridge_remove(why);
}

int rules_bridge_remove(char why[RULES_WHY_MAX])
{
	return is_there() ? rules_nft_script(TABLE_BLANK, false, why) : 0;
}

bool rules_bridge_is_missing(const struct rules *rules)
{
	char text[BRIDGE_TEXT_MAX], why[RULES_WHY_MAX];

	return rules_bridge_print(text, sizeof(text), rules) > 0 &&
	       !rules_nft_are_there("bridge", text) && rules_nft_script(text, true, why) == 0;
}
