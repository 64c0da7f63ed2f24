/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/policy_list.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rfc3339.h"
#include "policy/peer_names.h"

enum { PATH_ROOM = 256, SHOWN_MAX = 64 /* octets of a name from the list, in a complaint */ };

struct reading {
	struct policy_list *list;
	json_t *aliases; /* name → number of its policy in the set */
	int err;
	char *error;
};

/* What a list says must not break the line that complains about it. */
static void make_printable(char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < ' ' || (unsigned char)*text > '~')
			*text = '?';
	}
}

/* Always false. */
__attribute__((format(printf, 3, 4))) static bool complain(struct reading *reading,
                                                           const char *path, const char *format,
                                                           ...)
{
	size_t len = (size_t)snprintf(reading->error, POLICY_LIST_ERROR_MAX,
	                              "%.*s: ", PATH_ROOM - 1, path);
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(reading->error + len, POLICY_LIST_ERROR_MAX - len, format, arguments);
	va_end(arguments);
	make_printable(reading->error);
	reading->err = -EINVAL;
	return false;
}

static bool give_up(struct reading *reading)
{
	(void)complain(reading, "the list", "out of memory");
	reading->err = -ENOMEM;
	return false;
}

static bool read_time(struct reading *reading, uint64_t *time_s, const json_t *root,
                      const char *key)
{
	const json_t *value = json_object_get(root, key);
	json_int_t number = json_integer_value(value);

	if (json_is_integer(value) && number >= 0 && (uint64_t)number <= RFC3339_TIME_MAX) {
		*time_s = (uint64_t)number;
		return true;
	}
	if (json_is_string(value) && rfc3339_parse(time_s, json_string_value(value)))
		return true;
	return complain(reading, key, "%s",
	                value ? "neither seconds since 1970 nor a time like 2026-11-22T10:00:00Z"
	                      : "missing");
}

static bool read_head(struct reading *reading, const json_t *root)
{
	struct policy_list *list = reading->list;
	const json_t *version = json_object_get(root, "version");
	const json_t *author = json_object_get(root, "author");

	if (!version)
		return complain(reading, "version", "missing");
	if (!json_is_string(version) || strcmp(json_string_value(version), "0.1") != 0)
		return complain(reading, "version", "only \"0.1\" is understood");
	if (author && !json_is_string(author))
		return complain(reading, "author", "not a string");
	if (!read_time(reading, &list->timestamp_s, root, "timestamp") ||
	    !read_time(reading, &list->expires_s, root, "expires"))
		return false;
	if (list->expires_s < list->timestamp_s)
		return complain(reading, "expires", "before the timestamp");
	return true;
}

/* "mx1.example.org", ".example.org" or "*.example.org". */
static bool read_mx(char pattern[DOMAIN_NAME_MAX], const char *text)
{
	char wild[DOMAIN_NAME_MAX + 2];

	if (text[0] != '.')
		return mx_pattern_normalise(pattern, text);
	if (strlen(text) >= DOMAIN_NAME_MAX)
		return false;
	(void)snprintf(wild, sizeof(wild), "*%s", text);
	return mx_pattern_normalise(pattern, wild);
}

static bool read_mxs(struct reading *reading, const json_t *mxs, const char *path)
{
	char pattern[DOMAIN_NAME_MAX];
	size_t i;

	if (!json_is_array(mxs) || json_array_size(mxs) == 0)
		return complain(reading, path, "\"mxs\" must be an array of at least one host");
	if (json_array_size(mxs) > POLICY_LIST_MXS_MAX)
		return complain(reading, path, "more than %d \"mxs\"", POLICY_LIST_MXS_MAX);
	for (i = 0; i < json_array_size(mxs); i++) {
		const char *text = json_string_value(json_array_get(mxs, i));

		if (!text)
			return complain(reading, path, "mxs[%zu] is not a string", i);
		if (!read_mx(pattern, text))
			return complain(reading, path,
			                "mxs[%zu] \"%.*s\" is neither a host name nor .suffix of "
			                "one",
			                i, SHOWN_MAX, text);
		if (!policy_set_add_mx(reading->list->policies, pattern))
			return give_up(reading);
	}
	return true;
}

static bool has_only_its_keys(struct reading *reading, json_t *policy, const char *path)
{
	const char *key;
	const json_t *value;

	json_object_foreach(policy, key, value)
	{
		if (strcmp(key, "mode") != 0 && strcmp(key, "mxs") != 0)
			return complain(reading, path,
			                "\"%.*s\" may not stand in a policy: \"mode\" and \"mxs\", "
			                "or \"policy-alias\" alone",
			                SHOWN_MAX, key);
	}
	return true;
}

/* {"mode": …, "mxs": […]}; its number in the set. */
static bool read_own_policy(struct reading *reading, uint32_t *number, json_t *policy,
                            const char *path)
{
	const char *mode = json_string_value(json_object_get(policy, "mode"));
	int64_t added;

	if (!has_only_its_keys(reading, policy, path))
		return false;
	if (!mode || (strcmp(mode, "testing") != 0 && strcmp(mode, "enforce") != 0))
		return complain(reading, path, "\"mode\" must be \"testing\" or \"enforce\"");
	added = policy_set_add(reading->list->policies,
	                       mode[0] == 't' ? MX_POLICY_TESTING : MX_POLICY_ENFORCE);
	if (added < 0)
		return give_up(reading);
	*number = (uint32_t)added;
	return read_mxs(reading, json_object_get(policy, "mxs"), path);
}

static bool read_alias(struct reading *reading, uint32_t *number, const json_t *policy,
                       const char *path)
{
	const json_t *name = json_object_get(policy, "policy-alias");
	const json_t *found;

	if (json_object_size(policy) > 1)
		return complain(reading, path, "\"policy-alias\" must stand alone");
	if (!json_is_string(name))
		return complain(reading, path, "\"policy-alias\" is not a string");
	found = json_object_get(reading->aliases, json_string_value(name));
	if (!found)
		return complain(reading, path, "there is no policy-alias \"%.*s\"", SHOWN_MAX,
		                json_string_value(name));
	*number = (uint32_t)json_integer_value(found);
	return true;
}

static bool read_aliases(struct reading *reading, json_t *aliases)
{
	const char *name;
	json_t *policy;

	if (!json_is_object(aliases))
		return complain(reading, "policy-aliases", "%s",
		                aliases ? "not an object" : "missing");
	json_object_foreach(aliases, name, policy)
	{
		char path[PATH_ROOM];
		uint32_t number = 0;

		(void)snprintf(path, sizeof(path), "policy-aliases.%.*s", SHOWN_MAX, name);
		if (!json_is_object(policy))
			return complain(reading, path, "not an object");
		if (json_object_get(policy, "policy-alias"))
			return complain(reading, path, "an alias may not name another one");
		if (!read_own_policy(reading, &number, policy, path))
			return false;
		if (json_object_set_new(reading->aliases, name, json_integer(number)) != 0)
			return give_up(reading);
	}
	return true;
}

static bool read_policy(struct reading *reading, const char *name, json_t *policy)
{
	char path[PATH_ROOM], domain[DOMAIN_NAME_MAX];
	uint32_t number = 0;

	(void)snprintf(path, sizeof(path), "policies.%.*s", DOMAIN_NAME_MAX - 32, name);
	if (!peer_name_normalise(domain, name))
		return complain(reading, path, "not a domain name");
	if (!json_is_object(policy))
		return complain(reading, path, "not an object");
	if (json_object_get(policy, "policy-alias")) {
		if (!read_alias(reading, &number, policy, path))
			return false;
	} else if (!read_own_policy(reading, &number, policy, path)) {
		return false;
	}
	switch (policy_set_add_domain(reading->list->policies, domain, number)) {
	case POLICY_SET_OK:
		return true;
	case POLICY_SET_REPEATED:
		return complain(reading, path, "the same domain twice, written in two ways");
	case POLICY_SET_FULL:
		break;
	}
	return give_up(reading);
}

static bool read_list(struct reading *reading, const json_t *root,
                      const uint8_t secret[SIPHASH_KEY_LEN])
{
	json_t *policies = json_object_get(root, "policies");
	const char *name;
	json_t *policy;

	if (!json_is_object(root))
		return complain(reading, "the list", "not a JSON object");
	if (!read_head(reading, root))
		return false;
	if (!json_is_object(policies))
		return complain(reading, "policies", "%s", policies ? "not an object" : "missing");
	reading->list->policies = policy_set_new(json_object_size(policies), secret);
	if (!reading->list->policies)
		return give_up(reading);
	if (!read_aliases(reading, json_object_get(root, "policy-aliases")))
		return false;
	json_object_foreach(policies, name, policy)
	{
		if (!read_policy(reading, name, policy))
			return false;
	}
	policy_set_trim(reading->list->policies);
	return true;
}

/* Of a text that may not be JSON: at least as many values as the parser would make of it. */
static bool has_too_many_values(struct bytes text)
{
	size_t values = 0, i;

	for (i = 0; i < text.len; i++)
		values += text.data[i] == ',' || text.data[i] == '[' || text.data[i] == '{';
	return values > POLICY_LIST_VALUES_MAX;
}

static json_t *load(struct reading *reading, struct bytes text)
{
	char place[64];
	json_error_t why = { .text = "" }; /* without a code where it had no memory to begin */
	json_t *root;

	if (text.len > POLICY_LIST_TEXT_MAX) {
		(void)complain(reading, "the list", "longer than 16 MiB");
		return NULL;
	}
	if (has_too_many_values(text)) {
		(void)complain(reading, "the list", "more than %d values", POLICY_LIST_VALUES_MAX);
		return NULL;
	}
	if (text.len == 0) {
		(void)complain(reading, "the list", "empty");
		return NULL;
	}
	root = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, &why);
	if (root)
		return root;
	if (json_error_code(&why) == json_error_unknown ||
	    json_error_code(&why) == json_error_out_of_memory) {
		(void)give_up(reading);
		return NULL;
	}
	(void)snprintf(place, sizeof(place), "line %d, column %d", why.line, why.column);
	(void)complain(reading, place, "%s", why.text);
	return NULL;
}

int policy_list_parse(struct policy_list **parsed, struct bytes text,
                      const uint8_t secret[SIPHASH_KEY_LEN], char error[POLICY_LIST_ERROR_MAX])
{
	struct reading reading = { .error = error };
	json_t *root = load(&reading, text);

	if (!root)
		return reading.err;
	reading.list = calloc(1, sizeof(*reading.list));
	reading.aliases = json_object();
	if (!reading.list || !reading.aliases)
		(void)give_up(&reading);
	else
		(void)read_list(&reading, root, secret);
	json_decref(reading.aliases);
	json_decref(root);
	if (reading.err)
		policy_list_free(reading.list);
	else
		*parsed = reading.list;
	return reading.err;
}

void policy_list_free(struct policy_list *list)
{
	if (!list)
		return;
	policy_set_free(list->policies);
	free(list);
}
