/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_SUPPORT_BODY_ORACLE_H
#define HOPGUARD_TESTS_SUPPORT_BODY_ORACLE_H

/* What a scan of message bodies has to say, found the slow and obvious way. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* CR or LF, a dot, CR or LF: three octets in a row, anywhere. */
bool body_oracle_completes(const uint8_t *octets, size_t len);

#endif
