/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/certificate_key.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

bool certificate_key_digest(uint8_t digest[CERTIFICATE_KEY_LEN], struct bytes certificate)
{
	const unsigned char *at = certificate.data;
	X509 *leaf = d2i_X509(NULL, &at, (long)certificate.len);
	unsigned char *key = NULL;
	unsigned digest_len = 0;
	int key_len = -1;
	bool is_digested = false;

	/* What stands behind the certificate would be nobody's. */
	if (leaf && at == certificate.data + certificate.len)
		key_len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(leaf), &key);
	if (key_len > 0)
		is_digested = EVP_Digest(key, (size_t)key_len, digest, &digest_len, EVP_sha256(),
		                         NULL) == 1 &&
		              digest_len == CERTIFICATE_KEY_LEN;
	OPENSSL_free(key);
	X509_free(leaf);
	ERR_clear_error();
	return is_digested;
}
