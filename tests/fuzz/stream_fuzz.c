/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One direction of a connection, any schedule of segments, losses and acknowledgements, against a model of two receivers: both have what was
 * parsed, and an honest sender always gets through.
 */

#include "stream_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t unseen;

	(void)model_run(&unseen, data, size);
	return 0;
}
