/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/smtp_reply.h"

#include "wire/smtp_line.h"

static const char starttls[] = "STARTTLS";
enum { STARTTLS_LEN = sizeof(starttls) - 1 };

enum { CODE_LEN = 3 };

/* What a host name may have at most (RFC 1035 section 2.3.4), as text. */
enum { HOST_NAME_MAX_LEN = 253, LABEL_MAX_LEN = 63 };

static bool is_digit(uint8_t octet)
{
	return octet >= '0' && octet <= '9';
}

static bool is_alphanumeric(uint8_t octet)
{
	uint8_t lower = ascii_lower(octet);

	return is_digit(octet) || (lower >= 'a' && lower <= 'z');
}

enum parse_result smtp_reply_line_parse(struct smtp_reply_line *line, size_t *consumed,
                                        struct bytes readable)
{
	struct smtp_line raw;
	enum parse_result result = smtp_line_take(&raw, readable, SMTP_REPLY_LINE_MAX);
	const uint8_t *code = raw.text.data;
	uint8_t separator;

	if (result != PARSE_OK)
		return result;
	if (raw.text.len < CODE_LEN || !is_digit(code[0]) || !is_digit(code[1]) ||
	    !is_digit(code[2]) || code[0] == '0')
		return PARSE_MALFORMED;
	separator = raw.text.len > CODE_LEN ? code[CODE_LEN] : ' ';
	if (separator != ' ' && separator != '-')
		return PARSE_MALFORMED;

	line->code = (uint16_t)((code[0] - '0') * 100 + (code[1] - '0') * 10 + (code[2] - '0'));
	line->is_last = separator == ' ';
	line->ends_bare_lf = raw.ends_bare_lf;
	line->text = bytes_after(raw.text, CODE_LEN + 1);
	*consumed = raw.consumed;
	return PARSE_OK;
}

bool smtp_keyword_is_starttls(struct bytes text)
{
	struct bytes word = smtp_first_word(text);

	return bytes_equal_nocase(word, starttls) && smtp_skip_blanks(text, word.len) == text.len;
}

/* XXXX, XXXXXXXA: what "fixup" and its kin leave of a keyword. */
static bool is_crossed_out(struct bytes word)
{
	size_t crosses = 0;

	while (crosses < word.len && ascii_lower(word.data[crosses]) == 'x')
		crosses++;
	if (crosses < 4)
		return false;
	return crosses == word.len ||
	       (crosses + 1 == word.len && is_alphanumeric(word.data[crosses]));
}

/*
 * STARTTLS with some octets made X, or made what no keyword holds (RFC 5321 section 4.1.1.1:
 * letters, digits, hyphen).
 */
static bool is_spoilt_starttls(struct bytes text)
{
	bool is_spoilt = false;

	if (text.len < STARTTLS_LEN ||
	    (text.len > STARTTLS_LEN && !smtp_is_blank(text.data[STARTTLS_LEN])))
		return false;
	for (size_t i = 0; i < STARTTLS_LEN; i++) {
		uint8_t octet = text.data[i];

		if (ascii_lower(octet) == ascii_lower((uint8_t)starttls[i]))
			continue;
		if (ascii_lower(octet) != 'x' && (is_alphanumeric(octet) || octet == '-'))
			return false;
		is_spoilt = true;
	}
	return is_spoilt;
}

bool smtp_keyword_is_mask(struct bytes text)
{
	struct bytes trimmed = smtp_trim(text);

	if (is_crossed_out(smtp_first_word(trimmed)) || is_spoilt_starttls(text))
		return true;
	/*
	 * STARTTLS with something before or behind it: an offer that some clients see and others do
	 * not.
	 */
	return bytes_equal_nocase(bytes_slice(trimmed, 0, STARTTLS_LEN), starttls) &&
	       !smtp_keyword_is_starttls(text);
}

bool smtp_banner_is_mask(struct bytes text)
{
	size_t marks = 0;

	for (size_t i = 0; i < text.len; i++) {
		uint8_t octet = text.data[i];

		if (smtp_is_blank(octet))
			continue;
		if (is_alphanumeric(octet) && ascii_lower(octet) != 'x' && octet != '2' &&
		    octet != '0')
			return false;
		marks++;
	}
	return marks >= 4;
}

/* What stands behind the host's name. */
static struct bytes behind_host(struct bytes text)
{
	bool has_host = smtp_greeting_host(text).len > 0;

	return has_host ? bytes_after(text, smtp_first_word(text).len) : text;
}

bool smtp_banner_names_smtp(struct bytes text)
{
	static const char name[] = "SMTP";
	struct bytes words = behind_host(text);

	for (size_t i = 0; i + sizeof(name) - 1 <= words.len; i++) {
		if (bytes_equal_nocase(bytes_slice(words, i, sizeof(name) - 1), name))
			return true;
	}
	return false;
}

bool smtp_banner_names_other(struct bytes text)
{
	static const char *const others[] = { "FTP",  "FTPD", "POP3", "IMAP", "IMAP4",
		                              "NNTP", "HTTP", "SSH",  "LMTP" };
	struct bytes words = behind_host(text);
	size_t len;

	for (; words.len > 0; words = bytes_after(words, len > 0 ? len : 1)) {
		len = 0;
		while (len < words.len && is_alphanumeric(words.data[len]))
			len++;
		for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
			if (bytes_equal_nocase(bytes_slice(words, 0, len), others[i]))
				return true;
		}
	}
	return false;
}

struct bytes smtp_greeting_host(struct bytes text)
{
	struct bytes word = smtp_first_word(text);
	struct bytes none = { 0 };
	size_t label_len = 0;
	size_t dots = 0;
	bool has_letter = false; /* in the last label: what ends in a number is an address */

	if (word.len > 0 && word.data[word.len - 1] == '.')
		word.len--;
	for (size_t i = 0; i < word.len; i++) {
		uint8_t octet = word.data[i];

		if (octet == '.') {
			if (label_len == 0)
				return none;
			label_len = 0;
			has_letter = false;
			dots++;
			continue;
		}
		if (!is_alphanumeric(octet) && octet != '-' && octet != '_')
			return none;
		if (++label_len > LABEL_MAX_LEN)
			return none;
		has_letter = has_letter || !is_digit(octet);
	}
	if (label_len == 0 || dots == 0 || !has_letter || word.len > HOST_NAME_MAX_LEN)
		return none;
	return word;
}
