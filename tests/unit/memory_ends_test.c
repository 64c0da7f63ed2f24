/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What reads what others wrote, with memory at its end at each place where some is asked for: a refusal, and nothing else. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "flow/dns_questions.h"
#include "flow/dns_streams.h"
#include "policy/policy_list.h"
#include "policy/watch_list.h"
#include "unit/ending_memory.h"

/* Of `reads`, which tells whether it could: no with less memory, yes with enough. */
static void with_each_end(int (*reads)(void))
{
	size_t most = 0;
	int is_read = 0;

#ifdef HAS_OWN_ALLOCATOR
	skip();
#endif
	while (!is_read && most < 1000) {
		memory_left = most++;
		is_read = reads();
		/* Some of it can do without what it asked for last. */
		memory_left = SIZE_MAX;
	}
	assert_true(is_read);
	assert_true(most > 1);
}

static const uint8_t secret[TABLE_SECRET_LEN];

static const char policy_list[] =
	"{\"version\":\"0.1\",\"timestamp\":\"2026-01-01T00:00:00Z\","
	"\"expires\":\"2027-01-01T00:00:00Z\","
	"\"policy-aliases\":{\"a\":{\"mode\":\"enforce\",\"mxs\":[\".a.test\"]}},"
	"\"policies\":{\"a.test\":{\"policy-alias\":\"a\"},"
	"\"b.test\":{\"mode\":\"testing\",\"mxs\":[\"mx.b.test\"]}}}";

static int reads_policy_list(void)
{
	char error[POLICY_LIST_ERROR_MAX] = "";
	struct policy_list *list = NULL;
	int err = policy_list_parse(&list, bytes_of_string(policy_list), secret, error);

	if (err && (list || !error[0]))
		abort();
	policy_list_free(list);
	return err == 0;
}

static int reads_watch_list(void)
{
	struct watch_faults faults;
	struct watch_list *list = watch_list_parse(&faults, bytes_of_string("a.test\nb.test\n"));
	int is_read = list != NULL;

	watch_list_free(list);
	return is_read;
}

static const char *domain_at(const void *owner, size_t index)
{
	const char *const *domains = owner;

	return domains[index];
}

static int takes_domains(void)
{
	static const char *const domains[] = { "b.test", "a.test", "b.test", NULL };
	struct watch_list *list = watch_list_of(domain_at, (const void *)domains);
	int is_taken = list != NULL;

	if (is_taken && (watch_list_count(list) != 2 || !watch_list_has(list, "a.test")))
		abort();
	watch_list_free(list);
	return is_taken;
}

static void on_message(void *owner, const struct segment *segment, struct bytes message)
{
	int *is_heard = owner;

	(void)segment;
	*is_heard = message.len == 1;
}

static int hears_stream(void)
{
	static const uint8_t octets[] = { 0, 1, 'x' };
	struct segment segment = { .flags = TCP_SYN, .seq = 1 };
	int is_heard = 0;
	struct dns_streams *streams = dns_streams_new(secret, on_message, &is_heard);

	if (streams) {
		dns_streams_push(streams, &segment);
		segment.flags = TCP_ACK;
		segment.seq = 2;
		segment.payload = bytes_of(octets, sizeof(octets));
		dns_streams_push(streams, &segment);
	}
	dns_streams_free(streams);
	return is_heard;
}

static int keeps_questions(void)
{
	struct dns_questions *questions = dns_questions_new(secret);
	int is_kept = questions != NULL;

	dns_questions_free(questions);
	return is_kept;
}

static void a_policy_list_is_refused(void **state)
{
	(void)state;
	with_each_end(reads_policy_list);
}

/* The library that reads it says nothing then, not even why. */
static void a_policy_list_without_memory_to_begin_is_not_called_wrong(void **state)
{
	char error[POLICY_LIST_ERROR_MAX] = "";
	struct policy_list *list = NULL;
	int err;

	(void)state;
#ifdef HAS_OWN_ALLOCATOR
	skip();
#endif
	memory_left = 0;
	err = policy_list_parse(&list, bytes_of_string(policy_list), secret, error);
	memory_left = SIZE_MAX;
	assert_int_equal(err, -ENOMEM);
	assert_string_equal(error, "the list: out of memory");
}

static void a_list_of_domains_is_refused(void **state)
{
	(void)state;
	with_each_end(reads_watch_list);
	with_each_end(takes_domains);
}

static void a_dns_message_is_not_heard(void **state)
{
	(void)state;
	with_each_end(hears_stream);
}

static void questions_are_not_kept(void **state)
{
	(void)state;
	with_each_end(keeps_questions);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_policy_list_is_refused),
		cmocka_unit_test(a_policy_list_without_memory_to_begin_is_not_called_wrong),
		cmocka_unit_test(a_list_of_domains_is_refused),
		cmocka_unit_test(a_dns_message_is_not_heard),
		cmocka_unit_test(questions_are_not_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
