// SPDX-License-Identifier: GPL-2.0-or-later
/* What iptables has to know of the match: it has no options, and so nothing that `!` could turn round. */

#include <stdio.h>
#include <xtables.h>

#include "xt_smtpbody.h"

static void print_help(void)
{
	printf("smtpbody match: the next segment of a message body that a guard armed,\n"
	       "and what acknowledges it. No options.\n"
	       "A rule with it needs -p tcp, is the last before the queue's, and says ACCEPT.\n");
}

static void print_match(const void *ip, const struct xt_entry_match *match, int is_numeric)
{
	(void)ip;
	(void)match;
	(void)is_numeric;
	printf(" smtpbody");
}

static struct xtables_match smtpbody = {
	.family = NFPROTO_UNSPEC,
	.name = "smtpbody",
	.version = XTABLES_VERSION,
	.size = XT_ALIGN(sizeof(struct xt_smtpbody_mtinfo)),
	.userspacesize = XT_ALIGN(sizeof(struct xt_smtpbody_mtinfo)),
	.help = print_help,
	.print = print_match,
};

/* Found by iptables by the name of its file, and called when it is loaded. */
static void __attribute__((constructor)) begin(void)
{
	xtables_register_match(&smtpbody);
}
