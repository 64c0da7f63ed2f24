/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verdict/key_finding.h"

bool key_is_wrong(enum key_outcome outcome)
{
	return outcome > KEY_UNJUDGED;
}

const char *key_outcome_name(enum key_outcome outcome)
{
	switch (outcome) {
	case KEY_UNKNOWN:
		return "unknown";
	case KEY_MET:
		return "met";
	case KEY_UNJUDGED:
		return "unjudged";
	case KEY_EXPIRED:
		return "expired";
	case KEY_NAME_MISMATCH:
		return "name-mismatch";
	case KEY_UNTRUSTED:
		return "untrusted";
	case KEY_MISMATCH:
		return "mismatch";
	case KEY_UNPROVEN:
		return "unproven";
	case KEY_UNREADABLE:
		return "unreadable";
	}
	return "unknown";
}
