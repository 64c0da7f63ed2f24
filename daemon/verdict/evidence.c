/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verdict/evidence.h"

const char *evidence_state_name(enum evidence_state state)
{
	switch (state) {
	case EVIDENCE_NONE:
		return "none";
	case EVIDENCE_BINDS:
		return "binds";
	case EVIDENCE_ALERTS:
		return "alerts";
	case EVIDENCE_OVERRIDDEN:
		return "overridden";
	case EVIDENCE_EXPIRED:
		return "expired";
	case EVIDENCE_FAILED:
		return "failed";
	case EVIDENCE_PENDING:
		return "pending";
	}
	return "none";
}
