/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_PROBE_SCENE_H
#define HOPGUARD_TESTS_PROBE_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "messages.h"

/* A sound wish for a probe: TLS 1.3 and 1.2 with a few of everything. */
static inline struct message_probe sound_probe(const char *client, const char *server)
{
	static const uint16_t entries[] = { 0x1301, 0x1302, 0xc02b, 29,    23,
		                            0x0403, 0x0804, 0x0304, 0x0303 };
	struct message_probe probe;

	memset(&probe, 0, sizeof(probe));
	probe.type = MESSAGE_PROBE;
	probe.key = 1;
	assert_true(address_parse(&probe.client, client));
	assert_true(address_parse(&probe.server.address, server));
	probe.server.port = 25;
	text_copy(probe.server_name, sizeof(probe.server_name), "mx.example.org");
	text_copy(probe.ehlo_name, sizeof(probe.ehlo_name), "client.example.net");
	probe.cipher_suites_len = 6;
	probe.groups_len = 4;
	probe.signature_algorithms_len = 4;
	probe.versions_len = 4;
	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
		put_u16(probe.shape + 2 * i, entries[i]);
	return probe;
}

static inline size_t probe_len(const struct message_probe *probe)
{
	return PROBE_HEAD_LEN + (size_t)probe->cipher_suites_len + probe->groups_len +
	       probe->signature_algorithms_len + probe->versions_len;
}

#endif
