/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/body_passage.h"

#include <errno.h>
#include <stdlib.h>

struct body_passage {
	enum passage_kind kind;
	const struct passage_calls *calls;
	void *state;
	struct passage_counters counters;
};

struct body_passage *body_passage_new(enum passage_kind kind, const struct passage_calls *calls,
                                      void *state)
{
	struct body_passage *passage = calloc(1, sizeof(*passage));

	if (!passage) {
		calls->close(state);
		return NULL;
	}
	passage->kind = kind;
	passage->calls = calls;
	passage->state = state;
	return passage;
}

void body_passage_free(struct body_passage *passage)
{
	if (!passage)
		return;
	passage->calls->close(passage->state);
	free(passage);
}

enum passage_kind body_passage_kind(const struct body_passage *passage)
{
	return passage ? passage->kind : PASSAGE_NONE;
}

const char *passage_kind_name(enum passage_kind kind)
{
	switch (kind) {
	case PASSAGE_NONE:
		return "none";
	case PASSAGE_EBPF:
		return "ebpf";
	case PASSAGE_MODULE:
		return "module";
	}
	return "none";
}

int body_passage_arm(struct body_passage *passage, const struct passage_flow *flow,
                     const struct passage_place *place)
{
	int err;

	if (!passage)
		return -EOPNOTSUPP;
	err = passage->calls->arm(passage->state, flow, place);
	if (err)
		passage->counters.not_armed++;
	else
		passage->counters.armed++;
	return err;
}

int body_passage_look(struct body_passage *passage, struct passage_look *seen,
                      const struct passage_flow *flow)
{
	return passage ? passage->calls->look(passage->state, seen, flow) : -EOPNOTSUPP;
}

int body_passage_take_back(struct body_passage *passage, struct passage_place *reached,
                           const struct passage_flow *flow)
{
	int err;

	if (!passage)
		return -EOPNOTSUPP;
	err = passage->calls->take_back(passage->state, reached, flow);
	if (err) {
		passage->counters.lost++;
		return err;
	}
	passage->counters.taken_back++;
	return 0;
}

void body_passage_forget(struct body_passage *passage, const struct passage_flow *flow)
{
	if (passage)
		(void)passage->calls->forget(passage->state, flow);
}

int body_passage_forget_all(struct body_passage *passage)
{
	return passage ? passage->calls->forget_all(passage->state) : -EOPNOTSUPP;
}

const struct passage_counters *body_passage_counters(const struct body_passage *passage)
{
	static const struct passage_counters none;

	return passage ? &passage->counters : &none;
}
