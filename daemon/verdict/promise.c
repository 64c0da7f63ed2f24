/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verdict/promise.h"

bool promise_is_of_domain(enum promise_source source)
{
	return source == SOURCE_DEFAULT || source == SOURCE_LOCAL || source == SOURCE_MTA_STS ||
	       source == SOURCE_LIST;
}

bool promise_is_of_policy(enum promise_source source)
{
	return source == SOURCE_MTA_STS || source == SOURCE_LIST;
}

const char *promise_source_name(enum promise_source source)
{
	switch (source) {
	case SOURCE_NONE:
		return "none";
	case SOURCE_DEFAULT:
		return "default-level";
	case SOURCE_LOCAL:
		return "local";
	case SOURCE_DANE:
		return "dane";
	case SOURCE_MTA_STS:
		return "mta-sts";
	case SOURCE_LIST:
		return "list";
	case SOURCE_SEEN:
		return "seen";
	}
	return "none";
}

const char *promise_state_name(enum promise_state state)
{
	switch (state) {
	case PROMISE_UNKNOWN:
		return "unknown";
	case PROMISE_NONE:
		return "none";
	case PROMISE_TLS:
		return "tls";
	case PROMISE_KEY:
		return "key";
	case PROMISE_UNAVAILABLE:
		return "unavailable";
	}
	return "unknown";
}

const char *dns_security_name(enum dns_security security)
{
	switch (security) {
	case DNS_UNKNOWN:
		return "unknown";
	case DNS_SECURE:
		return "secure";
	case DNS_INSECURE:
		return "insecure";
	case DNS_BOGUS:
		return "bogus";
	case DNS_FAILED:
		return "failed";
	}
	return "unknown";
}

const char *mx_state_name(enum mx_state state)
{
	switch (state) {
	case MX_UNKNOWN:
		return "unknown";
	case MX_FOUND:
		return "found";
	case MX_IMPLICIT:
		return "implicit";
	case MX_NULL:
		return "null";
	case MX_NXDOMAIN:
		return "nxdomain";
	case MX_TABLE:
		return "table";
	case MX_UNAVAILABLE:
		return "unavailable";
	case MX_HOST:
		return "host";
	}
	return "unknown";
}

const char *place_name(enum place place)
{
	switch (place) {
	case PLACE_UNKNOWN:
		return "unknown";
	case PLACE_MX:
		return "mx";
	case PLACE_UNRELATED:
		return "unrelated";
	case PLACE_EXCLUDED:
		return "excluded";
	}
	return "unknown";
}
