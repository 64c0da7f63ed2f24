/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforce/iptables.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/tool.h"
#include "enforce/rules_iptables.h"
#include "enforce/rules_text.h"

enum { PROGRAM_MAX = 32, NAMES_MAX = 512, TRIAL_MAX = 512 };

/* A chain that no packet comes by, with every match and target that the rules use. */
static const char TRIAL[] = "*raw\n"
			    ":HOPGUARD-TRIAL - [0:0]\n"
			    "-A HOPGUARD-TRIAL -m mark --mark 0x2/0x2 -j CT --notrack\n"
			    "COMMIT\n"
			    "*mangle\n"
			    ":HOPGUARD-TRIAL - [0:0]\n"
			    "-A HOPGUARD-TRIAL -m connmark ! --mark 0x0/0x9 -j RETURN\n"
			    "-A HOPGUARD-TRIAL -p tcp -m multiport --dports 25 -m conntrack "
			    "--ctdir ORIGINAL -j RETURN\n"
			    "-A HOPGUARD-TRIAL -j CONNMARK --set-xmark 0x1/0x1\n"
			    "-A HOPGUARD-TRIAL -m connmark --mark 0x8/0x8 -m conntrack "
			    "--ctdir REPLY -j MARK --set-xmark 0xa/0xa\n"
			    "-A HOPGUARD-TRIAL -j MARK --set-xmark 0x0/0x5\n"
			    "-A HOPGUARD-TRIAL -p tcp -j NFQUEUE --queue-balance 0:1 "
			    "--queue-bypass\n"
			    "-A HOPGUARD-TRIAL -p udp --sport 53 -j NFLOG --nflog-group 2500\n"
			    "COMMIT\n";

static const char TRIAL_END[] = "*%s\n"
				"-F HOPGUARD-TRIAL\n"
				"-X HOPGUARD-TRIAL\n"
				"COMMIT\n";

/* A kernel without IPv6 has no packets to guard there, and its ip6tables fail. */
static bool has_family(uint8_t family)
{
	return family == 4 || access("/proc/self/net/if_inet6", F_OK) == 0;
}

static int run(char **output, const struct iptables *iptables, uint8_t family, const char *verb,
               const char *const *arguments, const char *input, char why[RULES_WHY_MAX])
{
	char program[PROGRAM_MAX];
	struct rules_text name = rules_text_over(program, sizeof(program));
	const struct tool_call call = {
		.program = program,
		.arguments = arguments,
		.input = input,
		.lock = iptables->is_legacy ? iptables->lock : -1,
	};

	rules_text_add(&name, "ip%stables-%s-%s", family == 4 ? "" : "6",
	               iptables->is_legacy ? "legacy" : "nft", verb);
	return tool_run(output, &call, why);
}

static int restore(const struct iptables *iptables, uint8_t family, const char *script,
                   char why[RULES_WHY_MAX])
{
	static const char *const arguments[] = { "--noflush", "--wait", "10", NULL };

	return run(NULL, iptables, family, "restore", arguments, script, why);
}

/*
 * Whether a table of the -legacy kind is loaded: merely looking at one that is not would load it,
 * and from then on it would cost every packet. True when only root may know.
 */
static bool is_loaded(uint8_t family, const char *table)
{
	const char *path =
		family == 4 ? "/proc/self/net/ip_tables_names" : "/proc/self/net/ip6_tables_names";
	char names[NAMES_MAX];
	int descriptor = open(path, O_RDONLY | O_CLOEXEC);
	const char *name;
	ssize_t len;

	if (descriptor < 0)
		return errno != ENOENT;
	len = read(descriptor, names, sizeof(names) - 1);
	close(descriptor);
	if (len < 0)
		return true;
	names[len] = '\0';
	for (name = names; *name; name += strcspn(name, "\n"), name += *name == '\n') {
		if (strcspn(name, "\n") == strlen(table) &&
		    strncmp(name, table, strlen(table)) == 0)
			return true;
	}
	return false;
}

/* Adds what stands in one table. */
static int look_at_table(struct rules_iptables_standing *standing, const struct iptables *iptables,
                         uint8_t family, const char *table, char why[RULES_WHY_MAX])
{
	const char *const arguments[] = { "-t", table, NULL };
	struct rules_iptables_standing found;
	char *saved;
	size_t i;
	int err;

	if (iptables->is_legacy && !is_loaded(family, table))
		return 0;
	err = run(&saved, iptables, family, "save", arguments, NULL, why);
	if (err)
		return err;
	rules_iptables_read(&found, saved);
	free(saved);
	for (i = 0; i < RULES_IPTABLES_CHAINS; i++) {
		standing->has_chain[i] |= found.has_chain[i];
		standing->rules[i] += found.rules[i];
		standing->jumps[i] += found.jumps[i];
	}
	return 0;
}

/* Of chains that are not this script's business it is told nothing. */
static void leave_others(struct rules_iptables_standing *standing, const struct iptables *iptables)
{
	size_t i;

	for (i = 0; i < RULES_IPTABLES_CHAINS && iptables->is_before_nft; i++) {
		if (!rules_iptables_chains[i].is_before_nft) {
			standing->has_chain[i] = false;
			standing->rules[i] = standing->jumps[i] = 0;
		}
	}
}

static int look(struct rules_iptables_standing *standing, const struct iptables *iptables,
                uint8_t family, char why[RULES_WHY_MAX])
{
	size_t i;
	int err = 0;

	*standing = (struct rules_iptables_standing){ 0 };
	for (i = 0; i < RULES_IPTABLES_TABLES && !err; i++)
		err = look_at_table(standing, iptables, family, rules_iptables_tables[i], why);
	leave_others(standing, iptables);
	return err;
}

static size_t print_script(const struct iptables *iptables, char *text, const struct rules *rules,
                           uint8_t family, const struct rules_iptables_standing *standing)
{
	return iptables->is_before_nft
	               ? rules_iptables_before_nft(text, RULES_TEXT_MAX, rules, family, standing)
	               : rules_iptables_script(text, RULES_TEXT_MAX, rules, family, standing);
}

static bool stands(const struct rules_iptables_standing *standing)
{
	size_t i;

	for (i = 0; i < RULES_IPTABLES_CHAINS; i++) {
		if (standing->has_chain[i])
			return true;
	}
	return false;
}

static int remove_family(const struct iptables *iptables, uint8_t family, char *text,
                         char why[RULES_WHY_MAX])
{
	struct rules_iptables_standing standing;
	int err = look(&standing, iptables, family, why);

	if (err)
		return err == -EIO ? -ENOENT : err;
	if (!rules_iptables_removal(text, RULES_TEXT_MAX, &standing))
		return -ENOSPC;
	return text[0] ? restore(iptables, family, text, why) : 0;
}

/* Tables go in one after the other: when the second fails, the first goes again. */
static int apply_family(bool *is_new, const struct iptables *iptables, const struct rules *rules,
                        uint8_t family, char *text, char why[RULES_WHY_MAX])
{
	struct rules_iptables_standing standing;
	char ignored[RULES_WHY_MAX];
	int err = look(&standing, iptables, family, why);

	if (err)
		return err;
	*is_new = !stands(&standing);
	if (print_script(iptables, text, rules, family, &standing) == 0)
		return -ENOSPC;
	err = restore(iptables, family, text, why);
	if (err && *is_new)
		(void)remove_family(iptables, family, text, ignored);
	return err;
}

int iptables_apply(const struct iptables *iptables, const struct rules *rules,
                   char why[RULES_WHY_MAX])
{
	char *text = malloc(RULES_TEXT_MAX);
	char ignored[RULES_WHY_MAX];
	bool is_new4 = false, is_new6 = false;
	int err;

	if (!text)
		return -ENOMEM;
	err = apply_family(&is_new4, iptables, rules, 4, text, why);
	if (!err && has_family(6)) {
		err = apply_family(&is_new6, iptables, rules, 6, text, why);
		if (err && is_new4)
			(void)remove_family(iptables, 4, text, ignored);
	}
	free(text);
	return err;
}

int iptables_remove(const struct iptables *iptables, char why[RULES_WHY_MAX])
{
	char *text = malloc(RULES_TEXT_MAX);
	int err, err6 = 0;

	if (!text)
		return -ENOMEM;
	err = remove_family(iptables, 4, text, why);
	if (has_family(6))
		err6 = remove_family(iptables, 6, text, why);
	free(text);
	return err ? err : err6;
}

static bool family_is_present(const struct iptables *iptables, const struct rules *rules,
                              uint8_t family, char *text)
{
	struct rules_iptables_standing standing, wanted;
	char why[RULES_WHY_MAX];
	size_t i;

	if (print_script(iptables, text, rules, family, &(struct rules_iptables_standing){ 0 }) ==
	            0 ||
	    look(&standing, iptables, family, why) != 0)
		return false;
	rules_iptables_read(&wanted, text);
	for (i = 0; i < RULES_IPTABLES_CHAINS; i++) {
		if (standing.rules[i] != wanted.rules[i] ||
		    (wanted.has_chain[i] && rules_iptables_chains[i].built_in &&
		     standing.jumps[i] == 0))
			return false;
	}
	return true;
}

/* Rules are counted, not compared by their words, which differ between versions. */
bool iptables_are_present(const struct iptables *iptables, const struct rules *rules)
{
	char *text = malloc(RULES_TEXT_MAX);
	bool is_present = text && family_is_present(iptables, rules, 4, text) &&
	                  (!has_family(6) || family_is_present(iptables, rules, 6, text));

	free(text);
	return is_present;
}

/* Of the first `tables` ones from behind, as a trial uses mangle alone or both: who looks at a table of -legacy loads it. */
static int end_trial(const struct iptables *iptables, uint8_t family, size_t tables)
{
	char script[sizeof(TRIAL_END) + NAMES_MAX];
	char why[RULES_WHY_MAX];
	size_t i;
	int err = 0;

	/* One table at a time: either may be without the chain. */
	for (i = RULES_IPTABLES_TABLES - tables; i < RULES_IPTABLES_TABLES; i++) {
		struct rules_text text = rules_text_over(script, sizeof(script));
		int failed;

		rules_text_add(&text, TRIAL_END, rules_iptables_tables[i]);
		failed = restore(iptables, family, script, why);
		err = err ? err : failed;
	}
	return err;
}

static int try_family(const struct iptables *iptables, uint8_t family, const char *trial,
                      size_t tables, char why[RULES_WHY_MAX])
{
	int err = restore(iptables, family, trial, why);
	int end_err = end_trial(iptables, family, tables);

	return err ? err : end_err;
}

static int try_both(const struct iptables *iptables, const char *trial, size_t tables,
                    char why[RULES_WHY_MAX])
{
	int err = try_family(iptables, 4, trial, tables, why);

	if (!err && has_family(6))
		err = try_family(iptables, 6, trial, tables, why);
	return err;
}

int iptables_probe(const struct iptables *iptables, char why[RULES_WHY_MAX])
{
	return try_both(iptables, TRIAL, RULES_IPTABLES_TABLES, why);
}

int iptables_try_passage(const struct iptables *iptables, const struct rules *rules,
                         char why[RULES_WHY_MAX])
{
	char trial[TRIAL_MAX];

	if (rules_iptables_passage_trial(trial, sizeof(trial), rules) == 0)
		return -ENOSPC;
	return try_both(iptables, trial, 1, why);
}
