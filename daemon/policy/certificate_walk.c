/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/certificate_private.h"

#include <openssl/x509_vfy.h>
#include <stdio.h>

#include "base/rfc3339.h"

static void note(struct certificate_walk *walk, enum key_outcome outcome, const char *why)
{
	if (outcome <= walk->outcome)
		return;
	walk->outcome = outcome;
	text_copy(walk->why, KEY_TEXT_MAX, why);
}

/* "expired at 2026-…", "an issuer's certificate is valid from 2027-… on". */
static void note_date(struct certificate_walk *walk, const X509 *certificate, int depth,
                      bool is_expired)
{
	const ASN1_TIME *time =
		is_expired ? X509_get0_notAfter(certificate) : X509_get0_notBefore(certificate);
	int64_t time_s = certificate_time_s(time);
	char date[RFC3339_TEXT_MAX], why[KEY_TEXT_MAX];

	if (time_s < 0 || (uint64_t)time_s > RFC3339_TIME_MAX)
		time_s = 0;
	(void)snprintf(why, sizeof(why), "%s %s %s",
	               depth > 0 ? "the certificate of an issuer" : "the certificate",
	               is_expired ? "expired at" : "is not valid before",
	               rfc3339_format(date, (uint64_t)time_s));
	note(walk, KEY_EXPIRED, why);
}

/*
 * Called with each fault; the walk goes on, so that of several the worst is told: who shows an expired certificate of his own is
 * untrusted. Without DANE's records, and with them, what is missing above is the anchor.
 */
static int on_fault(int is_good, X509_STORE_CTX *store_context)
{
	struct certificate_walk *walk = X509_STORE_CTX_get_app_data(store_context);
	const X509 *certificate = X509_STORE_CTX_get_current_cert(store_context);
	int error = X509_STORE_CTX_get_error(store_context);
	int depth = X509_STORE_CTX_get_error_depth(store_context);

	if (is_good)
		return 1;
	if (certificate && error == X509_V_ERR_CERT_HAS_EXPIRED)
		note_date(walk, certificate, depth, true);
	else if (certificate && error == X509_V_ERR_CERT_NOT_YET_VALID)
		note_date(walk, certificate, depth, false);
	else
		note(walk, KEY_UNTRUSTED, X509_verify_cert_error_string(error));
	return 1;
}

static bool prepare(struct certificate_walk *walk, X509_STORE_CTX *store_context)
{
	X509_VERIFY_PARAM *parameters;

	/* Purpose and trust of a TLS server. */
	if (!X509_STORE_CTX_set_default(store_context, "ssl_server") ||
	    !X509_STORE_CTX_set_app_data(store_context, walk))
		return false;
	parameters = X509_STORE_CTX_get0_param(store_context);
	X509_VERIFY_PARAM_set_time(parameters, (time_t)walk->now_s);
	X509_VERIFY_PARAM_set_depth(parameters, CERTIFICATE_DEPTH_MAX);
	/* What is too weak is decided below, the same for all. */
	X509_VERIFY_PARAM_set_auth_level(parameters, 0);
	X509_STORE_CTX_set_verify_cb(store_context, on_fault);
	return true;
}

/* All but the anchor's own signature, which nobody verifies: whoever trusts it trusts its key. */
static void note_weakness(struct certificate_walk *walk, const X509_STORE_CTX *store_context)
{
	STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain((X509_STORE_CTX *)store_context);
	char what[KEY_TEXT_MAX], why[KEY_TEXT_MAX];

	for (int i = 0; i < sk_X509_num(chain); i++) {
		X509 *certificate = sk_X509_value(chain, i);

		if (i > 0 && certificate_key_fault(certificate, what) != CERTIFICATE_KEY_FIT) {
			(void)snprintf(why, sizeof(why), "an issuer has %.200s", what);
			note(walk, KEY_UNTRUSTED, why);
		}
		if (i + 1 < sk_X509_num(chain) && certificate_signature_is_weak(certificate))
			note(walk, KEY_UNTRUSTED, "the chain is signed by a broken hash function");
	}
}

bool certificate_walk(struct certificate_walk *walk, X509_STORE_CTX *store_context)
{
	walk->outcome = KEY_MET;
	walk->why[0] = '\0';
	if (!prepare(walk, store_context))
		return false;
	if (X509_verify_cert(store_context) <= 0)
		note(walk, KEY_UNTRUSTED,
		     X509_verify_cert_error_string(X509_STORE_CTX_get_error(store_context)));
	note_weakness(walk, store_context);
	return true;
}
