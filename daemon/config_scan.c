/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config_scan.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "config_hint.h"
#include "config_keys.h"

enum token_kind {
	TOKEN_END,
	TOKEN_WORD,
	TOKEN_OPEN,
	TOKEN_CLOSE,
	TOKEN_EQUALS,
	TOKEN_COMMA,
	TOKEN_REFUSED, /* the complaint is written */
};

struct token {
	enum token_kind kind;
	struct bytes text;
	unsigned line;
	bool is_quoted;
};

struct scanner {
	struct config_outline *outline;
	const char *name;
	char *at;
	unsigned line;
	struct token token;          /* the one not yet consumed */
	struct config_setting place; /* what is being read, for complaints */
	char *error;
};

/* What a stranger's file can put into one line in front of the complaint itself. */
enum { NAME_SHOWN_MAX = 200, KEY_SHOWN_MAX = 40 };

static size_t append(char error[CONFIG_ERROR_MAX], size_t len, struct bytes text, const char *end)
{
	int shown = text.len < KEY_SHOWN_MAX ? (int)text.len : KEY_SHOWN_MAX;

	if (shown == 0)
		return len;
	return len + (size_t)snprintf(error + len, CONFIG_ERROR_MAX - len, "%.*s%s", shown,
	                              (const char *)text.data, end);
}

/* What a terminal might take for a command, or cannot show: controls, and half a character that was cut. */
static void clean(char *text)
{
	enum { CONTROLS_END = 0xa0 }; /* behind U+0080 to U+009F */
	uint32_t character = 0;
	size_t len;

	for (; *text; text += len) {
		len = utf8_read(&character, text);
		if (len > 0 && character >= ' ' && (character < 0x7f || character >= CONTROLS_END))
			continue;
		if (len == 0)
			len = 1;
		memset(text, '?', len);
	}
}

int config_complain(char error[CONFIG_ERROR_MAX], const char *name,
                    const struct config_setting *setting, const char *format, ...)
{
	char line[16] = "";
	va_list arguments;
	size_t len;

	if (setting->line > 0)
		snprintf(line, sizeof(line), ":%u", setting->line);
	len = (size_t)snprintf(error, CONFIG_ERROR_MAX, "%.*s%s: ", NAME_SHOWN_MAX, name, line);
	len = append(error, len, setting->section, setting->key.len > 0 ? "." : ": ");
	len = append(error, len, setting->key, ": ");
	va_start(arguments, format);
	vsnprintf(error + len, CONFIG_ERROR_MAX - len, format, arguments);
	va_end(arguments);
	clean(error);
	return -EINVAL;
}

static int complain(struct scanner *scanner, unsigned line, const char *complaint)
{
	scanner->place.line = line;
	return config_complain(scanner->error, scanner->name, &scanner->place, "%s", complaint);
}

static bool is_word_octet(char octet)
{
	return (octet >= 'a' && octet <= 'z') || (octet >= 'A' && octet <= 'Z') ||
	       (octet >= '0' && octet <= '9') || (octet != '\0' && strchr("-_.:/@", octet));
}

/* Turns the comment at hand into spaces: libconfuse then sees none, and cannot see it otherwise. */
static bool blank_comment(struct scanner *scanner)
{
	char *at = scanner->at;

	if (*at == '#' || (at[0] == '/' && at[1] == '/')) {
		while (*at && *at != '\n')
			*at++ = ' ';
		return true;
	}
	if (at[0] != '/' || at[1] != '*')
		return false;
	while (*at && (at[0] != '*' || at[1] != '/' || at == scanner->at + 1)) {
		if (*at != '\n')
			*at = ' ';
		at++;
	}
	if (!*at)
		return false;
	at[0] = ' ';
	at[1] = ' ';
	return true;
}

/* CR LF, as Windows ends a line. */
static bool is_line_end(const char *at)
{
	return at[0] == '\n' || (at[0] == '\r' && at[1] == '\n');
}

/* False: a comment does not end. */
static bool skip_blanks(struct scanner *scanner)
{
	for (;;) {
		char *at = scanner->at;

		/* libconfuse would take the CR for a part of the value. */
		if (*at == '\r' && is_line_end(at))
			*at = ' ';
		if (*at == '\n')
			scanner->line++;
		if (*at == '\n' || *at == ' ' || *at == '\t')
			scanner->at++;
		else if (*at != '#' && (*at != '/' || (at[1] != '/' && at[1] != '*')))
			return true;
		else if (!blank_comment(scanner))
			return false;
	}
}

/* No escapes and no variables: what is written is what is meant. */
static enum token_kind scan_quoted(struct scanner *scanner, struct token *token)
{
	char quote = *scanner->at++;
	char *start = scanner->at;
	const char *complaint = NULL;

	for (; *scanner->at != quote && !complaint; scanner->at++) {
		if (*scanner->at == '\0' || is_line_end(scanner->at))
			complaint = "the quotation mark that ends the text is missing";
		else if (*scanner->at == '\\')
			complaint = "a backslash has no meaning here and is not allowed";
		else if (scanner->at[0] == '$' && scanner->at[1] == '{')
			complaint = "variables are not expanded: write out what ${...} stands for";
		else if ((unsigned char)*scanner->at < ' ' || *scanner->at == 0x7f)
			complaint = "control characters are not allowed";
	}
	if (complaint) {
		complain(scanner, token->line, complaint);
		return TOKEN_REFUSED;
	}
	token->text = bytes_of(start, (size_t)(scanner->at++ - start));
	token->is_quoted = true;
	return TOKEN_WORD;
}

/* Those that editors and web pages put in the place of " and '. */
static bool is_other_quotation_mark(uint32_t character)
{
	return character == 0xab || character == 0xbb ||
	       (character >= 0x2018 && character <= 0x201f) || character == 0x2039 ||
	       character == 0x203a;
}

static void complain_of_character(struct scanner *scanner)
{
	enum { NO_BREAK_SPACE = 0xa0, BYTE_ORDER_MARK = 0xfeff };
	uint32_t character = 0;
	size_t len = utf8_read(&character, scanner->at);
	const char *format = "the character U+%04X is only allowed in quotation marks";

	if (len == 1 && character > ' ' && character < 0x7f) {
		config_complain(scanner->error, scanner->name, &scanner->place,
		                "the character '%c' (0x%02x) is only allowed in quotation marks",
		                (char)character, (unsigned)character);
		return;
	}
	if (len == 0) {
		character = (unsigned char)*scanner->at;
		format = "the octet 0x%02x is only allowed in quotation marks";
	} else if (len == 1) {
		format = "the control character 0x%02x is not allowed";
	} else if (character == NO_BREAK_SPACE) {
		format = "the no-break space U+%04X is not allowed: write a blank";
	} else if (character == BYTE_ORDER_MARK) {
		format = "a byte order mark (U+%04X) is not allowed: save the file without it";
	} else if (is_other_quotation_mark(character)) {
		format = "the quotation mark U+%04X has no meaning here: write \" or '";
	}
	config_complain(scanner->error, scanner->name, &scanner->place, format,
	                (unsigned)character);
}

static enum token_kind scan_plain(struct scanner *scanner, struct token *token)
{
	char *start = scanner->at;

	while (is_word_octet(*scanner->at))
		scanner->at++;
	token->text = bytes_of(start, (size_t)(scanner->at - start));
	if (token->text.len > 0)
		return TOKEN_WORD;
	scanner->place.line = token->line;
	if (scanner->at[0] == '$')
		config_complain(scanner->error, scanner->name, &scanner->place,
		                "variables are not expanded: write out what ${...} stands for");
	else
		complain_of_character(scanner);
	return TOKEN_REFUSED;
}

static void next_token(struct scanner *scanner)
{
	static const char marks[] = "{}=,";
	static const enum token_kind kinds[] = { TOKEN_OPEN, TOKEN_CLOSE, TOKEN_EQUALS,
		                                 TOKEN_COMMA };
	struct token token = { 0 };
	const char *mark;

	if (scanner->token.kind == TOKEN_REFUSED)
		return;
	if (!skip_blanks(scanner)) {
		complain(scanner, scanner->line, "a comment that begins on this line does not end");
		scanner->token.kind = TOKEN_REFUSED;
		return;
	}
	token.line = scanner->line;
	mark = *scanner->at ? strchr(marks, *scanner->at) : NULL;
	if (*scanner->at == '\0') {
		token.kind = TOKEN_END;
	} else if (mark) {
		token.kind = kinds[mark - marks];
		scanner->at++;
	} else if (*scanner->at == '"' || *scanner->at == '\'') {
		token.kind = scan_quoted(scanner, &token);
	} else {
		token.kind = scan_plain(scanner, &token);
	}
	scanner->token = token;
}

/* Something is missing on that line: what stands in its place may be far below. That a token was refused was said already. */
static int missing(struct scanner *scanner, unsigned line, const char *complaint)
{
	if (scanner->token.kind == TOKEN_REFUSED)
		return -EINVAL;
	return complain(scanner, line, complaint);
}

/* A token that does not belong here. */
static int unexpected(struct scanner *scanner, const char *complaint)
{
	return missing(scanner, scanner->token.line, complaint);
}

static bool equal_nocase(struct bytes a, struct bytes b)
{
	size_t i;

	if (a.len != b.len)
		return false;
	for (i = 0; i < a.len; i++) {
		if (ascii_lower(a.data[i]) != ascii_lower(b.data[i]))
			return false;
	}
	return true;
}

static int note(struct scanner *scanner, const struct config_setting *setting)
{
	struct config_outline *outline = scanner->outline;
	size_t i;

	for (i = 0; i < outline->count; i++) {
		const struct config_setting *earlier = &outline->settings[i];

		if (!bytes_equal(earlier->section, setting->section) ||
		    !bytes_equal(earlier->key, setting->key) ||
		    !equal_nocase(earlier->title, setting->title))
			continue;
		return config_complain(scanner->error, scanner->name, setting,
		                       "already given on line %u; once is allowed%s", earlier->line,
		                       bytes_equal(earlier->title, setting->title)
		                               ? ""
		                               : " (titles are the same in upper and lower case)");
	}
	if (outline->count == CONFIG_SETTINGS_MAX)
		return config_complain(scanner->error, scanner->name, setting,
		                       "more than %d settings and sections", CONFIG_SETTINGS_MAX);
	outline->settings[outline->count++] = *setting;
	return 0;
}

/* { word, word } or {} */
static int scan_list(struct scanner *scanner)
{
	next_token(scanner);
	if (scanner->token.kind == TOKEN_CLOSE) {
		next_token(scanner);
		return 0;
	}
	for (;;) {
		if (scanner->token.kind != TOKEN_WORD)
			return unexpected(scanner, "a value is missing in the list");
		next_token(scanner);
		if (scanner->token.kind == TOKEN_CLOSE) {
			next_token(scanner);
			return 0;
		}
		if (scanner->token.kind != TOKEN_COMMA)
			return unexpected(scanner, "',' or the '}' of the list is missing");
		next_token(scanner);
	}
}

/* key = word, or key = { list }; the key is consumed, "=" is at hand. */
static int scan_setting(struct scanner *scanner)
{
	struct config_setting setting = scanner->place;
	int err;

	next_token(scanner);
	setting.is_braced = scanner->token.kind == TOKEN_OPEN;
	if (setting.is_braced) {
		err = scan_list(scanner);
		if (err)
			return err;
	} else if (scanner->token.kind == TOKEN_WORD) {
		next_token(scanner);
	} else {
		return unexpected(scanner, "a value is missing behind '='");
	}
	return scanner->token.kind == TOKEN_REFUSED ? -EINVAL : note(scanner, &setting);
}

/* "key: value", as other programs have it: the colon is a part of the word. */
static int check_colon(struct scanner *scanner)
{
	struct bytes *key = &scanner->place.key;
	size_t len = bytes_find(*key, ':');

	if (len == key->len)
		return 0;
	key->len = len;
	if (key->len == 0)
		return complain(scanner, scanner->place.line, "a key is expected here");
	return complain(scanner, scanner->place.line,
	                scanner->place.section.len == 0 && config_section_find(*key)
	                        ? "no ':' stands behind the name of a section"
	                        : "'=' is missing where ':' stands");
}

/* Takes the key at hand into place. */
static int scan_key(struct scanner *scanner)
{
	int err;

	if (scanner->token.kind != TOKEN_WORD || scanner->token.is_quoted)
		return unexpected(scanner, "a key is expected here");
	scanner->place.key = scanner->token.text;
	scanner->place.line = scanner->token.line;
	err = check_colon(scanner);
	if (err)
		return err;
	next_token(scanner);
	return scanner->token.kind == TOKEN_REFUSED ? -EINVAL : 0;
}

/* name { … } or name "title" { … }; the name is consumed. */
static int scan_section(struct scanner *scanner)
{
	struct config_setting opening = { .section = scanner->place.key,
		                          .line = scanner->place.line };
	int err;

	scanner->place = opening;
	if (scanner->token.kind == TOKEN_WORD) {
		opening.title = scanner->token.text;
		next_token(scanner);
	}
	if (scanner->token.kind != TOKEN_OPEN)
		return missing(scanner, opening.line,
		               config_section_find(opening.section) ? "'{' is missing"
		                                                    : "'=' or '{' is missing");
	err = note(scanner, &opening);
	if (err)
		return err;
	next_token(scanner);
	while (!err && scanner->token.kind != TOKEN_CLOSE) {
		scanner->place = opening;
		if (scanner->token.kind == TOKEN_END)
			return complain(scanner, opening.line,
			                "the '}' of this section is missing");
		err = scan_key(scanner);
		if (!err && scanner->token.kind != TOKEN_EQUALS)
			return missing(scanner, scanner->place.line, "'=' is missing");
		if (!err)
			err = scan_setting(scanner);
	}
	if (err)
		return err;
	scanner->place = (struct config_setting){ 0 };
	next_token(scanner);
	return 0;
}

/* Behind a name that stands in no section. What is no key there is told at once, whatever follows it. */
static int scan_top(struct scanner *scanner)
{
	const struct bytes nowhere = { 0 };
	struct bytes name = scanner->place.key;
	bool is_setting = scanner->token.kind == TOKEN_EQUALS;
	char why[CONFIG_WHY_MAX];

	if (config_key_find(nowhere, name))
		return is_setting ? scan_setting(scanner)
		                  : missing(scanner, scanner->place.line, "'=' is missing");
	if (!is_setting && config_section_find(name))
		return scan_section(scanner);
	if (config_hint(why, name, CONFIG_IN_FILE))
		return complain(scanner, scanner->place.line, why);
	return is_setting ? scan_setting(scanner) : scan_section(scanner);
}

int config_scan(struct config_outline *outline, const char *name, char *text,
                char error[CONFIG_ERROR_MAX])
{
	struct scanner scanner = {
		.outline = outline, .name = name, .at = text, .line = 1, .error = error
	};
	int err = 0;

	outline->count = 0;
	next_token(&scanner);
	while (!err && scanner.token.kind != TOKEN_END) {
		scanner.place = (struct config_setting){ 0 };
		err = scan_key(&scanner);
		if (!err)
			err = scan_top(&scanner);
	}
	return err;
}
