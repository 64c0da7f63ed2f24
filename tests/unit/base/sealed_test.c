/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static int file_of(const char *text)
{
	int file = memfd_create("file", MFD_CLOEXEC);

	assert_true(file >= 0);
	assert_int_equal(write(file, text, strlen(text)), strlen(text));
	assert_int_equal(lseek(file, 0, SEEK_SET), 0);
	return file;
}

static void assert_content(int copy, const char *text)
{
	struct bytes octets;

	assert_int_equal(sealed_map(&octets, copy, 1024), 0);
	assert_true(bytes_equal(octets, bytes_of_string(text)));
	sealed_unmap(octets);
}

static void a_copy_stays_when_the_file_changes(void **state)
{
	int file = file_of("before");
	int copy;

	(void)state;
	assert_int_equal(sealed_copy(&copy, file, 1024), 0);
	assert_int_equal(pwrite(file, "AFTER!", 6, 0), 6);
	assert_content(copy, "before");
	close(file);
	close(copy);
}

static void nobody_can_change_a_copy(void **state)
{
	char path[64];
	int copy, again;

	(void)state;
	assert_int_equal(sealed_keep(&copy, bytes_of_string("sealed")), 0);
	assert_int_equal(pwrite(copy, "x", 1, 0), -1);
	assert_int_equal(ftruncate(copy, 0), -1);
	assert_int_equal(ftruncate(copy, 4096), -1);
	assert_int_equal(fcntl(copy, F_ADD_SEALS, F_SEAL_WRITE), -1);
	/* Nor whoever opens it anew, as gpgv does. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", copy);
	again = open(path, O_RDWR | O_CLOEXEC);
	assert_true(again >= 0);
	assert_int_equal(pwrite(again, "x", 1, 0), -1);
	assert_ptr_equal(mmap(NULL, 6, PROT_READ | PROT_WRITE, MAP_SHARED, again, 0), MAP_FAILED);
	assert_content(copy, "sealed");
	close(again);
	close(copy);
}

static void a_file_of_the_largest_size_fits_and_an_octet_more_does_not(void **state)
{
	enum { LEN = 200 * 1000 };
	char *text = malloc(LEN + 1);
	struct bytes octets;
	int file, copy = -1;

	(void)state;
	assert_non_null(text);
	memset(text, 'a', LEN);
	text[LEN] = '\0';
	file = file_of(text);
	assert_int_equal(sealed_copy(&copy, file, LEN - 1), -EFBIG);
	assert_int_equal(copy, -1);
	assert_int_equal(lseek(file, 0, SEEK_SET), 0);
	assert_int_equal(sealed_copy(&copy, file, LEN), 0);
	assert_int_equal(sealed_map(&octets, copy, LEN - 1), -EFBIG);
	assert_int_equal(sealed_map(&octets, copy, LEN), 0);
	assert_int_equal(octets.len, LEN);
	sealed_unmap(octets);
	close(file);
	close(copy);
	free(text);
}

static void an_empty_file_is_an_empty_copy(void **state)
{
	struct bytes octets = bytes_of("x", 1);
	int file = file_of(""), copy;

	(void)state;
	assert_int_equal(sealed_copy(&copy, file, 0), 0);
	assert_int_equal(sealed_map(&octets, copy, 1024), 0);
	assert_int_equal(octets.len, 0);
	sealed_unmap(octets);
	close(file);
	close(copy);
}

static void what_is_not_sealed_is_not_read(void **state)
{
	struct bytes octets;
	int file = file_of("text");
	int half = memfd_create("half", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	(void)state;
	assert_int_equal(sealed_map(&octets, file, 1024), -EPERM);
	assert_int_equal(fcntl(half, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK), 0);
	assert_int_equal(sealed_map(&octets, half, 1024), -EPERM);
	assert_int_equal(sealed_map(&octets, STDIN_FILENO, 1024), -EPERM);
	assert_int_equal(sealed_map(&octets, -1, 1024), -EPERM);
	close(file);
	close(half);
}

static void a_folder_cannot_be_copied(void **state)
{
	int folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int copy = -1;

	(void)state;
	assert_int_equal(sealed_copy(&copy, folder, 1024), -EISDIR);
	assert_int_equal(copy, -1);
	close(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_copy_stays_when_the_file_changes),
		cmocka_unit_test(nobody_can_change_a_copy),
		cmocka_unit_test(a_file_of_the_largest_size_fits_and_an_octet_more_does_not),
		cmocka_unit_test(an_empty_file_is_an_empty_copy),
		cmocka_unit_test(what_is_not_sealed_is_not_read),
		cmocka_unit_test(a_folder_cannot_be_copied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
