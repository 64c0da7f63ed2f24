/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforce/rules.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <unistd.h>

#include "base/log.h"
#include "enforce/iptables.h"
#include "enforce/rules_attached.h"
#include "enforce/rules_bridge.h"
#include "enforce/rules_nft.h"
#include "enforce/rules_text.h"
#include "net/passage_load.h"
#include "net/return_way.h"
#include "net/routes.h"

static const char LOCK_PATH[] = "/run/xtables.lock";

static const char *const names[] = {
	[RULES_AUTO] = "auto",
	[RULES_NFT] = "nft",
	[RULES_IPTABLES] = "iptables",
	[RULES_IPTABLES_LEGACY] = "iptables-legacy",
};

static const int backends = sizeof(names) / sizeof(names[0]);

const char *rules_backend_name(enum rules_backend backend)
{
	return names[backend];
}

bool rules_backend_parse(enum rules_backend *backend, const char *text)
{
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i], text) == 0) {
			*backend = (enum rules_backend)i;
			return true;
		}
	}
	return false;
}

static bool networks_equal(const struct network *a, size_t a_count, const struct network *b,
                           size_t b_count)
{
	size_t i;

	if (a_count != b_count)
		return false;
	for (i = 0; i < a_count; i++) {
		if (!network_equal(&a[i], &b[i]))
			return false;
	}
	return true;
}

bool rules_equal(const struct rules *a, const struct rules *b)
{
	return a->marks.mask == b->marks.mask && a->returns_probes == b->returns_probes &&
	       a->passage == b->passage && strcmp(a->passage_pin, b->passage_pin) == 0 &&
	       a->guards_bridges == b->guards_bridges && a->queue_first == b->queue_first &&
	       a->queue_count == b->queue_count && a->dns == b->dns &&
	       a->is_bypassed == b->is_bypassed && a->has_forward == b->has_forward &&
	       a->has_output == b->has_output && a->port_count == b->port_count &&
	       memcmp(a->ports, b->ports, a->port_count * sizeof(a->ports[0])) == 0 &&
	       networks_equal(a->clients, a->client_count, b->clients, b->client_count) &&
	       networks_equal(a->locals, a->local_count, b->locals, b->local_count) &&
	       networks_equal(a->exempt_clients, a->exempt_client_count, b->exempt_clients,
	                      b->exempt_client_count) &&
	       networks_equal(a->exempt_servers, a->exempt_server_count, b->exempt_servers,
	                      b->exempt_server_count);
}

uint16_t rules_dns_group(const struct rules *rules)
{
	return rules->queue_first;
}

uint16_t rules_dns_queue(const struct rules *rules)
{
	return (uint16_t)(rules->queue_first + rules->queue_count);
}

int rules_lock_open(void)
{
	return open(LOCK_PATH, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

static struct iptables iptables_of(enum rules_backend backend, int lock)
{
	return (struct iptables){ .is_legacy = backend == RULES_IPTABLES_LEGACY, .lock = lock };
}

/* Where what nft has no match for is matched: out of the sight of `nft list ruleset`, which could not be read again with it. */
static struct iptables before_nft(int lock)
{
	return (struct iptables){ .is_legacy = true, .lock = lock, .is_before_nft = true };
}

/* The least that uses every kind of rule. */
static struct rules sample_rules(void)
{
	struct rules rules = {
		.queue_first = 0,
		.queue_count = 2,
		.dns = RULES_DNS_HOLD,
		.is_bypassed = true,
		.returns_probes = true,
		.has_forward = true,
		.has_output = true,
		.ports = { 25 },
		.port_count = 1,
		.client_count = 2,
	};

	(void)marks_of(&rules.marks, 0xf);
	(void)network_parse(&rules.clients[0], "192.0.2.0/24");
	(void)network_parse(&rules.clients[1], "2001:db8::/32");
	return rules;
}

static int probe(enum rules_backend backend, int lock, char why[RULES_WHY_MAX])
{
	struct iptables iptables = iptables_of(backend, lock);
	struct rules sample = sample_rules();

	if (backend == RULES_NFT)
		return rules_nft_probe(&sample, why);
	return iptables_probe(&iptables, why);
}

/* Else the tools would show no rules, and it would look as if there were none. */
static int check_capability(char why[RULES_WHY_MAX])
{
	cap_t own = cap_get_proc();
	cap_flag_value_t value = CAP_CLEAR;

	if (own)
		(void)cap_get_flag(own, CAP_NET_ADMIN, CAP_EFFECTIVE, &value);
	(void)cap_free(own);
	if (value == CAP_SET)
		return 0;
	(void)snprintf(why, RULES_WHY_MAX, "firewall rules need root, or CAP_NET_ADMIN");
	return -EPERM;
}

int rules_detect(enum rules_backend *backend, int lock, char why[RULES_WHY_MAX])
{
	char all[RULES_WHY_MAX] = "";
	char one[RULES_WHY_MAX];
	enum rules_backend tried;
	int err = check_capability(why);

	if (err)
		return err;
	for (tried = RULES_NFT; (int)tried < backends; tried++) {
		size_t len = strlen(all);

		if (probe(tried, lock, one) == 0) {
			*backend = tried;
			return 0;
		}
		/* Room for all: of a long complaint the beginning tells. */
		(void)snprintf(all + len, sizeof(all) - len, "%s%s: %.60s", len ? "; " : "",
		               names[tried], one);
	}
	(void)snprintf(why, RULES_WHY_MAX, "%s", all);
	return -ENOTSUP;
}

static int remove_nft(int lock, char why[RULES_WHY_MAX])
{
	struct iptables iptables = before_nft(lock);
	char before_why[RULES_WHY_MAX];
	int err = rules_nft_remove(why);
	int before_err = iptables_remove(&iptables, before_why);

	if (err || before_err == 0 || before_err == -ENOENT)
		return err;
	memcpy(why, before_why, RULES_WHY_MAX);
	return before_err;
}

static int remove_one(enum rules_backend backend, int lock, char why[RULES_WHY_MAX])
{
	struct iptables iptables = iptables_of(backend, lock);

	return backend == RULES_NFT ? remove_nft(lock, why) : iptables_remove(&iptables, why);
}

/* A back-end that this machine cannot even look at (-ENOENT) has none of ours. */
static int remove_from_others(enum rules_backend used, int lock, char why[RULES_WHY_MAX])
{
	enum rules_backend other;
	int err = 0;

	for (other = RULES_NFT; (int)other < backends && !err; other++) {
		if (other != used)
			err = remove_one(other, lock, why);
		if (err == -ENOENT)
			err = 0;
	}
	return err;
}

/* Without it, probes go out from this host's own address. */
static void apply_return_way(const struct rules *rules)
{
	int err =
		rules->returns_probes ? return_way_open(rules->marks.returned) : return_way_close();

	if (err && rules->returns_probes)
		log_warn("no way back for probes in a client's name error=\"%s\"", strerror(-err));
}

/* Without it, mail in such frames passes by unseen, and all other is guarded. */
static void apply_bridge(const struct rules *rules)
{
	char why[RULES_WHY_MAX];

	if (rules_bridge_apply(rules, why) != 0)
		log_warn("frames of VLAN 0 are not kept from crossing bridges unseen error=\"%s\"",
		         why);
}

int rules_apply(enum rules_backend *used, const struct rules *rules, enum rules_backend backend,
                int lock, char why[RULES_WHY_MAX])
{
	struct iptables iptables;
	int err = check_capability(why);

	if (!err && backend == RULES_AUTO)
		err = rules_detect(&backend, lock, why);
	if (err)
		return err;
	iptables = iptables_of(backend, lock);
	err = backend == RULES_NFT ? rules_nft_apply(rules, why)
	                           : iptables_apply(&iptables, rules, why);
	if (err)
		return err;
	if (used)
		*used = backend;
	apply_return_way(rules);
	apply_bridge(rules);
	err = remove_from_others(backend, lock, why);
	if (err || backend != RULES_NFT || rules->passage == PASSAGE_NONE)
		return err;
	/* The other chains of iptables are gone now. */
	iptables = before_nft(lock);
	return iptables_apply(&iptables, rules, why);
}

int rules_try_passage(const struct rules *rules, enum rules_backend backend, int lock,
                      char why[RULES_WHY_MAX])
{
	struct iptables iptables =
		backend == RULES_NFT ? before_nft(lock) : iptables_of(backend, lock);

	return iptables_try_passage(&iptables, rules, why);
}

int rules_remove(enum rules_backend backend, int lock, char why[RULES_WHY_MAX])
{
	int err = check_capability(why);

	if (err)
		return err;
	err = return_way_close();
	if (err)
		log_warn("way back for probes not removed error=\"%s\"", strerror(-err));
	if (rules_bridge_remove(why) != 0)
		log_warn("rules for bridges not removed error=\"%s\"", why);
	if (backend != RULES_AUTO)
		return remove_one(backend, lock, why);
	err = remove_from_others(RULES_AUTO, lock, why);
	if (!err)
		passage_unpin();
	return err;
}

static bool nft_rules_are_present(const struct rules *rules, int lock)
{
	struct iptables iptables = before_nft(lock);

	return rules_nft_are_present(rules) &&
	       (rules->passage == PASSAGE_NONE || iptables_are_present(&iptables, rules));
}

bool rules_are_present(const struct rules *rules, enum rules_backend backend, int lock)
{
	enum rules_backend each;

	for (each = RULES_NFT; (int)each < backends; each++) {
		struct iptables iptables = iptables_of(each, lock);

		if (backend != RULES_AUTO && backend != each)
			continue;
		if (each == RULES_NFT ? nft_rules_are_present(rules, lock)
		                      : iptables_are_present(&iptables, rules))
			return (!rules->returns_probes ||
			        return_way_is_open(rules->marks.returned)) &&
			       !rules_bridge_is_missing(rules);
	}
	return false;
}

/* Each link has the same network of fe80::/10, and private ones are there already: they leave the room to others. */
static size_t add_attached(struct network *clients, size_t count)
{
	struct network *attached = calloc(RULES_ATTACHED_MAX, sizeof(*attached));
	size_t attached_count = attached ? routes_attached(attached, RULES_ATTACHED_MAX) : 0;
	size_t i;

	for (i = 0; i < attached_count && count < RULES_NETWORKS_MAX; i++) {
		if (!rules_networks_cover(clients, count, &attached[i]))
			clients[count++] = attached[i];
	}
	free(attached);
	return count;
}

size_t rules_default_clients(struct network clients[RULES_NETWORKS_MAX])
{
	static const char *const local[] = {
		"10.0.0.0/8",     "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10",
		"169.254.0.0/16", "fc00::/7",      "fe80::/10",
	};
	size_t count = 0;
	size_t i;

	for (i = 0; i < sizeof(local) / sizeof(local[0]); i++) {
		if (network_parse(&clients[count], local[i]))
			count++;
	}
	return add_attached(clients, count);
}

void rules_add_locals(struct rules *rules, bool has_clients)
{
	if (has_clients)
		rules->local_count = rules_default_clients(rules->locals);
	else
		rules->client_count = rules_default_clients(rules->clients);
}
