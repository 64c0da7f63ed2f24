/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/status_page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "counters.h"

static struct troubles troubles;

static void add_trouble(const char *subject, const char *text)
{
	struct event event = { .kind = EVENT_DEGRADED };

	text_copy(event.subject, sizeof(event.subject), subject);
	text_copy(event.text, sizeof(event.text), text);
	troubles_take(&troubles, 0, &event);
}

static struct status *a_status(void)
{
	struct status *status = calloc(1, sizeof(*status));

	troubles.count = 0;
	*status = (struct status){
		.version = "0.1.0",
		.mode = MODE_ENFORCE,
		.uptime_s = 90061,
		.user = "hopguard",
		.backend = "nft",
		.passage = "none",
		.passage_why = "ebpf: not permitted",
		.rules_are_in = true,
		.queue_first = 2500,
		.queue_count = 2,
		.troubles = &troubles,
	};
	status->processes[0] = (struct status_process){ "supervisor", 0, 100, true, 0 };
	status->processes[1] = (struct status_process){ "guard", 1, 0, false, 3 };
	status->process_count = 2;
	return status;
}

static const char *json_of(const struct status *status)
{
	static char text[STATUS_JSON_MAX];

	assert_true(status_json_print(text, status) > 0);
	return text;
}

static const char *text_of(const struct status *status)
{
	static char text[65536];
	FILE *out = fmemopen(text, sizeof(text), "w");

	assert_true(status_text_print(out, json_of(status), false));
	fclose(out);
	return text;
}

static void a_dead_process_has_no_pid_and_is_called_dead(void **state)
{
	struct status *status = a_status();

	(void)state;
	assert_non_null(
		strstr(json_of(status),
	               "{\"role\":\"guard\",\"index\":1,\"state\":\"dead\",\"restarts\":3}"));
	assert_non_null(strstr(text_of(status), "guard 1    dead, started again 3 times\n"));
	free(status);
}

static void the_text_says_what_the_database_holds_and_what_is_wrong_with_it(void **state)
{
	struct status *status = a_status();

	(void)state;
	status->database = (struct status_database){
		.is_usable = true, .problem = "", .rows = { 1, 2, 3, 4 }, .octets = 5000
	};
	assert_non_null(strstr(text_of(status),
	                       "database   1 policies, 2 places, 3 met, 4 lists, 5 KiB\n"));
	assert_non_null(strstr(json_of(status), "\"database\":{\"is_usable\":true,\"policies\":1,"
	                                        "\"places\":2,\"met\":3,\"lists\":4,"));
	status->database.is_usable = false;
	status->database.problem = "the disk is full";
	status->database.waiting = 7;
	status->database.lost = 8;
	assert_non_null(strstr(text_of(status), "database   NOT usable; 1 policies"));
	assert_non_null(
		strstr(text_of(status), "; 7 rows wait; 8 rows were lost; the disk is full\n"));
	/* Said above already. */
	add_trouble("database", "the disk is full");
	assert_non_null(strstr(text_of(status), "; 8 rows were lost\n"));
	assert_non_null(strstr(text_of(status), "degraded   the disk is full\n"));
	free(status);
}

static void the_text_says_whether_rules_are_in_and_what_a_failure_means(void **state)
{
	struct status *status = a_status();

	(void)state;
	assert_non_null(strstr(text_of(status), "hopguard 0.1.0, enforce, up 1 d 1 h 1 min 1 s"));
	assert_non_null(
		strstr(text_of(status), "in by nft, queues 2500-2501; on failure mail waits\n"));
	status->rules_are_in = false;
	status->fails_open = true;
	assert_non_null(strstr(text_of(status), "NOT in by nft, queues 2500-2501; on failure mail "
	                                        "passes\n"));
	free(status);
}

static void what_the_kernel_keeps_from_the_processes_is_shown_and_what_it_does_not(void **state)
{
	struct status *status = a_status();

	(void)state;
	assert_non_null(strstr(json_of(status), "\"sandbox\":{\"seccomp\":false,\"landlock\":0}"));
	assert_non_null(strstr(text_of(status),
	                       "sandbox    system calls NOT filtered; files NOT by "
	                       "Landlock: "));
	status->calls_are_filtered = true;
	status->landlock_version = 7;
	assert_non_null(strstr(json_of(status), "\"sandbox\":{\"seccomp\":true,\"landlock\":7}"));
	assert_non_null(
		strstr(text_of(status), "sandbox    system calls filtered; files by Landlock 7\n"));
	free(status);
}

static void who_passes_bodies_in_the_kernel_is_shown_and_why_nobody_better(void **state)
{
	struct status *status = a_status();

	(void)state;
	assert_non_null(strstr(json_of(status), "\"passage\":{\"kernel\":\"none\",\"why\":"
	                                        "\"ebpf: not permitted\"}"));
	assert_non_null(strstr(text_of(status), "bodies     come to the guard, as all else (ebpf: "
	                                        "not permitted)\n"));
	status->passage = "module";
	status->passage_why = "";
	assert_non_null(strstr(json_of(status), "\"passage\":{\"kernel\":\"module\"}"));
	assert_non_null(strstr(text_of(status), "bodies     pass in the kernel, by its module\n"));
	status->passage = "ebpf";
	assert_non_null(strstr(text_of(status), "bodies     pass in the kernel, by eBPF\n"));
	free(status);
}

static void trouble_is_shown_only_when_there_is_some(void **state)
{
	struct status *status = a_status();

	(void)state;
	assert_null(strstr(json_of(status), "degraded"));
	add_trouble("DNSSEC", "it does not validate");
	add_trouble("CA file", "it is gone");
	assert_non_null(strstr(text_of(status),
	                       "degraded   it does not validate\ndegraded   it is gone\n"));
	assert_non_null(strstr(json_of(status),
	                       "\"degraded\":[{\"subject\":\"DNSSEC\",\"text\":\"it does not "
	                       "validate\"},{\"subject\":\"CA file\",\"text\":\"it is gone\"}]"));
	free(status);
}

static void counters_of_several_processes_add_up_under_their_names(void **state)
{
	struct status *status = a_status();
	struct counters sum = { .packets = 3 }, part = { .packets = 4, .messages_refused = 9 };

	(void)state;
	part.verdicts[ACTION_BLOCK] = 2;
	part.reasons[REASON_STARTTLS_STRIPPED] = 2;
	counters_add(&sum, &part);
	counters_fill(status, &sum);
	assert_non_null(strstr(json_of(status), "\"packets\":7,"));
	assert_non_null(
		strstr(json_of(status), "\"verdicts\":{\"pass\":0,\"alert\":0,\"block\":2,"));
	assert_non_null(strstr(json_of(status), "\"reasons\":{\"starttls-stripped\":2,"));
	assert_non_null(strstr(text_of(status), "  packets                            7\n"));
	assert_non_null(strstr(text_of(status), "  reasons starttls-stripped          2\n"));
	/* What never happened does not fill the page. */
	assert_null(strstr(text_of(status), "starttls-masked"));
	assert_non_null(strstr(json_of(status), "\"messages_refused\":9"));
	free(status);
}

static void a_full_status_fits(void **state)
{
	struct status *status = a_status();
	struct counters sum;

	(void)state;
	memset(&sum, 0x7f, sizeof(sum));
	counters_fill(status, &sum);
	for (status->process_count = 0; status->process_count < STATUS_PROCESSES_MAX;)
		status->processes[status->process_count++] =
			(struct status_process){ "guard", 63, 4194304, true, ~0U };
	assert_non_null(strstr(json_of(status), "\"undecided\":"));
	free(status);
}

static void what_is_no_status_is_refused(void **state)
{
	(void)state;
	assert_false(status_text_print(stderr, "{}", false));
	assert_false(status_text_print(stderr, "", false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_dead_process_has_no_pid_and_is_called_dead),
		cmocka_unit_test(the_text_says_what_the_database_holds_and_what_is_wrong_with_it),
		cmocka_unit_test(the_text_says_whether_rules_are_in_and_what_a_failure_means),
		cmocka_unit_test(
			what_the_kernel_keeps_from_the_processes_is_shown_and_what_it_does_not),
		cmocka_unit_test(who_passes_bodies_in_the_kernel_is_shown_and_why_nobody_better),
		cmocka_unit_test(trouble_is_shown_only_when_there_is_some),
		cmocka_unit_test(counters_of_several_processes_add_up_under_their_names),
		cmocka_unit_test(a_full_status_fits),
		cmocka_unit_test(what_is_no_status_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
