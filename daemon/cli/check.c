/* SPDX-License-Identifier: GPL-2.0-or-later */

/* hopguard check DOMAIN...: the destination as a sender sees it, step by step, and what is wrong. */

#include <errno.h>
#include <getopt.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/check_json.h"
#include "cli/check_judge.h"
#include "cli/check_run.h"
#include "cli/check_text.h"
#include "cli/cli.h"
#include "cli/mailbox.h"
#include "policy/peer_names.h"
#include "report/line.h"

enum {
	SET_MAX = 64,
	STEP_DEFAULT_S = 30,
	STEP_MAX_S = 600,
	HOST_NAME_ROOM = 256,
	ERASED = 60, /* columns that a line of progress may take */
};

struct command_line {
	const char *config_path;
	const char *set[SET_MAX];
	size_t set_count;
	const char *ehlo_name;
	long step_s;
	bool is_json;
	bool is_verbose;
};

struct progress {
	bool is_shown; /* standard error is a terminal, and somebody waits at it */
	bool has_line;
};

static void usage(FILE *out)
{
	fputs("usage: hopguard check [--config FILE] [--set KEY=VALUE]... [--ehlo NAME] "
	      "[--timeout SECONDS]\n"
	      "                      [--json] [--verbose] DOMAIN...\n"
	      "  The destination as a sender sees it, step by step, and what is wrong with it. No "
	      "daemon\n"
	      "  and no right is needed.\n"
	      "  --timeout: for each step of a dialogue, 30 unless given.\n"
	      "  --ehlo: as whom to greet; this host's name unless given.\n"
	      "Exit status: 0 good, 1 something is wrong, 2 usage or configuration, 4 system.\n",
	      out);
}

static bool read_seconds(long *seconds, const char *text)
{
	char *end;

	errno = 0;
	*seconds = strtol(text, &end, 10);
	if (errno == 0 && end != text && *end == '\0' && *seconds >= 1 && *seconds <= STEP_MAX_S)
		return true;
	fprintf(stderr, "hopguard: --timeout %.64s: 1 to %d seconds\n", text, STEP_MAX_S);
	return false;
}

static bool read_option(struct command_line *line, int option)
{
	char normal[DOMAIN_NAME_MAX];

	switch (option) {
	case 'c':
		line->config_path = optarg;
		return true;
	case 's':
		if (line->set_count == SET_MAX) {
			fprintf(stderr, "hopguard: at most %d settings\n", SET_MAX);
			return false;
		}
		line->set[line->set_count++] = optarg;
		return true;
	case 'e':
		line->ehlo_name = optarg;
		if (peer_name_normalise(normal, optarg))
			return true;
		fprintf(stderr, "hopguard: --ehlo %.256s: not a host name\n", optarg);
		return false;
	case 't':
		return read_seconds(&line->step_s, optarg);
	case 'j':
		line->is_json = true;
		return true;
	case 'v':
		line->is_verbose = true;
		return true;
	default:
		usage(stderr);
		return false;
	}
}

static bool is_address(const char *text)
{
	struct address address;

	return address_parse(&address, text) || peer_name_literal(&address, text);
}

/* What people type in its place. */
static void tell_no_domain(const char *text)
{
	char shown[DOMAIN_NAME_MAX];

	line_clean(shown, sizeof(shown), text);
	if (is_address(text))
		fprintf(stderr,
		        "hopguard: check: %s is the address of a host: name the domain whose mail "
		        "goes there\n",
		        shown);
	else if (!mailbox_tell("check", text))
		fprintf(stderr, "hopguard: check: not a domain name: %s\n", shown);
}

/* False: to end with *status. */
static bool read_command_line(struct command_line *line, int argc, char **argv, int *status)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "set", required_argument, NULL, 's' },
		{ "ehlo", required_argument, NULL, 'e' },
		{ "timeout", required_argument, NULL, 't' },
		{ "json", no_argument, NULL, 'j' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	char normal[DOMAIN_NAME_MAX];
	int option;

	*status = CLI_USAGE;
	while ((option = getopt_long(argc, argv, "c:s:jvh", options, NULL)) != -1) {
		if (option == 'h') {
			usage(stdout);
			*status = CLI_GOOD;
			return false;
		}
		if (!read_option(line, option))
			return false;
	}
	if (optind == argc) {
		usage(stderr);
		return false;
	}
	for (int i = optind; i < argc; i++) {
		if (!is_address(argv[i]) && peer_name_normalise(normal, argv[i]))
			continue;
		tell_no_domain(argv[i]);
		return false;
	}
	return true;
}

/* Who may not read the daemon's configuration gets the defaults, and is told. */
static int read_config(struct config *config, const struct command_line *line)
{
	char *text = calloc(1, CONFIG_TEXT_MAX);
	char error[CONFIG_ERROR_MAX];
	int err;

	if (!text)
		return CLI_SYSTEM;
	err = config_read(text, line->config_path, error);
	if (!line->config_path && (err == -EACCES || err == -EPERM)) {
		fprintf(stderr, "hopguard: %s may not be read; the defaults are taken\n",
		        config_default_path);
		text[0] = '\0';
		err = 0;
	}
	if (!err)
		err = config_parse(config,
		                   line->config_path ? line->config_path : config_default_path,
		                   text, line->set, line->set_count, error);
	free(text);
	if (!err)
		return CLI_GOOD;
	fprintf(stderr, "hopguard: %s\n", error);
	return CLI_USAGE;
}

/* Servers mistrust a name without a dot. */
static void find_ehlo_name(char name[STARTTLS_NAME_MAX], const struct command_line *line)
{
	char host[HOST_NAME_ROOM] = "";

	if (!line->ehlo_name && (gethostname(host, sizeof(host) - 1) != 0 || !host[0]))
		strcpy(host, "localhost");
	text_copy(name, STARTTLS_NAME_MAX, line->ehlo_name ? line->ehlo_name : host);
	if (!strchr(name, '.'))
		snprintf(name, STARTTLS_NAME_MAX, "%.64s.localdomain",
		         line->ehlo_name ? line->ehlo_name : host);
}

static void erase(struct progress *progress)
{
	if (progress->has_line)
		fprintf(stderr, "\r%*s\r", ERASED, "");
	progress->has_line = false;
}

static void on_progress(void *owner, const struct check_progress *now)
{
	struct progress *progress = owner;

	if (!progress->is_shown)
		return;
	erase(progress);
	if (now->places > 0)
		fprintf(stderr, "%.30s: %zu of %zu addresses visited...", now->domain, now->visited,
		        now->places);
	else
		fprintf(stderr, "%.30s: looking up...", now->domain);
	fflush(stderr);
	progress->has_line = true;
}

static int print(const struct command_line *line, const struct check_facts *facts,
                 const struct check_findings *findings)
{
	const struct check_style style = {
		.is_coloured = isatty(STDOUT_FILENO) == 1,
		.is_verbose = line->is_verbose,
	};

	if (!line->is_json)
		check_text_print(stdout, facts, findings, style);
	else if (!check_json_print(stdout, facts, findings))
		return CLI_SYSTEM;
	if (fflush(stdout) != 0)
		return CLI_SYSTEM;
	return check_worst(findings) == CHECK_NOTE ? CLI_GOOD : CLI_FINDING;
}

/* No interface but loopback has an address. */
static bool is_alone(void)
{
	struct ifaddrs *list;
	bool is_alone = true;

	if (getifaddrs(&list) != 0)
		return false;
	for (const struct ifaddrs *at = list; at; at = at->ifa_next) {
		if (at->ifa_addr && (at->ifa_flags & IFF_UP) && !(at->ifa_flags & IFF_LOOPBACK) &&
		    (at->ifa_addr->sa_family == AF_INET || at->ifa_addr->sa_family == AF_INET6))
			is_alone = false;
	}
	freeifaddrs(list);
	return is_alone;
}

/* Where not even the root is answered for, there is nothing to say of any domain. */
static bool is_cut_off(const struct check_facts *facts)
{
	const struct check_zone *root = &facts->chain.zones[0];

	if (facts->chain.count == 0 || root->security != DNS_FAILED)
		return false;
	if (is_alone())
		fputs("hopguard: check: this machine has no network: no interface but loopback has "
		      "an address\n",
		      stderr);
	else
		fprintf(stderr,
		        "hopguard: check: no DNS server answers this machine: %s; let port 53 "
		        "through, or name a resolver that validates or passes DNSSEC on "
		        "(dns.forward)\n",
		        root->why);
	return true;
}

static int check_domain(const struct command_line *line, struct check_world *world,
                        const char *domain)
{
	struct progress progress = { .is_shown = isatty(STDERR_FILENO) == 1 };
	struct check_facts *facts = calloc(1, sizeof(*facts));
	struct check_findings *findings = calloc(1, sizeof(*findings));
	int status = CLI_SYSTEM;
	bool is_run = facts && findings && check_run(facts, world, domain, on_progress, &progress);

	erase(&progress);
	if (!is_run || !is_cut_off(facts)) {
		if (is_run) {
			check_judge(findings, facts);
			status = print(line, facts, findings);
		}
		if (status == CLI_SYSTEM)
			fprintf(stderr, "hopguard: check: %s: %s\n", domain,
			        strerror(errno ? errno : ENOMEM));
	}
	if (facts)
		check_facts_clear(facts);
	free(facts);
	free(findings);
	return status;
}

static int check_all(const struct command_line *line, const struct config *config, char **domains)
{
	struct check_options options = {
		.config = config,
		.step_ms = (uint32_t)line->step_s * 1000,
	};
	char error[CHECK_ERROR_MAX], domain[DOMAIN_NAME_MAX];
	struct check_world world;
	int status = CLI_GOOD;
	int err;

	find_ehlo_name(options.ehlo_name, line);
	err = check_world_open(&world, &options, error);
	if (err) {
		fprintf(stderr, "hopguard: check: %s\n", error);
		return err == -EINVAL ? CLI_USAGE : CLI_SYSTEM;
	}
	if (!cli_confine(config->user, config))
		status = CLI_SYSTEM;
	for (size_t i = 0; domains[i] && status != CLI_SYSTEM; i++) {
		int one = CLI_SYSTEM;

		if (!line->is_json && i > 0)
			putchar('\n');
		if (peer_name_normalise(domain, domains[i]))
			one = check_domain(line, &world, domain);
		if (one > status)
			status = one;
	}
	check_world_close(&world);
	return status;
}

int cli_check(int argc, char **argv)
{
	struct command_line line = { .step_s = STEP_DEFAULT_S };
	struct config *config = calloc(1, sizeof(*config));
	int status;

	if (!config)
		return CLI_SYSTEM;
	if (read_command_line(&line, argc, argv, &status) &&
	    (status = read_config(config, &line)) == CLI_GOOD)
		status = check_all(&line, config, argv + optind);
	free(config);
	return status;
}
