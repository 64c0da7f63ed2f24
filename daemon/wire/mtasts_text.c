/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/mtasts_text.h"

#include <stdio.h>
#include <string.h>

enum {
	NAME_MAX_LEN = 32, /* of a field, both texts */
	MX_LEN_MAX = 255,
	LABEL_LEN_MAX = 63,
	AGE_DIGITS_MAX = 10,
	HEAD_MAX = 64, /* of a reduced policy: its version, mode and max_age */
};

static const char TXT_START[] = "v=STSv1;";
static const char MX_START[] = "mx: ";
static const char LINE_END[] = "\n";

static bool is_blank(uint8_t octet)
{
	return octet == ' ' || octet == '\t';
}

static bool is_alphanumeric(uint8_t octet)
{
	uint8_t lower = ascii_lower(octet);

	return (lower >= 'a' && lower <= 'z') || (octet >= '0' && octet <= '9');
}

static struct bytes trim(struct bytes text)
{
	while (text.len > 0 && is_blank(text.data[0]))
		text = bytes_after(text, 1);
	while (text.len > 0 && is_blank(text.data[text.len - 1]))
		text.len--;
	return text;
}

static bool is_text(struct bytes view, const char *text)
{
	return bytes_equal(view, bytes_of_string(text));
}

/* sts-ext-name and sts-policy-ext-name, as which the known names pass, too. */
static bool is_field_name(struct bytes name)
{
	size_t i;

	if (name.len == 0 || name.len > NAME_MAX_LEN || !is_alphanumeric(name.data[0]))
		return false;
	for (i = 1; i < name.len; i++) {
		uint8_t octet = name.data[i];

		if (!is_alphanumeric(octet) && octet != '_' && octet != '-' && octet != '.')
			return false;
	}
	return true;
}

/* sts-ext-value: printable, without blanks and the two delimiters. */
static bool is_txt_value(struct bytes value)
{
	size_t i;

	for (i = 0; i < value.len; i++) {
		if (value.data[i] <= ' ' || value.data[i] >= 0x7f || value.data[i] == '=' ||
		    value.data[i] == ';')
			return false;
	}
	return value.len > 0;
}

static bool is_id(struct bytes id)
{
	size_t i;

	for (i = 0; i < id.len; i++) {
		if (!is_alphanumeric(id.data[i]))
			return false;
	}
	return id.len > 0 && id.len <= MTASTS_ID_MAX;
}

/* NULL, or the rule that is broken. An id counts once, the first. */
static const char *read_txt_field(struct mtasts_txt *txt, struct bytes field)
{
	size_t equals = bytes_find(field, '=');
	struct bytes name = bytes_slice(field, 0, equals);
	struct bytes value = bytes_after(field, equals + 1);

	if (equals == field.len)
		return "a field has no '='";
	if (is_text(name, "id")) {
		if (!is_id(value))
			return "id is not 1 to 32 letters and digits";
		if (txt->id[0] == '\0')
			memcpy(txt->id, value.data, value.len);
		return NULL;
	}
	if (!is_field_name(name))
		return "a field's name is not 1 to 32 letters, digits, '_', '-' and '.'";
	return is_txt_value(value) ? NULL
	                           : "a field's value is empty or has other octets than "
	                             "printable ASCII without ' ', ';' and '='";
}

/* Behind "v=STSv1;". The last delimiter may be there or not. */
static const char *read_txt_fields(struct mtasts_txt *txt, struct bytes rest)
{
	while (trim(rest).len > 0) {
		size_t end = bytes_find(rest, ';');
		const char *fault = read_txt_field(txt, trim(bytes_slice(rest, 0, end)));

		if (fault)
			return fault;
		rest = bytes_after(rest, end + 1);
	}
	return txt->id[0] ? NULL : "id is missing";
}

void mtasts_txt_init(struct mtasts_txt *txt)
{
	memset(txt, 0, sizeof(*txt));
}

void mtasts_txt_add(struct mtasts_txt *txt, struct bytes rdata)
{
	const struct bytes start = bytes_of_string(TXT_START);
	struct cursor strings = cursor_over(rdata);
	uint8_t joined[MTASTS_TXT_MAX];
	struct bytes record;
	size_t len = 0;
	bool is_too_long = false;

	while (cursor_left(&strings) > 0) {
		struct bytes string = cursor_vector8(&strings);

		is_too_long |= string.len > sizeof(joined) - len;
		string = bytes_slice(string, 0, sizeof(joined) - len);
		if (string.len > 0)
			memcpy(joined + len, string.data, string.len);
		len += string.len;
	}
	record = bytes_of(joined, len);
	if (!bytes_equal(bytes_slice(record, 0, start.len), start))
		return;
	txt->count++;
	memset(txt->id, 0, sizeof(txt->id));
	if (strings.failed)
		txt->fault = "its strings do not fit the record";
	else if (is_too_long)
		txt->fault = "it is longer than 1024 octets";
	else
		txt->fault = read_txt_fields(txt, bytes_after(record, start.len));
}

enum mtasts_txt_state mtasts_txt_state(const struct mtasts_txt *txt)
{
	if (txt->count == 0)
		return MTASTS_TXT_NONE;
	return txt->count > 1 || txt->fault ? MTASTS_TXT_INVALID : MTASTS_TXT_FOUND;
}

const char *mtasts_txt_why(const struct mtasts_txt *txt)
{
	if (txt->count == 0)
		return "no record starts with v=STSv1;";
	if (txt->count > 1)
		return "more than one record starts with v=STSv1;";
	return txt->fault ? txt->fault : "";
}

/* The next line without its end, CRLF or LF; false at the end of the text. */
static bool take_line(struct bytes *line, struct bytes *rest)
{
	size_t end = bytes_find(*rest, '\n');

	if (rest->len == 0)
		return false;
	*line = bytes_slice(*rest, 0, end);
	if (end < rest->len && end > 0 && line->data[end - 1] == '\r')
		line->len--;
	*rest = bytes_after(*rest, end + 1);
	return true;
}

struct field {
	struct bytes name;
	struct bytes value;
};

/* name ":" *WSP value *WSP. A line without a colon is all name. */
static struct field split_line(struct bytes line)
{
	size_t colon = bytes_find(line, ':');

	return (struct field){
		.name = bytes_slice(line, 0, colon),
		.value = trim(bytes_after(line, colon + 1)),
	};
}

static bool has_control(struct bytes line)
{
	size_t i;

	for (i = 0; i < line.len; i++) {
		if ((line.data[i] < ' ' && line.data[i] != '\t') || line.data[i] == 0x7f)
			return true;
	}
	return false;
}

static bool is_label_octet(uint8_t octet)
{
	return is_alphanumeric(octet) || octet == '-' || octet == '_';
}

/* A host name, or "*." and one; underscores exist in the field. */
static bool is_mx_pattern(struct bytes pattern)
{
	size_t label_len = 0;
	size_t i = 0;

	if (pattern.len > MX_LEN_MAX)
		return false;
	if (is_text(bytes_slice(pattern, 0, 2), "*."))
		i = 2;
	for (; i < pattern.len; i++) {
		if (pattern.data[i] == '.') {
			if (label_len == 0)
				return false;
			label_len = 0;
		} else if (!is_label_octet(pattern.data[i]) || ++label_len > LABEL_LEN_MAX) {
			return false;
		}
	}
	return label_len > 0;
}

/* What was read so far; the first of a key that comes twice counts. */
struct reading {
	struct mtasts_policy policy;
	size_t kept_len; /* of its mx, reduced */
	bool has_version;
	bool has_mode;
	bool has_age;
};

static const char *read_mode(struct reading *reading, struct bytes value)
{
	if (is_text(value, "enforce"))
		reading->policy.mode = MTASTS_MODE_ENFORCE;
	else if (is_text(value, "testing"))
		reading->policy.mode = MTASTS_MODE_TESTING;
	else if (is_text(value, "none"))
		reading->policy.mode = MTASTS_MODE_NONE;
	else
		return "mode is none of none, testing, enforce";
	reading->has_mode = true;
	return NULL;
}

static const char *read_age(struct reading *reading, struct bytes value)
{
	uint64_t age_s = 0;
	size_t i;

	for (i = 0; i < value.len && i < AGE_DIGITS_MAX; i++) {
		if (value.data[i] < '0' || value.data[i] > '9')
			return "max_age is no number of seconds";
		age_s = age_s * 10 + (uint64_t)(value.data[i] - '0');
	}
	if (value.len == 0)
		return "max_age is no number of seconds";
	if (value.len > AGE_DIGITS_MAX || age_s > MTASTS_AGE_MAX_S)
		return "max_age is above 31557600 seconds";
	reading->policy.max_age_s = (uint32_t)age_s;
	reading->has_age = true;
	return NULL;
}

/* One that is no pattern is passed over. */
static const char *read_mx(struct reading *reading, struct bytes value)
{
	if (!is_mx_pattern(value))
		return NULL;
	reading->policy.mx_count++;
	reading->kept_len += strlen(MX_START) + value.len + strlen(LINE_END);
	return HEAD_MAX + reading->kept_len > MTASTS_KEPT_MAX ? "more than 4 KiB of mx" : NULL;
}

static const char *read_version(struct reading *reading, struct bytes value)
{
	if (!is_text(value, "STSv1"))
		return "version is not STSv1";
	reading->has_version = true;
	return NULL;
}

/* NULL, or the rule that is broken. */
static const char *read_line(struct reading *reading, struct bytes line)
{
	struct field field = split_line(line);

	if (trim(line).len == 0)
		return NULL;
	if (has_control(line))
		return "a control character";
	if (field.name.len == line.len)
		return "no colon behind a key";
	if (!is_field_name(field.name))
		return "a key is not 1 to 32 letters, digits, '_', '-' and '.'";
	if (is_text(field.name, "version"))
		return reading->has_version ? NULL : read_version(reading, field.value);
	if (is_text(field.name, "mode"))
		return reading->has_mode ? NULL : read_mode(reading, field.value);
	if (is_text(field.name, "max_age"))
		return reading->has_age ? NULL : read_age(reading, field.value);
	if (is_text(field.name, "mx"))
		return read_mx(reading, field.value);
	return NULL;
}

static const char *missing(const struct reading *reading)
{
	if (!reading->has_version)
		return "version is missing";
	if (!reading->has_mode)
		return "mode is missing";
	if (!reading->has_age)
		return "max_age is missing";
	if (reading->policy.mode != MTASTS_MODE_NONE && reading->policy.mx_count == 0)
		return "no mx names a host";
	return NULL;
}

enum parse_result mtasts_policy_parse(struct mtasts_policy *policy, struct mtasts_fault *fault,
                                      struct bytes text)
{
	struct reading reading = { .has_version = false };
	struct mtasts_fault found = { 0 };
	struct bytes rest = text;
	struct bytes line;

	if (text.len > MTASTS_POLICY_MAX) {
		*fault = (struct mtasts_fault){ .rule = "longer than 64 KiB" };
		return PARSE_MALFORMED;
	}
	while (!found.rule && take_line(&line, &rest)) {
		found.line++;
		found.rule = read_line(&reading, line);
	}
	if (!found.rule)
		found = (struct mtasts_fault){ .rule = missing(&reading) };
	if (found.rule) {
		*fault = found;
		return PARSE_MALFORMED;
	}
	*policy = reading.policy;
	return PARSE_OK;
}

struct mtasts_mx_cursor mtasts_mx_over(struct bytes text)
{
	return (struct mtasts_mx_cursor){ .rest = text };
}

bool mtasts_mx_next(struct bytes *pattern, struct mtasts_mx_cursor *cursor)
{
	struct bytes line;

	while (take_line(&line, &cursor->rest)) {
		struct field field = split_line(line);

		if (!is_text(field.name, "mx") || !is_mx_pattern(field.value))
			continue;
		*pattern = field.value;
		return true;
	}
	return false;
}

static const char *mode_text(enum mtasts_mode mode)
{
	switch (mode) {
	case MTASTS_MODE_NONE:
		break;
	case MTASTS_MODE_TESTING:
		return "testing";
	case MTASTS_MODE_ENFORCE:
		return "enforce";
	}
	return "none";
}

/* False: no room, and nothing is written. */
static bool append(uint8_t kept[MTASTS_KEPT_MAX], size_t *len, struct bytes piece)
{
	if (piece.len > MTASTS_KEPT_MAX - *len)
		return false;
	memcpy(kept + *len, piece.data, piece.len);
	*len += piece.len;
	return true;
}

size_t mtasts_policy_reduce(uint8_t kept[MTASTS_KEPT_MAX], const struct mtasts_policy *policy,
                            struct bytes text)
{
	struct mtasts_mx_cursor cursor = mtasts_mx_over(text);
	bool has_room = true;
	char head[HEAD_MAX];
	struct bytes pattern;
	size_t len = 0;
	size_t whole;

	snprintf(head, sizeof(head), "version: STSv1\nmode: %s\nmax_age: %u\n",
	         mode_text(policy->mode), policy->max_age_s);
	has_room = append(kept, &len, bytes_of_string(head));
	whole = len;
	while (has_room && mtasts_mx_next(&pattern, &cursor)) {
		whole = len;
		has_room = append(kept, &len, bytes_of_string(MX_START)) &&
		           append(kept, &len, pattern) &&
		           append(kept, &len, bytes_of_string(LINE_END));
	}
	return has_room ? len : whole;
}
