/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * In the place of those two where a test is linked with --wrap for them: under valgrind, which does not know the system calls that they
 * take, so that nothing confined would start. What else confines, as becoming another user, is done there, too.
 */
#include "base/sandbox_calls.h"
#include "base/sandbox_files.h"

int __wrap_sandbox_calls_enter(const struct sandbox_calls *calls);
int __wrap_sandbox_files_enter(const struct sandbox_files *files);

int __wrap_sandbox_calls_enter(const struct sandbox_calls *calls)
{
	(void)calls;
	return 0;
}

int __wrap_sandbox_files_enter(const struct sandbox_files *files)
{
	(void)files;
	return 0;
}
