/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_REPORT_EVENT_FILE_H
#define HOPGUARD_REPORT_EVENT_FILE_H

/* JSON lines into a file that somebody else opened for appending. */

#include <stdbool.h>
#include <stdint.h>

struct event_file {
	int descriptor; /* -1: none */
	uint64_t lost;  /* lines that could not be written (disk full) */
	bool is_torn;   /* a part of a line was written last: the next one must not go on in it */
};

/* A line and its newline in one write, so that readers never see halves. 0 or -errno. */
int event_file_write(struct event_file *file, const char *json);
/* Takes the descriptor over (-1: none), closes the old one. */
void event_file_replace(struct event_file *file, int descriptor);

#endif
