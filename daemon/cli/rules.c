/* SPDX-License-Identifier: GPL-2.0-or-later */

/* hopguard rules print|apply|remove|prepare */

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/rules_fallback.h"
#include "config.h"
#include "enforce/rules.h"
#include "enforce/rules_bridge.h"
#include "passage_choice.h"

enum { SETTINGS_MAX = 64, BEFORE_NFT_MAX = 4096 };

static const char DEFAULT_SOCKET[] = "/run/hopguard/control.sock";

struct command_line {
	const char *verb;
	const char *config_path;
	const char *fallback_path; /* or NULL */
	const char *settings[SETTINGS_MAX];
	size_t setting_count;
	bool has_backend;
	enum rules_backend backend;
	uint8_t family; /* of iptables rules to print; 0: both */
	bool is_json;
};

static void usage(FILE *out)
{
	fputs("usage: hopguard rules print|apply|remove|prepare\n"
	      "                      [--backend auto|nft|iptables|iptables-legacy]\n"
	      "                      [--config FILE] [--set KEY=VALUE]... [--family 4|6] [--json]\n"
	      "                      [--fallback FILE]\n"
	      "  The firewall rules that bring mail to the guard: shown, put in, taken out. "
	      "Without\n"
	      "  --backend, and with none in the configuration, `apply` takes what this kernel "
	      "can;\n"
	      "  `print` shows that, or those for nft when the kernel may not be asked. `remove` "
	      "takes\n"
	      "  them out wherever they are.\n"
	      "  `prepare` loads what passes message bodies in the kernel, for a guard that runs "
	      "without\n"
	      "  the right to, and changes no rule.\n"
	      "  --family, with `print`: iptables rules of one protocol only.\n"
	      "  --fallback: `apply` keeps the configuration there, and where one is refused puts "
	      "in the\n"
	      "  rules of the one that was kept last; it ends with 2 all the same.\n",
	      out);
}

static bool read_option(struct command_line *line, int option)
{
	switch (option) {
	case 'b':
		line->has_backend = rules_backend_parse(&line->backend, optarg);
		if (!line->has_backend)
			fprintf(stderr,
			        "hopguard: --backend %s: auto, nft, iptables or iptables-legacy\n",
			        optarg);
		return line->has_backend;
	case 'c':
		line->config_path = optarg;
		return true;
	case 's':
		if (line->setting_count == SETTINGS_MAX) {
			fprintf(stderr, "hopguard: at most %d settings\n", SETTINGS_MAX);
			return false;
		}
		line->settings[line->setting_count++] = optarg;
		return true;
	case 'f':
		line->family = strcmp(optarg, "4") == 0 ? 4 : strcmp(optarg, "6") == 0 ? 6 : 0;
		if (line->family == 0)
			fprintf(stderr, "hopguard: --family %s: 4 or 6\n", optarg);
		return line->family != 0;
	case 'F':
		line->fallback_path = optarg;
		return true;
	case 'j':
		line->is_json = true;
		return true;
	default:
		usage(stderr);
		return false;
	}
}

/* False: to end with *status. */
static bool read_command_line(struct command_line *line, int argc, char **argv, int *status)
{
	static const struct option options[] = {
		{ "backend", required_argument, NULL, 'b' },
		{ "config", required_argument, NULL, 'c' },
		{ "set", required_argument, NULL, 's' },
		{ "family", required_argument, NULL, 'f' },
		{ "fallback", required_argument, NULL, 'F' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int option;

	*status = CLI_USAGE;
	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == 'h') {
			usage(stdout);
			*status = CLI_GOOD;
			return false;
		}
		if (!read_option(line, option))
			return false;
	}
	line->verb = optind + 1 == argc ? argv[optind] : "";
	if (strcmp(line->verb, "print") != 0 && strcmp(line->verb, "apply") != 0 &&
	    strcmp(line->verb, "remove") != 0 && strcmp(line->verb, "prepare") != 0) {
		usage(stderr);
		return false;
	}
	if (line->fallback_path && strcmp(line->verb, "apply") != 0) {
		fputs("hopguard: --fallback goes with `apply`: nothing else puts rules in\n",
		      stderr);
		return false;
	}
	if (line->family != 0 && strcmp(line->verb, "print") != 0) {
		fputs("hopguard: --family goes with `print`: only what is shown can be of one "
		      "protocol\n",
		      stderr);
		return false;
	}
	return true;
}

static int read_config(struct config *config, const struct command_line *line, const char *path,
                       char text[CONFIG_TEXT_MAX])
{
	char error[CONFIG_ERROR_MAX];
	int err = config_read(text, path, error);

	if (!err)
		err = config_parse(config, path ? path : config_default_path, text, line->settings,
		                   line->setting_count, error);
	if (err) {
		fprintf(stderr, "hopguard: %s\n", error);
		return CLI_USAGE;
	}
	rules_add_locals(&config->rules, config->has_clients);
	return CLI_GOOD;
}

static void say(const struct command_line *line, enum rules_backend backend, const char *done,
                const char *script)
{
	json_t *object;
	char *text;

	if (!line->is_json) {
		if (script)
			fputs(script, stdout);
		else if (backend == RULES_AUTO)
			printf("rules %s\n", done);
		else
			printf("rules %s (%s)\n", done, rules_backend_name(backend));
		return;
	}
	object = json_pack("{s:s, s:s, s:s*}", "rules", done, "backend",
	                   rules_backend_name(backend), "script", script);
	text = json_dumps(object, JSON_COMPACT);
	puts(text ? text : "{}");
	free(text);
	json_decref(object);
}

static int complain(const char *why)
{
	fprintf(stderr, "hopguard: %s\n", why);
	return CLI_SYSTEM;
}

/* For other programs, and so as comments. */
static void add_before_nft(char *text, const struct rules *rules)
{
	char script[BEFORE_NFT_MAX];
	char *line, *rest = script;

	*text = '\0';
	if (rules->passage == PASSAGE_NONE ||
	    rules_before_nft_print(script, sizeof(script), rules, 4) == 0)
		return;
	text += sprintf(text, "\n# Before these, for `iptables-legacy-restore --noflush` "
	                      "and `ip6tables-legacy-restore --noflush`:\n");
	while ((line = strsep(&rest, "\n")) != NULL && line[0])
		text += sprintf(text, "# %s\n", line);
}

/* Nobody needs a right to read; the newest kind is the likeliest. */
static enum rules_backend backend_to_print(enum rules_backend backend)
{
	char why[RULES_WHY_MAX];

	if (backend != RULES_AUTO || rules_detect(&backend, -1, why) == 0)
		return backend;
	fprintf(stderr, "hopguard: shown for nft, since the kernel was not asked: %s\n", why);
	return RULES_NFT;
}

static int print_rules(const struct command_line *line, const struct rules *rules,
                       enum rules_backend backend)
{
	size_t len = 0;
	bool is_whole;
	char *text;

	backend = backend_to_print(backend);
	if (line->family != 0 && backend == RULES_NFT) {
		fputs("hopguard: --family is for iptables: rules of nft are of both protocols at "
		      "once\n",
		      stderr);
		return CLI_USAGE;
	}
	text = malloc(2 * (size_t)RULES_TEXT_MAX);
	is_whole = text != NULL;
	if (is_whole && backend == RULES_NFT) {
		len = rules_nft_print(text, RULES_TEXT_MAX, rules);
		is_whole = len > 0;
		len += rules_bridge_print(text + len, RULES_TEXT_MAX, rules);
		add_before_nft(text + len, rules);
	} else if (is_whole) {
		if (line->family != 6) {
			len = rules_iptables_print(text, RULES_TEXT_MAX, rules, 4);
			is_whole = len > 0;
		}
		if (line->family != 4)
			is_whole &= rules_iptables_print(text + len, RULES_TEXT_MAX, rules, 6) > 0;
	}
	if (is_whole)
		say(line, backend, "printed", text);
	free(text);
	return is_whole ? CLI_GOOD : complain("these rules are too long");
}

/* A guard that runs takes us for somebody else. */
static void warn_of_restore(const struct config *config)
{
	const char *path = config->control_socket[0] ? config->control_socket : DEFAULT_SOCKET;

	if (ask_is_heard(path))
		fputs("hopguard: a guard runs here, and puts its rules in again unless "
		      "rules-flushed = alert: "
		      "stop it first\n",
		      stderr);
}

static int change_rules(const struct command_line *line, const struct config *config,
                        enum rules_backend backend)
{
	char why[RULES_WHY_MAX];
	bool is_removal = strcmp(line->verb, "remove") == 0;
	int err;

	/* What is taken out is wherever it is, unless the command line says otherwise. */
	if (is_removal && !line->has_backend)
		backend = RULES_AUTO;
	err = is_removal ? rules_remove(backend, -1, why)
	                 : rules_apply(&backend, &config->rules, backend, -1, why);
	if (err)
		return complain(why);
	say(line, backend, is_removal ? "removed" : "applied", NULL);
	if (is_removal)
		warn_of_restore(config);
	return CLI_GOOD;
}

/* Nothing else than a guard that is slower comes of a failure: whoever starts it goes on. */
static int prepare(const struct command_line *line, struct config *config)
{
	char why[PASSAGE_CHOICE_WHY_MAX] = "";

	if (passage_choice_prepare(config, why) != 0)
		return complain(why);
	say(line, RULES_AUTO, "prepared", NULL);
	return CLI_GOOD;
}

/* What is there passes bodies; only a guard, and `prepare`, bring it there. */
static void find_passage(struct config *config, enum rules_backend backend)
{
	enum rules_backend configured = config->backend;
	char why[RULES_WHY_MAX];

	if (backend == RULES_AUTO && rules_detect(&backend, -1, why) != 0)
		return;
	config->backend = backend;
	passage_choice_find(config, -1);
	config->backend = configured;
}

static int carry_out(const struct command_line *line, struct config *config,
                     enum rules_backend backend)
{
	if (strcmp(line->verb, "prepare") == 0) {
		config->backend = backend;
		return prepare(line, config);
	}
	if (strcmp(line->verb, "remove") != 0)
		find_passage(config, backend);
	return strcmp(line->verb, "print") == 0 ? print_rules(line, &config->rules, backend)
	                                        : change_rules(line, config, backend);
}

/* What is taken out does not depend on the configuration: a mistake in the file must not keep rules in. */
static bool needs_config(const struct command_line *line)
{
	return strcmp(line->verb, "remove") != 0 || line->config_path || line->setting_count > 0;
}

static int carry_out_as_configured(const struct command_line *line, struct config *config)
{
	return carry_out(line, config, line->has_backend ? line->backend : config->backend);
}

static int apply_or_fall_back(const struct command_line *line, struct config *config,
                              char text[CONFIG_TEXT_MAX])
{
	int status = read_config(config, line, line->config_path, text), err;

	if (status == CLI_GOOD) {
		status = carry_out_as_configured(line, config);
		err = status == CLI_GOOD ? rules_fallback_keep(line->fallback_path, text) : 0;
		if (err)
			fprintf(stderr,
			        "hopguard: %s: %s: nothing stands in for a configuration that is "
			        "refused\n",
			        line->fallback_path, strerror(-err));
		return status;
	}
	fprintf(stderr, "hopguard: so the rules of the last one that was taken are put in, %s\n",
	        line->fallback_path);
	if (read_config(config, line, line->fallback_path, text) == CLI_GOOD &&
	    carry_out_as_configured(line, config) != CLI_GOOD)
		return CLI_SYSTEM;
	return status;
}

int cli_rules(int argc, char **argv)
{
	struct command_line line = { 0 };
	struct config *config = calloc(1, sizeof(*config));
	char *text = malloc(CONFIG_TEXT_MAX);
	int status = CLI_SYSTEM;

	if (config && text && read_command_line(&line, argc, argv, &status)) {
		if (line.fallback_path)
			status = apply_or_fall_back(&line, config, text);
		else if (!needs_config(&line) ||
		         (status = read_config(config, &line, line.config_path, text)) == CLI_GOOD)
			status = carry_out_as_configured(&line, config);
	}
	free(text);
	free(config);
	return status;
}
