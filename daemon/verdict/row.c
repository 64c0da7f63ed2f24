/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verdict/row.h"

#include <string.h>

static bool is_string(const char *text, size_t room)
{
	return text[0] != '\0' && memchr(text, '\0', room) != NULL;
}

size_t row_len(const struct row *row)
{
	switch ((enum row_kind)row->kind) {
	case ROW_POLICY:
		return offsetof(struct row, policy.text) + row->policy.text_len;
	case ROW_PLACE:
		return offsetof(struct row, place) + sizeof(row->place);
	case ROW_MET:
		return offsetof(struct row, met) + sizeof(row->met);
	case ROW_LIST:
		return offsetof(struct row, list) + sizeof(row->list);
	case ROW_KIND_COUNT:
		break;
	}
	return 0;
}

bool row_is_sound(const struct row *row, size_t len)
{
	if (len < offsetof(struct row, policy) || row->kind >= ROW_KIND_COUNT ||
	    row->is_removed > 1)
		return false;
	if (row->kind == ROW_POLICY &&
	    (len < offsetof(struct row, policy.text) || row->policy.text_len > ROW_POLICY_TEXT_MAX))
		return false;
	if (len != row_len(row))
		return false;
	switch ((enum row_kind)row->kind) {
	case ROW_POLICY:
		return is_string(row->policy.domain, sizeof(row->policy.domain)) &&
		       memchr(row->policy.id, '\0', sizeof(row->policy.id)) != NULL;
	case ROW_PLACE:
		return is_string(row->place.host, sizeof(row->place.host)) &&
		       (row->place.address.family == 4 || row->place.address.family == 6) &&
		       row->place.has_key <= 1;
	case ROW_MET:
		return is_string(row->met.domain, sizeof(row->met.domain));
	case ROW_LIST:
		return is_string(row->list.path, sizeof(row->list.path));
	case ROW_KIND_COUNT:
		break;
	}
	return false;
}
