/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A server's certificates as it sends them, behind an octet that chooses the rules, or how a key exchange shall be signed. The seeds are chains below the authority that is
 * trusted here, whose keys were thrown away: so whatever meets a rule that asks for it has the key of the one leaf that it signed.
 */

#include "require.h"

#include "policy/certificate.h"
#include "policy/key_exchange_signature.h"
#include "verdict/key_rule.h"

enum { NOW_S = 1790000000, RULE_SETS = 4, SCHEMES = 5 };

static const char authority[] = "-----BEGIN CERTIFICATE-----\n"
				"MIIBIDCBx6ADAgECAgID6DAKBggqhkjOPQQDAjAPMQ0wCwYDVQQDDARyb290MB4X\n"
				"DTI2MDMyNTE0MTMyMFoXDTI3MDMyMDE0MTMyMFowDzENMAsGA1UEAwwEcm9vdDBZ\n"
				"MBMGByqGSM49AgEGCCqGSM49AwEHA0IABL4H34f+sOUUkfuq+KhMI2QoqCkwI5wO\n"
				"9AKHix7sjARZu9hLItR5OA281K9zLjY7Y7dEGYH6ljmoyir62JGOsJGjEzARMA8G\n"
				"A1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIhAMoZsluEujrHjwqjY3U0\n"
				"Hcumw+aEI1jZ5+jPeCLWVf+BAiB+Y0YfW15i6WklgTBWwbdosgW/GphK3+QRzFm5\n"
				"7Wcp6w==\n"
				"-----END CERTIFICATE-----\n";

static const uint8_t leaf_key[KEY_DIGEST_LEN] = { 0xbd, 0x83, 0xae, 0xbd, 0x13, 0x89, 0x86, 0xf9,
	                                          0xf1, 0x7a, 0xe6, 0xbd, 0x7b, 0x92, 0x55, 0x0d,
	                                          0xaf, 0x02, 0x97, 0x83, 0xb5, 0x49, 0xd7, 0xb7,
	                                          0x48, 0x64, 0xb0, 0xb6, 0x08, 0x8c, 0x73, 0x43 };

static const uint8_t authority_key[] = {
	0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
	0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
	0x04, 0xbe, 0x07, 0xdf, 0x87, 0xfe, 0xb0, 0xe5, 0x14, 0x91, 0xfb, 0xaa, 0xf8,
	0xa8, 0x4c, 0x23, 0x64, 0x28, 0xa8, 0x29, 0x30, 0x23, 0x9c, 0x0e, 0xf4, 0x02,
	0x87, 0x8b, 0x1e, 0xec, 0x8c, 0x04, 0x59, 0xbb, 0xd8, 0x4b, 0x22, 0xd4, 0x79,
	0x38, 0x0d, 0xbc, 0xd4, 0xaf, 0x73, 0x2e, 0x36, 0x3b, 0x63, 0xb7, 0x44, 0x19,
	0x81, 0xfa, 0x96, 0x39, 0xa8, 0xca, 0x2a, 0xfa, 0xd8, 0x91, 0x8e, 0xb0, 0x91
};

static const uint8_t authority_digest[KEY_DIGEST_LEN] = { 0x10, 0x89, 0xb3, 0x36, 0x24, 0xa5, 0x57,
	                                                  0x67, 0xb3, 0xac, 0xe6, 0x3a, 0xe6, 0xcc,
	                                                  0xaa, 0xd7, 0x61, 0xc8, 0x26, 0x85, 0xb7,
	                                                  0xba, 0x1c, 0x67, 0x70, 0xb3, 0xfe, 0x63,
	                                                  0xf3, 0x17, 0xed, 0xc2 };

/* Below the authority in a chain, or an anchor by its key alone, or by a digest of its certificate; and what asks for no chain. */
static void choose_rules(struct key_rules *rules, unsigned set)
{
	struct key_rule rule = { .source = SOURCE_DANE,
		                 .names = bytes_of_string("mx.example.org"),
		                 .record_count = 1 };
	struct bytes digest = bytes_of(authority_digest, KEY_DIGEST_LEN);

	rule.kind = set == 0 ? KEY_RULE_PKIX : set == 3 ? KEY_RULE_FINGERPRINT : KEY_RULE_TLSA;
	rule.records[0] = (struct key_record){ 2, 1, 1, digest };
	if (set == 1)
		rule.records[0] =
			(struct key_record){ 2, 1, 0,
			                     bytes_of(authority_key, sizeof(authority_key)) };
	REQUIRE(key_rules_add(rules, &rule));
}

static void require_text(const char text[KEY_TEXT_MAX])
{
	REQUIRE(memchr(text, '\0', KEY_TEXT_MAX));
	for (; *text; text++)
		REQUIRE(*text >= ' ' && *text <= '~');
}

static void require_sound(const struct key_finding *finding)
{
	REQUIRE(finding->outcome > KEY_UNKNOWN && finding->outcome <= KEY_UNREADABLE);
	require_text(finding->matched);
	require_text(finding->why);
	require_text(finding->seen.names);
	require_text(finding->seen.issuer);
	REQUIRE(finding->outcome == KEY_MET || finding->why[0]);
	REQUIRE(finding->seen.has_leaf || finding->outcome == KEY_UNREADABLE);
}

static void check_signature(struct bytes chain, size_t scheme)
{
	static const uint8_t random[KEY_EXCHANGE_RANDOM_LEN];
	static const uint16_t schemes[SCHEMES] = { 0x0401, 0x0403, 0x0804, 0x0807, 0x0402 };
	const struct key_exchange_signed exchange = {
		.tls_version = 0x0303,
		.signature_scheme = schemes[scheme],
		.client_random = random,
		.server_random = random,
		.params = chain,
		.signature = bytes_slice(chain, chain.len / 2, 64),
	};
	char why[KEY_TEXT_MAX] = "";
	enum key_outcome outcome = key_exchange_signature_check(&exchange, chain, why);

	REQUIRE(outcome == KEY_UNPROVEN || outcome == KEY_UNREADABLE);
	require_text(why);
}

static void check_rules(struct bytes chain, unsigned set)
{
	static struct certificate_anchors *anchors;
	static struct key_rules rules[RULE_SETS];
	struct certificate_query query = { .chain = chain, .now_s = NOW_S };
	char why[CERTIFICATE_WHY_MAX];
	struct key_finding finding;

	if (!anchors) {
		anchors = certificate_anchors_new(bytes_of_string(authority), why);
		for (unsigned i = 0; i < RULE_SETS; i++)
			choose_rules(&rules[i], i);
	}
	REQUIRE(anchors);
	query.anchors = anchors;
	query.rules = bytes_of(rules[set].octets, rules[set].len);
	memset(&finding, 0xff, sizeof(finding));
	certificate_check(&finding, &query);
	require_sound(&finding);
	if (set < 3 && finding.outcome == KEY_MET)
		REQUIRE(memcmp(finding.seen.leaf_digest, leaf_key, KEY_DIGEST_LEN) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct bytes chain = exact_copy(bytes_after(bytes_of(data, len), 1));
	unsigned choice = len > 0 ? data[0] % (RULE_SETS + SCHEMES) : 0;

	/* One of them: all together would take as long as all. */
	if (choice < RULE_SETS)
		check_rules(chain, choice);
	else
		check_signature(chain, choice - RULE_SETS);
	exact_free(chain);
	return 0;
}
