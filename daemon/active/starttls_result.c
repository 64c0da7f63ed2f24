/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "active/starttls_result.h"

const char *starttls_step_name(enum starttls_step step)
{
	switch (step) {
	case VISIT_AT_CONNECTING:
		return "connecting";
	case VISIT_AT_BANNER:
		return "banner";
	case VISIT_AT_EHLO:
		return "ehlo";
	case VISIT_AT_STARTTLS:
		return "starttls";
	case VISIT_AT_HANDSHAKE:
		return "handshake";
	case VISIT_AT_FINISHED:
		return "finished";
	}
	return "connecting";
}

const char *starttls_outcome_name(enum starttls_outcome outcome)
{
	switch (outcome) {
	case VISIT_UNKNOWN:
		return "unknown";
	case VISIT_DONE:
		return "done";
	case VISIT_UNREACHABLE:
		return "unreachable";
	case VISIT_REFUSED:
		return "refused";
	case VISIT_TIMEOUT:
		return "timeout";
	case VISIT_RESET:
		return "reset";
	case VISIT_CLOSED:
		return "closed";
	case VISIT_REPLIED:
		return "replied";
	case VISIT_NOT_OFFERED:
		return "not-offered";
	case VISIT_MASKED:
		return "masked";
	case VISIT_NOT_SMTP:
		return "not-smtp";
	case VISIT_INJECTED:
		return "injected";
	case VISIT_TLS_FAILED:
		return "tls-failed";
	case VISIT_SYSTEM:
		return "system";
	}
	return "unknown";
}

const char *starttls_key_name(enum starttls_key key)
{
	switch (key) {
	case STARTTLS_KEY_OTHER:
		break;
	case STARTTLS_KEY_RSA:
		return "RSA";
	case STARTTLS_KEY_ECDSA:
		return "ECDSA";
	case STARTTLS_KEY_EDDSA:
		return "EdDSA";
	}
	return "another kind";
}

void starttls_keep_text(char *text, size_t room, struct bytes from)
{
	size_t len = from.len < room ? from.len : room - 1;

	for (size_t i = 0; i < len; i++)
		text[i] = from.data[i] >= ' ' && from.data[i] <= '~' ? (char)from.data[i] : '?';
	text[len] = '\0';
}
