/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe_outcome.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"

_Static_assert((int)CHECK_CHAIN_MAX >= (int)STARTTLS_CHAIN_MAX,
               "a chain that was kept fits its message");

enum {
	REPLY_LATER = 400, /* RFC 5321 section 4.2.1: 4yz asks for another try */
	REPLY_NEVER = 500,
};

/* Whoever answers slowly on purpose sends a little of something; silence sends nothing. */
static const char *slowness(const struct starttls_result *result)
{
	if (result->step_octets > 0)
		return "slowly, as tarpits do, and not to the end in time";
	return result->step == VISIT_AT_CONNECTING ? "to no connection" : "nothing in time";
}

static const char *closing(const struct starttls_result *result)
{
	switch (result->step) {
	case VISIT_AT_CONNECTING:
	case VISIT_AT_BANNER:
		return "before its greeting";
	case VISIT_AT_EHLO:
		return "after EHLO";
	case VISIT_AT_STARTTLS:
		return "after STARTTLS";
	case VISIT_AT_HANDSHAKE:
	case VISIT_AT_FINISHED:
		return "in the TLS handshake";
	}
	return "";
}

static void say(struct message_probed *probed, const char *source, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void say(struct message_probed *probed, const char *source, const char *format, ...)
{
	int len = snprintf(probed->why, sizeof(probed->why), "from %.46s: ", source);
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(probed->why + len, sizeof(probed->why) - (size_t)len, format, arguments);
	va_end(arguments);
}

/* "Come again" and "not you" say nothing of the key, nor does "no more TLS now" (Postfix's 454); a server that has none at all does. */
static void take_reply(struct message_probed *probed, const struct starttls_result *result,
                       const char *source)
{
	if (result->step == VISIT_AT_STARTTLS && result->code >= REPLY_NEVER) {
		probed->outcome = PROBE_WITHOUT_TLS;
		say(probed, source, "the server refused STARTTLS: %u %s", result->code,
		    result->reply);
		return;
	}
	say(probed, source, "the server answered %s with %u%s: %s",
	    result->step == VISIT_AT_BANNER ? "the connection"
	    : result->step == VISIT_AT_EHLO ? "EHLO"
	                                    : "STARTTLS",
	    result->code,
	    result->code >= REPLY_LATER && result->code < REPLY_NEVER ? " (later)" : "",
	    result->reply);
}

static void take_handshake(struct message_probed *probed, const struct starttls_result *result,
                           const char *source)
{
	probed->outcome = PROBE_SHOWN;
	probed->tls_version = result->tls_version;
	probed->cipher_suite = result->cipher_suite;
	probed->chain_len = (uint32_t)result->chain_len;
	memcpy(probed->chain, result->chain, result->chain_len);
	say(probed, source, "the handshake came to its end");
}

void probe_outcome(struct message_probed *probed, const struct starttls_result *result,
                   const char *source)
{
	memset(probed, 0, PROBED_HEAD_LEN);
	probed->outcome = PROBE_FAILED;
	switch (result->outcome) {
	case VISIT_DONE:
		take_handshake(probed, result, source);
		break;
	case VISIT_NOT_OFFERED:
	case VISIT_MASKED:
		probed->outcome = PROBE_WITHOUT_TLS;
		say(probed, source, "%s",
		    result->is_masked ? "the server's offer of STARTTLS is overwritten"
		                      : "the server offers no STARTTLS");
		break;
	case VISIT_REPLIED:
		take_reply(probed, result, source);
		break;
	case VISIT_TIMEOUT:
		say(probed, source, "the server answered %s", slowness(result));
		break;
	case VISIT_UNREACHABLE:
	case VISIT_SYSTEM:
	case VISIT_UNKNOWN:
		say(probed, source, "no connection: %s", strerror(result->system_error));
		break;
	case VISIT_REFUSED:
		say(probed, source, "the connection was refused");
		break;
	case VISIT_RESET:
		say(probed, source, "the connection was reset %s", closing(result));
		break;
	case VISIT_CLOSED:
		say(probed, source, "the server hung up %s", closing(result));
		break;
	case VISIT_NOT_SMTP:
		say(probed, source, "what answered does not speak SMTP");
		break;
	case VISIT_INJECTED:
		say(probed, source, "octets stood behind the reply to STARTTLS");
		break;
	case VISIT_TLS_FAILED:
		say(probed, source, "the TLS handshake failed: %s", result->tls_why);
		break;
	}
}
