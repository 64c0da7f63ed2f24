/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "confine.h"

#include <linux/capability.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "base/log.h"
#include "base/sandbox.h"
#include "base/sandbox_calls.h"
#include "base/sandbox_files.h"
#include "base/sandbox_lists.h"
#include "state_folders.h"

enum { CAPABILITIES_MAX = 2, PORT_DNS = 53, PORT_SMTP = 25 };

#ifdef SANDBOX_SANITIZED
#define OPENING CALL_PERMITTED
#else
#define OPENING CALL_REFUSED
#endif

/* Where files may be opened Landlock says which, and for TCP to which ports: reach_of. */
static const struct confinement {
	int capabilities[CAPABILITIES_MAX];
	size_t capability_count;
	struct sandbox_calls calls;
} confinements[ROLE_COUNT] = {
	/* It starts the others, and nft, iptables and gpgv, whose needs are theirs. */
	[ROLE_SUPERVISOR] = {
		.capabilities = { CAP_NET_ADMIN, CAP_NET_RAW },
		.capability_count = 2,
		.calls = {
			.lists = { { CALL_REFUSED, calls_never } },
			.permits_others = true,
		},
	},
	/* The kernel asks this capability of whoever gives a verdict. */
	[ROLE_GUARD] = {
		.capabilities = { CAP_NET_ADMIN },
		.capability_count = 1,
		.calls.lists = {
			{ CALL_PERMITTED, calls_basic },
			{ CALL_PERMITTED, calls_sanitizers },
			{ OPENING, calls_opening },
			{ CALL_ABSENT, calls_newer },
		},
	},
	[ROLE_VERIFIER] = {
		.calls.lists = {
			{ CALL_PERMITTED, calls_basic },
			{ CALL_PERMITTED, calls_sanitizers },
			{ OPENING, calls_opening },
			{ CALL_ABSENT, calls_newer },
		},
	},
	[ROLE_SCOUT] = {
		.calls.lists = {
			{ CALL_PERMITTED, calls_basic },
			{ CALL_PERMITTED, calls_files },
			{ CALL_PERMITTED, calls_internet },
			{ CALL_UNSUPPORTED, calls_fast_open },
			{ CALL_PERMITTED, calls_sanitizers },
			{ CALL_ABSENT, calls_newer },
		},
	},
	[ROLE_LEDGER] = {
		.calls.lists = {
			{ CALL_PERMITTED, calls_basic },
			{ CALL_PERMITTED, calls_files },
			{ CALL_PERMITTED, calls_database },
			{ CALL_PERMITTED, calls_local_sockets },
			{ CALL_PERMITTED, calls_sanitizers },
			{ CALL_ABSENT, calls_newer },
		},
	},
};

/* Of a command, without and with look-ups. It has read the operator's files, and what it shows goes to what is open. */
static const struct sandbox_calls command_calls[] = {
#ifdef SANDBOX_SANITIZED /* leaks are looked for at its end */
	{ .lists = { { CALL_REFUSED, calls_never } }, .permits_others = true },
	{ .lists = { { CALL_REFUSED, calls_never } }, .permits_others = true },
#else
	{
		.lists = {
			{ CALL_PERMITTED, calls_basic },
			{ CALL_REFUSED, calls_opening },
			{ CALL_ABSENT, calls_newer },
		},
	},
	{
		.lists = {
			{ CALL_PERMITTED, calls_basic },
			{ CALL_PERMITTED, calls_opening },
			{ CALL_PERMITTED, calls_internet },
			{ CALL_UNSUPPORTED, calls_fast_open },
			{ CALL_ABSENT, calls_newer },
		},
	},
#endif
};

static void add_path(struct sandbox_files *files, const char *path, enum sandbox_access access)
{
	if (path[0] && files->path_count < SANDBOX_PATHS_MAX)
		files->paths[files->path_count++] = (struct sandbox_path){ path, access };
}

static void add_port(struct sandbox_files *files, uint16_t port)
{
	for (size_t i = 0; i < files->port_count; i++) {
		if (files->ports[i] == port)
			return;
	}
	if (files->port_count < SANDBOX_PORTS_MAX)
		files->ports[files->port_count++] = port;
}

/* Trust anchors and hints are read again when the resolver is made anew, the authorities by libcurl once a day. */
static void add_look_ups(struct sandbox_files *files, const struct config *config)
{
	static const char system_authorities[] = "/etc/ssl/certs/ca-certificates.crt";

	add_path(files, config->trust_anchor, SANDBOX_READ_BESIDE);
	add_path(files, config->root_hints, SANDBOX_READ_BESIDE);
	add_path(files, config->ca_file[0] ? config->ca_file : system_authorities,
	         SANDBOX_READ_BESIDE);
	add_port(files, PORT_DNS);
	for (size_t i = 0; i < config->forwarder_count; i++) {
		if (config->forwarders[i].port != 0)
			add_port(files, config->forwarders[i].port);
	}
	add_port(files, config->mta_sts_https_port);
	add_port(files, PORT_SMTP);
	for (size_t i = 0; i < config->rules.port_count; i++)
		add_port(files, config->rules.ports[i]);
}

/* What a role may open and reach. */
struct reach {
	struct sandbox_files files;
	char folder[STATE_FOLDER_MAX];
};

static void add_own_folder(struct reach *reach, enum role role, const struct config *config)
{
	state_folder(reach->folder, config->state_directory, role);
	add_path(&reach->files, reach->folder, SANDBOX_WRITE_BELOW);
}

static void reach_of(struct reach *reach, enum role role, const struct config *config)
{
	struct sandbox_files *files = &reach->files;

	memset(reach, 0, sizeof(*reach));
	if (role == ROLE_SCOUT)
		add_look_ups(files, config);
	/* Without anchors of the operator's, those of the root are tracked there (RFC 5011). */
	if (role == ROLE_SCOUT && !config->trust_anchor[0])
		add_own_folder(reach, role, config);
	if (role == ROLE_LEDGER) {
		add_own_folder(reach, role, config);
		/* SQLite's randomness. */
		add_path(files, "/dev/urandom", SANDBOX_READ_FILE);
	}
}

static void say_what_lacks(void)
{
	if (!sandbox_calls_are_there())
		log_warn("this kernel has no seccomp: no process is kept from a system call");
	if (sandbox_files_version() == 0)
		log_warn("this kernel has no Landlock, or has it switched off: files are kept from "
		         "scout and ledger by their user's rights alone");
}

static int enter(const struct confinement *confinement, enum role role, const struct config *config)
{
	struct reach reach;
	int err = 0;

	/* Once: dates in the machine's time zone are the ledger's and curl's to write. */
	tzset();
	if (role == ROLE_SUPERVISOR) {
		say_what_lacks();
	} else {
		reach_of(&reach, role, config);
		err = sandbox_files_enter(&reach.files);
	}
	if (err)
		return err;
	err = sandbox_calls_enter(&confinement->calls);
	if (err)
		log_error("system calls not filtered error=\"%s\": who runs us must permit "
		          "seccomp(2)",
		          strerror(-err));
	return err;
}

int confine(const char **became, enum role role, const struct config *config)
{
	const struct confinement *confinement = &confinements[role];
	const struct sandbox sandbox = {
		.user = config->user,
		.capabilities = confinement->capabilities,
		.capability_count = confinement->capability_count,
		.runs_programs = role == ROLE_SUPERVISOR,
	};
	int err = sandbox_enter(became, &sandbox);

	return err ? err : enter(confinement, role, config);
}

int confine_supervisor(const char **became, const struct config *config, bool ends_with_parent)
{
	int err = confine(became, ROLE_SUPERVISOR, config);

	if (!err && strcmp(*became, "nobody") == 0 && strcmp(config->user, *became) != 0)
		log_info("no such user=%s: running as nobody", config->user);
	/* Cleared by the change of user: whoever watches over the rules shall not leave us alone. */
	if (!err && ends_with_parent)
		(void)prctl(PR_SET_PDEATHSIG, (long)SIGTERM, 0L, 0L, 0L);
	return err;
}

int confine_command(const char *user, const struct config *look_ups)
{
	const struct sandbox sandbox = { .user = user };
	struct sandbox_files files = { .path_count = 0 };
	const char *became;
	int err;

	tzset();
	err = sandbox_enter(&became, &sandbox);
	if (!err && look_ups)
		add_look_ups(&files, look_ups);
	if (!err)
		err = sandbox_files_enter(&files);
	return err ? err : sandbox_calls_enter(&command_calls[look_ups != NULL]);
}

static bool is_same(const struct sandbox_files *a, const struct sandbox_files *b)
{
	if (a->path_count != b->path_count || a->port_count != b->port_count)
		return false;
	for (size_t i = 0; i < a->path_count; i++) {
		if (strcmp(a->paths[i].path, b->paths[i].path) != 0 ||
		    a->paths[i].access != b->paths[i].access)
			return false;
	}
	return memcmp(a->ports, b->ports, a->port_count * sizeof(a->ports[0])) == 0;
}

bool confine_differs(const struct config *a, const struct config *b)
{
	struct reach before, after;

	reach_of(&before, ROLE_SCOUT, a);
	reach_of(&after, ROLE_SCOUT, b);
	return !is_same(&before.files, &after.files);
}
