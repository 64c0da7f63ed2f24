/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "active/starttls_result.h"

const char *starttls_step_name(enum starttls_step step)
{
	switch (step) {
	case STARTTLS_CONNECTING:
		return "connecting";
	case STARTTLS_BANNER:
		return "banner";
	case STARTTLS_EHLO:
		return "ehlo";
	case STARTTLS_ASKED:
		return "starttls";
	case STARTTLS_HANDSHAKE:
		return "handshake";
	case STARTTLS_FINISHED:
		return "finished";
	}
	return "connecting";
}

const char *starttls_outcome_name(enum starttls_outcome outcome)
{
	switch (outcome) {
	case STARTTLS_UNKNOWN:
		return "unknown";
	case STARTTLS_DONE:
		return "done";
	case STARTTLS_UNREACHABLE:
		return "unreachable";
	case STARTTLS_REFUSED:
		return "refused";
	case STARTTLS_TIMEOUT:
		return "timeout";
	case STARTTLS_RESET:
		return "reset";
	case STARTTLS_CLOSED:
		return "closed";
	case STARTTLS_REPLIED:
		return "replied";
	case STARTTLS_NOT_OFFERED:
		return "not-offered";
	case STARTTLS_MASKED:
		return "masked";
	case STARTTLS_NOT_SMTP:
		return "not-smtp";
	case STARTTLS_INJECTED:
		return "injected";
	case STARTTLS_TLS_FAILED:
		return "tls-failed";
	case STARTTLS_SYSTEM:
		return "system";
	}
	return "unknown";
}

void starttls_keep_text(char *text, size_t room, struct bytes from)
{
	size_t len = from.len < room ? from.len : room - 1;

	for (size_t i = 0; i < len; i++)
		text[i] = from.data[i] >= ' ' && from.data[i] <= '~' ? (char)from.data[i] : '?';
	text[len] = '\0';
}
