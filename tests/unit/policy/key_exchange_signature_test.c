/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/key_exchange_signature.h"

#include "unit/policy/certificate_world.h"
#include "unit/policy/handshake_world.h"

#include "wire/tls_key_exchange.h"

/* Signatures that OpenSSL's own server made, held against the certificate that it showed, and against others. */

static const struct {
	const char *name;
	const char *key; /* of the server */
	int version;
	const char *ciphers;
	const char *schemes; /* that the client offers; NULL: OpenSSL's */
} handshakes[] = {
	{ "RSA, TLS 1.0", "RSA", TLS1_VERSION, "ECDHE-RSA-AES128-SHA", NULL },
	{ "RSA, TLS 1.1", "RSA", TLS1_1_VERSION, "DHE-RSA-AES128-SHA", NULL },
	{ "ECDSA, TLS 1.0", "EC", TLS1_VERSION, "ECDHE-ECDSA-AES128-SHA", NULL },
	{ "DSA, TLS 1.1", "DSA", TLS1_1_VERSION, "DHE-DSS-AES128-SHA", NULL },
	{ "RSA with SHA-1", "RSA", TLS1_2_VERSION, "ECDHE-RSA-AES128-SHA", "RSA+SHA1" },
	{ "RSA with SHA-224", "RSA", TLS1_2_VERSION, "ECDHE-RSA-AES128-SHA", "RSA+SHA224" },
	{ "RSA with SHA-256", "RSA", TLS1_2_VERSION, "ECDHE-RSA-AES128-SHA", "RSA+SHA256" },
	{ "RSA with SHA-384", "RSA", TLS1_2_VERSION, "ECDHE-RSA-AES128-SHA", "RSA+SHA384" },
	{ "RSA with SHA-512", "RSA", TLS1_2_VERSION, "DHE-RSA-AES128-SHA", "RSA+SHA512" },
	{ "RSA-PSS with SHA-256", "RSA", TLS1_2_VERSION, "ECDHE-RSA-AES128-SHA",
	  "rsa_pss_rsae_sha256" },
	{ "RSA-PSS with SHA-384", "RSA", TLS1_2_VERSION, "ECDHE-RSA-AES128-SHA",
	  "rsa_pss_rsae_sha384" },
	{ "RSA-PSS with SHA-512", "RSA", TLS1_2_VERSION, "ECDHE-RSA-AES128-SHA",
	  "rsa_pss_rsae_sha512" },
	{ "a key for RSA-PSS alone, SHA-256", "RSA-PSS", TLS1_2_VERSION, "ECDHE-RSA-AES128-SHA",
	  "rsa_pss_pss_sha256" },
	{ "a key for RSA-PSS alone, SHA-384", "RSA-PSS", TLS1_2_VERSION, "ECDHE-RSA-AES128-SHA",
	  "rsa_pss_pss_sha384" },
	{ "a key for RSA-PSS alone, SHA-512", "RSA-PSS", TLS1_2_VERSION, "ECDHE-RSA-AES128-SHA",
	  "rsa_pss_pss_sha512" },
	{ "ECDSA with SHA-1", "EC", TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA", "ECDSA+SHA1" },
	{ "ECDSA with SHA-256", "EC", TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA", "ECDSA+SHA256" },
	{ "ECDSA with SHA-384", "EC", TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA", "ECDSA+SHA384" },
	{ "ECDSA with SHA-512", "EC", TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA", "ECDSA+SHA512" },
	{ "Ed25519", "ED25519", TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA", "ed25519" },
	{ "Ed448", "ED448", TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA", "ed448" },
	{ "DSA with SHA-1", "DSA", TLS1_2_VERSION, "DHE-DSS-AES128-SHA", "DSA+SHA1" },
	{ "DSA with SHA-256", "DSA", TLS1_2_VERSION, "DHE-DSS-AES128-SHA", "DSA+SHA256" },
};

enum { HANDSHAKE_COUNT = sizeof(handshakes) / sizeof(handshakes[0]), KEY_KINDS = 6 };

static const char *const kinds[KEY_KINDS] = { "RSA", "RSA-PSS", "EC", "ED25519", "ED448", "DSA" };

struct world {
	struct identity identities[KEY_KINDS];
	struct identity others[KEY_KINDS]; /* the same kinds, other keys */
	struct handshake shaken[HANDSHAKE_COUNT];
};

static EVP_PKEY *dsa_key(void)
{
	EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_id(EVP_PKEY_DSA, NULL);
	EVP_PKEY *parameters = NULL, *key = NULL;

	assert_int_equal(EVP_PKEY_paramgen_init(maker), 1);
	assert_int_equal(EVP_PKEY_CTX_set_dsa_paramgen_bits(maker, 1024), 1);
	assert_int_equal(EVP_PKEY_paramgen(maker, &parameters), 1);
	EVP_PKEY_CTX_free(maker);
	maker = EVP_PKEY_CTX_new(parameters, NULL);
	assert_int_equal(EVP_PKEY_keygen_init(maker), 1);
	assert_int_equal(EVP_PKEY_keygen(maker, &key), 1);
	EVP_PKEY_CTX_free(maker);
	EVP_PKEY_free(parameters);
	return key;
}

static EVP_PKEY *key_of(const char *kind)
{
	EVP_PKEY_CTX *maker;
	EVP_PKEY *key = NULL;

	if (strcmp(kind, "EC") == 0)
		return EVP_EC_gen("P-256");
	if (strcmp(kind, "DSA") == 0)
		return dsa_key();
	maker = EVP_PKEY_CTX_new_from_name(NULL, kind, NULL);
	assert_int_equal(EVP_PKEY_keygen_init(maker), 1);
	assert_int_equal(EVP_PKEY_generate(maker, &key), 1);
	EVP_PKEY_CTX_free(maker);
	return key;
}

static struct identity identity_of(const char *kind)
{
	EVP_PKEY *key = key_of(kind);
	struct identity made =
		world_make(&(struct wanted){ .names = "DNS:mx.example.org", .key = key });

	EVP_PKEY_free(key);
	return made;
}

static size_t kind_of(size_t handshake)
{
	size_t kind = 0;

	while (strcmp(kinds[kind], handshakes[handshake].key) != 0)
		kind++;
	return kind;
}

static int set_up(void **state)
{
	static struct world world;

	*state = &world;
	for (size_t i = 0; i < KEY_KINDS; i++) {
		world.identities[i] = identity_of(kinds[i]);
		world.others[i] = identity_of(kinds[i]);
	}
	for (size_t i = 0; i < HANDSHAKE_COUNT; i++)
		handshake_make(&world.shaken[i], &(struct handshake_wanted){
							 .identity = &world.identities[kind_of(i)],
							 .version = handshakes[i].version,
							 .ciphers = handshakes[i].ciphers,
							 .schemes = handshakes[i].schemes });
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	for (size_t i = 0; i < KEY_KINDS; i++) {
		world_drop(&world->identities[i]);
		world_drop(&world->others[i]);
	}
	return 0;
}

static struct key_exchange_signed signed_in(const struct handshake *shaken)
{
	struct tls_key_exchange parsed;

	assert_int_equal(tls_key_exchange_parse(&parsed,
	                                        bytes_of(shaken->exchange, shaken->exchange_len),
	                                        shaken->version, shaken->cipher_suite),
	                 PARSE_OK);
	return (struct key_exchange_signed){
		.tls_version = shaken->version,
		.signature_scheme = parsed.signature_algorithm,
		.client_random = shaken->client_random,
		.server_random = shaken->server_random,
		.params = parsed.params,
		.signature = parsed.signature,
	};
}

static enum key_outcome check_against(const struct key_exchange_signed *exchange,
                                      const struct identity *identity)
{
	char why[KEY_TEXT_MAX] = "";
	static struct sent sent;
	enum key_outcome outcome;

	sent.len = 0;
	world_send(&sent, identity);
	outcome = key_exchange_signature_check(exchange, world_sent(&sent), why);
	assert_true((outcome == KEY_MET) == (why[0] == '\0'));
	return outcome;
}

static void what_the_server_signed_is_proven_by_its_certificate(void **state)
{
	const struct world *world = *state;

	for (size_t i = 0; i < HANDSHAKE_COUNT; i++) {
		struct key_exchange_signed exchange = signed_in(&world->shaken[i]);

		if (check_against(&exchange, &world->identities[kind_of(i)]) != KEY_MET)
			fail_msg("%s (%04x)", handshakes[i].name, exchange.signature_scheme);
	}
}

static void a_replayed_certificate_proves_nothing(void **state)
{
	const struct world *world = *state;

	for (size_t i = 0; i < HANDSHAKE_COUNT; i++) {
		struct key_exchange_signed exchange = signed_in(&world->shaken[i]);

		for (size_t kind = 0; kind < KEY_KINDS; kind++)
			assert_int_equal(check_against(&exchange, &world->others[kind]),
			                 KEY_UNPROVEN);
	}
}

static void randoms_of_another_handshake_prove_nothing(void **state)
{
	const struct world *world = *state;

	for (size_t i = 0; i < HANDSHAKE_COUNT; i++) {
		const struct identity *identity = &world->identities[kind_of(i)];
		const struct handshake *other = &world->shaken[(i + 1) % HANDSHAKE_COUNT];
		struct key_exchange_signed exchange = signed_in(&world->shaken[i]);
		struct key_exchange_signed swapped = exchange, foreign = exchange;

		swapped.client_random = exchange.server_random;
		swapped.server_random = exchange.client_random;
		assert_int_equal(check_against(&swapped, identity), KEY_UNPROVEN);
		foreign.client_random = other->client_random;
		assert_int_equal(check_against(&foreign, identity), KEY_UNPROVEN);
		foreign = exchange;
		foreign.server_random = other->server_random;
		assert_int_equal(check_against(&foreign, identity), KEY_UNPROVEN);
	}
}

static void one_bit_is_enough_to_prove_nothing(void **state)
{
	struct world *world = *state;

	for (size_t i = 0; i < HANDSHAKE_COUNT; i++) {
		const struct identity *identity = &world->identities[kind_of(i)];
		struct key_exchange_signed exchange = signed_in(&world->shaken[i]);
		struct bytes parts[] = { exchange.params, exchange.signature,
			                 bytes_of(exchange.client_random, 32),
			                 bytes_of(exchange.server_random, 32) };

		for (size_t part = 0; part < 4; part++) {
			uint8_t *octet =
				(uint8_t *)(uintptr_t)parts[part].data + parts[part].len / 2;

			*octet ^= 0x10;
			assert_int_equal(check_against(&exchange, identity), KEY_UNPROVEN);
			*octet ^= 0x10;
		}
		exchange.signature.len--;
		assert_int_equal(check_against(&exchange, identity), KEY_UNPROVEN);
		exchange.signature.len = 0;
		assert_int_equal(check_against(&exchange, identity), KEY_UNPROVEN);
	}
}

static void a_scheme_that_was_not_used_proves_nothing(void **state)
{
	const struct world *world = *state;
	static const uint16_t schemes[] = { 0,      0x0101, 0x0103, 0x0201, 0x0401, 0x0403,
		                            0x0503, 0x0804, 0x0805, 0x0807, 0x0808, 0x0809,
		                            0x0202, 0x0402, 0x081a, 0xffff };

	for (size_t i = 0; i < HANDSHAKE_COUNT; i++) {
		struct key_exchange_signed exchange = signed_in(&world->shaken[i]);
		uint16_t used = exchange.signature_scheme;

		if (exchange.tls_version < TLS1_2_VERSION)
			continue;
		for (size_t k = 0; k < sizeof(schemes) / sizeof(schemes[0]); k++) {
			exchange.signature_scheme = schemes[k];
			if (schemes[k] != used)
				assert_int_equal(
					check_against(&exchange, &world->identities[kind_of(i)]),
					KEY_UNPROVEN);
		}
	}
}

/* MD5's collisions let others' signatures be used (SLOTH, CVE-2015-7575). */
static void a_true_signature_over_a_broken_hash_proves_nothing(void **state)
{
	static const struct {
		uint16_t scheme;
		const char *digest;
		enum key_outcome outcome;
	} cases[] = { { 0x0401, "SHA256", KEY_MET }, { 0x0101, "MD5", KEY_UNPROVEN } };
	const struct world *world = *state;
	const struct identity *identity = &world->identities[0];
	struct key_exchange_signed exchange = { .tls_version = TLS1_2_VERSION };
	uint8_t octets[2 * 32 + 16] = { 7 }, signature[512];

	assert_string_equal(kinds[0], "RSA");
	exchange.client_random = octets;
	exchange.server_random = octets + 32;
	exchange.params = bytes_of(octets + 64, 16);
	for (size_t i = 0; i < 2; i++) {
		EVP_MD_CTX *signer = EVP_MD_CTX_new();
		size_t len = sizeof(signature);

		assert_int_equal(EVP_DigestSignInit_ex(signer, NULL, cases[i].digest, NULL, NULL,
		                                       identity->key, NULL),
		                 1);
		assert_int_equal(EVP_DigestSign(signer, signature, &len, octets, sizeof(octets)),
		                 1);
		EVP_MD_CTX_free(signer);
		exchange.signature_scheme = cases[i].scheme;
		exchange.signature = bytes_of(signature, len);
		assert_int_equal(check_against(&exchange, identity), cases[i].outcome);
	}
}

static void without_a_certificate_nothing_is_proven(void **state)
{
	const struct world *world = *state;
	struct key_exchange_signed exchange = signed_in(&world->shaken[0]);
	char why[KEY_TEXT_MAX];

	assert_int_equal(key_exchange_signature_check(&exchange, (struct bytes){ 0 }, why),
	                 KEY_UNREADABLE);
	assert_int_equal(key_exchange_signature_check(&exchange, bytes_of("\0\0\3abcd", 7), why),
	                 KEY_UNREADABLE);
	assert_string_equal(why, "the certificate is malformed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_server_signed_is_proven_by_its_certificate),
		cmocka_unit_test(a_replayed_certificate_proves_nothing),
		cmocka_unit_test(randoms_of_another_handshake_prove_nothing),
		cmocka_unit_test(one_bit_is_enough_to_prove_nothing),
		cmocka_unit_test(a_scheme_that_was_not_used_proves_nothing),
		cmocka_unit_test(a_true_signature_over_a_broken_hash_proves_nothing),
		cmocka_unit_test(without_a_certificate_nothing_is_proven),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
