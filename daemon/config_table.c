/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config_table.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/bytes.h"
#include "policy/local_read.h"
#include "policy/peer_names.h"

enum { SHOWN_MAX = 64, YEAR_MIN = 2000, YEAR_MAX = 2199, DAY_S = 24 * 60 * 60 };

static struct local_entry *entry_of(const struct config_key *key, struct config *config)
{
	return (struct local_entry *)((unsigned char *)config + key->place);
}

static bool take_path(char path[CONFIG_PATH_MAX], const char *title, char why[CONFIG_WHY_MAX])
{
	if (title[0] != '/' || strlen(title) >= CONFIG_PATH_MAX) {
		snprintf(why, CONFIG_WHY_MAX, "a path from / on, at most %d octets, not \"%.*s\"",
		         CONFIG_PATH_MAX - 1, SHOWN_MAX, title);
		return false;
	}
	text_copy(path, CONFIG_PATH_MAX, title);
	return true;
}

bool config_table_open_list(struct config *config, size_t index, const struct config_title *title,
                            char why[CONFIG_WHY_MAX])
{
	return take_path(config->policy_lists[index].path, title->text, why);
}

bool config_table_open_postfix(struct config *config, size_t index,
                               const struct config_title *title, char why[CONFIG_WHY_MAX])
{
	return take_path(config->postfix_policies[index].path, title->text, why);
}

/* Titles that are written differently may be the same name. */
static bool is_new(const struct local_entry *entries, size_t index, char why[CONFIG_WHY_MAX])
{
	const struct local_entry *entry = &entries[index];
	char name[DOMAIN_NAME_MAX + 2];

	for (size_t i = 0; i < index; i++) {
		if (entries[i].scope != entry->scope || strcmp(entries[i].name, entry->name) != 0)
			continue;
		snprintf(why, CONFIG_WHY_MAX, "%s was already given: %s",
		         local_name_print(name, entry), entries[i].origin);
		return false;
	}
	return true;
}

static void set_origin(struct local_entry *entry, const struct config *config,
                       const struct config_title *title)
{
	char file_name[CONFIG_FILE_NAME_MAX];

	text_copy(file_name, sizeof(file_name), config->file_name);
	snprintf(entry->origin, sizeof(entry->origin), "%s:%u", file_name, title->line);
}

static void point_to_next_hop(char why[CONFIG_WHY_MAX], const char *name)
{
	snprintf(why, CONFIG_WHY_MAX,
	         "a host that mail goes to without MX is written next-hop \"%.*s\" { ... }",
	         SHOWN_MAX, name);
}

/* What stands before a port. False: there is none. */
static bool cut_port(char host[CONFIG_TITLE_MAX], const char *text)
{
	const char *colon = strrchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : 0;

	if (len == 0 || len >= CONFIG_TITLE_MAX || colon[1] == '\0')
		return false;
	memcpy(host, text, len);
	host[len] = '\0';
	return true;
}

/* What is written in the place of a domain, and what it should be here, where it differs from Postfix's tables. */
static void explain_destination(char why[CONFIG_WHY_MAX], const char *text)
{
	const char *at = strrchr(text, '@');
	char domain[DOMAIN_NAME_MAX], host[CONFIG_TITLE_MAX];
	bool has_port = cut_port(host, text);
	struct address address;

	if (address_parse(&address, text) || (has_port && address_parse(&address, host))) {
		point_to_next_hop(why, address_format(domain, &address));
		return;
	}
	if (at && peer_name_normalise(domain, at + 1))
		snprintf(why, CONFIG_WHY_MAX,
		         "a mailbox has no entry of its own: name its domain, \"%.*s\"", SHOWN_MAX,
		         domain);
	else if (strncmp(text, "*.", 2) == 0 && peer_name_normalise(domain, text + 2))
		snprintf(why, CONFIG_WHY_MAX,
		         "the domains below %.*s are written destination \".%.*s\" { ... }",
		         SHOWN_MAX, domain, SHOWN_MAX, domain);
	else if (!has_port || !peer_name_normalise(domain, host + (host[0] == '.')))
		snprintf(why, CONFIG_WHY_MAX,
		         "a domain as example.org, or .example.org for those below it, not "
		         "\"%.*s\"",
		         SHOWN_MAX, text);
}

bool config_table_open_destination(struct config *config, size_t index,
                                   const struct config_title *title, char why[CONFIG_WHY_MAX])
{
	struct local_entry *entry = &config->destinations[index];

	set_origin(entry, config, title);
	if (!local_read_name(entry, title->text, why)) {
		explain_destination(why, title->text);
		return false;
	}
	if (entry->scope == LOCAL_HOST) {
		point_to_next_hop(why, entry->name);
		return false;
	}
	return is_new(config->destinations, index, why);
}

/* Postfix writes a port behind it; here a host is meant on all ports that are guarded. */
static bool read_next_hop(struct local_entry *entry, const char *text, char why[CONFIG_WHY_MAX])
{
	char host[CONFIG_TITLE_MAX], unused[CONFIG_WHY_MAX];
	struct local_entry without = { 0 };

	if (local_read_next_hop(entry, text, why))
		return true;
	if (cut_port(host, text) && local_read_next_hop(&without, host, unused))
		snprintf(why, CONFIG_WHY_MAX,
		         "a host or an address without a port, as \"%.*s\", not \"%.*s\"",
		         SHOWN_MAX, host, SHOWN_MAX, text);
	return false;
}

bool config_table_open_next_hop(struct config *config, size_t index,
                                const struct config_title *title, char why[CONFIG_WHY_MAX])
{
	struct local_entry *entry = &config->next_hops[index];

	set_origin(entry, config, title);
	if (!read_next_hop(entry, title->text, why))
		return false;
	entry->scope = LOCAL_HOST;
	text_copy(entry->name, sizeof(entry->name), entry->next_hop);
	memset(entry->next_hop, 0, sizeof(entry->next_hop));
	return is_new(config->next_hops, index, why);
}

/* Level, names and fingerprints go together. */
static bool check_level(const struct local_entry *entry, char why[CONFIG_WHY_MAX])
{
	const char *what = NULL;

	if (entry->level == LOCAL_FINGERPRINT && entry->fingerprint_count == 0)
		what = "level fingerprint needs fingerprint = { ... }";
	else if (entry->level != LOCAL_FINGERPRINT && entry->fingerprint_count > 0)
		what = "fingerprint is for level = fingerprint";
	else if (entry->level < LOCAL_VERIFY && entry->match[0])
		what = "match is for level = verify or secure";
	if (what)
		snprintf(why, CONFIG_WHY_MAX, "%s", what);
	return !what;
}

static bool close_entry(const struct local_entry *entry, char why[CONFIG_WHY_MAX])
{
	if (!check_level(entry, why))
		return false;
	if (!local_is_exception(entry) || entry->reason[0])
		return true;
	snprintf(
		why, CONFIG_WHY_MAX,
		"a reason is missing: %s asks for less than was promised, so reason = \"...\" says "
		"why",
		entry->only_alerts ? "mode monitor" : "this level");
	return false;
}

bool config_table_close_destination(const struct config *config, size_t index,
                                    char why[CONFIG_WHY_MAX])
{
	return close_entry(&config->destinations[index], why);
}

bool config_table_close_next_hop(const struct config *config, size_t index,
                                 char why[CONFIG_WHY_MAX])
{
	return close_entry(&config->next_hops[index], why);
}

bool config_table_match(const struct config_key *key, struct config *config,
                        const struct config_values *values, char why[CONFIG_WHY_MAX])
{
	struct local_entry *entry = entry_of(key, config);

	for (size_t i = 0; i < values->count; i++) {
		if (!local_read_match(entry, values->texts[i], why))
			return false;
	}
	return true;
}

bool config_table_fingerprint(const struct config_key *key, struct config *config,
                              const struct config_values *values, char why[CONFIG_WHY_MAX])
{
	struct local_entry *entry = entry_of(key, config);

	for (size_t i = 0; i < values->count; i++) {
		if (!local_read_fingerprint(entry, values->texts[i], why))
			return false;
	}
	return true;
}

bool config_table_next_hop(const struct config_key *key, struct config *config,
                           const struct config_values *values, char why[CONFIG_WHY_MAX])
{
	return values->texts[0][0] == '\0' ||
	       read_next_hop(entry_of(key, config), values->texts[0], why);
}

bool config_table_reason(const struct config_key *key, struct config *config,
                         const struct config_values *values, char why[CONFIG_WHY_MAX])
{
	if (strlen(values->texts[0]) >= LOCAL_REASON_MAX) {
		snprintf(why, CONFIG_WHY_MAX, "at most %d octets", LOCAL_REASON_MAX - 1);
		return false;
	}
	text_copy(entry_of(key, config)->reason, LOCAL_REASON_MAX, values->texts[0]);
	return true;
}

/* So many digits, and what stands behind them. */
static bool read_digits(const char **at, int *number, int digits, char behind)
{
	*number = 0;
	for (; digits > 0; digits--, ++*at) {
		if (**at < '0' || **at > '9')
			return false;
		*number = *number * 10 + (**at - '0');
	}
	if (**at != behind)
		return false;
	*at += behind != '\0';
	return true;
}

static int days_of_month(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && is_leap ? 29 : days[month - 1];
}

/* "2026-12-31", which holds to the end of that day, or "2026-12-31T17:30", "2026-12-31T17:30Z"; UTC. */
static bool read_time(uint64_t *time_ms, const char *text)
{
	bool has_time = strlen(text) > strlen("2026-12-31");
	bool has_zone = strlen(text) > strlen("2026-12-31T17:30");
	struct tm utc = { 0 };
	int year, month, day, hour = 0, minute = 0;

	if (!read_digits(&text, &year, 4, '-') || !read_digits(&text, &month, 2, '-') ||
	    !read_digits(&text, &day, 2, has_time ? 'T' : '\0'))
		return false;
	if (has_time && (!read_digits(&text, &hour, 2, ':') ||
	                 !read_digits(&text, &minute, 2, has_zone ? 'Z' : '\0') || *text))
		return false;
	if (year < YEAR_MIN || year > YEAR_MAX || month < 1 || month > 12 || day < 1 ||
	    day > days_of_month(year, month) || hour > 23 || minute > 59)
		return false;
	utc.tm_year = year - 1900;
	utc.tm_mon = month - 1;
	utc.tm_mday = day;
	utc.tm_hour = hour;
	utc.tm_min = minute;
	*time_ms = ((uint64_t)timegm(&utc) + (has_time ? 0 : DAY_S)) * 1000 - (has_time ? 0 : 1);
	return true;
}

bool config_table_until(const struct config_key *key, struct config *config,
                        const struct config_values *values, char why[CONFIG_WHY_MAX])
{
	const char *text = values->texts[0];

	if (text[0] == '\0' || read_time(&entry_of(key, config)->until_ms, text))
		return true;
	snprintf(why, CONFIG_WHY_MAX,
	         "a day as 2026-12-31, or with a time as 2026-12-31T17:30, both UTC, not \"%.*s\"",
	         SHOWN_MAX, text);
	return false;
}

bool config_table_warning(char line[CONFIG_ERROR_MAX], size_t *at, const struct config *config,
                          uint64_t now_ms)
{
	char name[DOMAIN_NAME_MAX + 2], time[32];

	while (*at < config->destination_count + config->next_hop_count) {
		size_t i = (*at)++;
		bool is_next_hop = i >= config->destination_count;
		const struct local_entry *entry =
			is_next_hop ? &config->next_hops[i - config->destination_count]
				    : &config->destinations[i];
		const char *section = is_next_hop ? "next-hop" : "destination";

		if (entry->until_ms != 0 && entry->until_ms <= now_ms) {
			snprintf(line, CONFIG_ERROR_MAX, "%s: %s %s: ended at %s, %s any more",
			         entry->origin, section, local_name_print(name, entry),
			         local_time_print(time, entry->until_ms),
			         is_next_hop ? "its settings do not count" : "it does not count");
			return true;
		}
		if (entry->until_ms == 0 && local_is_exception(entry)) {
			snprintf(line, CONFIG_ERROR_MAX,
			         "%s: %s %s: an exception without an end; until = "
			         "2026-12-31 would give it one",
			         entry->origin, section, local_name_print(name, entry));
			return true;
		}
	}
	return false;
}
