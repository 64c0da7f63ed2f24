/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/peer_names.h"

#include <idn2.h>
#include <string.h>

#include "base/bytes.h"

enum {
	LABEL_LEN_MAX = 63, /* RFC 1035 section 2.3.4 */
	NAME_LEN_MAX = 253, /* 255 octets on the wire, as text without the final dot */
	/* Longer than any U-label form of NAME_LEN_MAX octets: what is beyond is not looked at. */
	INPUT_LEN_MAX = 1024,
	LITERAL_LEN_MAX = ADDRESS_TEXT_MAX - 1,
};

static bool is_ascii(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if ((uint8_t)text[i] >= 0x80)
			return false;
	}
	return true;
}

static bool is_label_octet(uint8_t octet)
{
	return (octet >= 'a' && octet <= 'z') || (octet >= '0' && octet <= '9') || octet == '-' ||
	       octet == '_';
}

/* Labels of letters, digits, hyphens and underscores, lower case on the way into `name`. */
static bool copy_ascii(char name[DOMAIN_NAME_MAX], const char *text, size_t len)
{
	char copy[DOMAIN_NAME_MAX];
	size_t label_len = 0;
	size_t i;

	if (len > 0 && text[len - 1] == '.')
		len--;
	if (len == 0 || len > NAME_LEN_MAX)
		return false;
	for (i = 0; i < len; i++) {
		uint8_t octet = ascii_lower((uint8_t)text[i]);

		if (octet == '.') {
			if (label_len == 0)
				return false;
			label_len = 0;
		} else if (!is_label_octet(octet) || ++label_len > LABEL_LEN_MAX) {
			return false;
		}
		copy[i] = (char)octet;
	}
	if (label_len == 0)
		return false;
	copy[len] = '\0';
	memcpy(name, copy, len + 1);
	return true;
}

bool peer_name_normalise(char name[DOMAIN_NAME_MAX], const char *text)
{
	size_t len = strnlen(text, INPUT_LEN_MAX + 1);
	char *alabels = NULL;
	bool is_name;

	if (len > INPUT_LEN_MAX)
		return false;
	/* libidn2 refuses ASCII labels that exist in the field ("r3---sn", "_dmarc"): not asked about them. */
	if (is_ascii(text, len))
		return copy_ascii(name, text, len);
	if (idn2_to_ascii_8z(text, &alabels, IDN2_NONTRANSITIONAL) != IDN2_OK)
		return false;
	is_name = copy_ascii(name, alabels, strlen(alabels));
	idn2_free(alabels);
	return is_name;
}

bool peer_name_literal(struct address *address, const char *text)
{
	static const char tag[] = "IPv6:";
	struct bytes inside = bytes_of_string(text);
	struct address parsed;
	char copy[LITERAL_LEN_MAX + 1];
	bool is_tagged;

	if (inside.len < 2 || inside.data[0] != '[' || inside.data[inside.len - 1] != ']')
		return false;
	inside = bytes_slice(inside, 1, inside.len - 2);
	is_tagged = bytes_equal_nocase(bytes_slice(inside, 0, sizeof(tag) - 1), tag);
	if (is_tagged)
		inside = bytes_after(inside, sizeof(tag) - 1);
	if (inside.len == 0 || inside.len > LITERAL_LEN_MAX)
		return false;
	memcpy(copy, inside.data, inside.len);
	copy[inside.len] = '\0';
	/* The tag and the colons must agree; a mapped address is written in IPv6's way and parsed to IPv4. */
	if (is_tagged != (strchr(copy, ':') != NULL) || !address_parse(&parsed, copy))
		return false;
	*address = parsed;
	return true;
}

bool peer_name_is_within(const char *name, const char *domain)
{
	size_t name_len = strlen(name), domain_len = strlen(domain);

	if (name_len < domain_len || strcmp(name + name_len - domain_len, domain) != 0)
		return false;
	return name_len == domain_len || name[name_len - domain_len - 1] == '.';
}
