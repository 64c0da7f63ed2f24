/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Octets as a guard's wish for a probe, or for a check of certificates: what is called sound goes to a guarded port, in words that can end no
 * command; it is the same wish for the same octets; and of a check a finding comes that is sound.
 */

#include "require.h"

#include "config.h"
#include "policy/certificate.h"
#include "policy/certificate_anchors.h"
#include "probe_request.h"
#include "verdict/sound.h"
#include "verifier_judge.h"

enum { NOW_S = 1790000000 };

static const uint8_t secret[TABLE_SECRET_LEN];

static const struct config *config(void)
{
	static struct config config;
	char error[CONFIG_ERROR_MAX];

	if (config.rules.port_count == 0)
		REQUIRE(config_parse(&config, "t.conf", "", NULL, 0, error) == 0);
	return &config;
}

static void check_probe(const struct message_probe *probe, size_t len)
{
	struct tls_shape shape;

	if (!probe_request_is_sound(probe, len, config()))
		return;
	REQUIRE(probe->server.port == 25 && len <= sizeof(*probe));
	REQUIRE(strnlen(probe->server_name, DOMAIN_NAME_MAX) < DOMAIN_NAME_MAX);
	REQUIRE(strnlen(probe->ehlo_name, DOMAIN_NAME_MAX) < DOMAIN_NAME_MAX);
	REQUIRE(!strpbrk(probe->ehlo_name, "\r\n \t"));
	REQUIRE(probe_request_hash(probe, secret) == probe_request_hash(probe, secret));
	probe_request_shape(&shape, probe);
	REQUIRE(shape.cipher_count <= TLS_SHAPE_CIPHERS_MAX &&
	        shape.group_count <= TLS_SHAPE_GROUPS_MAX &&
	        shape.signature_count <= TLS_SHAPE_SIGNATURES_MAX);
	REQUIRE(shape.version_min <= shape.version_max);
}

static void check_check(const struct message_check *check, size_t len)
{
	static struct verifier_judge *judge;
	struct key_finding finding;
	char why[CERTIFICATE_WHY_MAX];

	if (!judge)
		judge = verifier_judge_new(certificate_anchors_new(bytes_of(NULL, 0), why), secret);
	REQUIRE(judge);
	if (verifier_judge_check(&finding, judge, check, len, NOW_S))
		REQUIRE(key_finding_is_sound(&finding) && finding.outcome != KEY_UNKNOWN);
}

/* The first octet chooses; then comes the message behind its type, as long as there is input; lengths in it count from there. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	bool is_probe = len > 0 && data[0] % 2 == 0;
	size_t head = is_probe ? PROBE_HEAD_LEN : CHECK_HEAD_LEN;
	struct bytes octets = bytes_after(bytes_of(data, len), 1);
	uint8_t *message;

	/* What is missing of the head are zeros; behind it nothing is. */
	if (octets.len + sizeof(uint32_t) > head)
		head = octets.len + sizeof(uint32_t);
	message = calloc(1, head);
	REQUIRE(message);
	if (octets.len > 0)
		memcpy(message + sizeof(uint32_t), octets.data, octets.len);
	if (is_probe)
		check_probe((const struct message_probe *)message, head);
	else
		check_check((const struct message_check *)message, head);
	free(message);
	return 0;
}
