/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/status_page.h"

#include <jansson.h>
#include <string.h>

#include "report/object.h"

static json_t *processes_of(const struct status *status)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < status->process_count; i++) {
		const struct status_process *process = &status->processes[i];
		json_t *object = json_object();

		object_put(object, "role", process->role);
		if (strcmp(process->role, "guard") == 0)
			object_put_number(object, "index", process->index);
		if (process->pid > 0)
			object_put_number(object, "pid", (uint64_t)process->pid);
		object_put(object, "state",
		           process->pid == 0   ? "dead"
		           : process->is_ready ? "ready"
		                               : "starting");
		object_put_number(object, "restarts", process->restarts);
		(void)json_array_append_new(list, object);
	}
	return list;
}

static json_t *figures_of(const struct status *status)
{
	json_t *object = json_object();
	size_t i;

	for (i = 0; i < status->figure_count; i++) {
		const struct status_figure *figure = &status->figures[i];
		json_t *part = object;

		if (figure->group) {
			part = json_object_get(object, figure->group);
			if (!part) {
				part = json_object();
				(void)json_object_set_new(object, figure->group, part);
			}
		}
		object_put_number(part, figure->name, figure->value);
	}
	return object;
}

/* As `hopguard status` calls them. */
static const char *const row_names[ROW_KIND_COUNT] = {
	[ROW_POLICY] = "policies",
	[ROW_PLACE] = "places",
	[ROW_MET] = "met",
	[ROW_LIST] = "lists",
};

static json_t *database_of(const struct status_database *database)
{
	json_t *object = json_object();
	unsigned kind;

	(void)json_object_set_new(object, "is_usable", json_boolean(database->is_usable));
	object_put(object, "problem", database->problem ? database->problem : "");
	for (kind = 0; kind < ROW_KIND_COUNT; kind++)
		object_put_number(object, row_names[kind], database->rows[kind]);
	object_put_number(object, "octets", database->octets);
	object_put_number(object, "waiting", database->waiting);
	object_put_number(object, "lost", database->lost);
	return object;
}

static json_t *troubles_of(const struct troubles *troubles)
{
	json_t *list = json_array();

	for (size_t i = 0; i < troubles->count; i++) {
		json_t *object = json_object();

		object_put(object, "subject", troubles->list[i].subject);
		object_put(object, "text", troubles->list[i].text);
		(void)json_array_append_new(list, object);
	}
	return list;
}

size_t status_json_print(char text[STATUS_JSON_MAX], const struct status *status)
{
	json_t *object = json_object();
	json_t *queues = json_object();
	json_t *sandbox = json_object();
	json_t *passage = json_object();

	object_put(object, "version", status->version);
	object_put(object, "mode", status->mode == MODE_ENFORCE ? "enforce" : "monitor");
	object_put(object, "on_failure", status->fails_open ? "open" : "closed");
	object_put_number(object, "uptime_s", status->uptime_s);
	object_put(object, "user", status->user);
	object_put(object, "backend", status->backend);
	(void)json_object_set_new(object, "rules_are_in", json_boolean(status->rules_are_in));
	object_put(passage, "kernel", status->passage);
	if (status->passage_why[0])
		object_put(passage, "why", status->passage_why);
	(void)json_object_set_new(object, "passage", passage);
	object_put_number(queues, "first", status->queue_first);
	object_put_number(queues, "count", status->queue_count);
	(void)json_object_set_new(object, "queues", queues);
	(void)json_object_set_new(sandbox, "seccomp", json_boolean(status->calls_are_filtered));
	object_put_number(sandbox, "landlock", status->landlock_version);
	(void)json_object_set_new(object, "sandbox", sandbox);
	if (status->troubles->count > 0)
		(void)json_object_set_new(object, "degraded", troubles_of(status->troubles));
	(void)json_object_set_new(object, "database", database_of(&status->database));
	(void)json_object_set_new(object, "processes", processes_of(status));
	(void)json_object_set_new(object, "counters", figures_of(status));
	return object_print(text, STATUS_JSON_MAX, object);
}

static void print_uptime(FILE *out, long long seconds)
{
	if (seconds >= 86400)
		fprintf(out, "%lld d ", seconds / 86400);
	if (seconds >= 3600)
		fprintf(out, "%lld h ", seconds % 86400 / 3600);
	if (seconds >= 60)
		fprintf(out, "%lld min ", seconds % 3600 / 60);
	fprintf(out, "%lld s", seconds % 60);
}

static void print_head(FILE *out, const json_t *status, bool is_coloured)
{
	const json_t *queues = json_object_get(status, "queues");
	bool are_in = json_is_true(json_object_get(status, "rules_are_in"));

	fprintf(out, "hopguard %s, %s%s%s, up ", object_text(status, "version"),
	        is_coloured ? "\033[1m" : "", object_text(status, "mode"),
	        is_coloured ? "\033[0m" : "");
	print_uptime(out, object_number(status, "uptime_s"));
	fprintf(out, ", user %s\n", object_text(status, "user"));
	fprintf(out, "rules      %s by %s, queues %lld-%lld; on failure %s\n",
	        are_in ? "in" : "NOT in", object_text(status, "backend"),
	        object_number(queues, "first"),
	        object_number(queues, "first") + object_number(queues, "count") - 1,
	        strcmp(object_text(status, "on_failure"), "open") == 0 ? "mail passes"
	                                                               : "mail waits");
}

static void print_passage(FILE *out, const json_t *passage)
{
	const char *kernel = object_text(passage, "kernel");
	const char *why = object_text(passage, "why");

	fprintf(out, "bodies     %s",
	        strcmp(kernel, "module") == 0 ? "pass in the kernel, by its module"
	        : strcmp(kernel, "ebpf") == 0 ? "pass in the kernel, by eBPF"
	                                      : "come to the guard, as all else");
	fprintf(out, "%s%s%s\n", why[0] ? " (" : "", why, why[0] ? ")" : "");
}

static void print_troubles(FILE *out, const json_t *list, bool is_coloured)
{
	const json_t *trouble;
	size_t i;

	json_array_foreach(list, i, trouble)
	{
		fprintf(out, "%sdegraded   %s%s\n", is_coloured ? "\033[1;31m" : "",
		        object_text(trouble, "text"), is_coloured ? "\033[0m" : "");
	}
}

static bool is_among(const json_t *troubles, const char *text)
{
	const json_t *trouble;
	size_t i;

	json_array_foreach(troubles, i, trouble)
	{
		if (strcmp(object_text(trouble, "text"), text) == 0)
			return true;
	}
	return false;
}

/* Why it is not usable is said once, and may stand above already. */
static void print_database(FILE *out, const json_t *database, const json_t *troubles)
{
	const char *problem = object_text(database, "problem");

	fprintf(out, "database   %s",
	        json_is_true(json_object_get(database, "is_usable")) ? "" : "NOT usable; ");
	for (unsigned kind = 0; kind < ROW_KIND_COUNT; kind++)
		fprintf(out, "%lld %s, ", object_number(database, row_names[kind]),
		        row_names[kind]);
	fprintf(out, "%lld KiB", (object_number(database, "octets") + 1023) / 1024);
	if (object_number(database, "waiting") > 0)
		fprintf(out, "; %lld rows wait", object_number(database, "waiting"));
	if (object_number(database, "lost") > 0)
		fprintf(out, "; %lld rows were lost", object_number(database, "lost"));
	if (problem[0] && !is_among(troubles, problem))
		fprintf(out, "; %s", problem);
	fprintf(out, "\n");
}

static void print_sandbox(FILE *out, const json_t *sandbox)
{
	long long landlock = object_number(sandbox, "landlock");

	fprintf(out, "sandbox    system calls %s; files ",
	        json_is_true(json_object_get(sandbox, "seccomp")) ? "filtered" : "NOT filtered");
	if (landlock > 0)
		fprintf(out, "by Landlock %lld\n", landlock);
	else
		fprintf(out, "NOT by Landlock: this kernel has none, or has it switched off\n");
}

static void print_processes(FILE *out, const json_t *list)
{
	const json_t *process;
	size_t i;

	json_array_foreach(list, i, process)
	{
		char name[32];

		snprintf(name, sizeof(name), "%s", object_text(process, "role"));
		if (json_object_get(process, "index"))
			snprintf(name, sizeof(name), "%.16s %lld", object_text(process, "role"),
			         object_number(process, "index"));
		fprintf(out, "%-11s", name);
		if (json_object_get(process, "pid"))
			fprintf(out, "pid %lld, ", object_number(process, "pid"));
		fprintf(out, "%s", object_text(process, "state"));
		if (object_number(process, "restarts") > 0)
			fprintf(out, ", started again %lld times",
			        object_number(process, "restarts"));
		fprintf(out, "\n");
	}
}

/* Nothing that never happened: a page full of zeros hides the figures that count. */
static void print_figures(FILE *out, json_t *figures, const char *group)
{
	const char *name;
	json_t *value;

	json_object_foreach(figures, name, value)
	{
		if (json_is_object(value))
			print_figures(out, value, name);
		else if (json_integer_value(value) != 0)
			fprintf(out, "  %s%s%-*s %lld\n", group, group[0] ? " " : "",
			        (int)(34 - strlen(group) - (group[0] != '\0')), name,
			        (long long)json_integer_value(value));
	}
}

bool status_text_print(FILE *out, const char *json, bool is_coloured)
{
	json_t *status = object_read(json);
	const json_t *troubles;

	if (!json_is_array(json_object_get(status, "processes"))) {
		json_decref(status);
		return false;
	}
	troubles = json_object_get(status, "degraded");
	print_head(out, status, is_coloured);
	print_passage(out, json_object_get(status, "passage"));
	print_troubles(out, troubles, is_coloured);
	print_database(out, json_object_get(status, "database"), troubles);
	print_sandbox(out, json_object_get(status, "sandbox"));
	print_processes(out, json_object_get(status, "processes"));
	print_figures(out, json_object_get(status, "counters"), "");
	json_decref(status);
	return true;
}
