/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DNS answers to our own questions, with any word of the validator's on them: what look-ups make of a domain, a host, an address, a policy
 * record, an answer that was heard and the zones that mail hangs from is sound, ends, and has only lines that can be shown. The first octet chooses the look-up; then come the
 * answers: an octet for security and code, one for the records counted, two for the length, and the records. The question is put before them.
 */

#include "require.h"

#include "cli/check_zones.h"
#include "policy/dane.h"
#include "policy/dns_check.h"
#include "policy/mtasts_fetch.h"
#include "policy/mtasts_lookup.h"
#include "policy/peer_names.h"
#include "policy/reverse.h"
#include "verdict/sound.h"

enum { QUERIES_MAX = 256, ANSWER_MAX = 1024, LOOK_UPS = 6, NOW_S = 1790000000 };

struct query {
	struct query *next;
	char name[DNS_NAME_TEXT_MAX];
	enum dns_type type;
	lookup_fn fn;
	void *owner;
};

struct mtasts_fetch {
	mtasts_fetch_fn fn;
	void *owner;
};

/* The two libraries that look outside are left out: these stand in for the functions that would ask them. */
struct resolver {
	struct cursor input;
	struct query *first, **last;
	size_t asked;
	struct mtasts_fetch *fetch;
	unsigned ended; /* look-ups that came to their end */
};

static struct resolver scene;

const struct party *resolver_asks_for(const struct resolver *resolver)
{
	static const struct party nobody;

	(void)resolver;
	return &nobody;
}

struct query *resolver_ask(struct resolver *resolver, const char *name, enum dns_type type,
                           lookup_fn fn, void *owner)
{
	struct query *query = calloc(1, sizeof(*query));

	REQUIRE(query && ++resolver->asked <= QUERIES_MAX && strlen(name) < DNS_NAME_TEXT_MAX);
	strcpy(query->name, name);
	query->type = type;
	query->fn = fn;
	query->owner = owner;
	*resolver->last = query;
	resolver->last = &query->next;
	return query;
}

void resolver_cancel(struct query *query)
{
	struct query **at = &scene.first;

	while (*at && *at != query)
		at = &(*at)->next;
	REQUIRE(*at);
	*at = query->next;
	if (scene.last == &query->next)
		scene.last = at;
	free(query);
}

struct mtasts_fetch *mtasts_fetch_start(struct mtasts_fetcher *fetcher, const char *domain,
                                        const struct address *addresses, size_t count,
                                        bool is_urgent, mtasts_fetch_fn fn, void *owner)
{
	(void)fetcher;
	(void)is_urgent;
	REQUIRE(domain[0] && count > 0 && count <= FETCH_ADDRESSES_MAX && !scene.fetch);
	for (size_t i = 0; i < count; i++)
		REQUIRE(addresses[i].family == 4 || addresses[i].family == 6);
	scene.fetch = calloc(1, sizeof(*scene.fetch));
	REQUIRE(scene.fetch);
	scene.fetch->fn = fn;
	scene.fetch->owner = owner;
	return scene.fetch;
}

/* Whose share it is does not count here: no fetch waits for another. */
void mtasts_fetcher_ask_for(struct mtasts_fetcher *fetcher, uint64_t client)
{
	(void)fetcher;
	(void)client;
}

void mtasts_fetch_cancel(struct mtasts_fetch *fetch)
{
	REQUIRE(fetch == scene.fetch);
	free(fetch);
	scene.fetch = NULL;
}

static size_t put_name(uint8_t *octets, const char *name)
{
	size_t at = 0;

	while (*name) {
		size_t len = strcspn(name, ".");

		octets[at++] = (uint8_t)len;
		memcpy(octets + at, name, len);
		at += len;
		name += len + (name[len] == '.');
	}
	octets[at++] = 0;
	return at;
}

/* Header, question, and what the input has of records. */
static struct bytes answer_to(const struct query *query, uint8_t rcode)
{
	uint8_t octets[DNS_HEADER_LEN + DNS_NAME_TEXT_MAX + 4 + ANSWER_MAX] = { 0x12, 0x34, 0x81 };
	uint8_t counts = cursor_u8(&scene.input);
	size_t records_len = cursor_u16(&scene.input) % (ANSWER_MAX + 1), at = DNS_HEADER_LEN;
	struct bytes records;

	if (records_len > cursor_left(&scene.input))
		records_len = cursor_left(&scene.input);
	records = cursor_bytes(&scene.input, records_len);
	octets[3] = (uint8_t)(0x80 | rcode);
	put_u16(octets + 4, 1);
	put_u16(octets + 6, counts & 0x0f);
	put_u16(octets + 8, counts >> 4 & 3);
	put_u16(octets + 10, counts >> 6);
	at += put_name(octets + at, query->name);
	put_u16(octets + at, (uint16_t)query->type);
	put_u16(octets + at + 2, 1);
	at += 4;
	if (records.len > 0)
		memcpy(octets + at, records.data, records.len);
	return exact_copy(bytes_of(octets, at + records.len));
}

/* As policy/resolver.c reads what libunbound gives. */
static void read_answer(struct lookup *lookup, const struct query *query, struct bytes octets)
{
	if (dns_answer_parse(&lookup->answer, octets) != PARSE_OK ||
	    lookup->answer.type != query->type || strcmp(lookup->answer.name, query->name) != 0) {
		lookup->security = DNS_FAILED;
		lookup->why = "the answer is malformed";
	} else if (lookup->answer.rcode == DNS_RCODE_NXDOMAIN) {
		lookup->outcome = LOOKUP_NXDOMAIN;
	} else if (lookup->answer.rcode != DNS_RCODE_NOERROR) {
		lookup->security = DNS_FAILED;
		lookup->why = "the look-up was refused";
	} else {
		lookup->outcome = lookup->answer.record_count > 0 ? LOOKUP_FOUND : LOOKUP_NODATA;
	}
}

static void answer_first(void)
{
	struct query *query = scene.first;
	uint8_t head = cursor_left(&scene.input) > 0 ? cursor_u8(&scene.input) : DNS_FAILED - 1;
	struct lookup lookup = { .security = (enum dns_security)(1 + head % DNS_FAILED),
		                 .why = head & 0x80 ? "a reason" : "" };
	struct bytes octets = answer_to(query, head >> 2 & 3);

	scene.first = query->next;
	if (!scene.first)
		scene.last = &scene.first;
	if (lookup.security == DNS_SECURE || lookup.security == DNS_INSECURE)
		read_answer(&lookup, query, octets);
	query->fn(query->owner, &lookup);
	free(query);
	exact_free(octets);
}

static void end_fetch(void)
{
	struct mtasts_fetch *fetch = scene.fetch;
	bool is_good = cursor_u8(&scene.input) & 1;
	struct bytes text = exact_copy(cursor_bytes(&scene.input, cursor_left(&scene.input)));
	const struct mtasts_fetched fetched = {
		.is_good = is_good,
		.text = is_good ? text : (struct bytes){ 0 },
		.why = is_good ? "" : "a reason",
	};

	scene.fetch = NULL;
	fetch->fn(fetch->owner, &fetched);
	free(fetch);
	exact_free(text);
}

static void require_line(const char *text, size_t room)
{
	size_t len = strnlen(text, room);

	REQUIRE(len < room);
	for (size_t i = 0; i < len; i++)
		REQUIRE(text[i] >= ' ' && text[i] <= '~');
}

static void on_dane(void *owner, struct dane_result *result)
{
	const struct destination *destination = &result->destination;

	(void)owner;
	scene.ended++;
	REQUIRE(destination_is_sound(destination));
	require_line(destination->why, sizeof(destination->why));
	require_line(result->canonical, sizeof(result->canonical));
	for (size_t i = 0; i < destination->host_count; i++) {
		const struct dane_keys *keys = result->keys[i];

		require_line(destination->hosts[i].name, DOMAIN_NAME_MAX);
		require_line(destination->hosts[i].promise.detail, PROMISE_DETAIL_MAX);
		if (!keys)
			continue;
		REQUIRE(keys->count <= DANE_KEYS_MAX && keys->octets_len <= DANE_KEY_OCTETS_MAX);
		for (size_t k = 0; k < keys->count; k++) {
			struct bytes data = keys->records[k].data;

			REQUIRE(tlsa_is_usable(&keys->records[k]));
			REQUIRE(data.data >= keys->octets &&
			        data.data + data.len <= keys->octets + keys->octets_len);
		}
	}
}

static void on_reverse(void *owner, const struct reverse_names *names)
{
	char again[DOMAIN_NAME_MAX];

	(void)owner;
	scene.ended++;
	REQUIRE(names->count <= REVERSE_NAMES_MAX);
	for (size_t i = 0; i < names->count; i++)
		REQUIRE(peer_name_normalise(again, names->names[i]) &&
		        strcmp(again, names->names[i]) == 0);
}

static void on_checked(void *owner, enum dns_finding finding, const char *text)
{
	(void)owner;
	scene.ended++;
	REQUIRE(finding <= DNS_FINDING_BOGUS_TOO);
	require_line(text, DNS_CHECK_TEXT_MAX);
	REQUIRE((text[0] == '\0') ==
	        (finding == DNS_FINDING_NONE || finding == DNS_FINDING_UNKNOWN));
}

static void on_policy(void *owner, const struct mtasts_finding *finding)
{
	(void)owner;
	scene.ended++;
	REQUIRE(finding->found <= MTASTS_FOUND_BROKEN);
	require_line(finding->why, LOOKUP_WHY_MAX);
	REQUIRE((finding->found == MTASTS_FOUND_POLICY || finding->found == MTASTS_FOUND_SAME) ==
	        (finding->why[0] == '\0'));
	REQUIRE(finding->found != MTASTS_FOUND_POLICY || finding->text.len > 0);
}

static struct check_facts facts;
static struct check_zones zones;

static void on_zones(void *owner)
{
	(void)owner;
	scene.ended++;
	REQUIRE(facts.zone_count <= CHECK_ASKED_MAX && facts.server_count <= CHECK_SERVERS_MAX);
	REQUIRE(!zones.has_domain || strcmp(facts.zones[0].name, "a.test") == 0 ||
	        strcmp(facts.zones[0].name, "www.a.test") == 0);
	for (size_t i = 0; i < facts.zone_count; i++)
		require_line(facts.zones[i].name, DOMAIN_NAME_MAX);
	for (size_t i = 0; i < facts.server_count; i++) {
		REQUIRE(facts.servers[i].zone < facts.zone_count);
		REQUIRE(facts.servers[i].address.family == 4 ||
		        facts.servers[i].address.family == 6);
		require_line(facts.servers[i].name, DOMAIN_NAME_MAX);
	}
	for (size_t i = 0; i < MX_HOSTS_MAX; i++)
		REQUIRE(zones.of[i] < facts.zone_count || zones.of[i] == CHECK_ASKED_MAX);
}

/* Of a domain whose mail goes to a host below it and to one elsewhere. */
static bool begin_zones(void)
{
	memset(&facts, 0, sizeof(facts));
	strcpy(facts.destination.name, "www.a.test");
	facts.destination.host_count = 2;
	strcpy(facts.hosts[0].tlsa.base, "mx.a.test");
	strcpy(facts.hosts[1].tlsa.base, "mx.b.test");
	return check_zones_find(&zones, &scene, &facts, on_zones, NULL);
}

/* False: nothing was asked. */
static bool begin(unsigned look_up)
{
	const struct address address = { 4, { 192, 0, 2, 1 } };
	struct bytes heard;
	bool has_begun;

	switch (look_up) {
	case 0:
		return dane_ask_domain(&scene, "a.test", on_dane, NULL) != NULL;
	case 1:
		return dane_ask_host(&scene, "mx.a.test", on_dane, NULL) != NULL;
	case 2:
		return reverse_ask(&scene, &address, on_reverse, NULL) != NULL;
	case 3:
		return mtasts_lookup_start(&scene, NULL, "a.test", "known", true, on_policy,
		                           NULL) != NULL;
	case 5:
		return begin_zones();
	default:
		heard = exact_copy(cursor_vector16(&scene.input));
		has_begun = dns_check_begin(&scene, heard, NOW_S, on_checked, NULL) != NULL;
		exact_free(heard);
		return has_begun;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	memset(&scene, 0, sizeof(scene));
	scene.input = cursor_over(bytes_of(data, len));
	scene.last = &scene.first;
	if (!begin(cursor_u8(&scene.input) % LOOK_UPS))
		return 0;
	while (scene.first || scene.fetch) {
		REQUIRE(scene.ended == 0);
		if (scene.first)
			answer_first();
		else
			end_fetch();
	}
	REQUIRE(scene.ended == 1);
	return 0;
}
