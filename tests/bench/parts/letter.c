/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/parts/letter.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char HEAD[] = "From: a@sender.bench.lab\r\nTo: x@bench.lab\r\nSubject: a letter\r\n"
			   "Content-Transfer-Encoding: base64\r\n\r\n";
static const char END_OF_DATA[] = "\r\n.\r\n";

enum { LINE_LEN = 76 }; /* RFC 2045 section 6.8 */

static char next_letter(uint32_t *state)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	*state = *state * 1664525 + 1013904223;
	return alphabet[*state >> 26];
}

bool letter_write(struct letter *letter, size_t size)
{
	uint32_t state = 1;
	size_t at = sizeof(HEAD) - 1, column = 0;

	if (size < sizeof(HEAD) + sizeof(END_OF_DATA))
		size = sizeof(HEAD) + sizeof(END_OF_DATA);
	letter->octets = malloc(size);
	if (!letter->octets)
		return false;
	memcpy(letter->octets, HEAD, at);
	while (at < size - sizeof(END_OF_DATA)) {
		letter->octets[at] = column < LINE_LEN    ? next_letter(&state)
		                     : column == LINE_LEN ? '\r'
		                                          : '\n';
		column = column > LINE_LEN ? 0 : column + 1;
		at++;
	}
	/* Not behind half of a line end. */
	if (letter->octets[at - 1] == '\r' || letter->octets[at - 1] == '\n')
		letter->octets[at - 1] = '=';
	memcpy(letter->octets + at, END_OF_DATA, sizeof(END_OF_DATA) - 1);
	letter->len = at + sizeof(END_OF_DATA) - 1;
	return true;
}

void letter_free(struct letter *letter)
{
	free(letter->octets);
}
