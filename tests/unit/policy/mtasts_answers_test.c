/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What a domain's answers and its policy host make of an MTA-STS look-up. */

#include "policy/mtasts_lookup.h"

#include "scripted_resolver.h"

#define DOMAIN "example.org"
#define RECORD "_mta-sts." DOMAIN
#define HOST   "mta-sts." DOMAIN
#define URL    "https://" HOST "/.well-known/mta-sts.txt"

enum { CLIENT = 77 };

static const char policy_text[] =
	"version: STSv1\r\nmode: enforce\r\nmx: mx.example.org\r\nmax_age: 86400\r\n";

/* In the place of policy/mtasts_fetch.c. */
struct mtasts_fetch {
	bool is_open;
	mtasts_fetch_fn fn;
	void *owner;
	size_t count;
	struct address addresses[FETCH_ADDRESSES_MAX];
};

static struct {
	bool is_full; /* too many wait */
	uint64_t client;
	struct mtasts_fetch fetch;
	size_t told;
	enum mtasts_found found;
	uint32_t ttl_s;
	enum mtasts_mode mode;
	char id[MTASTS_ID_MAX + 1];
	char why[LOOKUP_WHY_MAX];
} scene;

void mtasts_fetcher_ask_for(struct mtasts_fetcher *fetcher, uint64_t client)
{
	(void)fetcher;
	scene.client = client;
}

struct mtasts_fetch *mtasts_fetch_start(struct mtasts_fetcher *fetcher, const char *domain,
                                        const struct address *addresses, size_t count,
                                        bool is_urgent, mtasts_fetch_fn fn, void *owner)
{
	(void)fetcher;
	assert_string_equal(domain, DOMAIN);
	assert_true(is_urgent && count > 0 && count <= FETCH_ADDRESSES_MAX && !scene.fetch.is_open);
	if (scene.is_full)
		return NULL;
	scene.fetch = (struct mtasts_fetch){ true, fn, owner, count, { { 0 } } };
	memcpy(scene.fetch.addresses, addresses, count * sizeof(*addresses));
	return &scene.fetch;
}

void mtasts_fetch_cancel(struct mtasts_fetch *fetch)
{
	assert_true(fetch == &scene.fetch && fetch->is_open);
	fetch->is_open = false;
}

static void end_fetch(const struct mtasts_fetched *fetched)
{
	assert_true(scene.fetch.is_open);
	scene.fetch.is_open = false;
	scene.fetch.fn(scene.fetch.owner, fetched);
}

static void on_finding(void *owner, const struct mtasts_finding *finding)
{
	assert_ptr_equal(owner, &scene);
	scene.told++;
	scene.found = finding->found;
	scene.ttl_s = finding->ttl_s;
	scene.mode = finding->policy.mode;
	text_copy(scene.id, sizeof(scene.id), finding->id);
	text_copy(scene.why, sizeof(scene.why), finding->why);
}

static int begin_look_up(void **state)
{
	memset(&scene, 0, sizeof(scene));
	(void)begin_script(state);
	script.party.client = CLIENT;
	return 0;
}

static int end_look_up(void **state)
{
	return scene.fetch.is_open ? -1 : end_script(state);
}

static struct mtasts_lookup *start(const char *known_id)
{
	scene.told = 0;
	return mtasts_lookup_start(&script, NULL, DOMAIN, known_id, true, on_finding, &scene);
}

static void assert_found(enum mtasts_found found, const char *why)
{
	assert_int_equal(scene.told, 1);
	assert_string_equal(scene.why, why);
	assert_int_equal(scene.found, found);
}

static void answer_txt(const char *text)
{
	struct message message;
	size_t at;

	begin(&message, FOUND, RECORD, DNS_TYPE_TXT, 1, 0);
	at = begin_record(&message, RECORD, DNS_TYPE_TXT, 120);
	add_u8(&message, (unsigned)strlen(text));
	memcpy(message.octets + message.len, text, strlen(text));
	message.len += strlen(text);
	end_record(&message, at);
	answer(&message, DNS_INSECURE);
}

static void promise_policy(void)
{
	assert_non_null(start("old"));
	answer_txt("v=STSv1; id=new;");
	assert_int_equal(scene.told, 0);
}

static void answer_address(uint32_t address)
{
	struct message message;

	begin(&message, FOUND, HOST, DNS_TYPE_A, 1, 0);
	add_a(&message, HOST, address, 60);
	answer(&message, DNS_INSECURE);
	deny(HOST, DNS_TYPE_AAAA, FOUND, DNS_INSECURE);
}

static void reach_policy_host(void)
{
	promise_policy();
	answer_address(0xc6336419);
	assert_int_equal(scene.told, 0);
}

static void a_policy_is_fetched_for_whoever_asked(void **state)
{
	(void)state;
	reach_policy_host();
	assert_int_equal(scene.client, CLIENT);
	assert_int_equal(scene.fetch.count, 1);
	end_fetch(&(struct mtasts_fetched){
		.is_good = true, .text = bytes_of_string(policy_text), .why = "" });
	assert_found(MTASTS_FOUND_POLICY, "");
	assert_string_equal(scene.id, "new");
	assert_int_equal(scene.mode, MTASTS_MODE_ENFORCE);
}

static void the_known_id_needs_no_file_unless_it_is_forced(void **state)
{
	struct mtasts_lookup *lookup;

	(void)state;
	assert_non_null(start("new"));
	answer_txt("v=STSv1; id=new;");
	assert_found(MTASTS_FOUND_SAME, "");
	assert_int_equal(scene.ttl_s, 120);
	lookup = start("new");
	mtasts_lookup_force(lookup);
	answer_txt("v=STSv1; id=new;");
	assert_true(is_asked(HOST, DNS_TYPE_A));
	assert_true(mtasts_lookup_has_record(lookup));
	mtasts_lookup_cancel(lookup);
}

static void without_a_record_that_counts_there_is_no_policy(void **state)
{
	(void)state;
	assert_non_null(start(""));
	deny(RECORD, DNS_TYPE_TXT, ABSENT, DNS_SECURE);
	assert_found(MTASTS_FOUND_NOTHING, "TXT " RECORD ": no such record");
	assert_int_equal(scene.ttl_s, 300);
	assert_non_null(start(""));
	deny(RECORD, DNS_TYPE_TXT, FOUND, DNS_INSECURE);
	assert_found(MTASTS_FOUND_NOTHING, "TXT " RECORD ": no such record");
	assert_non_null(start(""));
	answer_txt("v=spf1 -all");
	assert_int_equal(scene.found, MTASTS_FOUND_NOTHING);
	assert_int_equal(scene.ttl_s, 120);
	assert_non_null(strstr(scene.why, "TXT " RECORD ": "));
	assert_non_null(start(""));
	answer_txt("v=STSv1; id=not-an-id;");
	assert_int_equal(scene.found, MTASTS_FOUND_NOTHING);
}

static void a_bogus_record_says_nothing(void **state)
{
	(void)state;
	assert_non_null(start(""));
	fail_query(RECORD, DNS_TYPE_TXT, DNS_BOGUS, "forged");
	assert_found(MTASTS_FOUND_FAILED, "TXT " RECORD ": bogus: forged");
}

static void a_file_that_is_no_policy_is_a_broken_promise(void **state)
{
	(void)state;
	reach_policy_host();
	end_fetch(&(struct mtasts_fetched){ .why = URL ": 404 came" });
	assert_found(MTASTS_FOUND_BROKEN, URL ": 404 came");
	assert_string_equal(scene.id, "new");
	reach_policy_host();
	end_fetch(&(struct mtasts_fetched){
		.is_good = true, .text = bytes_of_string("version: STSv1\n<html>\n"), .why = "" });
	assert_int_equal(scene.found, MTASTS_FOUND_BROKEN);
	assert_non_null(strstr(scene.why, URL ": not a policy: line 2: "));
	reach_policy_host();
	end_fetch(&(struct mtasts_fetched){
		.is_good = true, .text = bytes_of_string("version: STSv1\n"), .why = "" });
	assert_int_equal(scene.found, MTASTS_FOUND_BROKEN);
	assert_non_null(strstr(scene.why, URL ": not a policy: "));
	assert_null(strstr(scene.why, "line"));
}

static void a_policy_host_without_address_is_a_broken_promise(void **state)
{
	(void)state;
	promise_policy();
	deny(HOST, DNS_TYPE_A, FOUND, DNS_INSECURE);
	deny(HOST, DNS_TYPE_AAAA, FOUND, DNS_INSECURE);
	assert_found(MTASTS_FOUND_BROKEN, HOST " has no address, though a policy is promised");
	promise_policy();
	deny(HOST, DNS_TYPE_A, FOUND, DNS_INSECURE);
	fail_query(HOST, DNS_TYPE_AAAA, DNS_BOGUS, "forged");
	assert_found(MTASTS_FOUND_BROKEN, "AAAA " HOST ": bogus: forged");
	promise_policy();
	fail_query(HOST, DNS_TYPE_A, DNS_FAILED, "no reply");
	deny(HOST, DNS_TYPE_AAAA, FOUND, DNS_INSECURE);
	assert_found(MTASTS_FOUND_BROKEN, "A " HOST ": no reply");
}

/* Else a stranger's name had us connect to ourselves. */
static void addresses_of_this_host_or_link_are_not_asked(void **state)
{
	static const uint32_t v4[] = {
		0x7f000001, 0x7fffffff, 0, 0xa9fe0101, 0xe0000001, UINT32_MAX
	};
	static const uint8_t v6[][16] = {
		{ [15] = 1 }, { 0 }, { 0xfe, 0x80, [15] = 9 }, { 0xff, 2 }
	};
	struct message message;

	(void)state;
	promise_policy();
	begin(&message, FOUND, HOST, DNS_TYPE_A, 6, 0);
	for (size_t i = 0; i < 6; i++)
		add_a(&message, HOST, v4[i], 60);
	answer(&message, DNS_SECURE);
	begin(&message, FOUND, HOST, DNS_TYPE_AAAA, 4, 0);
	for (size_t i = 0; i < 4; i++)
		add_octets(&message, HOST, DNS_TYPE_AAAA, bytes_of(v6[i], 16));
	answer(&message, DNS_SECURE);
	assert_found(MTASTS_FOUND_BROKEN, HOST " has no address but those of this very host or "
	                                       "link, which are not asked");
}

static void either_family_has_half_of_the_room(void **state)
{
	static const uint8_t v6[16] = { 0x20, 1, [15] = 1 };
	struct message message;

	(void)state;
	promise_policy();
	begin(&message, FOUND, HOST, DNS_TYPE_A, 41, 0);
	add_octets(&message, HOST, DNS_TYPE_A, bytes_of_string("cut"));
	for (unsigned i = 0; i < 40; i++)
		add_a(&message, HOST, 0xc6336400 + i, 60);
	answer(&message, DNS_INSECURE);
	begin(&message, FOUND, HOST, DNS_TYPE_AAAA, 1, 0);
	add_octets(&message, HOST, DNS_TYPE_AAAA, bytes_of(v6, sizeof(v6)));
	answer(&message, DNS_INSECURE);
	assert_int_equal(scene.fetch.count, FETCH_ADDRESSES_MAX / 2 + 1);
	assert_int_equal(scene.fetch.addresses[0].octets[3], 0);
	assert_int_equal(scene.fetch.addresses[FETCH_ADDRESSES_MAX / 2].family, 6);
	end_fetch(&(struct mtasts_fetched){ .why = "refused" });
	assert_found(MTASTS_FOUND_BROKEN, "refused");
}

static void where_too_many_wait_the_promise_is_broken_not_forgotten(void **state)
{
	(void)state;
	scene.is_full = true;
	promise_policy();
	answer_address(0xc6336419);
	assert_int_equal(scene.told, 1);
	assert_int_equal(scene.found, MTASTS_FOUND_BROKEN);
	assert_non_null(strstr(scene.why, HOST " is not asked: too many fetches at one time"));
}

static void without_memory_for_a_question_it_is_the_same(void **state)
{
	(void)state;
	script.left = 0;
	assert_null(start(""));
	script.left = 2; /* the record, and one family of two */
	assert_non_null(start(""));
	answer_txt("v=STSv1; id=new;");
	assert_found(MTASTS_FOUND_BROKEN, "out of memory");
	assert_int_equal(open_count(), 0);
}

static void a_cancelled_fetch_is_not_told(void **state)
{
	struct mtasts_lookup *lookup = start("");

	(void)state;
	answer_txt("v=STSv1; id=new;");
	answer_address(0xc6336419);
	assert_true(scene.fetch.is_open);
	mtasts_lookup_cancel(lookup);
	assert_false(scene.fetch.is_open);
	assert_int_equal(scene.told, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_look_up, end_look_up)
	const struct CMUnitTest tests[] = {
		TEST(a_policy_is_fetched_for_whoever_asked),
		TEST(the_known_id_needs_no_file_unless_it_is_forced),
		TEST(without_a_record_that_counts_there_is_no_policy),
		TEST(a_bogus_record_says_nothing),
		TEST(a_file_that_is_no_policy_is_a_broken_promise),
		TEST(a_policy_host_without_address_is_a_broken_promise),
		TEST(addresses_of_this_host_or_link_are_not_asked),
		TEST(either_family_has_half_of_the_room),
		TEST(where_too_many_wait_the_promise_is_broken_not_forgotten),
		TEST(without_memory_for_a_question_it_is_the_same),
		TEST(a_cancelled_fetch_is_not_told),
	};

	return cmocka_run_group_tests_name("policy/mtasts_lookup, by answers", tests, NULL, NULL);
}
