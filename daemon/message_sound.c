/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "message_sound.h"

#include <string.h>

#include "config.h"
#include "policy/peer_names.h"
#include "verdict/sound.h"

static bool is_text(const char *text, size_t room)
{
	return memchr(text, '\0', room) != NULL;
}

/* In the one form that everything compares by. */
static bool is_name(const char name[DOMAIN_NAME_MAX])
{
	char normal[DOMAIN_NAME_MAX];

	return is_text(name, DOMAIN_NAME_MAX) && peer_name_normalise(normal, name) &&
	       strcmp(normal, name) == 0;
}

static bool is_address(const struct address *address)
{
	return address->family == 4 || address->family == 6;
}

static bool question_is_sound(const struct message_question *question)
{
	struct address address;

	if (question->kind > QUESTION_ADDRESS || question->is_refresh > 1 ||
	    !is_text(question->name, sizeof(question->name)) ||
	    (question->client.family != 0 && !is_address(&question->client)))
		return false;
	if (question->kind == QUESTION_DOMAIN)
		return is_name(question->name);
	/* A smart host may be named by its address. */
	return address_parse(&address, question->name) ||
	       (question->kind == QUESTION_HOST && is_name(question->name));
}

static bool broken_is_sound(const struct message_broken *broken)
{
	return is_address(&broken->client) && is_address(&broken->server) &&
	       is_text(broken->id, sizeof(broken->id)) && is_text(broken->how, sizeof(broken->how));
}

static bool flow_is_sound(const struct message_flow *flow)
{
	return is_text(flow->state, sizeof(flow->state)) &&
	       is_text(flow->domain, sizeof(flow->domain));
}

static bool explanation_is_sound(const struct message_explanation *explanation)
{
	return destination_is_sound(&explanation->destination) &&
	       evidence_is_sound(explanation->evidence, explanation->evidence_count) &&
	       last_keys_are_sound(explanation->last_keys, MX_HOSTS_MAX);
}

static bool file_is_sound(const struct message_file *file)
{
	return file->kind < FILE_KIND_COUNT && is_text(file->path, sizeof(file->path)) &&
	       is_text(file->signer, sizeof(file->signer)) && is_text(file->why, sizeof(file->why));
}

static bool sighting_is_sound(const struct message_sighting *sighting)
{
	return sighting->offers_starttls <= 1 && sighting->met <= 1 &&
	       sighting->tls_version <= UINT16_MAX && sighting->key_sight <= SIGHT_PROBE &&
	       key_finding_is_sound(&sighting->key) && is_address(&sighting->server) &&
	       is_name(sighting->host) &&
	       (sighting->domain[0] == '\0' || is_name(sighting->domain));
}

static bool candidate_is_sound(const struct message_candidate *candidate)
{
	return candidate->is_excluded <= 1 &&
	       is_text(candidate->domain, sizeof(candidate->domain)) &&
	       is_text(candidate->host, sizeof(candidate->host)) && is_address(&candidate->server);
}

static bool state_is_sound(const struct message_state *state)
{
	return state->child_count <= MESSAGE_CHILDREN_MAX &&
	       is_text(state->backend, sizeof(state->backend)) &&
	       is_text(state->passage, sizeof(state->passage)) &&
	       is_text(state->passage_why, sizeof(state->passage_why)) &&
	       is_text(state->user, sizeof(state->user));
}

static bool sockets_are_sound(const struct message_sockets *sockets)
{
	return (sockets->family == 4 || sockets->family == 6) &&
	       (sockets->client.family == 0 || sockets->client.family == sockets->family);
}

static bool names_are_sound(const struct message_names *names)
{
	bool has_names = names->names[0] != 0 || names->names[1] != 0;

	return names->word < NAMES_WORD_COUNT && names->giver < CONFIG_QUEUES_MAX &&
	       names->is_unused == 0 &&
	       (names->word == NAMES_COME || has_names == (names->word <= NAMES_DOUBTED));
}

static bool dns_answer_is_sound(const struct message_dns_answer *answer, size_t len)
{
	return len > offsetof(struct message_dns_answer, message) && len <= sizeof(*answer) &&
	       answer->len == len - offsetof(struct message_dns_answer, message) &&
	       is_address(&answer->client) && is_address(&answer->server);
}

static bool probed_is_sound(const struct message_probed *probed, size_t len)
{
	return len >= PROBED_HEAD_LEN && probed->chain_len <= CHECK_CHAIN_MAX &&
	       len == PROBED_HEAD_LEN + (size_t)probed->chain_len &&
	       probed->outcome < PROBE_OUTCOME_COUNT && is_text(probed->why, sizeof(probed->why));
}

static bool checked_is_sound(const struct message_checked *checked)
{
	return key_finding_is_sound(&checked->finding) && checked->finding.outcome != KEY_UNKNOWN;
}

/* 0: its length differs, or there is no such type. */
static size_t fixed_len(uint32_t type)
{
	static const size_t lens[] = {
		[MESSAGE_PEER] = sizeof(struct message_peer),
		[MESSAGE_STOP] = sizeof(struct message),
		[MESSAGE_READY] = sizeof(struct message),
		[MESSAGE_HEARTBEAT] = sizeof(struct message),
		[MESSAGE_EVENT] = sizeof(struct message_event),
		[MESSAGE_COUNTERS] = sizeof(struct message_counters),
		[MESSAGE_QUESTION] = sizeof(struct message_question),
		[MESSAGE_DESTINATION] = sizeof(struct message_destination),
		[MESSAGE_BROKEN] = sizeof(struct message_broken),
		[MESSAGE_FORGET] = sizeof(struct message_forget),
		[MESSAGE_FLOWS] = sizeof(struct message_flows),
		[MESSAGE_FLOW] = sizeof(struct message_flow),
		[MESSAGE_EXPLAIN] = sizeof(struct message_explain),
		[MESSAGE_EXPLANATION] = sizeof(struct message_explanation),
		[MESSAGE_FLUSH] = sizeof(struct message_flush),
		[MESSAGE_FLUSHED] = sizeof(struct message_flushed),
		[MESSAGE_RELOAD] = sizeof(struct message_reload),
		[MESSAGE_RELOADED] = sizeof(struct message_reloaded),
		[MESSAGE_STATE] = sizeof(struct message_state),
		[MESSAGE_FILE] = sizeof(struct message_file),
		[MESSAGE_ROWS_END] = sizeof(struct message_rows_end),
		[MESSAGE_SIGHTING] = sizeof(struct message_sighting),
		[MESSAGE_DNS_VERDICT] = sizeof(struct message_dns_verdict),
		[MESSAGE_CANDIDATE] = sizeof(struct message_candidate),
		[MESSAGE_ECHO] = sizeof(struct message_echo),
		[MESSAGE_CHECKED] = sizeof(struct message_checked),
		[MESSAGE_SOCKETS] = sizeof(struct message_sockets),
		[MESSAGE_SOCKET] = sizeof(struct message_socket),
		[MESSAGE_NAMES] = sizeof(struct message_names),
	};

	return type < sizeof(lens) / sizeof(lens[0]) ? lens[type] : 0;
}

static bool fields_are_sound(const void *message)
{
	const struct message_forget *forget = message;
	const struct message_explain *explain = message;
	const struct message_flush *flush = message;
	const struct message_reloaded *reloaded = message;
	const struct message_dns_verdict *verdict = message;
	const struct message_echo *echo = message;

	switch ((enum message_type)((const struct message *)message)->type) {
	case MESSAGE_EVENT:
		return event_is_sound(&((const struct message_event *)message)->event);
	case MESSAGE_QUESTION:
		return question_is_sound(message);
	case MESSAGE_DESTINATION:
		return destination_is_sound(
			&((const struct message_destination *)message)->destination);
	case MESSAGE_BROKEN:
		return broken_is_sound(message);
	case MESSAGE_FORGET:
		return is_text(forget->name, sizeof(forget->name));
	case MESSAGE_FLOW:
		return flow_is_sound(message);
	case MESSAGE_EXPLAIN:
		return is_text(explain->name, sizeof(explain->name));
	case MESSAGE_EXPLANATION:
		return explanation_is_sound(message);
	case MESSAGE_FLUSH:
		return is_text(flush->name, sizeof(flush->name));
	case MESSAGE_RELOADED:
		return is_text(reloaded->error, sizeof(reloaded->error));
	case MESSAGE_STATE:
		return state_is_sound(message);
	case MESSAGE_FILE:
		return file_is_sound(message);
	case MESSAGE_ROWS_END:
		return ((const struct message_rows_end *)message)->is_whole <= 1;
	case MESSAGE_SIGHTING:
		return sighting_is_sound(message);
	case MESSAGE_DNS_VERDICT:
		return verdict->request != 0 && verdict->is_forged <= 1;
	case MESSAGE_CANDIDATE:
		return candidate_is_sound(message);
	case MESSAGE_ECHO:
		return echo->asker < CONFIG_QUEUES_MAX && echo->is_heard <= 1;
	case MESSAGE_CHECKED:
		return checked_is_sound(message);
	case MESSAGE_SOCKETS:
		return sockets_are_sound(message);
	case MESSAGE_NAMES:
		return names_are_sound(message);
	default:
		return true;
	}
}

bool message_is_sound(const void *message, size_t len)
{
	const struct message *head = message;
	size_t fixed;

	if (len < sizeof(*head))
		return false;
	fixed = fixed_len(head->type);
	if (fixed > 0)
		return len == fixed && fields_are_sound(message);
	switch (head->type) {
	case MESSAGE_CONFIG:
		return len > sizeof(*head) && len <= sizeof(struct message_config);
	case MESSAGE_ROWS:
		return len > offsetof(struct message_rows, octets) &&
		       len <= sizeof(struct message_rows);
	case MESSAGE_DNS_ANSWER:
		return dns_answer_is_sound(message, len);
	case MESSAGE_CHECK:
		return len >= CHECK_HEAD_LEN && len <= sizeof(struct message_check);
	case MESSAGE_PROBE:
		return len >= PROBE_HEAD_LEN && len <= sizeof(struct message_probe);
	case MESSAGE_PROBED:
		return probed_is_sound(message, len);
	default:
		return false;
	}
}
