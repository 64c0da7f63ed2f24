/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_BENCH_LETTER_H
#define HOPGUARD_TESTS_BENCH_LETTER_H

/* A letter as it goes over the wire behind DATA, its end included: headers, and lines as those of an attachment. */

#include <stdbool.h>
#include <stddef.h>

struct letter {
	char *octets;
	size_t len;
};

/* Of about `size` octets, the same each time. False: out of memory. */
bool letter_write(struct letter *letter, size_t size);
void letter_free(struct letter *letter);

#endif
