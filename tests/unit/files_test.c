/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "files.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/sealed.h"
#include "openpgp.h"

enum { SENT_MAX = 8, TEXT_MAX = 64 };

/* A scout that keeps what it is sent, and a ledger. */
struct world {
	struct openpgp openpgp;
	struct files *files;
	struct files_options options;
	int send_error;
	size_t sent;
	struct sent {
		struct message_file message;
		char text[TEXT_MAX]; /* of the copy; "-": none came along */
	} sents[SENT_MAX];
	size_t told;
	enum event_kind kind;
	char subject[EVENT_SUBJECT_MAX]; /* of the last event, as the next */
	char text[EVENT_TEXT_MAX];
};

static int send_file(void *owner, const struct message_file *message, int copy)
{
	struct world *world = owner;
	struct sent *sent = &world->sents[world->sent % SENT_MAX];
	struct bytes octets;

	if (world->send_error)
		return world->send_error;
	world->sent++;
	sent->message = *message;
	strcpy(sent->text, "-");
	if (copy < 0)
		return 0;
	assert_int_equal(sealed_map(&octets, copy, TEXT_MAX - 1), 0);
	if (octets.len > 0)
		memcpy(sent->text, octets.data, octets.len);
	sent->text[octets.len] = '\0';
	sealed_unmap(octets);
	return 0;
}

static void tell(void *owner, enum event_kind kind, const char *subject, const char *text)
{
	struct world *world = owner;

	world->told++;
	world->kind = kind;
	text_copy(world->subject, sizeof(world->subject), subject);
	text_copy(world->text, sizeof(world->text), text);
}

static int make_keys(void **state)
{
	static struct openpgp openpgp;

	openpgp_open(&openpgp);
	openpgp_run(&openpgp, "cp lister.gpg kept.gpg");
	*state = &openpgp;
	return 0;
}

static int remove_keys(void **state)
{
	openpgp_close(*state);
	return 0;
}

static int set_up(void **state)
{
	static const struct files_hooks hooks = { .send = send_file, .tell = tell };
	static struct world world;
	struct files_option *option = &world.options.files[0];

	world = (struct world){ .openpgp = *(const struct openpgp *)*state };
	openpgp_run(&world.openpgp, "rm -rf list list.* watch a b; cp kept.gpg lister.gpg");
	world.files = files_new(&hooks, &world);
	assert_non_null(world.files);
	world.options.count = 1;
	option->kind = FILE_POLICY_LIST;
	snprintf(option->path, sizeof(option->path), "%s/list", world.openpgp.folder);
	*state = &world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	files_free(world->files);
	return 0;
}

static void ask_for_signatures(struct world *world)
{
	snprintf(world->options.files[0].key, sizeof(world->options.files[0].key), "%s/lister.gpg",
	         world->openpgp.folder);
}

static void begin(struct world *world)
{
	files_configure(world->files, &world->options);
	files_serve(world->files, 1);
}

/* As it is once a second. */
static void look(struct world *world)
{
	files_look(world->files);
	files_serve(world->files, 1);
}

/* As an editor does. */
static void replace(struct world *world, const char *text)
{
	openpgp_write(&world->openpgp, "list.new", text);
	openpgp_run(&world->openpgp, "mv list.new list");
}

static const struct sent *last(const struct world *world)
{
	assert_true(world->sent > 0);
	return &world->sents[(world->sent - 1) % SENT_MAX];
}

static void a_file_is_read_at_the_start_and_when_it_has_changed_and_stands_still(void **state)
{
	struct world *world = *state;

	replace(world, "one");
	begin(world);
	assert_int_equal(world->sent, 1);
	assert_string_equal(last(world)->text, "one");
	assert_string_equal(last(world)->message.path, world->options.files[0].path);
	assert_string_equal(last(world)->message.signer, "");
	assert_string_equal(last(world)->message.why, "");
	look(world);
	look(world);
	assert_int_equal(world->sent, 1);
	replace(world, "two");
	look(world);
	replace(world, "three");
	look(world);
	assert_int_equal(world->sent, 1);
	look(world);
	assert_int_equal(world->sent, 2);
	assert_string_equal(last(world)->text, "three");
	/* Written in its place, not replaced. */
	openpgp_write(&world->openpgp, "list", "four");
	look(world);
	look(world);
	assert_string_equal(last(world)->text, "four");
	assert_int_equal(world->told, 0);
}

static void a_file_that_vanishes_is_told_once_and_so_is_its_return(void **state)
{
	struct world *world = *state;

	replace(world, "one");
	begin(world);
	openpgp_run(&world->openpgp, "rm list");
	for (int i = 0; i < 5; i++)
		look(world);
	assert_int_equal(world->told, 1);
	assert_int_equal(world->kind, EVENT_DEGRADED);
	assert_non_null(strstr(world->text, "policy list not taken, the one before stays: "));
	assert_non_null(strstr(world->text, "No such file"));
	assert_int_equal(world->sent, 2);
	assert_string_equal(last(world)->text, "-");
	assert_non_null(strstr(last(world)->message.why, "No such file"));
	replace(world, "two");
	look(world);
	look(world);
	assert_int_equal(world->told, 2);
	assert_int_equal(world->kind, EVENT_RECOVERED);
	assert_string_equal(last(world)->text, "two");
}

static void a_file_that_is_not_asked_for_any_more_is_no_trouble(void **state)
{
	struct world *world = *state;
	char subject[EVENT_SUBJECT_MAX];

	begin(world);
	assert_int_equal(world->kind, EVENT_DEGRADED);
	snprintf(subject, sizeof(subject), "policy list %s/list", world->openpgp.folder);
	assert_string_equal(world->subject, subject);
	world->options.count = 0;
	files_configure(world->files, &world->options);
	assert_int_equal(world->told, 2);
	assert_int_equal(world->kind, EVENT_RECOVERED);
	assert_string_equal(world->subject, subject);
}

static void a_file_that_was_never_there_is_told(void **state)
{
	struct world *world = *state;

	begin(world);
	assert_int_equal(world->told, 1);
	assert_null(strstr(world->text, "the one before stays"));
	assert_non_null(strstr(world->text, "No such file"));
	assert_string_equal(last(world)->text, "-");
	/* Nor does a reload say the same again. */
	begin(world);
	assert_int_equal(world->told, 1);
}

static void a_scout_that_starts_anew_gets_the_last_good_copy_and_the_trouble(void **state)
{
	struct world *world = *state;

	replace(world, "one");
	begin(world);
	openpgp_run(&world->openpgp, "rm list");
	look(world);
	look(world);
	world->sent = 0;
	files_serve(world->files, 0);
	assert_int_equal(world->sent, 0);
	files_serve(world->files, 2);
	assert_int_equal(world->sent, 2);
	assert_string_equal(world->sents[0].text, "one");
	assert_string_equal(world->sents[1].text, "-");
	files_serve(world->files, 2);
	assert_int_equal(world->sent, 2);
	assert_int_equal(world->told, 1);
}

static void what_a_slow_scout_did_not_take_is_sent_again(void **state)
{
	struct world *world = *state;

	replace(world, "one");
	world->send_error = -EAGAIN;
	begin(world);
	assert_int_equal(world->sent, 0);
	world->send_error = 0;
	look(world);
	assert_int_equal(world->sent, 1);
	look(world);
	assert_int_equal(world->sent, 1);
}

static void what_is_signed_goes_with_its_signer(void **state)
{
	struct world *world = *state;

	ask_for_signatures(world);
	replace(world, "signed");
	openpgp_run(&world->openpgp, "gpg -u lister --armor --detach-sign list");
	begin(world);
	assert_string_equal(last(world)->text, "signed");
	assert_int_equal(strlen(last(world)->message.signer), 40);
	assert_int_equal(world->told, 0);
}

static void what_is_not_signed_well_does_not_go(void **state)
{
	struct world *world = *state;

	ask_for_signatures(world);
	replace(world, "unsigned");
	begin(world);
	assert_string_equal(last(world)->text, "-");
	assert_non_null(strstr(last(world)->message.why, "not signed"));
	openpgp_run(&world->openpgp, "gpg -u stranger --detach-sign list");
	look(world);
	look(world);
	assert_string_equal(last(world)->text, "-");
	assert_non_null(strstr(last(world)->message.why, "signed by another key"));
	assert_string_equal(last(world)->message.signer, "");
	/* A new signature is a change, though the list is the same. */
	openpgp_run(&world->openpgp, "rm list.sig; gpg -u lister --detach-sign list");
	look(world);
	look(world);
	assert_string_equal(last(world)->text, "unsigned");
	/* So are other keys. */
	openpgp_run(&world->openpgp, "cp stranger.gpg lister.gpg");
	look(world);
	look(world);
	assert_string_equal(last(world)->text, "-");
}

static void new_keys_without_a_new_signature_are_read_from_the_file_that_is_named(void **state)
{
	struct world *world = *state;

	ask_for_signatures(world);
	replace(world, "list");
	openpgp_run(&world->openpgp, "gpg -u lister --detach-sign list; rm lister.gpg");
	begin(world);
	assert_non_null(strstr(last(world)->message.why, "/lister.gpg: No such file"));
	openpgp_run(&world->openpgp, "cp lister.asc lister.gpg");
	look(world);
	look(world);
	assert_string_equal(last(world)->text, "list");
}

/* What was checked is what goes, however the file changes meanwhile. */
static void a_file_exchanged_behind_its_check_does_not_go(void **state)
{
	struct world *world = *state;

	ask_for_signatures(world);
	replace(world, "signed");
	openpgp_run(&world->openpgp, "gpg -u lister --detach-sign list");
	files_configure(world->files, &world->options);
	openpgp_write(&world->openpgp, "list", "forged");
	files_serve(world->files, 1);
	assert_string_equal(last(world)->text, "signed");
	look(world);
	look(world);
	assert_string_equal(last(world)->text, "-");
	assert_non_null(strstr(last(world)->message.why, "not of this file"));
}

static void links_are_followed_and_what_is_no_file_is_not_read(void **state)
{
	struct world *world = *state;

	openpgp_run(&world->openpgp, "printf one >a; printf two >b; ln -s a list");
	begin(world);
	assert_string_equal(last(world)->text, "one");
	openpgp_run(&world->openpgp, "ln -sfn b list");
	look(world);
	look(world);
	assert_string_equal(last(world)->text, "two");
	openpgp_run(&world->openpgp, "rm list; mkfifo list");
	look(world);
	look(world);
	assert_non_null(strstr(last(world)->message.why, "not a regular file"));
	openpgp_run(&world->openpgp, "rm list; mkdir list");
	look(world);
	look(world);
	assert_int_equal(world->told, 1);
	openpgp_run(&world->openpgp, "rmdir list; ln -s list list");
	look(world);
	look(world);
	assert_non_null(strstr(last(world)->message.why, "Too many levels of symbolic links"));
}

static void a_file_that_is_too_long_does_not_go(void **state)
{
	struct world *world = *state;

	openpgp_run(&world->openpgp, "truncate -s 16777217 list");
	begin(world);
	assert_string_equal(last(world)->text, "-");
	assert_non_null(strstr(last(world)->message.why, "longer than 16384 KiB"));
}

static void a_reload_reads_what_is_new_or_was_not_good_and_nothing_twice(void **state)
{
	struct world *world = *state;

	replace(world, "one");
	openpgp_write(&world->openpgp, "watch", "two");
	begin(world);
	world->options.count = 2;
	world->options.files[1].kind = FILE_WATCH;
	snprintf(world->options.files[1].path, sizeof(world->options.files[1].path), "%s/watch",
	         world->openpgp.folder);
	begin(world);
	assert_int_equal(world->sent, 2);
	assert_string_equal(last(world)->text, "two");
	assert_int_equal(last(world)->message.kind, FILE_WATCH);
	/* It does not wait for the change to stand still: somebody asked. */
	replace(world, "three");
	begin(world);
	assert_int_equal(world->sent, 3);
	assert_string_equal(last(world)->text, "three");
	world->options.files[0] = world->options.files[1];
	world->options.count = 1;
	begin(world);
	replace(world, "four");
	look(world);
	look(world);
	assert_int_equal(world->sent, 3);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_file_is_read_at_the_start_and_when_it_has_changed_and_stands_still),
		TEST(a_file_that_vanishes_is_told_once_and_so_is_its_return),
		TEST(a_file_that_is_not_asked_for_any_more_is_no_trouble),
		TEST(a_file_that_was_never_there_is_told),
		TEST(a_scout_that_starts_anew_gets_the_last_good_copy_and_the_trouble),
		TEST(what_a_slow_scout_did_not_take_is_sent_again),
		TEST(what_is_signed_goes_with_its_signer),
		TEST(what_is_not_signed_well_does_not_go),
		TEST(new_keys_without_a_new_signature_are_read_from_the_file_that_is_named),
		TEST(a_file_exchanged_behind_its_check_does_not_go),
		TEST(links_are_followed_and_what_is_no_file_is_not_read),
		TEST(a_file_that_is_too_long_does_not_go),
		TEST(a_reload_reads_what_is_new_or_was_not_good_and_nothing_twice),
	};

	return cmocka_run_group_tests(tests, make_keys, remove_keys);
}
