/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Octets as a capture file, given twice: as many packets come from both, each at a time that has a name, and none longer than the file. */

#include "require.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/replay_capture.h"

enum { PACKETS_MAX = 4096 }; /* an even number */

static const uint64_t year_9999_ms = 253402300799999;

static void read_all(char *path, size_t file_len)
{
	char *const paths[] = { path, path };
	struct replay_captures *captures = replay_captures_open(paths, 2);
	struct replay_packet packet;
	size_t count = 0;

	REQUIRE(captures);
	if (!replay_captures_begin(captures)) {
		replay_captures_close(captures);
		return;
	}
	while (count < PACKETS_MAX && replay_captures_next(captures, &packet)) {
		struct bytes copy = exact_copy(packet.packet);

		REQUIRE(copy.len <= file_len && packet.time_ms <= year_9999_ms);
		exact_free(copy);
		count++;
	}
	REQUIRE(count % 2 == 0);
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
