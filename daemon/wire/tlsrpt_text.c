/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/tlsrpt_text.h"

#include <stdbool.h>

static const char START[] = "v=TLSRPTv1";

static bool is_blank(uint8_t octet)
{
	return octet == ' ' || octet == '\t';
}

static struct bytes trim(struct bytes text)
{
	while (text.len > 0 && is_blank(text.data[0]))
		text = bytes_after(text, 1);
	while (text.len > 0 && is_blank(text.data[text.len - 1]))
		text.len--;
	return text;
}

static bool begins_with(struct bytes text, const char *start)
{
	return bytes_equal_nocase(bytes_slice(text, 0, strlen(start)), start);
}

/* One of the addresses, which have ',' '!' and ';' encoded (section 3). */
static const char *read_uri(struct bytes uri)
{
	size_t at = bytes_find(uri, '@');
	size_t i;

	for (i = 0; i < uri.len; i++) {
		if (uri.data[i] <= ' ' || uri.data[i] >= 0x7f || uri.data[i] == '!')
			return "rua has an address with octets that must be encoded";
	}
	if (begins_with(uri, "mailto:"))
		return at > sizeof("mailto:") - 1 && at + 1 < uri.len
		               ? NULL
		               : "rua has a mailto: without an address";
	if (begins_with(uri, "https://"))
		return uri.len > sizeof("https://") - 1 ? NULL : "rua has an https: without a host";
	return "rua has an address that is neither mailto: nor https:";
}

static const char *read_rua(struct tlsrpt *tlsrpt, struct bytes list)
{
	size_t len = list.len < TLSRPT_RUA_MAX ? list.len : TLSRPT_RUA_MAX - 1;

	for (size_t i = 0; i < len; i++)
		tlsrpt->rua[i] =
			list.data[i] > ' ' && list.data[i] < 0x7f ? (char)list.data[i] : '?';
	tlsrpt->rua[len] = '\0';
	if (list.len == 0)
		return "rua is empty";
	while (list.len > 0) {
		size_t end = bytes_find(list, ',');
		const char *fault = read_uri(trim(bytes_slice(list, 0, end)));

		if (fault)
			return fault;
		if (end + 1 == list.len)
			return "rua ends in a comma";
		list = bytes_after(list, end + 1);
	}
	return NULL;
}

/* Behind the version. */
static const char *read_fields(struct tlsrpt *tlsrpt, struct bytes rest)
{
	bool has_rua = false;

	while (trim(rest).len > 0) {
		size_t end = bytes_find(rest, ';');
		struct bytes field = trim(bytes_slice(rest, 0, end));
		size_t equals = bytes_find(field, '=');
		const char *fault = NULL;

		if (equals == field.len)
			return "a field has no '='";
		if (!has_rua && bytes_equal_nocase(trim(bytes_slice(field, 0, equals)), "rua")) {
			has_rua = true;
			fault = read_rua(tlsrpt, trim(bytes_after(field, equals + 1)));
		}
		if (fault)
			return fault;
		rest = bytes_after(rest, end + 1);
	}
	return has_rua ? NULL : "rua is missing";
}

/* The strings of a record, joined. False: longer than there is room for. */
static bool join(uint8_t joined[TLSRPT_TXT_MAX], size_t *len, struct bytes rdata)
{
	struct cursor strings = cursor_over(rdata);
	bool fits = true;

	*len = 0;
	while (cursor_left(&strings) > 0) {
		struct bytes string = cursor_vector8(&strings);

		fits &= string.len <= TLSRPT_TXT_MAX - *len;
		string = bytes_slice(string, 0, TLSRPT_TXT_MAX - *len);
		if (string.len > 0)
			memcpy(joined + *len, string.data, string.len);
		*len += string.len;
	}
	return fits;
}

void tlsrpt_add(struct tlsrpt *tlsrpt, struct bytes rdata)
{
	uint8_t joined[TLSRPT_TXT_MAX];
	size_t len, start = sizeof(START) - 1;
	bool fits = join(joined, &len, rdata);
	struct bytes record = bytes_of(joined, len);
	struct bytes rest = trim(bytes_after(record, start));

	/* A record without the semicolon is none by the letter; its owner meant one, and shall hear of it. */
	if (!bytes_equal(bytes_slice(record, 0, start), bytes_of_string(START)))
		return;
	tlsrpt->count++;
	if (!fits)
		tlsrpt->fault = "it is longer than 1024 octets";
	else if (rest.len == 0 || rest.data[0] != ';')
		tlsrpt->fault = "no ';' stands behind v=TLSRPTv1";
	else
		tlsrpt->fault = read_fields(tlsrpt, bytes_after(rest, 1));
}

enum tlsrpt_state tlsrpt_state(const struct tlsrpt *tlsrpt)
{
	if (tlsrpt->count == 0)
		return TLSRPT_NONE;
	return tlsrpt->count == 1 && !tlsrpt->fault ? TLSRPT_FOUND : TLSRPT_INVALID;
}

const char *tlsrpt_why(const struct tlsrpt *tlsrpt)
{
	if (tlsrpt->count > 1)
		return "more than one record starts with v=TLSRPTv1";
	return tlsrpt->fault ? tlsrpt->fault : "";
}
