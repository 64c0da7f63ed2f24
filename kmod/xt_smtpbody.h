/* SPDX-License-Identifier: GPL-2.0-or-later WITH Linux-syscall-note */
#ifndef HOPGUARD_KMOD_XT_SMTPBODY_H
#define HOPGUARD_KMOD_XT_SMTPBODY_H

/*
 * What user space and the module say to each other.
 *
 * The match `smtpbody` has no options. It matches a TCP segment of a flow that was armed, if the segment begins where the
 * last one ended, and neither holds nor completes what may be an end of data; and the server's bare acknowledgments
 * meanwhile (smtpbody_scan.h). A rule with it says ACCEPT, is the last that its packets meet before the queue's, and each
 * packet of the client's meets one such rule at most: whoever asks moves the flow on.
 *
 * Flows are armed, looked at and taken back by the generic netlink family SMTPBODY_GENL_NAME. Each namespace has its own,
 * and each request needs CAP_NET_ADMIN in the user namespace that owns it. An answer has the command of its request.
 */

#include <linux/types.h>

#define SMTPBODY_GENL_NAME    "smtpbody"
#define SMTPBODY_GENL_VERSION 1

/* Changes when an older user space would misunderstand, or be misunderstood. */
#define SMTPBODY_INTERFACE 2

/* Data of the match. All of it is 0: the kernel refuses what it does not know. */
struct xt_smtpbody_mtinfo {
	__u32 flags;
};

/*
 * Each request gets one message: the answer, or else an error, which with NLM_F_ACK also says 0. "A flow" is FAMILY, SOURCE,
 * DESTINATION, SOURCE_PORT and DESTINATION_PORT, and INGRESS and ZONE where they are not 0.
 */
enum smtpbody_command {
	SMTPBODY_CMD_UNSPEC,
	/* Answered by INTERFACE, FLOWS, FLOWS_MAX, SEGMENTS, OCTETS, FROZEN. */
	SMTPBODY_CMD_INFO,
	/*
	 * A flow, NEXT_SEQ, TAIL; OWNER and TIMEOUT if wanted. From there on, in one step, also where it is armed or frozen
	 * already. -ENOSPC: there are FLOWS_MAX. Whoever arms takes on that no octet behind NEXT_SEQ has passed. With ANSWER_SEQ,
	 * and then ANSWER_INGRESS, ACKED, WINDOW and TIMESTAMP, the server's bare acknowledgments pass, too.
	 */
	SMTPBODY_CMD_ARM,
	/*
	 * A flow; answered by NEXT_SEQ, TAIL and ARMED, all of one moment, and by ACKED, WINDOW and TIMESTAMP where
	 * acknowledgments pass: those of the last one that did. It stays as it is. -ESRCH: the flow is not known,
	 * while -ENOENT is the kernel's word for a family that is not there.
	 */
	SMTPBODY_CMD_LOOK,
	/* As LOOK, but no segment of it passes once this is answered, and it is not known any more. */
	SMTPBODY_CMD_TAKE_BACK,
	/* A flow: as TAKE_BACK, without an answer. */
	SMTPBODY_CMD_FORGET,
	/* Every flow of OWNER; of the whole namespace without it. */
	SMTPBODY_CMD_FORGET_ALL,

	__SMTPBODY_CMD_MAX,
};

#define SMTPBODY_CMD_MAX (__SMTPBODY_CMD_MAX - 1)

/* Ports are in network order, all other numbers in the host's. */
enum smtpbody_attribute {
	SMTPBODY_A_UNSPEC,
	SMTPBODY_A_PAD,
	SMTPBODY_A_INTERFACE, /* u32: SMTPBODY_INTERFACE */

	SMTPBODY_A_FAMILY, /* u8: AF_INET or AF_INET6 */
	/* 4 or 16 octets: the client's address and the server's, as packets have them at the match. */
	SMTPBODY_A_SOURCE,
	SMTPBODY_A_DESTINATION,
	SMTPBODY_A_SOURCE_PORT, /* u16 */
	SMTPBODY_A_DESTINATION_PORT,
	/* u32: index of the interface that its packets come in by, of what crosses a bridge its port; 0: sent here. */
	SMTPBODY_A_INGRESS,
	/* u16: conntrack's zone of its packets; 0 also where nothing is tracked. */
	SMTPBODY_A_ZONE,

	SMTPBODY_A_NEXT_SEQ, /* u32: of the first octet that has not passed */
	SMTPBODY_A_TAIL,     /* 2 octets: those before it, in their order */
	SMTPBODY_A_ARMED,    /* u8: 1, or 0 where it is frozen */

	/*
	 * u32: a name for FORGET_ALL, 0 if not said. Beside that a flow belongs to the socket by which it was armed: it is
	 * forgotten when the last descriptor of that is closed.
	 */
	SMTPBODY_A_OWNER,
	/* u32: seconds without a segment that passed, then it is forgotten: an hour if not said, a day at most. */
	SMTPBODY_A_TIMEOUT,

	SMTPBODY_A_FLOWS,     /* u32: known in this namespace */
	SMTPBODY_A_FLOWS_MAX, /* u32 */
	SMTPBODY_A_SEGMENTS,  /* u64: passed in this namespace, large ones count once */
	SMTPBODY_A_OCTETS,    /* u64: of payload in those */
	SMTPBODY_A_FROZEN,    /* u64: how often a segment froze a flow */

	/* u32: the server's next sequence number, which stays as it says nothing. */
	SMTPBODY_A_ANSWER_SEQ,
	/* u32: as INGRESS, of the server's packets. */
	SMTPBODY_A_ANSWER_INGRESS,
	SMTPBODY_A_ACKED,     /* u32: the server's last acknowledgment, no later than NEXT_SEQ */
	SMTPBODY_A_WINDOW,    /* u16: with it, as it was said */
	SMTPBODY_A_TIMESTAMP, /* u32: the server's latest; any, where it says none */

	__SMTPBODY_A_MAX,
};

#define SMTPBODY_A_MAX (__SMTPBODY_A_MAX - 1)

#endif
