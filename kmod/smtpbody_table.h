/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_KMOD_SMTPBODY_TABLE_H
#define HOPGUARD_KMOD_SMTPBODY_TABLE_H

/*
 * The flows of the eBPF program, in memory that it shares with the guards: sets of entries, each of two cache lines, one for what
 * the client sends and one for what the server does. A guard arms and takes back by atomic operations on a flow's words, and needs
 * no system call for it; the program moves each by another. A hash map of the kernel's cannot be changed so from outside: its
 * elements are replaced, and a segment that passes meanwhile moves the one that is gone.
 *
 * An entry's key changes only while its words are not armed, and each arming has a generation of its own: who finds the key after
 * it read an armed word, and then swaps that word, knows that the key was there all the time.
 */

#include <linux/types.h>

#define SMTPBODY_SETS_BITS     14
#define SMTPBODY_SETS          (1U << SMTPBODY_SETS_BITS)
#define SMTPBODY_WAYS          4U
#define SMTPBODY_ENTRIES       (SMTPBODY_SETS * SMTPBODY_WAYS)
#define SMTPBODY_TABLE_VERSION 3U
/* The entry behind all others has in its word what the hash begins with: chosen anew for each table. */
#define SMTPBODY_SEED_ENTRY SMTPBODY_ENTRIES

#define SMTPBODY_KEY_WORDS   6
#define SMTPBODY_KEY_INGRESS 1

/* No interface: nothing comes in by it. */
#define SMTPBODY_NOWHERE (~0ULL)

/*
 * By smtpbody_key_head; the interface that the segment came in by (0: none); then the client's and the server's address, two words
 * each, octets as on the wire.
 */
struct smtpbody_key {
	__u64 words[SMTPBODY_KEY_WORDS];
};

struct smtpbody_entry {
	__u64 word; /* smtpbody_scan.h */
	struct smtpbody_key key;
	__u32 owner;   /* of a guard, from 1; 0: free */
	__u32 version; /* of the entry of the seed: SMTPBODY_TABLE_VERSION */

	__u64 acks;
	__u64 server;
	__u64 answers_by; /* the interface that acknowledgments come in by, or SMTPBODY_NOWHERE */
	__u64 unused[5];
};

/* family 4 or 6, ports in host order */
static inline __u64 smtpbody_key_head(__u8 family, __u16 client_port, __u16 server_port)
{
	return (__u64)family << 32 | (__u64)client_port << 16 | server_port;
}

/*
 * The set of a key: multiplied and folded word by word, which is enough where nobody sees who meets whom. Without the interface, as
 * the server's segments come by another.
 */
static inline __u32 smtpbody_set(const struct smtpbody_key *key, __u64 seed)
{
	__u64 hash = seed;
	int at;

	for (at = 0; at < SMTPBODY_KEY_WORDS; at++) {
		if (at == SMTPBODY_KEY_INGRESS)
			continue;
		hash = (hash ^ key->words[at]) * 0x9e3779b97f4a7c15ULL;
		hash ^= hash >> 29;
	}
	return (__u32)(hash >> (64 - SMTPBODY_SETS_BITS));
}

#endif
