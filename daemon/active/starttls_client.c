/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "active/starttls_client.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "active/starttls_connect.h"
#include "active/starttls_replies.h"
#include "active/starttls_tls.h"

struct starttls_client {
	struct event_base *base;
	struct starttls_options options;
	starttls_fn fn; /* NULL: it was told, and only the farewell is left */
	void *owner;
	int descriptor;
	struct event *ready; /* the socket: readable, or writable while it connects or TLS writes */
	struct event *timer; /* of the step, or of all where that ends earlier */
	uint64_t started_ms;
	struct starttls_tls *tls;
	bool is_helo_said;
	struct starttls_refusal {
		uint16_t code;
		char reply[STARTTLS_TEXT_MAX];
	} refusal; /* of EHLO, while HELO is asked */
	struct starttls_replies replies;
	struct starttls_result result;
};

static void free_client(struct starttls_client *client)
{
	if (client->ready)
		event_free(client->ready);
	if (client->timer)
		event_free(client->timer);
	starttls_tls_free(client->tls);
	if (client->descriptor >= 0)
		close(client->descriptor);
	free(client);
}

static uint32_t elapsed_ms(const struct starttls_client *client)
{
	return (uint32_t)(client->options.now_ms() - client->started_ms);
}

static bool set_timer(struct starttls_client *client, uint32_t wait_ms)
{
	struct timeval wait = { .tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000 };

	return event_add(client->timer, &wait) == 0;
}

static void on_ready(evutil_socket_t unused, short events, void *data);

static bool await(struct starttls_client *client, short events)
{
	if (client->ready)
		event_free(client->ready);
	client->ready = event_new(client->base, client->descriptor, (short)(events | EV_PERSIST),
	                          on_ready, client);
	return client->ready && event_add(client->ready, NULL) == 0;
}

/* Where the dialogue is at a point at which QUIT may be said. */
static bool can_say_quit(const struct starttls_client *client)
{
	switch (client->result.outcome) {
	case VISIT_DONE:
	case VISIT_REPLIED:
	case VISIT_NOT_OFFERED:
	case VISIT_MASKED:
		return true;
	default:
		return false;
	}
}

static void say(const struct starttls_client *client, const char *line, size_t len)
{
	/* Far below any send buffer; what the connection makes of it, reading tells. */
	(void)send(client->descriptor, line, len, MSG_NOSIGNAL);
}

static void say_quit(struct starttls_client *client)
{
	static const char quit[] = "QUIT\r\n";

	if (client->tls)
		starttls_tls_quit(client->tls);
	else
		say(client, quit, sizeof(quit) - 1);
}

/* The client says QUIT and stays for a while, so that no reset overtakes it; the owner need not wait for that. */
static void finish(struct starttls_client *client)
{
	starttls_fn fn = client->fn;

	client->fn = NULL;
	client->result.latency_ms = elapsed_ms(client);
	fn(client->owner, &client->result);
	if (can_say_quit(client)) {
		say_quit(client);
		if (await(client, EV_READ) && set_timer(client, STARTTLS_FAREWELL_MS))
			return;
	}
	free_client(client);
}

static void end(struct starttls_client *client, enum starttls_outcome outcome, int system_error)
{
	/* Whatever becomes of HELO, it is EHLO that was refused. */
	if (client->is_helo_said) {
		outcome = VISIT_REPLIED;
		system_error = 0;
		client->result.code = client->refusal.code;
		text_copy(client->result.reply, STARTTLS_TEXT_MAX, client->refusal.reply);
	}
	client->result.outcome = outcome;
	client->result.system_error = system_error;
	finish(client);
}

static void end_by_errno(struct starttls_client *client, int number)
{
	switch (number) {
	case ECONNREFUSED:
		end(client, VISIT_REFUSED, number);
		break;
	case ENETUNREACH:
	case EHOSTUNREACH:
	case EADDRNOTAVAIL:
	case EAFNOSUPPORT:
	case ENETDOWN:
	case EHOSTDOWN:
	case EACCES:
	case EPERM:
		end(client, VISIT_UNREACHABLE, number);
		break;
	case ECONNRESET:
	case EPIPE:
		end(client, VISIT_RESET, number);
		break;
	case ETIMEDOUT:
		end(client, VISIT_TIMEOUT, number);
		break;
	default:
		end(client, VISIT_SYSTEM, number);
		break;
	}
}

static bool enter_step(struct starttls_client *client, enum starttls_step step)
{
	uint32_t elapsed = elapsed_ms(client);
	uint32_t left = client->options.total_ms > elapsed ? client->options.total_ms - elapsed : 0;

	uint32_t step_ms = client->options.step_ms;

	if (step == VISIT_AT_CONNECTING && client->options.connect_ms > 0)
		step_ms = client->options.connect_ms;
	client->result.step = step;
	client->result.step_octets = 0;
	return set_timer(client, left < step_ms ? left : step_ms);
}

static void begin_handshake(struct starttls_client *client);

/* Extended SMTP or nothing: who says only HELO offers no TLS. */
static void say_ehlo(struct starttls_client *client)
{
	char line[STARTTLS_NAME_MAX + 8];
	int len = snprintf(line, sizeof(line), "EHLO %s\r\n", client->options.ehlo_name);

	if (!enter_step(client, VISIT_AT_EHLO)) {
		end(client, VISIT_SYSTEM, ENOMEM);
		return;
	}
	say(client, line, (size_t)len);
}

/* As senders do where EHLO is refused: whoever takes it gets their mail in the clear. */
static void say_helo(struct starttls_client *client)
{
	char line[STARTTLS_NAME_MAX + 8];
	int len = snprintf(line, sizeof(line), "HELO %s\r\n", client->options.ehlo_name);

	client->refusal.code = client->result.code;
	text_copy(client->refusal.reply, STARTTLS_TEXT_MAX, client->result.reply);
	client->is_helo_said = true;
	if (!enter_step(client, VISIT_AT_EHLO)) {
		end(client, VISIT_SYSTEM, ENOMEM);
		return;
	}
	say(client, line, (size_t)len);
}

static void take_helo(struct starttls_client *client)
{
	client->result.helo_code = client->result.code;
	end(client, VISIT_REPLIED, 0);
}

static bool is_ehlo_refused(const struct starttls_result *result)
{
	return result->step == VISIT_AT_EHLO && result->code >= 500;
}

static void say_starttls(struct starttls_client *client)
{
	static const char line[] = "STARTTLS\r\n";

	if (!enter_step(client, VISIT_AT_STARTTLS)) {
		end(client, VISIT_SYSTEM, ENOMEM);
		return;
	}
	say(client, line, sizeof(line) - 1);
}

static enum starttls_outcome without_offer(const struct starttls_result *result)
{
	return result->is_masked ? VISIT_MASKED : VISIT_NOT_OFFERED;
}

static void take_reply(struct starttls_client *client)
{
	struct starttls_result *result = &client->result;
	bool is_begun = result->step == VISIT_AT_BANNER || result->step == VISIT_AT_STARTTLS;

	if (result->step == VISIT_AT_BANNER)
		result->banner_ms = elapsed_ms(client);
	if (client->is_helo_said) {
		take_helo(client);
		return;
	}
	if (is_ehlo_refused(result) && client->options.asks_hidden) {
		say_helo(client);
		return;
	}
	if (result->code != (is_begun ? 220 : 250)) {
		bool was_hidden = result->step == VISIT_AT_STARTTLS && !result->is_offered;

		end(client, was_hidden ? without_offer(result) : VISIT_REPLIED, 0);
		return;
	}
	if (result->step == VISIT_AT_BANNER) {
		say_ehlo(client);
	} else if (result->step == VISIT_AT_STARTTLS) {
		begin_handshake(client);
	} else {
		result->has_ehlo = true;
		if (result->is_offered || client->options.asks_hidden)
			say_starttls(client);
		else
			end(client, without_offer(result), 0);
	}
}

/* What was put behind the reply is worth more than the reply. */
static void tell_injected(struct starttls_client *client)
{
	struct starttls_result *result = &client->result;
	struct bytes behind = bytes_of(client->replies.octets, client->replies.len);
	size_t len = 0;

	while (len < behind.len && !ascii_is_line_end(behind.data[len]))
		len++;
	starttls_keep_text(result->reply, sizeof(result->reply), bytes_slice(behind, 0, len));
	end(client, VISIT_INJECTED, 0);
}

static void take_octets(struct starttls_client *client)
{
	enum starttls_step step = client->result.step;

	switch (starttls_replies_take(&client->replies, &client->result, step)) {
	case REPLY_INCOMPLETE:
		break;
	case REPLY_MALFORMED:
		end(client, VISIT_NOT_SMTP, 0);
		break;
	case REPLY_COMPLETE:
		/* What stands behind a reply was said before the next command was heard. */
		if (client->replies.len > 0 && step == VISIT_AT_STARTTLS)
			tell_injected(client);
		else if (client->replies.len > 0 && client->result.code < 400)
			end(client, VISIT_NOT_SMTP, 0);
		else
			take_reply(client);
		break;
	}
}

static void read_reply(struct starttls_client *client)
{
	struct starttls_replies *replies = &client->replies;
	ssize_t len = recv(client->descriptor, replies->octets + replies->len,
	                   sizeof(replies->octets) - replies->len, 0);

	if (len < 0) {
		if (errno != EAGAIN && errno != EINTR)
			end_by_errno(client, errno);
		return;
	}
	if (len == 0) {
		end(client, VISIT_CLOSED, 0);
		return;
	}
	if (client->result.first_ms == 0)
		client->result.first_ms = elapsed_ms(client);
	replies->len += (size_t)len;
	client->result.step_octets += (uint32_t)len;
	take_octets(client);
}

static void shake(struct starttls_client *client)
{
	bool goes_on = false;

	switch (starttls_tls_shake(client->tls, &client->result)) {
	case SHAKE_WANTS_READ:
		goes_on = await(client, EV_READ);
		break;
	case SHAKE_WANTS_WRITE:
		goes_on = await(client, EV_WRITE);
		break;
	case SHAKE_STANDS:
		client->result.step = VISIT_AT_FINISHED;
		end(client, VISIT_DONE, 0);
		return;
	case SHAKE_BROKE:
		finish(client);
		return;
	}
	if (!goes_on)
		end(client, VISIT_SYSTEM, ENOMEM);
}

static void begin_handshake(struct starttls_client *client)
{
	int err = starttls_tls_new(&client->tls, client->descriptor, &client->options.shape,
	                           client->options.server_name);

	if (!err && !enter_step(client, VISIT_AT_HANDSHAKE))
		err = -ENOMEM;
	if (err)
		end(client, VISIT_SYSTEM, -err);
	else
		shake(client);
}

static void take_connection(struct starttls_client *client)
{
	int number = 0;
	socklen_t len = sizeof(number);

	if (getsockopt(client->descriptor, SOL_SOCKET, SO_ERROR, &number, &len) != 0)
		number = errno;
	/* A reset in answer to the SYN is a refusal: this one came later, before anybody looked. */
	if (number == ECONNRESET)
		client->result.step = VISIT_AT_BANNER;
	if (number != 0) {
		end_by_errno(client, number);
		return;
	}
	client->result.connect_ms = elapsed_ms(client);
	if (!enter_step(client, VISIT_AT_BANNER) || !await(client, EV_READ))
		end(client, VISIT_SYSTEM, ENOMEM);
}

static bool is_answer_awaited(struct starttls_client *client)
{
	uint8_t swallowed[SMTP_REPLY_LINE_MAX];
	ssize_t len;

	if (client->tls)
		return starttls_tls_awaits(client->tls);
	len = recv(client->descriptor, swallowed, sizeof(swallowed), 0);
	return len < 0 && (errno == EAGAIN || errno == EINTR);
}

static void on_ready(evutil_socket_t unused, short events, void *data)
{
	struct starttls_client *client = data;

	(void)unused;
	(void)events;
	if (!client->fn) {
		if (!is_answer_awaited(client))
			free_client(client);
		return;
	}
	switch (client->result.step) {
	case VISIT_AT_CONNECTING:
		take_connection(client);
		break;
	case VISIT_AT_BANNER:
	case VISIT_AT_EHLO:
	case VISIT_AT_STARTTLS:
		read_reply(client);
		break;
	case VISIT_AT_HANDSHAKE:
		shake(client);
		break;
	case VISIT_AT_FINISHED:
		break;
	}
}

static void on_timer(evutil_socket_t unused, short events, void *data)
{
	struct starttls_client *client = data;

	(void)unused;
	(void)events;
	if (!client->fn)
		free_client(client);
	else if (client->result.system_error)
		end_by_errno(client, client->result.system_error);
	else
		end(client, VISIT_TIMEOUT, 0);
}

struct starttls_client *starttls_client_start(struct event_base *base,
                                              const struct starttls_options *options,
                                              starttls_fn fn, void *owner)
{
	struct starttls_client *client = calloc(1, sizeof(*client));
	int number;

	if (!client) {
		if (options->descriptor >= 0)
			close(options->descriptor);
		return NULL;
	}
	client->base = base;
	client->options = *options;
	client->fn = fn;
	client->owner = owner;
	client->descriptor = options->descriptor;
	client->result.alert = -1;
	client->started_ms = options->now_ms();
	client->timer = evtimer_new(base, on_timer, client);
	if (!client->timer)
		goto free_client;
	number = starttls_connect(&client->descriptor, &client->options.server,
	                          &client->options.source);
	/* What cannot even be begun is told by the timer: callers are never called back from within. */
	client->result.system_error = number;
	if (number ? !set_timer(client, 0)
	           : !enter_step(client, VISIT_AT_CONNECTING) || !await(client, EV_WRITE))
		goto free_client;
	return client;

free_client:
	free_client(client);
	return NULL;
}

void starttls_client_cancel(struct starttls_client *client)
{
	free_client(client);
}
