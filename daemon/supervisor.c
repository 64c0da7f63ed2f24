/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "supervisor.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "attached.h"
#include "base/descriptors.h"
#include "base/log.h"
#include "base/sandbox_calls.h"
#include "base/sandbox_files.h"
#include "children.h"
#include "confine.h"
#include "event_outlet.h"
#include "notices.h"
#include "operator_files.h"
#include "own_rules.h"
#include "process.h"
#include "queue_room.h"
#include "resources.h"
#include "rules_keeper.h"
#include "settings.h"
#include "signals.h"
#include "sockets.h"
#include "state_folders.h"
#include "watchdog.h"

enum { EXIT_GOOD = 0, EXIT_USAGE = 2, EXIT_SYSTEM = 4 };

struct supervisor {
	const struct supervisor_options *options;
	struct settings settings;
	struct resources resources;
	struct children *children;
	struct operator_files *files;
	struct rules_keeper *keeper;
	struct event_base *base;
	int signals;
	struct event *on_signal;
	struct event *on_second;
	struct event *watchdog;
	const char *user;
	uint64_t started_ms; /* wall clock */
	struct own_rules rules;
	struct queue_room room;
	struct event_outlet outlet;
	struct attached attached;
	bool was_ready, has_state_folders;
	int status;
	struct notices notices;
	struct sockets sockets; /* for the scout */
};

static void end(struct supervisor *supervisor, int status)
{
	supervisor->status = status;
	event_base_loopbreak(supervisor->base);
}

static void tell(void *owner, enum event_kind kind, const char *subject, const char *text)
{
	struct supervisor *supervisor = owner;
	struct event event = { .kind = kind, .mode = supervisor->settings.config.stance.mode };

	text_copy(event.subject, sizeof(event.subject), subject);
	text_copy(event.text, sizeof(event.text), text);
	notices_add(&supervisor->notices, supervisor->children, &event);
}

static void send_state(struct supervisor *supervisor)
{
	const struct config *config = &supervisor->settings.config;
	struct message_state state = {
		.type = MESSAGE_STATE,
		.rules_are_in =
			supervisor->rules.are_in && !rules_keeper_misses_them(supervisor->keeper),
		.started_ms = supervisor->started_ms,
		.supervisor_pid = getpid(),
		.queue_first = config->rules.queue_first,
		.calls_are_filtered = sandbox_calls_are_there(),
		.landlock_version = sandbox_files_version(),
	};

	passage_choice_fill_state(&supervisor->resources.passage, &state);
	text_copy(state.backend, sizeof(state.backend), rules_backend_name(config->backend));
	text_copy(state.user, sizeof(state.user), supervisor->user);
	children_fill_state(supervisor->children, &state);
	(void)children_send(supervisor->children, ROLE_LEDGER, 0, &state, sizeof(state), -1);
}

static int put_rules_in(void *owner)
{
	struct supervisor *supervisor = owner;

	return own_rules_put_in(&supervisor->rules, &supervisor->resources.passage,
	                        &supervisor->settings.config);
}

/* Where others took ours out, whoever brings them back brings all (rules-flushed). */
static int put_more_in(void *owner)
{
	struct supervisor *supervisor = owner;

	return rules_keeper_misses_them(supervisor->keeper) ? 0 : put_rules_in(owner);
}

static void look_for_networks(struct supervisor *supervisor)
{
	char text[EVENT_TEXT_MAX];

	if (!supervisor->rules.are_in ||
	    !attached_look(&supervisor->attached, &supervisor->settings.config, process_now_ms()))
		return;
	settings_describe(text, sizeof(text), &supervisor->settings);
	(void)sd_notifyf(0, "STATUS=%s", text);
}

static void be_ready(struct supervisor *supervisor)
{
	char text[EVENT_TEXT_MAX];

	if (!supervisor->rules.are_in && put_rules_in(supervisor) != 0) {
		end(supervisor, EXIT_SYSTEM);
		return;
	}
	rules_keeper_keep(supervisor->keeper, &supervisor->settings.config, supervisor->rules.lock);
	supervisor->was_ready = true;
	settings_describe(text, sizeof(text), &supervisor->settings);
	tell(supervisor, EVENT_READY, "", text);
	(void)sd_notifyf(0, "READY=1\nSTATUS=%s", text);
}

/* Before it can be asked anything, it has what it needs to answer. */
static void on_born(void *owner, enum role role)
{
	struct supervisor *supervisor = owner;

	if (role == ROLE_SCOUT || role == ROLE_VERIFIER)
		operator_files_serve(supervisor->files, supervisor->children);
}

/*
 * What passed meanwhile no guard has read. One that knows a connection from before would wait for those octets, and they do not
 * come again; its successor takes it for one that began before us.
 */
static void begin_anew(void *owner)
{
	struct supervisor *supervisor = owner;

	children_renew(supervisor->children, ROLE_GUARD);
}

static void tell_of_rules(void *owner, bool is_gone, const char *text)
{
	send_state(owner);
	tell(owner, is_gone ? EVENT_DEGRADED : EVENT_RECOVERED, "rules", text);
}

static void on_change(void *owner)
{
	struct supervisor *supervisor = owner;

	if (!supervisor->children)
		return;
	if (!supervisor->was_ready && children_are_ready(supervisor->children))
		be_ready(supervisor);
	send_state(supervisor);
	notices_send(&supervisor->notices, supervisor->children);
}

static int apply_settings(struct supervisor *supervisor, struct settings *news,
                          char error[CONFIG_ERROR_MAX])
{
	struct resources *resources = &supervisor->resources;
	/* After a rotation the file is opened anew even if nothing else changed. */
	int err = event_outlet_reopen(&supervisor->outlet, &supervisor->settings.config,
	                              &news->config, error);

	if (err)
		return err;
	if (settings_rules_differ(&supervisor->settings, news)) {
		err = own_rules_put_in(&supervisor->rules, &resources->passage, &news->config);
		if (err) {
			snprintf(error, CONFIG_ERROR_MAX, "the new rules could not be put in");
			event_outlet_discard(&supervisor->outlet);
			return err;
		}
	}
	event_outlet_take(&supervisor->outlet);
	settings_move(&supervisor->settings, news);
	settings_begin(&supervisor->settings, process_time_ms());
	return 0;
}

/*
 * All or nothing: a bad file leaves everything as it is. 0 or -errno with a line in error. Guards forget with it what clients were
 * answered, which may hide an attack: where nothing changed, only root has them do that, and not the ledger, who may not be himself.
 */
static int reload(struct supervisor *supervisor, bool is_by_root, char error[CONFIG_ERROR_MAX])
{
	struct settings *news = calloc(1, sizeof(*news));
	char text[EVENT_TEXT_MAX] = "the new configuration holds";
	bool must_renew = false, for_guards = false;
	int err = -ENOMEM;

	(void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
	                 (unsigned long long)process_now_ms() * 1000);
	error[0] = '\0';
	if (news)
		err = settings_read(news, supervisor->options, error);
	if (!err)
		err = settings_check_reload(news, &supervisor->settings, error);
	if (!err) {
		must_renew = confine_differs(&supervisor->settings.config, &news->config);
		for_guards = is_by_root || settings_differ(&supervisor->settings, news);
	}
	if (!err)
		err = apply_settings(supervisor, news, error);
	if (err) {
		snprintf(text, sizeof(text), "refused, the old configuration stays: %.200s",
		         error[0] ? error : strerror(-err));
	} else {
		if (must_renew)
			children_renew(supervisor->children, ROLE_SCOUT);
		settings_send(&supervisor->settings, supervisor->children, &supervisor->resources,
		              for_guards);
		operator_files_configure(supervisor->files, &supervisor->settings.config);
		operator_files_serve(supervisor->files, supervisor->children);
		attached_note(&supervisor->attached, process_now_ms());
		send_state(supervisor);
	}
	free(news);
	tell(supervisor, EVENT_RELOADED, "", text);
	(void)sd_notify(0, "READY=1");
	return err;
}

static void on_reload(void *owner, uint32_t request)
{
	struct supervisor *supervisor = owner;
	struct message_reloaded answer = { .type = MESSAGE_RELOADED, .request = request };

	answer.result = reload(supervisor, false, answer.error);
	(void)children_send(supervisor->children, ROLE_LEDGER, 0, &answer, sizeof(answer), -1);
}

static void on_sockets(void *owner, const struct message_sockets *request)
{
	struct supervisor *supervisor = owner;

	sockets_serve(&supervisor->sockets, supervisor->children, request,
	              &supervisor->settings.config, process_now_ms());
}

static void on_signal(evutil_socket_t signals, short what, void *argument)
{
	struct supervisor *supervisor = argument;
	struct signalfd_siginfo info;
	char error[CONFIG_ERROR_MAX];

	(void)what;
	while (read(signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		switch (info.ssi_signo) {
		case SIGCHLD:
			children_reap(supervisor->children, process_now_ms());
			break;
		case SIGHUP:
			(void)reload(supervisor, true, error);
			break;
		default:
			end(supervisor, EXIT_GOOD);
			return;
		}
	}
}

/* It is tried until both are there once, and no more: a disk that hangs shall not have us wait. */
static int make_state_folders(struct supervisor *supervisor)
{
	int err = state_folders_make(supervisor->settings.config.state_directory);

	supervisor->has_state_folders = err == 0;
	return err;
}

/* Who was born without his folder may not use it. */
static void await_state_folders(struct supervisor *supervisor)
{
	if (supervisor->has_state_folders || make_state_folders(supervisor) != 0)
		return;
	children_renew(supervisor->children, ROLE_LEDGER);
	children_renew(supervisor->children, ROLE_SCOUT);
}

static void on_second(evutil_socket_t none, short what, void *argument)
{
	struct supervisor *supervisor = argument;

	(void)none;
	(void)what;
	children_tick(supervisor->children, process_now_ms());
	operator_files_look(supervisor->files);
	operator_files_serve(supervisor->files, supervisor->children);
	rules_keeper_tick(supervisor->keeper, process_now_ms());
	if (!rules_keeper_misses_them(supervisor->keeper) &&
	    own_rules_look(&supervisor->rules, &supervisor->resources.passage,
	                   &supervisor->settings.config))
		send_state(supervisor);
	look_for_networks(supervisor);
	await_state_folders(supervisor);
	event_outlet_look(&supervisor->outlet, &supervisor->settings, supervisor->children,
	                  process_now_ms());
	queue_room_look(&supervisor->room, &supervisor->settings.config.rules, process_now_ms());
	notices_send(&supervisor->notices, supervisor->children);
}

static int start_loop(struct supervisor *supervisor)
{
	const struct timeval second = { .tv_sec = 1 };

	supervisor->base = event_base_new();
	if (!supervisor->base)
		return -ENOMEM;
	supervisor->on_signal = event_new(supervisor->base, supervisor->signals,
	                                  EV_READ | EV_PERSIST, on_signal, supervisor);
	supervisor->on_second = event_new(supervisor->base, -1, EV_PERSIST, on_second, supervisor);
	if (!supervisor->on_signal || !supervisor->on_second ||
	    event_add(supervisor->on_signal, NULL) || event_add(supervisor->on_second, &second))
		return -ENOMEM;
	return watchdog_start(&supervisor->watchdog, supervisor->base);
}

static int start_children(struct supervisor *supervisor)
{
	static const struct children_hooks hooks = {
		.on_born = on_born,
		.on_change = on_change,
		.on_tell = tell,
		.on_reload = on_reload,
		.on_sockets = on_sockets,
	};
	struct children_options options = {
		.base = supervisor->base,
		.config = &supervisor->settings.config,
		.set = supervisor->options->set,
		.set_count = supervisor->options->set_count,
		.resources = &supervisor->resources,
		.narrates = settings_narrates(&supervisor->settings),
		.hooks = &hooks,
		.owner = supervisor,
	};

	if (getrandom(options.names_secret, sizeof(options.names_secret), 0) !=
	    (ssize_t)sizeof(options.names_secret))
		return -EIO;
	supervisor->children = children_new(&options);
	return supervisor->children ? children_start(supervisor->children) : -ENOMEM;
}

/* As the user that we stay: what can be read and put back now can be later. */
static int start_keeping(struct supervisor *supervisor)
{
	static const struct rules_keeper_hooks hooks = { .put_in = put_rules_in,
		                                         .on_back = begin_anew,
		                                         .tell = tell_of_rules };
	static const struct attached_hooks attached_hooks = { .put_in = put_more_in, .tell = tell };

	attached_open(&supervisor->attached, &attached_hooks, supervisor, process_now_ms());
	supervisor->files = operator_files_new(tell, supervisor);
	supervisor->keeper = rules_keeper_new(supervisor->base, &hooks, supervisor);
	if (!supervisor->files || !supervisor->keeper)
		return -ENOMEM;
	operator_files_configure(supervisor->files, &supervisor->settings.config);
	if (supervisor->rules.are_in)
		rules_keeper_keep(supervisor->keeper, &supervisor->settings.config,
		                  supervisor->rules.lock);
	return 0;
}

/* In this order: what needs root, the user we stay, then whatever children inherit. */
static int start(struct supervisor *supervisor)
{
	struct config *config = &supervisor->settings.config;
	char error[CONFIG_ERROR_MAX];
	int err;

	/* Both ends of the channels from each child to scout, ledger and verifier. */
	descriptors_raise(MESSAGE_CHILDREN_MAX * 6);
	err = resources_open(&supervisor->resources, config, error);
	if (!err && supervisor->options->removes_rules_on_any_exit)
		(void)eventfd_write(supervisor->options->is_ours, 1);
	if (!err)
		err = settings_find_backend(&supervisor->settings, error);
	if (err) {
		log_error("%s", error);
		return err;
	}
	supervisor->rules.lock = rules_lock_open();
	queue_room_open(&supervisor->room, tell, supervisor);
	supervisor->outlet = (struct event_outlet){ &supervisor->resources, -1, .tell = tell,
		                                    .owner = supervisor };
	passage_choice_open(&supervisor->resources.passage, config, supervisor->rules.lock);
	supervisor->signals = signals_open();
	err = supervisor->signals < 0
	              ? supervisor->signals
	              : confine_supervisor(&supervisor->user, config,
	                                   supervisor->options->removes_rules_on_any_exit);
	if (!err)
		err = start_loop(supervisor);
	if (err) {
		log_error("not started error=\"%s\"", strerror(-err));
		return err;
	}
	/* Closed means closed: nothing passes from here on that no guard has judged. */
	if (!config->fails_open && put_rules_in(supervisor) != 0)
		return -EIO;
	err = make_state_folders(supervisor);
	if (err)
		log_warn("no folders in the state directory path=%s error=\"%s\": tried again",
		         config->state_directory, strerror(-err));
	err = start_keeping(supervisor);
	if (!err)
		err = start_children(supervisor);
	if (err)
		log_error("children not started error=\"%s\"", strerror(-err));
	return err;
}

static void stop(struct supervisor *supervisor)
{
	(void)sd_notify(0, "STOPPING=1");
	if (supervisor->children) {
		tell(supervisor, EVENT_STOPPING, "",
		     supervisor->status == EXIT_GOOD ? "told to stop"
		                                     : "cannot go on: see the lines before");
		/* Before the guards go, so that no packet is queued for nobody. */
		rules_keeper_keep(supervisor->keeper, NULL, -1);
		own_rules_take_out(&supervisor->rules, &supervisor->settings.config,
		                   supervisor->options->removes_rules_on_any_exit);
		children_stop(supervisor->children);
	}
	children_free(supervisor->children);
	operator_files_free(supervisor->files);
	rules_keeper_free(supervisor->keeper);
	if (supervisor->on_signal)
		event_free(supervisor->on_signal);
	if (supervisor->on_second)
		event_free(supervisor->on_second);
	if (supervisor->watchdog)
		event_free(supervisor->watchdog);
	if (supervisor->base)
		event_base_free(supervisor->base);
	if (supervisor->signals >= 0)
		close(supervisor->signals);
	if (supervisor->rules.lock >= 0)
		close(supervisor->rules.lock);
	queue_room_close(&supervisor->room);
	attached_close(&supervisor->attached);
	resources_close(&supervisor->resources);
}

int supervisor_run(const struct supervisor_options *options)
{
	struct supervisor *supervisor = calloc(1, sizeof(*supervisor));
	char error[CONFIG_ERROR_MAX] = "";
	int status;

	if (!supervisor)
		return EXIT_SYSTEM;
	log_open("supervisor", LOG_LEVEL_INFO);
	supervisor->options = options;
	supervisor->signals = supervisor->rules.lock = supervisor->room.table = -1;
	supervisor->started_ms = process_time_ms();
	if (settings_read(&supervisor->settings, options, error)) {
		fprintf(stderr, "hopguard: %s\n", error);
		free(supervisor);
		return EXIT_USAGE;
	}
	settings_begin(&supervisor->settings, process_time_ms());
	supervisor->status = EXIT_SYSTEM;
	if (start(supervisor) == 0)
		event_base_dispatch(supervisor->base);
	stop(supervisor);
	status = supervisor->status;
	free(supervisor);
	return status;
}
