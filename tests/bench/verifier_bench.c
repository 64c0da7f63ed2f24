/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What a full handshake costs the verifier: certificates and the signature of a key exchange, by RSA-2048 (a root of 4096 bits, an
 * issuer of 2048) and by P-256 (below P-384), against a TLSA record of usage 3, one of usage 2, and a policy that asks for an
 * authority, which the system's file is taken for. Uncached, each handshake is of another minute; cached, all are of the same. Prints processor
 * time for each. Usage: verifier_bench [HANDSHAKES]
 */

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "policy/certificate_anchors.h"
#include "verifier_judge.h"

enum { NOW_S = 1790000000, DAY_S = 86400, RULES_COUNT = 3, PEM_ROOM = 4 * 1024 * 1024 };

static const char system_authorities[] = "/etc/ssl/certs/ca-certificates.crt";
static const uint8_t secret[TABLE_SECRET_LEN] = { 1, 2, 3 };

struct identity {
	EVP_PKEY *key;
	X509 *certificate;
};

struct family {
	const char *name;
	uint16_t scheme;
	uint16_t suite;
	struct identity root, issuer, leaf;
};

static void need(int holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "verifier_bench: %s failed\n", what);
	exit(1);
}

static double processor_seconds(void)
{
	struct rusage usage;

	(void)getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void add_extension(X509 *certificate, int kind, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, kind, value);

	need(extension && X509_add_ext(certificate, extension, -1), "an extension");
	X509_EXTENSION_free(extension);
}

static struct identity make(EVP_PKEY *key, const char *name, const struct identity *issuer)
{
	struct identity made = { .key = key, .certificate = X509_new() };
	const struct identity *by = issuer ? issuer : &made;
	X509_NAME *subject = X509_get_subject_name(made.certificate);

	X509_set_version(made.certificate, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(made.certificate), 1);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1,
	                           0);
	X509_set_issuer_name(made.certificate, X509_get_subject_name(by->certificate));
	ASN1_TIME_set(X509_getm_notBefore(made.certificate), NOW_S - DAY_S);
	ASN1_TIME_set(X509_getm_notAfter(made.certificate), NOW_S + 3650L * DAY_S);
	X509_set_pubkey(made.certificate, key);
	if (strchr(name, '.')) {
		add_extension(made.certificate, NID_basic_constraints, "CA:FALSE");
		add_extension(made.certificate, NID_subject_alt_name, "DNS:mx.example.org");
	} else {
		add_extension(made.certificate, NID_basic_constraints, "critical,CA:TRUE");
	}
	need(X509_sign(made.certificate, by->key, EVP_sha256()) > 0, "a signature");
	return made;
}

static void make_family(struct family *family, EVP_PKEY *root, EVP_PKEY *issuer, EVP_PKEY *leaf)
{
	family->root = make(root, "root", NULL);
	family->issuer = make(issuer, "issuer", &family->root);
	family->leaf = make(leaf, "mx.example.org", &family->issuer);
}

/* With the roots of both families behind those of the system. */
static struct certificate_anchors *make_anchors(const struct family *families)
{
	char *pem = malloc(PEM_ROOM), *text, why[CERTIFICATE_WHY_MAX];
	FILE *file = fopen(system_authorities, "rb");
	struct certificate_anchors *anchors;
	size_t len;
	long added;
	BIO *own = BIO_new(BIO_s_mem());

	need(pem && file, system_authorities);
	len = fread(pem, 1, PEM_ROOM / 2, file);
	(void)fclose(file);
	PEM_write_bio_X509(own, families[0].root.certificate);
	PEM_write_bio_X509(own, families[1].root.certificate);
	added = BIO_get_mem_data(own, &text);
	memcpy(pem + len, text, (size_t)added);
	anchors = certificate_anchors_new(bytes_of(pem, len + (size_t)added), why);
	need(anchors != NULL, why);
	BIO_free(own);
	free(pem);
	return anchors;
}

static void put(struct message_check *check, size_t *len, const void *octets, size_t octets_len)
{
	memcpy((uint8_t *)check + *len, octets, octets_len);
	*len += octets_len;
}

static void put_certificate(struct message_check *check, size_t *len,
                            const struct identity *identity)
{
	unsigned char *der = NULL;
	int der_len = i2d_X509(identity->certificate, &der);
	const uint8_t head[] = { 0, (uint8_t)(der_len >> 8), (uint8_t)der_len };

	need(der_len > 0, "a certificate");
	put(check, len, head, sizeof(head));
	put(check, len, der, (size_t)der_len);
	check->chain_len += (uint32_t)sizeof(head) + (uint32_t)der_len;
	OPENSSL_free(der);
}

/* A point on P-256, signed: any 64 octets look like one to whoever only verifies. */
static void put_exchange(struct message_check *check, size_t *len, const struct family *family)
{
	uint8_t body[1024] = { 3, 0, 23, 65, 4 }, to_sign[64 + 69];
	size_t params_len = 4 + 65, signature_len = sizeof(body) - params_len - 4;
	EVP_MD_CTX *hash = EVP_MD_CTX_new();

	memcpy(to_sign, check->client_random, 32);
	memcpy(to_sign + 32, check->server_random, 32);
	memcpy(to_sign + 64, body, params_len);
	need(EVP_DigestSignInit(hash, NULL, EVP_sha256(), NULL, family->leaf.key) == 1 &&
	             EVP_DigestSign(hash, body + params_len + 4, &signature_len, to_sign,
	                            sizeof(to_sign)) == 1,
	     "signing");
	EVP_MD_CTX_free(hash);
	put_u16(body + params_len, family->scheme);
	put_u16(body + params_len + 2, (uint16_t)signature_len);
	check->exchange_len = (uint32_t)(params_len + 4 + signature_len);
	put(check, len, body, check->exchange_len);
}

static void fill_rule(struct key_rules *rules, unsigned which, const struct family *family)
{
	static uint8_t digest[32];
	const struct identity *of = which == 0 ? &family->leaf : &family->root;
	struct key_rule rule = { .kind = which < 2 ? KEY_RULE_TLSA : KEY_RULE_PKIX,
		                 .source = which < 2 ? SOURCE_DANE : SOURCE_MTA_STS,
		                 .names = bytes_of_string("mx.example.org"),
		                 .record_count = which < 2 };
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(of->key, &der);

	need(EVP_Digest(der, (size_t)len, digest, NULL, EVP_sha256(), NULL), "a digest");
	OPENSSL_free(der);
	rule.records[0] = (struct key_record){ which == 0 ? 3 : 2, 1, 1, bytes_of(digest, 32) };
	need(key_rules_add(rules, &rule), "a rule");
}

static void measure(struct verifier_judge *judge, const struct family *family, unsigned which,
                    unsigned count)
{
	static const char *const rules_names[] = { "3 1 1", "2 1 1", "authority" };
	static struct key_rules rules;
	static struct message_check check;
	struct key_finding finding;
	size_t len = CHECK_HEAD_LEN;
	double took[2];

	rules.count = rules.len = 0;
	check = (struct message_check){ .type = MESSAGE_CHECK,
		                        .tls_version = 0x0303,
		                        .cipher_suite = family->suite };
	fill_rule(&rules, which, family);
	check.rules_len = (uint32_t)rules.len;
	put(&check, &len, rules.octets, rules.len);
	put_certificate(&check, &len, &family->leaf);
	put_certificate(&check, &len, &family->issuer);
	if (which == 1)
		put_certificate(&check, &len, &family->root);
	put_exchange(&check, &len, family);
	for (int is_cached = 0; is_cached < 2; is_cached++) {
		double start = processor_seconds();

		for (unsigned i = 0; i < count; i++)
			need(verifier_judge_check(&finding, judge, &check, len,
			                          NOW_S + (is_cached ? 0 : (int64_t)i * 60)) &&
			             finding.outcome == KEY_MET,
			     finding.why);
		took[is_cached] = (processor_seconds() - start) / count * 1e6;
	}
	printf("%-9s %-10s %6.0f us uncached, %6.0f us cached (%zu octets)\n", family->name,
	       rules_names[which], took[0], took[1], len);
}

int main(int argc, char **argv)
{
	unsigned count = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 2000;
	struct family families[] = { { .name = "RSA-2048", .scheme = 0x0401, .suite = 0xc02f },
		                     { .name = "P-256", .scheme = 0x0403, .suite = 0xc02b } };
	struct certificate_anchors *anchors;
	struct verifier_judge *judge;
	double start;

	make_family(&families[0], EVP_RSA_gen(4096), EVP_RSA_gen(2048), EVP_RSA_gen(2048));
	make_family(&families[1], EVP_EC_gen("P-384"), EVP_EC_gen("P-384"), EVP_EC_gen("P-256"));
	start = processor_seconds();
	anchors = make_anchors(families);
	printf("%zu authorities read in %.0f ms\n", certificate_anchors_count(anchors),
	       (processor_seconds() - start) * 1e3);
	judge = verifier_judge_new(anchors, secret);
	need(judge != NULL, "memory");
	for (size_t i = 0; i < 2; i++) {
		for (unsigned which = 0; which < RULES_COUNT; which++)
			measure(judge, &families[i], which, count);
	}
	verifier_judge_free(judge);
	for (size_t i = 0; i < 2; i++) {
		struct identity *const all[] = { &families[i].root, &families[i].issuer,
			                         &families[i].leaf };

		for (size_t k = 0; k < 3; k++) {
			EVP_PKEY_free(all[k]->key);
			X509_free(all[k]->certificate);
		}
	}
	return 0;
}
