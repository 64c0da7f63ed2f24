/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Octets as a capture file, given twice: the first packet comes from both, each at a time that has a name, and none is longer than the file.
 */

#include "require.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/replay_capture.h"

enum { PACKETS_MAX = 4096 };

static const uint64_t year_9999_ms = 253402300799999;

/* The same file twice: each packet comes twice, one right behind the other. */
static void read_all(char *path, size_t file_len)
{
	char *const paths[] = { path, path };
	struct replay_captures *captures = replay_captures_open(paths, 2);
	struct replay_packet packet, again;
	size_t count = 0;

	if (!captures)
		return;
	while (count < PACKETS_MAX && replay_captures_next(captures, &packet)) {
		struct bytes first = exact_copy(packet.packet);

		REQUIRE(packet.packet.len <= file_len && packet.time_ms <= year_9999_ms);
		if (count++ == 0) {
			REQUIRE(replay_captures_next(captures, &again));
			REQUIRE(again.time_ms == packet.time_ms);
		}
		exact_free(first);
	}
	replay_captures_close(captures);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static int file = -1;
	static char path[64];

	if (file < 0) {
		file = memfd_create("capture", 0);
		REQUIRE(file >= 0);
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	}
	REQUIRE(ftruncate(file, 0) == 0 && pwrite(file, data, len, 0) == (ssize_t)len);
	read_all(path, len);
	return 0;
}
