/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Asks what destinations promise, as the scout does, and prints each answer as one line of JSON:
 *
 *     scout_ask [--trust-anchor FILE] [--root-hints FILE] [--forward ADDRESS]… [--state-directory DIRECTORY]
 *               [--timeout MS] [--renew MS] DOMAIN|host:NAME|health:…
 *
 * --renew makes a new resolver context after that time, as a reload does; "health:" asks whether DNSSEC works. Exit status 0 when all were answered, 2 usage,
 * 4 the resolver could not be set up.
 */

#include <event2/event.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/dns_health.h"
#include "policy/merge.h"
#include "policy/peer_names.h"
#include "print_string.h"
#include "process.h"

struct tool {
	struct event_base *base;
	struct resolver *resolver;
	struct merge_sources sources;
	struct dns_health *health;
	struct resolver_options options;
	uint32_t renew_ms;
	int pending;
};

static void print_addresses(const struct destination *destination, uint8_t host)
{
	const char *separator = "";
	uint8_t i;

	printf("\"addresses\":[");
	for (i = 0; i < destination->place_count; i++) {
		char text[ADDRESS_TEXT_MAX];

		if (destination->places[i].host != host)
			continue;
		printf("%s\"%s\"", separator,
		       address_format(text, &destination->places[i].address));
		separator = ",";
	}
	printf("]");
}

static void print_host(const struct destination *destination, uint8_t index)
{
	const struct mx_host *host = &destination->hosts[index];

	printf("%s{", index ? "," : "");
	print_string("name", host->name);
	printf(",\"preference\":%u,", host->preference);
	print_string("address_security", dns_security_name(host->address_security));
	printf(",");
	print_string("promise", promise_state_name(host->promise.state));
	printf(",");
	print_string("source", promise_source_name(host->promise.source));
	printf(",");
	print_string("detail", host->promise.detail);
	printf(",");
	print_addresses(destination, index);
	printf("}");
}

static void print_destination(const struct destination *destination)
{
	uint8_t i;

	printf("{");
	print_string("name", destination->name);
	printf(",");
	print_string("mx", mx_state_name(destination->mx_state));
	printf(",");
	print_string("mx_security", dns_security_name(destination->mx_security));
	printf(",");
	print_string("why", destination->why);
	printf(",\"ttl\":%u,\"truncated\":%s,\"hosts\":[", destination->ttl_s,
	       destination->is_truncated ? "true" : "false");
	for (i = 0; i < destination->host_count; i++)
		print_host(destination, i);
	printf("]}\n");
	fflush(stdout);
}

static void on_destination(void *owner, const struct destination *destination)
{
	struct tool *tool = owner;

	print_destination(destination);
	if (--tool->pending == 0)
		event_base_loopbreak(tool->base);
}

static void on_health(void *owner, const char *problem)
{
	struct tool *tool = owner;

	printf("{\"name\":\"health\",");
	print_string("problem", problem);
	printf("}\n");
	fflush(stdout);
	if (--tool->pending == 0)
		event_base_loopbreak(tool->base);
}

static void on_renew(evutil_socket_t unused, short events, void *data)
{
	struct tool *tool = data;

	(void)unused;
	(void)events;
	if (resolver_configure(tool->resolver, &tool->options) < 0)
		exit(4);
}

static bool read_option(struct tool *tool, const char *option, const char *value)
{
	struct resolver_options *options = &tool->options;

	if (strcmp(option, "--trust-anchor") == 0) {
		snprintf(options->trust_anchor, RESOLVER_PATH_MAX, "%s", value);
	} else if (strcmp(option, "--root-hints") == 0) {
		snprintf(options->root_hints, RESOLVER_PATH_MAX, "%s", value);
	} else if (strcmp(option, "--state-directory") == 0) {
		snprintf(options->state_directory, RESOLVER_PATH_MAX, "%s", value);
	} else if (strcmp(option, "--timeout") == 0) {
		options->timeout_ms = (uint32_t)strtoul(value, NULL, 10);
	} else if (strcmp(option, "--renew") == 0) {
		tool->renew_ms = (uint32_t)strtoul(value, NULL, 10);
	} else if (strcmp(option, "--forward") == 0) {
		if (options->forwarder_count == RESOLVER_FORWARDERS_MAX ||
		    !address_parse(&options->forwarders[options->forwarder_count].address, value))
			return false;
		options->forwarder_count++;
	} else {
		return false;
	}
	return true;
}

static bool ask(struct tool *tool, const char *question)
{
	bool is_host = strncmp(question, "host:", 5) == 0;
	char name[DOMAIN_NAME_MAX];
	struct merge_question asked = { .is_refresh = false };

	if (strcmp(question, "health:") == 0) {
		tool->pending++;
		tool->health = dns_health_new(tool->base, &tool->options, on_health, tool);
		return tool->health != NULL;
	}
	if (!peer_name_normalise(name, is_host ? question + 5 : question))
		return false;
	tool->pending++;
	tool->sources.base = tool->base;
	tool->sources.resolver = tool->resolver;
	tool->sources.now_ms = process_now_ms;
	tool->sources.time_ms = process_time_ms;
	asked.subject = is_host ? MERGE_HOST : MERGE_DOMAIN;
	asked.name = name;
	return merge_ask(&tool->sources, &asked, on_destination, tool) != NULL;
}

static int usage(void)
{
	fprintf(stderr, "usage: scout_ask [--trust-anchor FILE] [--root-hints FILE] [--forward "
	                "ADDRESS]...\n"
	                "       [--state-directory DIRECTORY] [--timeout MS] [--renew MS] "
	                "DOMAIN|host:NAME...\n");
	return 2;
}

int main(int argc, char **argv)
{
	struct tool tool = { .options = { .timeout_ms = 5000 } };
	struct event *renew;
	struct timeval after;
	int i = 1;

	for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
		if (!read_option(&tool, argv[i], argv[i + 1]))
			return usage();
	}
	if (i == argc)
		return usage();
	tool.base = event_base_new();
	if (!tool.base || resolver_new(&tool.resolver, tool.base, &tool.options) < 0)
		return 4;
	if (resolver_trouble(tool.resolver)[0])
		fprintf(stderr, "%s\n", resolver_trouble(tool.resolver));
	for (; i < argc; i++) {
		if (!ask(&tool, argv[i]))
			return usage();
	}
	renew = event_new(tool.base, -1, 0, on_renew, &tool);
	after = (struct timeval){ .tv_sec = tool.renew_ms / 1000,
		                  .tv_usec = tool.renew_ms % 1000 * 1000 };
	if (tool.renew_ms > 0)
		event_add(renew, &after);
	event_base_dispatch(tool.base);
	event_free(renew);
	dns_health_free(tool.health);
	resolver_free(tool.resolver);
	event_base_free(tool.base);
	return 0;
}
