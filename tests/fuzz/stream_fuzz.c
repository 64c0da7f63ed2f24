/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stream_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	model_run(data, size);
	return 0;
}
