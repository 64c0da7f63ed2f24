/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/check_visit.h"

#include <stdlib.h>
#include <string.h>

#include "wire/tls_hello.h"

/* As long as all steps take together, each to its own limit, would be for nothing but a tarpit. */
enum { STEPS_IN_ALL = 2 };

enum leg {
	LEG_NAMED,
	LEG_ANONYMOUS,
	LEG_NAMELESS,
	LEG_SECOND,
	LEG_SECOND_AGAIN,
	LEG_OLD,
	LEG_NONE
};

/* RFC 8446 section 6.2 */
enum { ALERT_HANDSHAKE_FAILURE = 40, ALERT_PROTOCOL_VERSION = 70 };

struct visit {
	struct event_base *base;
	struct check_place *place;
	struct starttls_options options;
	uint64_t deadline_ms;
	char server_name[STARTTLS_NAME_MAX];
	enum leg leg;
	check_visit_fn fn;
	void *owner;
};

/* What old Postfixes have agreed upon among themselves: ECDH and DH without a certificate. */
static const uint16_t anonymous[] = { 0xc019, 0xc018, 0x00a7, 0x00a6, 0x006d,
	                              0x006c, 0x003a, 0x0034, 0xc017, 0x001b };

/* What is offered to be shown a key of another kind (RFC 8446 section 4.2.3, RFC 5246 section 7.4.1.4.1). */
static const struct {
	enum starttls_key key;
	uint16_t number;
} signatures[] = {
	{ STARTTLS_KEY_ECDSA, 0x0403 }, { STARTTLS_KEY_ECDSA, 0x0503 },
	{ STARTTLS_KEY_ECDSA, 0x0603 }, { STARTTLS_KEY_RSA, 0x0804 },
	{ STARTTLS_KEY_RSA, 0x0805 },   { STARTTLS_KEY_RSA, 0x0806 },
	{ STARTTLS_KEY_RSA, 0x0401 },   { STARTTLS_KEY_RSA, 0x0501 },
	{ STARTTLS_KEY_RSA, 0x0601 },   { STARTTLS_KEY_EDDSA, 0x0807 },
	{ STARTTLS_KEY_EDDSA, 0x0808 }, { STARTTLS_KEY_ECDSA, 0x0303 },
	{ STARTTLS_KEY_ECDSA, 0x0203 }, { STARTTLS_KEY_RSA, 0x0301 },
	{ STARTTLS_KEY_RSA, 0x0201 },
};

static void end(struct visit *visit)
{
	visit->fn(visit->owner);
	free(visit);
}

static void keep_nameless(struct check_place *place, const struct starttls_result *result)
{
	if (result->outcome != VISIT_DONE || !result->has_leaf) {
		place->nameless = NAMELESS_FAILED;
	} else if (memcmp(result->leaf_digest, place->seen->leaf_digest, STARTTLS_DIGEST_LEN) ==
	           0) {
		place->nameless = NAMELESS_SAME;
	} else {
		/* Which of two it is shows when its certificate is held against the promise. */
		place->nameless = NAMELESS_MEETS;
		check_keep_seen(&place->nameless_seen, result);
	}
}

static void keep_anonymous(struct check_place *place, const struct starttls_result *result)
{
	place->anonymous_cipher = result->cipher_suite;
	text_copy(place->anonymous_name, sizeof(place->anonymous_name), result->cipher);
}

static void keep_second(struct check_place *place, const struct starttls_result *result)
{
	if (result->outcome == VISIT_DONE && !result->has_leaf)
		keep_anonymous(place, result);
	else if (result->outcome == VISIT_DONE &&
	         memcmp(result->leaf_digest, place->seen->leaf_digest, STARTTLS_DIGEST_LEN) != 0)
		check_keep_seen(&place->second_seen, result);
	else if (result->outcome == VISIT_TLS_FAILED && result->alert == ALERT_PROTOCOL_VERSION)
		place->is_new_only = place->seen->tls_version > TLS_VERSION_1_2;
}

static void keep(struct visit *visit, const struct starttls_result *result)
{
	struct check_place *place = visit->place;

	switch (visit->leg) {
	case LEG_NAMED:
		check_keep_seen(&place->seen, result);
		break;
	case LEG_ANONYMOUS:
		if (result->outcome == VISIT_DONE)
			keep_anonymous(place, result);
		break;
	case LEG_NAMELESS:
		keep_nameless(place, result);
		break;
	case LEG_SECOND:
	case LEG_SECOND_AGAIN:
		keep_second(place, result);
		break;
	case LEG_OLD:
		if (result->outcome == VISIT_DONE)
			place->old_version = result->tls_version;
		break;
	case LEG_NONE:
		break;
	}
}

/* As a server says it that has no certificate. What breaks for another reason is no other thing with anonymous ciphers. */
static bool is_nothing_in_common(const struct starttls_result *seen)
{
	return seen->outcome == VISIT_TLS_FAILED && seen->alert == ALERT_HANDSHAKE_FAILURE;
}

/* A limit of connections, or of sessions in TLS: who goes on knocking makes it worse. */
static bool is_put_off(const struct starttls_result *result)
{
	return result->outcome == VISIT_REPLIED && result->step <= VISIT_AT_STARTTLS &&
	       result->code >= 400 && result->code < 500;
}

static void keep_put_off(struct check_place *place, const struct starttls_result *result)
{
	place->put_off_code = result->code;
	text_copy(place->put_off_reply, sizeof(place->put_off_reply), result->reply);
}

static enum leg leg_behind_second(const struct starttls_result *seen)
{
	return seen->tls_version >= TLS_VERSION_1_2 ? LEG_OLD : LEG_NONE;
}

/* A server that prefers what authenticates nobody may have a second key all the same. */
static enum leg next_leg(const struct visit *visit)
{
	const struct starttls_result *seen = visit->place->seen;

	if (!seen)
		return LEG_NONE;
	switch (visit->leg) {
	case LEG_NAMED:
		if (is_nothing_in_common(seen))
			return LEG_ANONYMOUS;
		return seen->outcome == VISIT_DONE && seen->has_leaf ? LEG_NAMELESS : LEG_NONE;
	case LEG_NAMELESS:
		return LEG_SECOND;
	case LEG_SECOND:
		if (visit->place->anonymous_cipher)
			return LEG_SECOND_AGAIN;
		return leg_behind_second(seen);
	case LEG_SECOND_AGAIN:
		return leg_behind_second(seen);
	case LEG_ANONYMOUS:
	case LEG_OLD:
	case LEG_NONE:
		return LEG_NONE;
	}
	return LEG_NONE;
}

/* TLS 1.2 at most, so that it also shows whether that is spoken beside 1.3. */
static void shape_second(struct tls_shape *shape, enum starttls_key first)
{
	shape->version_max = TLS_VERSION_1_2;
	for (size_t i = 0; i < sizeof(signatures) / sizeof(signatures[0]); i++) {
		if (signatures[i].key != first)
			shape->signatures[shape->signature_count++] = signatures[i].number;
	}
}

static void shape(struct visit *visit)
{
	struct starttls_options *options = &visit->options;

	memset(&options->shape, 0, sizeof(options->shape));
	text_copy(options->server_name, sizeof(options->server_name),
	          visit->leg == LEG_NAMELESS ? "" : visit->server_name);
	if (visit->leg == LEG_ANONYMOUS) {
		options->shape.version_max = TLS_VERSION_1_2;
		options->shape.cipher_count = sizeof(anonymous) / sizeof(anonymous[0]);
		memcpy(options->shape.ciphers, anonymous, sizeof(anonymous));
	} else if (visit->leg == LEG_SECOND || visit->leg == LEG_SECOND_AGAIN) {
		shape_second(&options->shape, visit->place->seen->leaf_key);
		options->shape.adds_anonymous = visit->leg == LEG_SECOND;
	} else if (visit->leg == LEG_OLD) {
		options->shape.version_max = TLS_VERSION_1_1;
	}
}

static void on_result(void *owner, const struct starttls_result *result);

static bool go(struct visit *visit)
{
	shape(visit);
	return starttls_client_start(visit->base, &visit->options, on_result, visit);
}

static void on_result(void *owner, const struct starttls_result *result)
{
	struct visit *visit = owner;

	if (visit->leg != LEG_NAMED && is_put_off(result)) {
		keep_put_off(visit->place, result);
		visit->leg = LEG_NONE;
	} else {
		keep(visit, result);
		visit->leg = next_leg(visit);
	}
	if (visit->leg == LEG_NONE || visit->options.now_ms() >= visit->deadline_ms || !go(visit))
		end(visit);
}

bool check_visit_start(struct event_base *base, struct check_place *place,
                       const struct check_visit_options *options, check_visit_fn fn, void *owner)
{
	struct visit *visit = calloc(1, sizeof(*visit));

	if (!visit)
		return false;
	visit->base = base;
	visit->place = place;
	visit->deadline_ms = options->deadline_ms;
	visit->fn = fn;
	visit->owner = owner;
	text_copy(visit->server_name, sizeof(visit->server_name), options->server_name);
	visit->options.server = options->server;
	visit->options.descriptor = -1;
	visit->options.asks_hidden = true;
	visit->options.step_ms = options->step_ms;
	visit->options.total_ms = STEPS_IN_ALL * options->step_ms;
	visit->options.now_ms = options->now_ms;
	text_copy(visit->options.ehlo_name, sizeof(visit->options.ehlo_name), options->ehlo_name);
	if (go(visit))
		return true;
	free(visit);
	return false;
}
