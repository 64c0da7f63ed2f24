/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/armor.h"

enum {
	GROUP_OCTETS = 3, /* come as four letters (RFC 4648 section 4) */
	GROUP_LETTERS = 4,
};

static const char KEY_BEGINS[] = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
static const char KEY_ENDS[] = "-----END PGP PUBLIC KEY BLOCK-----";

/* The base64 text of one key. */
struct body {
	uint32_t bits;
	unsigned letters; /* in the open group */
	unsigned padding;
};

/* The next line, without its end and the blanks before it. False behind the last. */
static bool next_line(struct bytes *line, struct bytes *rest)
{
	size_t len = bytes_find(*rest, '\n');

	if (rest->len == 0)
		return false;
	*line = bytes_slice(*rest, 0, len);
	*rest = bytes_after(*rest, len + 1);
	while (line->len > 0 &&
	       (line->data[line->len - 1] == '\r' || line->data[line->len - 1] == ' ' ||
	        line->data[line->len - 1] == '\t'))
		line->len--;
	return true;
}

static bool is_line(struct bytes line, const char *text)
{
	return bytes_equal(line, bytes_of_string(text));
}

bool armor_has_public_key(struct bytes text)
{
	struct bytes line;

	while (next_line(&line, &text)) {
		if (is_line(line, KEY_BEGINS))
			return true;
	}
	return false;
}

/* -1: no letter of base64. */
static int value_of(uint8_t letter)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t value = bytes_find(bytes_of(letters, sizeof(letters) - 1), letter);

	return value < sizeof(letters) - 1 ? (int)value : -1;
}

static bool add_letter(struct body *body, uint8_t *octets, size_t *len, uint8_t letter)
{
	int value = letter == '=' ? 0 : value_of(letter);
	unsigned i;

	if (value < 0 || (body->padding > 0 && letter != '='))
		return false;
	body->padding += letter == '=';
	body->bits = body->bits << 6 | (uint32_t)value;
	if (++body->letters < GROUP_LETTERS)
		return true;
	if (body->padding >= GROUP_OCTETS)
		return false;
	for (i = 0; i < GROUP_OCTETS - body->padding; i++)
		octets[(*len)++] = (uint8_t)(body->bits >> (16 - 8 * i));
	body->letters = 0;
	body->bits = 0;
	return true;
}

/* Headers end at an empty line; a line that begins with = is the checksum. */
static bool decode_key(uint8_t *octets, size_t *len, struct bytes *rest)
{
	struct body body = { 0 };
	struct bytes line;
	bool is_body = false;

	while (next_line(&line, rest)) {
		size_t i;

		if (is_line(line, KEY_ENDS))
			return is_body && body.letters == 0;
		if (!is_body) {
			is_body = line.len == 0;
			continue;
		}
		if (line.len > 0 && line.data[0] == '=' && body.letters == 0)
			continue;
		for (i = 0; i < line.len; i++) {
			if (!add_letter(&body, octets, len, line.data[i]))
				return false;
		}
	}
	return false;
}

bool armor_decode(uint8_t *octets, size_t *len, struct bytes text)
{
	struct bytes line;
	size_t decoded = 0;

	while (next_line(&line, &text)) {
		if (is_line(line, KEY_BEGINS) && !decode_key(octets, &decoded, &text))
			return false;
	}
	*len = decoded;
	return decoded > 0;
}
