/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The body of a Certificate message, or of a CertificateStatus, whole and cut to what is kept of it: each certificate that the cut one
 * gives, the whole one gives as well, and the cut one never calls malformed what the whole one reads.
 */

#include "require.h"

#include "wire/tls_certificate.h"

enum { CUTS_MAX = 32 };

static size_t walk(struct bytes kept, size_t body_len, enum parse_result *result)
{
	struct tls_certificates list = { 0 };
	size_t all_len = TLS_CERTIFICATE_HEAD_LEN / 2;

	*result = tls_certificates_begin(&list, kept, body_len);
	while (*result == PARSE_OK && list.left_len > 0) {
		struct bytes certificate = { 0 };

		*result = tls_certificates_next(&certificate, &list);
		if (*result != PARSE_OK)
			break;
		REQUIRE(certificate.len > 0 && certificate.data >= kept.data &&
		        certificate.data + certificate.len <= kept.data + kept.len);
		all_len += 3 + certificate.len;
		REQUIRE(all_len + list.left_len == body_len);
	}
	REQUIRE(list.count <= TLS_CERTIFICATES_MAX);
	return list.count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct bytes copy = exact_copy(bytes_of(data, len));
	enum parse_result whole;
	size_t count = walk(copy, len, &whole);
	size_t step = 1 + len / CUTS_MAX;
	enum parse_result status = tls_certificate_status_check(copy, len);

	for (size_t cut = 0; cut < len; cut += step) {
		enum parse_result result;
		size_t found = walk(exact_cut(copy, cut), len, &result);

		REQUIRE(found <= count);
		REQUIRE(result == PARSE_MORE || result == whole);
		result = tls_certificate_status_check(exact_cut(copy, cut), len);
		REQUIRE(result == PARSE_MORE || result == status);
	}
	exact_free(copy);
	return 0;
}
