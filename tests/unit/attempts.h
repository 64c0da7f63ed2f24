/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_UNIT_ATTEMPTS_H
#define HOPGUARD_TESTS_UNIT_ATTEMPTS_H

/* What somebody who has taken a process over would try: each gives 0 when it succeeded, else errno. */

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/if_packet.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* Set before the process is confined. */
static struct {
	char state[128];  /* the state directory */
	char inside[160]; /* a file in it, that is not there */
	char anchor[160]; /* the trust anchor's file */
	pid_t other;      /* a process of the same user */
	int netfilter;    /* a netlink socket, as the guard has one for its queue */
} around;

static int said(long result)
{
	return result < 0 ? errno : 0;
}

static int open_as(const char *path, int how)
{
	int opened = open(path, how | O_CLOEXEC, 0600);

	return opened < 0 ? errno : 0;
}

static int read_a_file(void)
{
	return open_as("/etc/passwd", O_RDONLY);
}

static int read_by_openat2(void)
{
	struct open_how how = { .flags = O_RDONLY };

	return said(syscall(SYS_openat2, AT_FDCWD, "/etc/passwd", &how, sizeof(how)));
}

static int read_its_own_memory(void)
{
	return open_as("/proc/self/mem", O_RDWR);
}

static int write_a_file(void)
{
	return open_as("/tmp/hopguard-attempt", O_WRONLY | O_CREAT);
}

static int read_the_anchor(void)
{
	return open_as(around.anchor, O_RDONLY);
}

static int write_the_anchor(void)
{
	return open_as(around.anchor, O_WRONLY);
}

static int write_inside(void)
{
	return open_as(around.inside, O_RDWR | O_CREAT);
}

static int list_inside(void)
{
	return open_as(around.state, O_RDONLY | O_DIRECTORY);
}

static int rename_to_elsewhere(void)
{
	int opened = open(around.inside, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	return opened < 0 ? errno : said(rename(around.inside, "/tmp/hopguard-attempt"));
}

static int unlink_elsewhere(void)
{
	return said(unlink(around.anchor));
}

static int make_a_folder(void)
{
	return said(syscall(SYS_mkdirat, AT_FDCWD, around.inside, 0700));
}

static int make_a_link(void)
{
	return said(syscall(SYS_symlinkat, "/etc/passwd", AT_FDCWD, around.inside));
}

static int change_a_mode(void)
{
	return said(syscall(SYS_fchmodat, AT_FDCWD, around.state, 0777));
}

static int open_socket(int family, int type, int protocol)
{
	return said(socket(family, type | SOCK_CLOEXEC, protocol));
}

static int open_inet_socket(void)
{
	return open_socket(AF_INET, SOCK_STREAM, 0);
}

static int open_unix_socket(void)
{
	return open_socket(AF_UNIX, SOCK_DGRAM, 0);
}

static int open_raw_socket(void)
{
	return open_socket(AF_INET, SOCK_RAW, IPPROTO_TCP);
}

/* Landlock asks for ports where the protocol is TCP. */
static int open_multipath_socket(void)
{
	return open_socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
}

static int open_lite_socket(void)
{
	return open_socket(AF_INET6, SOCK_DGRAM, IPPROTO_UDPLITE);
}

static int open_diagnosis_socket(void)
{
	return open_socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);
}

/* Each end of which could speak to whoever has a local socket. */
static int open_pair_of_datagrams(void)
{
	int ends[2];

	return said(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends));
}

static int open_packet_socket(void)
{
	return open_socket(AF_PACKET, SOCK_RAW, 0);
}

static int open_crypto_socket(void)
{
	return open_socket(AF_ALG, SOCK_SEQPACKET, 0);
}

static int connect_to(uint16_t port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		                  .sin_port = htons(port),
		                  .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int made = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (made < 0)
		return errno;
	/* Nobody listens there, which is for the other side to say. */
	return connect(made, (struct sockaddr *)&at, sizeof(at)) == 0 || errno == ECONNREFUSED
	               ? 0
	               : errno;
}

static int connect_to_a_mail_server(void)
{
	return connect_to(25);
}

static int connect_to_another_port(void)
{
	return connect_to(8080);
}

/* Without connect(2). */
static int send_first_octets_to(uint16_t port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		                  .sin_port = htons(port),
		                  .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int made = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (made < 0)
		return errno;
	return sendto(made, "", 1, MSG_FASTOPEN, (struct sockaddr *)&at, sizeof(at)) == 1 ||
	                       errno == ECONNREFUSED
	               ? 0
	               : errno;
}

static int connect_to_another_port_by_its_first_octets(void)
{
	return send_first_octets_to(8080);
}

static int send_a_datagram(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		                  .sin_port = htons(53),
		                  .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int made = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return made < 0 ? errno : said(sendto(made, "", 1, 0, (struct sockaddr *)&at, sizeof(at)));
}

static int be_a_server(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(2525) };
	int made = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (made < 0 || bind(made, (struct sockaddr *)&at, sizeof(at)) != 0)
		return errno;
	return said(listen(made, 1));
}

/* A table of nftables, in one batch. */
static int write_a_rule_by(int netfilter)
{
	struct {
		struct nlmsghdr begin;
		struct nfgenmsg begin_body;
		struct nlmsghdr table;
		struct nfgenmsg table_body;
		struct nlattr name;
		char text[8];
		struct nlmsghdr end;
		struct nfgenmsg end_body;
	} batch = {
		.begin = { sizeof(struct nlmsghdr) + sizeof(struct nfgenmsg), NFNL_MSG_BATCH_BEGIN,
		           NLM_F_REQUEST, 1, 0 },
		.begin_body = { AF_UNSPEC, NFNETLINK_V0, htons(NFNL_SUBSYS_NFTABLES) },
		.table = { sizeof(struct nlmsghdr) + sizeof(struct nfgenmsg) +
		                   sizeof(struct nlattr) + 8,
		           NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWTABLE,
		           NLM_F_REQUEST | NLM_F_CREATE | NLM_F_ACK, 2, 0 },
		.table_body = { AF_INET, NFNETLINK_V0, 0 },
		.name = { sizeof(struct nlattr) + 8, NFTA_TABLE_NAME },
		.text = "attempt",
		.end = { sizeof(struct nlmsghdr) + sizeof(struct nfgenmsg), NFNL_MSG_BATCH_END,
		         NLM_F_REQUEST, 3, 0 },
		.end_body = { AF_UNSPEC, NFNETLINK_V0, htons(NFNL_SUBSYS_NFTABLES) },
	};
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char rest[1024];
	} answer;

	if (netfilter < 0)
		return errno;
	if (send(netfilter, &batch, sizeof(batch), 0) < 0 ||
	    recv(netfilter, &answer, sizeof(answer), 0) < 0)
		return errno;
	return answer.header.nlmsg_type == NLMSG_ERROR ? -answer.error.error : EIO;
}

static int write_a_rule(void)
{
	return write_a_rule_by(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
}

static int write_a_rule_by_the_queues_socket(void)
{
	return write_a_rule_by(around.netfilter);
}

/* As ip(8) takes an interface down, by a socket that is there. */
static int configure_an_interface(void)
{
	return said(syscall(SYS_ioctl, around.netfilter, 0x8914UL, NULL));
}

static int run_a_program(void)
{
	char *const arguments[] = { NULL };

	execve("/bin/true", arguments, arguments);
	return errno;
}

static int fork_a_process(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	return said(child);
}

static void *rest(void *nothing)
{
	return nothing;
}

static int start_a_thread(void)
{
	pthread_t thread;

	return pthread_create(&thread, NULL, rest, NULL);
}

static int trace_another(void)
{
	return said(ptrace(PTRACE_SEIZE, around.other, NULL, NULL));
}

static int read_anothers_memory(void)
{
	char octets[8];
	struct iovec here = { octets, sizeof(octets) }, there = { octets, sizeof(octets) };

	return said(process_vm_readv(around.other, &here, 1, &there, 1, 0));
}

static int kill_another(void)
{
	return said(kill(around.other, 0));
}

static int kill_another_by_its_thread(void)
{
	return said(syscall(SYS_tgkill, around.other, around.other, 0));
}

static int queue_a_signal(void)
{
	const union sigval value = { 0 };

	return said(sigqueue(around.other, 0, value));
}

/* The kernel would send it whatever signal F_SETSIG names. */
static int have_a_signal_sent(void)
{
	return said(fcntl(around.netfilter, F_SETOWN, around.other));
}

static int become_root(void)
{
	return said(syscall(SYS_setuid, 0));
}

static int raise_capabilities(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { { ~0U, ~0U, ~0U }, { ~0U, ~0U, ~0U } };

	return said(syscall(SYS_capset, &header, data));
}

static int be_dumpable(void)
{
	return said(prctl(PR_SET_DUMPABLE, 1L, 0L, 0L, 0L));
}

static int raise_a_limit(void)
{
	const struct rlimit more = { 1024, RLIM_INFINITY };

	return said(setrlimit(RLIMIT_CORE, &more));
}

static int mount_something(void)
{
	return said(mount("none", around.state, "tmpfs", 0, NULL));
}

static int leave_its_namespace(void)
{
	return said(unshare(CLONE_NEWUSER));
}

static int load_bpf(void)
{
	return said(syscall(SYS_bpf, 0, NULL, 0));
}

static int read_keys(void)
{
	return said(syscall(SYS_keyctl, 0, -3, 0));
}

static int watch_performance(void)
{
	return said(syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0));
}

static int handle_page_faults(void)
{
	return said(syscall(SYS_userfaultfd, 1));
}

static int open_io_uring(void)
{
	return said(syscall(SYS_io_uring_setup, 1, NULL));
}

static int load_a_module(void)
{
	return said(syscall(SYS_finit_module, 0, "", 0));
}

static int set_the_clock(void)
{
	const struct timespec then = { .tv_sec = 1 };

	return said(clock_settime(CLOCK_REALTIME, &then));
}

static int read_the_kernels_log(void)
{
	return said(syscall(SYS_syslog, 3, around.state, 8));
}

static int make_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
	            0) == MAP_FAILED
	               ? errno
	               : 0;
}

static int make_data_code(void)
{
	void *data = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return data == MAP_FAILED ? errno : said(mprotect(data, 4096, PROT_READ | PROT_EXEC));
}

static int make_a_file_of_memory(void)
{
	return said(memfd_create("attempt", MFD_CLOEXEC));
}

static int ignore_the_trap(void)
{
	return signal(SIGSYS, SIG_IGN) == SIG_ERR ? errno : 0;
}

/* With a blocked signal the kernel does not wait. */
static int try_with_signals_blocked(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	return fork_a_process();
}

/* A number that no Linux has yet. */
static int make_a_call_of_tomorrow(void)
{
	return said(syscall(580));
}

#endif
