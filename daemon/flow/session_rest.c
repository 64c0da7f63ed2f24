/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/session_private.h"

/*
 * "RCPT TO" passes before anything is decided. A connection that began before us may begin right behind it: its predecessor let that
 * much pass, and died. What follows names a recipient as much as a whole line does.
 */

static void hold_recipient(struct session *session, struct bytes path, bool is_complete)
{
	static const char missed[] = "RCPT TO:";
	struct session_commitment commitment = {
		.kind = COMMITMENT_RCPT,
		.verb = SMTP_RCPT,
		.is_line_complete = is_complete,
	};
	uint8_t whole[sizeof(missed) + SMTP_COMMAND_LINE_MAX];

	if (path.len > 0 && path.data[0] == ':')
		path = bytes_after(path, 1);
	if (is_complete && path.len > 0) {
		memcpy(whole, missed, strlen(missed));
		memcpy(whole + strlen(missed), path.data, path.len);
		session_note_path(&commitment, bytes_of(whole, strlen(missed) + path.len));
	}
	session_hold(session, WAIT_LINE, &commitment);
}

bool session_read_recipient_rest(struct session *session, struct session_step *step,
                                 struct bytes readable)
{
	struct bytes line = bytes_slice(readable, 0, SMTP_COMMAND_LINE_MAX);
	size_t end = bytes_find(line, '\n');
	bool has_end = end < line.len;
	bool is_whole = has_end || line.len == SMTP_COMMAND_LINE_MAX;
	bool is_recipient;
	size_t len;

	if (has_end)
		line.len = end + 1;
	len = smtp_recipient_rest_len(&is_recipient, line);
	*step = (struct session_step){ 0, len };
	if (!is_recipient || len == line.len)
		return len == line.len;
	if (!session->is_front_allowed) {
		hold_recipient(session, bytes_after(line, len), is_whole);
		return true;
	}
	step->passing = line.len;
	if (!is_whole)
		return true;
	step->consumed = line.len;
	session->may_be_rest = false;
	session->is_front_allowed = false;
	session->has_recipient = true;
	session->rest = session_rest_behind(line);
	return true;
}
