/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/certificate_anchors.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/certificate_private.h"

/* False: one is malformed, or memory is out. */
static bool add_all(struct certificate_anchors *anchors, BIO *pem)
{
	for (;;) {
		X509 *certificate = PEM_read_bio_X509_AUX(pem, NULL, NULL, NULL);
		unsigned long error = ERR_peek_last_error();
		int is_added;

		if (!certificate)
			return ERR_GET_LIB(error) == ERR_LIB_PEM &&
			       ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
		is_added = X509_STORE_add_cert(anchors->store, certificate);
		X509_free(certificate);
		if (!is_added)
			return false;
		anchors->count++;
	}
}

static bool read_pem(struct certificate_anchors *anchors, struct bytes octets,
                     char why[CERTIFICATE_WHY_MAX])
{
	BIO *pem;
	bool is_read;

	if (octets.len == 0)
		return true;
	if (octets.len > INT32_MAX)
		return false;
	pem = BIO_new_mem_buf(octets.data, (int)octets.len);
	if (!pem)
		return false;
	is_read = add_all(anchors, pem);
	BIO_free(pem);
	if (!is_read)
		(void)snprintf(why, CERTIFICATE_WHY_MAX,
		               "certificate %zu in it is malformed (PEM is asked for)",
		               anchors->count + 1);
	else if (anchors->count == 0)
		(void)snprintf(why, CERTIFICATE_WHY_MAX,
		               "no certificate is in it (PEM is asked for)");
	return is_read && anchors->count > 0;
}

struct certificate_anchors *certificate_anchors_new(struct bytes pem, char why[CERTIFICATE_WHY_MAX])
{
	struct certificate_anchors *anchors;

	(void)snprintf(why, CERTIFICATE_WHY_MAX, "out of memory");
	if (!OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL))
		return NULL;
	anchors = calloc(1, sizeof(*anchors));
	if (!anchors)
		return NULL;
	anchors->store = X509_STORE_new();
	anchors->context = SSL_CTX_new(TLS_client_method());
	if (!anchors->store || !anchors->context || SSL_CTX_dane_enable(anchors->context) <= 0 ||
	    !read_pem(anchors, pem, why)) {
		certificate_anchors_free(anchors);
		anchors = NULL;
	}
	ERR_clear_error();
	return anchors;
}

void certificate_anchors_free(struct certificate_anchors *anchors)
{
	if (!anchors)
		return;
	SSL_CTX_free(anchors->context);
	X509_STORE_free(anchors->store);
	free(anchors);
}

static bool has_key(X509 *certificate, const uint8_t digest[KEY_DIGEST_LEN])
{
	uint8_t own[KEY_DIGEST_LEN];

	return certificate_spki_digest(own, X509_get_X509_PUBKEY(certificate)) &&
	       memcmp(own, digest, KEY_DIGEST_LEN) == 0;
}

size_t certificate_anchors_find(uint8_t *der, size_t room,
                                const struct certificate_anchors *anchors,
                                const uint8_t digest[KEY_DIGEST_LEN])
{
	STACK_OF(X509) *all = X509_STORE_get1_all_certs(anchors->store);
	size_t len = 0;

	for (int i = 0; i < sk_X509_num(all) && len == 0; i++) {
		X509 *certificate = sk_X509_value(all, i);
		int needed = i2d_X509(certificate, NULL);

		if (has_key(certificate, digest) && needed > 0 && (size_t)needed <= room)
			len = (size_t)i2d_X509(certificate, &der);
	}
	sk_X509_pop_free(all, X509_free);
	ERR_clear_error();
	return len;
}

size_t certificate_anchors_count(const struct certificate_anchors *anchors)
{
	return anchors->count;
}
