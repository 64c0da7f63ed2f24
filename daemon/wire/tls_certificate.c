/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/tls_certificate.h"

enum { LENGTH_LEN = TLS_CERTIFICATE_LENGTH_LEN, STATUS_TYPE_OCSP = 1 };

enum parse_result tls_certificates_begin(struct tls_certificates *list, struct bytes kept,
                                         size_t body_len)
{
	struct cursor body = cursor_over(kept);
	size_t list_len = cursor_u24(&body);

	if (body_len < LENGTH_LEN)
		return PARSE_MALFORMED;
	if (body.failed)
		return PARSE_MORE;
	if (list_len != body_len - LENGTH_LEN)
		return PARSE_MALFORMED;
	*list = (struct tls_certificates){
		.kept = bytes_slice(kept, LENGTH_LEN, list_len),
		.left_len = list_len,
	};
	return PARSE_OK;
}

enum parse_result tls_certificates_next(struct bytes *certificate, struct tls_certificates *list)
{
	struct cursor entry = cursor_over(list->kept);
	size_t len = cursor_u24(&entry);
	struct bytes octets;

	if (list->left_len < LENGTH_LEN || list->count == TLS_CERTIFICATES_MAX)
		return PARSE_MALFORMED;
	if (entry.failed)
		return PARSE_MORE;
	if (len == 0 || len > list->left_len - LENGTH_LEN)
		return PARSE_MALFORMED;
	octets = cursor_bytes(&entry, len);
	if (entry.failed)
		return PARSE_MORE;
	*certificate = octets;
	list->kept = bytes_after(list->kept, LENGTH_LEN + len);
	list->left_len -= LENGTH_LEN + len;
	list->count++;
	return PARSE_OK;
}

enum parse_result tls_certificate_status_check(struct bytes kept, size_t body_len)
{
	struct cursor fields = cursor_over(kept);
	uint8_t type = cursor_u8(&fields);
	size_t response_len = cursor_u24(&fields);

	if (body_len == 0)
		return PARSE_MALFORMED;
	if (fields.failed && kept.len < body_len)
		return PARSE_MORE;
	if (kept.len > 0 && type != STATUS_TYPE_OCSP)
		return PARSE_OK;
	if (response_len == 0 || body_len != TLS_CERTIFICATE_STATUS_HEAD_LEN + response_len)
		return PARSE_MALFORMED;
	return PARSE_OK;
}
