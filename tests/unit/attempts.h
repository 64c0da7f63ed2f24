/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_UNIT_ATTEMPTS_H
#define HOPGUARD_TESTS_UNIT_ATTEMPTS_H

/* What somebody who has taken a process over would try: each gives 0 when it succeeded, else errno. */

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/openat2.h>
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
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* Set before the process is confined. */
static struct {
	char state[128];     /* the state directory */
	char inside[160];    /* a file in it, that is not there */
	char database[160];  /* the ledger's, there */
	char root_keys[160]; /* the scout's, there */
	char anchor[160];    /* the trust anchor's file */
	pid_t other;         /* a process of the same user */
	int netfilter;       /* a netlink socket, as the guard has one for its queue */
} around;

/* Beside a number: in the half of a register of which the kernel reads nothing where it expects an int. */
#define WIDE (1L << 32)

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

static int write_the_database(void)
{
	return open_as(around.database, O_RDWR);
}

static int write_the_root_keys(void)
{
	return open_as(around.root_keys, O_RDWR);
}

/* As a file is replaced. */
static int put_the_database_in_the_place_of_the_root_keys(void)
{
	return said(rename(around.database, around.root_keys));
}

static int put_the_root_keys_in_the_place_of_the_database(void)
{
	return said(rename(around.root_keys, around.database));
}

static int remove_the_root_keys(void)
{
	return said(unlink(around.root_keys));
}

static int rename_to_elsewhere(void)
{
	return said(rename(around.database, "/tmp/hopguard-attempt"));
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

static int ignore_the_trap_by_a_wide_number(void)
{
	/* As the kernel has it: handler, flags, restorer, mask. */
	static const unsigned long ignored[4] = { (unsigned long)SIG_IGN };

	return said(
		syscall(SYS_rt_sigaction, SIGSYS | WIDE, ignored, NULL, (long)sizeof(uint64_t)));
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
