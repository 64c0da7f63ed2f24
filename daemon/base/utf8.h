/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_BASE_UTF8_H
#define HOPGUARD_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Reads the first character of a text. Its octets; 0: they are no UTF-8 (RFC 3629), or cut, or the text is empty. */
size_t utf8_read(uint32_t *character, const char *text);

#endif
