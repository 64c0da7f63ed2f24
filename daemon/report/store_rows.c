/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/store_rows.h"

#include <string.h>

static void bind_text(sqlite3_stmt *statement, int at, const char *text)
{
	(void)sqlite3_bind_text(statement, at, text, -1, SQLITE_STATIC);
}

static void bind_number(sqlite3_stmt *statement, int at, uint64_t number)
{
	(void)sqlite3_bind_int64(statement, at, (int64_t)number);
}

static void bind_octets(sqlite3_stmt *statement, int at, const void *octets, size_t len)
{
	/* A pointer also for no octets: NULL would be no value. */
	(void)sqlite3_bind_blob64(statement, at, len > 0 ? octets : "", len, SQLITE_STATIC);
}

static void bind_address(sqlite3_stmt *statement, int at, const struct address *address)
{
	bind_octets(statement, at, address->octets, address_len(address));
}

static void bind_key(sqlite3_stmt *statement, const struct row *row)
{
	switch ((enum row_kind)row->kind) {
	case ROW_POLICY:
		bind_text(statement, 1, row->policy.domain);
		break;
	case ROW_PLACE:
		bind_text(statement, 1, row->place.host);
		bind_address(statement, 2, &row->place.address);
		break;
	case ROW_MET:
		bind_text(statement, 1, row->met.domain);
		break;
	case ROW_LIST:
		bind_text(statement, 1, row->list.path);
		break;
	case ROW_KIND_COUNT:
		break;
	}
}

static void bind_policy(sqlite3_stmt *statement, const struct row_policy *policy,
                        uint64_t written_s)
{
	bind_text(statement, 2, policy->id);
	bind_number(statement, 3, policy->fetched_ms);
	bind_number(statement, 4, policy->saved_ms);
	bind_number(statement, 5, policy->left_s);
	bind_octets(statement, 6, policy->text, policy->text_len);
	bind_number(statement, 7, written_s);
	bind_number(statement, 8, policy->kept_s);
	bind_number(statement, 9, policy->standing);
}

static void bind_place(sqlite3_stmt *statement, const struct row_place *place, uint64_t written_s)
{
	bind_number(statement, 3, place->first_ms);
	bind_number(statement, 4, place->last_ms);
	bind_number(statement, 5, place->tls_version);
	if (place->has_key)
		bind_octets(statement, 6, place->key, sizeof(place->key));
	else
		(void)sqlite3_bind_null(statement, 6);
	bind_number(statement, 7, written_s);
}

static void bind_values(sqlite3_stmt *statement, const struct row *row, uint64_t written_s)
{
	switch ((enum row_kind)row->kind) {
	case ROW_POLICY:
		bind_policy(statement, &row->policy, written_s);
		break;
	case ROW_PLACE:
		bind_place(statement, &row->place, written_s);
		break;
	case ROW_MET:
		bind_number(statement, 2, row->met.first_ms);
		bind_number(statement, 3, row->met.last_ms);
		bind_number(statement, 4, row->met.days);
		bind_number(statement, 5, written_s);
		break;
	case ROW_LIST:
		bind_number(statement, 2, row->list.timestamp_ms);
		bind_number(statement, 3, written_s);
		break;
	case ROW_KIND_COUNT:
		break;
	}
}

int store_row_write(int *change, const struct store_db *db, const struct row *row,
                    uint64_t written_s)
{
	sqlite3_stmt *remove = db->remove[row->kind];
	sqlite3_stmt *insert = db->insert[row->kind];
	int removed, result;

	bind_key(remove, row);
	result = store_db_run(remove);
	(void)sqlite3_clear_bindings(remove);
	if (result != SQLITE_OK)
		return result;
	removed = sqlite3_changes(db->handle);
	if (!row->is_removed) {
		bind_key(insert, row);
		bind_values(insert, row, written_s);
		result = store_db_run(insert);
		(void)sqlite3_clear_bindings(insert);
	}
	*change = (row->is_removed ? 0 : 1) - removed;
	return result;
}

/* Text as it came, cut where there is no room: then it is not sound, or was none of ours. */
static void take_text(char *text, size_t room, sqlite3_stmt *statement, int at)
{
	const unsigned char *column = sqlite3_column_text(statement, at);
	size_t len = (size_t)sqlite3_column_bytes(statement, at);

	if (!column || len >= room)
		len = 0;
	if (len > 0)
		memcpy(text, column, len);
	text[len] = '\0';
}

static uint64_t take_number(sqlite3_stmt *statement, int at)
{
	int64_t number = sqlite3_column_int64(statement, at);

	return number > 0 ? (uint64_t)number : 0;
}

static uint32_t take_small(sqlite3_stmt *statement, int at)
{
	uint64_t number = take_number(statement, at);

	return number > UINT32_MAX ? UINT32_MAX : (uint32_t)number;
}

/* Octets of a blob that has just that length; false: another. */
static bool take_octets(void *octets, size_t len, sqlite3_stmt *statement, int at)
{
	const void *column = sqlite3_column_blob(statement, at);

	if (!column || (size_t)sqlite3_column_bytes(statement, at) != len)
		return false;
	memcpy(octets, column, len);
	return true;
}

static void take_policy(struct row_policy *policy, sqlite3_stmt *statement)
{
	const void *text = sqlite3_column_blob(statement, 5);
	size_t len = (size_t)sqlite3_column_bytes(statement, 5);

	take_text(policy->domain, sizeof(policy->domain), statement, 0);
	take_text(policy->id, sizeof(policy->id), statement, 1);
	policy->fetched_ms = take_number(statement, 2);
	policy->saved_ms = take_number(statement, 3);
	policy->left_s = take_small(statement, 4);
	policy->kept_s = take_small(statement, 6);
	policy->standing = take_small(statement, 7);
	if (len > sizeof(policy->text))
		policy->domain[0] = '\0';
	else if (text && len > 0)
		memcpy(policy->text, text, len);
	policy->text_len = text && len <= sizeof(policy->text) ? (uint32_t)len : 0;
}

static void take_place(struct row_place *place, sqlite3_stmt *statement)
{
	uint8_t octets[16];

	memset(place, 0, sizeof(*place));
	take_text(place->host, sizeof(place->host), statement, 0);
	if (take_octets(octets, 4, statement, 1))
		place->address = address_of(4, octets);
	else if (take_octets(octets, 16, statement, 1))
		place->address = address_of(6, octets);
	place->first_ms = take_number(statement, 2);
	place->last_ms = take_number(statement, 3);
	place->tls_version = (uint16_t)take_small(statement, 4);
	place->has_key = take_octets(place->key, sizeof(place->key), statement, 5);
}

static void take_row(struct row *row, sqlite3_stmt *statement, enum row_kind kind)
{
	/* Not all of it: room for the longest policy would be cleared for each. */
	memset(row, 0, offsetof(struct row, policy.text));
	row->kind = kind;
	switch (kind) {
	case ROW_POLICY:
		take_policy(&row->policy, statement);
		break;
	case ROW_PLACE:
		take_place(&row->place, statement);
		break;
	case ROW_MET:
		take_text(row->met.domain, sizeof(row->met.domain), statement, 0);
		row->met.first_ms = take_number(statement, 1);
		row->met.last_ms = take_number(statement, 2);
		row->met.days = take_small(statement, 3);
		break;
	case ROW_LIST:
		take_text(row->list.path, sizeof(row->list.path), statement, 0);
		row->list.timestamp_ms = take_number(statement, 1);
		break;
	case ROW_KIND_COUNT:
		break;
	}
}

int store_row_read(struct row *row, const struct store_db *db, enum row_kind kind)
{
	sqlite3_stmt *select = db->select[kind];
	int result;

	do {
		result = sqlite3_step(select);
		if (result == SQLITE_ROW)
			take_row(row, select, kind);
	} while (result == SQLITE_ROW && !row_is_sound(row, row_len(row)));
	return result;
}
