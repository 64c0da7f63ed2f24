/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_CLI_CHECK_FINDING_H
#define HOPGUARD_CLI_CHECK_FINDING_H

/* What `hopguard check` may find wrong, and the words for it: one table. */

#include <stddef.h>

enum {
	CHECK_FINDINGS_MAX = 256, /* of one domain; the worst come first when there are more */
	CHECK_WHERE_MAX = 320,
	CHECK_DETAIL_MAX = 400,
};

/* NOTE: worth knowing, nothing is wrong. Only the others make the exit status 1. */
enum check_severity { CHECK_NOTE, CHECK_WARNING, CHECK_BAD };

enum check_kind {
	CHECK_NONE,
	CHECK_DNS_DOWN,
	CHECK_DOMAIN_MISSING,
	CHECK_MX_UNKNOWN,
	CHECK_DNSSEC_BOGUS,
	CHECK_DNSSEC_INSECURE,
	CHECK_SERVER_WRONG,
	CHECK_DENIAL_COSTLY,
	CHECK_MX_NULL,
	CHECK_MX_NULL_TOO,
	CHECK_MX_MISSING,
	CHECK_MX_NOWHERE,
	CHECK_MX_UNSIGNED,
	CHECK_MX_ALIAS,
	CHECK_MX_DANGLING,
	CHECK_MX_ADDRESS,
	CHECK_MX_LOCAL,
	CHECK_HOST_UNKNOWN,
	CHECK_MX_TOO_MANY,
	CHECK_UNREACHABLE,
	CHECK_NO_ROUTE,
	CHECK_NOLISTING,
	CHECK_DEFERRED,
	CHECK_REJECTED,
	CHECK_SILENT,
	CHECK_TARPIT,
	CHECK_BROKEN_OFF,
	CHECK_NOT_SMTP,
	CHECK_BANNER_MASKED,
	CHECK_BANNER_STRANGE,
	CHECK_EHLO_REFUSED,
	CHECK_STARTTLS_MISSING,
	CHECK_STARTTLS_MASKED,
	CHECK_STARTTLS_HIDDEN,
	CHECK_STARTTLS_REFUSED,
	CHECK_INJECTED,
	CHECK_TLS_FAILED,
	CHECK_TLS_BROKEN,
	CHECK_CHAIN_LONG,
	CHECK_ANONYMOUS_ONLY,
	CHECK_ANONYMOUS_TOO,
	CHECK_TLS_OLD,
	CHECK_TLS_OLD_TOO,
	CHECK_TLS_NEW_ONLY,
	CHECK_NO_FORWARD_SECRECY,
	CHECK_SNI_NEEDED,
	CHECK_CERT_EXPIRED,
	CHECK_CERT_NOT_YET,
	CHECK_CERT_SOON,
	CHECK_CERT_NAME,
	CHECK_CERT_SELF_SIGNED,
	CHECK_CHAIN_INCOMPLETE,
	CHECK_CHAIN_ORDER,
	CHECK_CERT_UNTRUSTED,
	CHECK_TLSA_UNKNOWN,
	CHECK_TLSA_INSECURE,
	CHECK_TLSA_UNUSABLE,
	CHECK_TLSA_MISMATCH,
	CHECK_TLSA_SECOND,
	CHECK_TLSA_DIGEST,
	CHECK_TLSA_ANCHOR,
	CHECK_TLSA_NAME,
	CHECK_TLSA_EXPIRED,
	CHECK_TLSA_STALE,
	CHECK_STS_UNKNOWN,
	CHECK_STS_RECORD,
	CHECK_STS_POLICY,
	CHECK_STS_TESTING,
	CHECK_STS_MODE_NONE,
	CHECK_STS_AGE,
	CHECK_STS_MX,
	CHECK_STS_PATTERN,
	CHECK_TLSRPT_UNKNOWN,
	CHECK_TLSRPT_MISSING,
	CHECK_TLSRPT_RECORD,
	CHECK_LIST_MX,
	CHECK_LIST_EXPIRED,
	CHECK_LIST_UNUSABLE,
	CHECK_NO_PROMISE,
	CHECK_WEAK_MX,
	CHECK_UNPROVEN,
	CHECK_KIND_COUNT,
};

struct check_finding {
	enum check_kind kind;
	enum check_severity severity;
	char where[CHECK_WHERE_MAX];   /* a host, an address, a record; printable ASCII */
	char detail[CHECK_DETAIL_MAX]; /* what was seen there; may be empty */
};

struct check_findings {
	size_t count;
	struct check_finding list[CHECK_FINDINGS_MAX];
};

const char *check_kind_name(enum check_kind kind); /* "starttls-missing" */
const char *check_kind_what(enum check_kind kind); /* what is wrong, one sentence */
const char *check_kind_why(enum check_kind kind);  /* why it matters, with the RFC's section */
const char *check_kind_mend(enum check_kind kind); /* what to do about it */
/* Of a finding of that kind where nothing makes it better or worse. */
enum check_severity check_kind_severity(enum check_kind kind);
const char *check_severity_name(enum check_severity severity); /* "bad", "warning", "note" */

/* Behind all of its severity or worse. A format's argument may have any octets: what steers a terminal is replaced. */
void check_add(struct check_findings *findings, enum check_kind kind, enum check_severity severity,
               const char *where, const char *format, ...) __attribute__((format(printf, 5, 6)));
/* The worst; NOTE when there is none. */
enum check_severity check_worst(const struct check_findings *findings);

#endif
