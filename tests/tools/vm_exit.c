/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * vm_exit STATUS
 *
 * Ends the machine that it runs on, which is QEMU's with an isa-debug-exit device: QEMU then ends with 2 * STATUS + 1. A
 * kernel without /dev/port, like Debian's for clouds, still lets root use the port itself.
 */

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { EXIT_PORT = 0x501, STATUS_MAX = 127, PATIENCE_S = 10 };

#ifdef __x86_64__
#include <sys/io.h>

static int end_machine(unsigned char status)
{
	if (ioperm(EXIT_PORT, 1, 1) < 0)
		return -1;
	sync();
	outb(status, EXIT_PORT);
	sleep(PATIENCE_S);
	return -1;
}
#else
static int end_machine(unsigned char status)
{
	(void)status;
	return -1;
}
#endif

int main(int argc, char **argv)
{
	unsigned long status = argc == 2 ? strtoul(argv[1], NULL, 10) : STATUS_MAX;

	if (end_machine((unsigned char)(status < STATUS_MAX ? status : STATUS_MAX)) < 0)
		perror("vm_exit");
	return 1;
}
