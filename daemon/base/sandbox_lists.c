/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/sandbox_lists.h"

#include <asm/ioctls.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/netlink.h>
#include <linux/prctl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>

/* clang-format off */
#define ALWAYS(call)                    { call, { { CALL_ALWAYS, 0, 0 } } }
#define EQUAL(call, argument, value)    { call, { { CALL_EQUAL, argument, value } } }
#define INT(call, argument, value)      { call, { { CALL_INT, argument, value } } }
#define OTHER(call, argument, value)    { call, { { CALL_OTHER, argument, value } } }
#define NOT_NULL(call, argument)        { call, { { CALL_NOT_NULL, argument, 0 } } }
#define OPTION_BUT(level, option)       { "setsockopt", { { CALL_EQUAL, 1, level }, { CALL_OTHER, 2, option } } }
#define WITHOUT(call, argument, bits)   { call, { { CALL_WITHOUT, argument, bits } } }
#define WITH(call, argument, bits)      { call, { { CALL_WITH, argument, bits } } }
#define OWN(call, argument)             { call, { { CALL_OWN, argument, 0 } } }
#define SOCKET(family, type, protocol)  { "socket", { { CALL_EQUAL, 0, family }, { CALL_TYPE, 1, type }, { CALL_EQUAL, 2, protocol } } }
#define PAIR(family, type)              { "socketpair", { { CALL_EQUAL, 0, family }, { CALL_TYPE, 1, type } } }
#define END                             { NULL, { { CALL_ALWAYS, 0, 0 } } }
/* clang-format on */

/* Of prctl(2): glibc names its memory. Of fcntl64(2), where there is one. */
enum { SET_MEMORY_NAME = 0x53564d41, GETLK64 = 12, SETLK64 = 13 };

const struct call calls_basic[] = {
	/* What is open. fcntl and ioctl could else have a signal sent to any process of this user. */
	ALWAYS("read"),
	ALWAYS("write"),
	ALWAYS("readv"),
	ALWAYS("writev"),
	ALWAYS("close"),
	ALWAYS("lseek"),
	ALWAYS("_llseek"),
	ALWAYS("fstat"),
	ALWAYS("fstat64"),
	WITH("newfstatat", 3, AT_EMPTY_PATH),
	WITH("fstatat64", 3, AT_EMPTY_PATH),
	WITH("statx", 2, AT_EMPTY_PATH),
	EQUAL("fcntl", 1, F_DUPFD),
	EQUAL("fcntl", 1, F_DUPFD_CLOEXEC),
	EQUAL("fcntl", 1, F_GETFD),
	EQUAL("fcntl", 1, F_SETFD),
	EQUAL("fcntl", 1, F_GETFL),
	EQUAL("fcntl", 1, F_SETFL),
	EQUAL("fcntl", 1, F_GET_SEALS),
	EQUAL("fcntl64", 1, F_DUPFD),
	EQUAL("fcntl64", 1, F_DUPFD_CLOEXEC),
	EQUAL("fcntl64", 1, F_GETFD),
	EQUAL("fcntl64", 1, F_SETFD),
	EQUAL("fcntl64", 1, F_GETFL),
	EQUAL("fcntl64", 1, F_SETFL),
	EQUAL("fcntl64", 1, F_GET_SEALS),
	EQUAL("ioctl", 1, FIONREAD),
	EQUAL("ioctl", 1, FIONBIO),
	EQUAL("ioctl", 1, TCGETS),
	/* Sockets that are there. What connects with its first octets does so past Landlock. */
	WITHOUT("sendmsg", 2, MSG_FASTOPEN),
	WITHOUT("sendmmsg", 3, MSG_FASTOPEN),
	WITHOUT("sendto", 3, MSG_FASTOPEN),
	WITHOUT("send", 3, MSG_FASTOPEN),
	ALWAYS("recvmsg"),
	ALWAYS("recvmmsg"),
	ALWAYS("recvmmsg_time64"),
	ALWAYS("recvfrom"),
	ALWAYS("recv"),
	ALWAYS("getsockopt"),
	/*
	 * Whoever is sent a socket that lingers waits for its far end when it is closed. Of what is laid upon TCP, SMC connects past
	 * Landlock.
	 */
	OPTION_BUT(SOL_SOCKET, SO_LINGER),
	OPTION_BUT(IPPROTO_TCP, TCP_ULP),
	EQUAL("setsockopt", 1, IPPROTO_IP),
	EQUAL("setsockopt", 1, IPPROTO_IPV6),
	EQUAL("setsockopt", 1, IPPROTO_UDP),
	EQUAL("setsockopt", 1, SOL_NETLINK),
	ALWAYS("getsockname"),
	ALWAYS("getpeername"),
	ALWAYS("shutdown"),
	/* Waiting. */
	ALWAYS("epoll_create1"),
	ALWAYS("epoll_ctl"),
	ALWAYS("epoll_ctl_old"),
	ALWAYS("epoll_wait"),
	ALWAYS("epoll_pwait"),
	ALWAYS("epoll_pwait2"),
	ALWAYS("poll"),
	ALWAYS("ppoll"),
	ALWAYS("ppoll_time64"),
	ALWAYS("nanosleep"),
	ALWAYS("clock_nanosleep"),
	ALWAYS("clock_nanosleep_time64"),
	ALWAYS("restart_syscall"),
	ALWAYS("futex"),
	ALWAYS("futex_time64"),
	ALWAYS("sched_yield"),
	/* Memory: none becomes code. */
	ALWAYS("brk"),
	WITHOUT("mmap", 2, PROT_EXEC),
	WITHOUT("mmap2", 2, PROT_EXEC),
	WITHOUT("mprotect", 2, PROT_EXEC),
	ALWAYS("munmap"),
	ALWAYS("mremap"),
	ALWAYS("madvise"),
	ALWAYS("getrandom"),
	EQUAL("prctl", 0, SET_MEMORY_NAME),
	/* Clocks that have no shortcut past the kernel on this machine. */
	ALWAYS("clock_gettime"),
	ALWAYS("clock_gettime64"),
	ALWAYS("clock_getres"),
	ALWAYS("clock_getres_time64"),
	ALWAYS("gettimeofday"),
	ALWAYS("time"),
	/* Itself. */
	ALWAYS("getpid"),
	ALWAYS("gettid"),
	ALWAYS("getppid"),
	ALWAYS("getuid"),
	ALWAYS("getuid32"),
	ALWAYS("geteuid"),
	ALWAYS("geteuid32"),
	ALWAYS("getgid"),
	ALWAYS("getgid32"),
	ALWAYS("getegid"),
	ALWAYS("getegid32"),
	ALWAYS("getrusage"),
	ALWAYS("getrlimit"),
	ALWAYS("ugetrlimit"),
	EQUAL("prlimit64", 2, 0),
	ALWAYS("sched_getaffinity"),
	ALWAYS("sysinfo"),
	ALWAYS("uname"),
	/* Signals to itself, as abort(3) sends them. Who traps a forbidden call stays the one who does. */
	OTHER("rt_sigaction", 0, SIGSYS),
	ALWAYS("rt_sigprocmask"),
	ALWAYS("rt_sigreturn"),
	ALWAYS("sigreturn"),
	ALWAYS("sigaltstack"),
	OWN("tgkill", 0),
	OWN("tkill", 0),
	ALWAYS("exit"),
	ALWAYS("exit_group"),
	END,
};

const struct call calls_opening[] = {
	ALWAYS("open"),
	ALWAYS("openat"),
	ALWAYS("access"),
	ALWAYS("faccessat"),
	ALWAYS("faccessat2"),
	ALWAYS("stat"),
	ALWAYS("stat64"),
	ALWAYS("lstat"),
	ALWAYS("lstat64"),
	ALWAYS("readlink"),
	ALWAYS("readlinkat"),
	WITHOUT("newfstatat", 3, AT_EMPTY_PATH),
	WITHOUT("fstatat64", 3, AT_EMPTY_PATH),
	WITHOUT("statx", 2, AT_EMPTY_PATH),
	END,
};

const struct call calls_files[] = {
	ALWAYS("open"),       ALWAYS("openat"),
	ALWAYS("access"),     ALWAYS("faccessat"),
	ALWAYS("faccessat2"), ALWAYS("stat"),
	ALWAYS("stat64"),     ALWAYS("lstat"),
	ALWAYS("lstat64"),    ALWAYS("newfstatat"),
	ALWAYS("fstatat64"),  ALWAYS("statx"),
	ALWAYS("readlink"),   ALWAYS("readlinkat"),
	ALWAYS("getcwd"),     ALWAYS("getdents"),
	ALWAYS("getdents64"), ALWAYS("rename"),
	ALWAYS("renameat"),   ALWAYS("renameat2"),
	ALWAYS("unlink"),     ALWAYS("unlinkat"),
	ALWAYS("fsync"),      ALWAYS("fdatasync"),
	ALWAYS("umask"),      END,
};

const struct call calls_database[] = {
	ALWAYS("pread64"),
	ALWAYS("pwrite64"),
	ALWAYS("ftruncate"),
	ALWAYS("ftruncate64"),
	ALWAYS("fallocate"),
	ALWAYS("fchmod"),
	ALWAYS("fchown"),
	ALWAYS("fchown32"),
	ALWAYS("fstatfs"),
	ALWAYS("fstatfs64"),
	ALWAYS("msync"),
	EQUAL("fcntl", 1, F_GETLK),
	EQUAL("fcntl", 1, F_SETLK),
	EQUAL("fcntl64", 1, GETLK64),
	EQUAL("fcntl64", 1, SETLK64),
	END,
};

const struct call calls_local_sockets[] = {
	EQUAL("socket", 0, AF_UNIX), ALWAYS("connect"), ALWAYS("accept"), ALWAYS("accept4"), END,
};

const struct call calls_internet[] = {
	/* TCP and UDP, as they are or by name: of MPTCP, SCTP and SMC Landlock does not ask for ports. */
	SOCKET(AF_INET, SOCK_STREAM, 0),
	SOCKET(AF_INET, SOCK_STREAM, IPPROTO_TCP),
	SOCKET(AF_INET, SOCK_DGRAM, 0),
	SOCKET(AF_INET, SOCK_DGRAM, IPPROTO_UDP),
	SOCKET(AF_INET6, SOCK_STREAM, 0),
	SOCKET(AF_INET6, SOCK_STREAM, IPPROTO_TCP),
	SOCKET(AF_INET6, SOCK_DGRAM, 0),
	SOCKET(AF_INET6, SOCK_DGRAM, IPPROTO_UDP),
	SOCKET(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE),
	/* One of datagrams could be turned to any local service. */
	PAIR(AF_UNIX, SOCK_STREAM),
	ALWAYS("connect"),
	ALWAYS("bind"),
	ALWAYS("pipe"),
	ALWAYS("pipe2"),
	ALWAYS("eventfd2"),
	END,
};

const struct call calls_fast_open[] = {
	WITH("sendmsg", 2, MSG_FASTOPEN),
	WITH("sendmmsg", 3, MSG_FASTOPEN),
	WITH("sendto", 3, MSG_FASTOPEN),
	WITH("send", 3, MSG_FASTOPEN),
	END,
};

const struct call calls_newer[] = {
	ALWAYS("rseq"),
	ALWAYS("set_robust_list"),
	ALWAYS("membarrier"),
	ALWAYS("clone3"),
	ALWAYS("openat2"),
	ALWAYS("close_range"),
	ALWAYS("copy_file_range"),
	ALWAYS("pidfd_open"),
	ALWAYS("futex_waitv"),
	ALWAYS("futex_wait"),
	ALWAYS("futex_wake"),
	ALWAYS("futex_requeue"),
	ALWAYS("cachestat"),
	ALWAYS("fchmodat2"),
	ALWAYS("map_shadow_stack"),
	ALWAYS("mseal"),
	END,
};

const struct call calls_never[] = {
	/* Into other processes. */
	ALWAYS("process_vm_readv"),
	ALWAYS("process_vm_writev"),
#ifndef SANDBOX_SANITIZED /* who looks for leaks by it, at the supervisor's end */
	ALWAYS("ptrace"),
#endif
	ALWAYS("process_madvise"),
	ALWAYS("pidfd_getfd"),
	ALWAYS("kcmp"),
	/* Into the kernel. */
	/* What is pinned may be opened, by those whom its file permits: a rule may name it. */
	OTHER("bpf", 0, BPF_OBJ_GET),
	ALWAYS("perf_event_open"),
	ALWAYS("userfaultfd"),
	ALWAYS("io_uring_setup"),
	ALWAYS("io_uring_enter"),
	ALWAYS("io_uring_register"),
	ALWAYS("add_key"),
	ALWAYS("keyctl"),
	ALWAYS("request_key"),
	ALWAYS("init_module"),
	ALWAYS("finit_module"),
	ALWAYS("delete_module"),
	ALWAYS("kexec_load"),
	ALWAYS("kexec_file_load"),
	ALWAYS("syslog"),
	ALWAYS("iopl"),
	ALWAYS("ioperm"),
	ALWAYS("modify_ldt"),
	ALWAYS("vm86"),
	ALWAYS("vm86old"),
	ALWAYS("lookup_dcookie"),
	ALWAYS("uselib"),
	ALWAYS("personality"),
	/* Another view of the machine. */
	ALWAYS("mount"),
	ALWAYS("umount"),
	ALWAYS("umount2"),
	ALWAYS("pivot_root"),
	ALWAYS("chroot"),
	ALWAYS("move_mount"),
	ALWAYS("open_tree"),
	ALWAYS("fsopen"),
	ALWAYS("fsmount"),
	ALWAYS("fsconfig"),
	ALWAYS("fspick"),
	ALWAYS("mount_setattr"),
	ALWAYS("setns"),
	ALWAYS("unshare"),
	ALWAYS("name_to_handle_at"),
	ALWAYS("open_by_handle_at"),
	ALWAYS("fanotify_init"),
	/* The machine itself. */
	ALWAYS("reboot"),
	ALWAYS("swapon"),
	ALWAYS("swapoff"),
	ALWAYS("acct"),
	ALWAYS("quotactl"),
	ALWAYS("quotactl_fd"),
	ALWAYS("settimeofday"),
	ALWAYS("stime"),
	ALWAYS("clock_settime"),
	ALWAYS("clock_settime64"),
	ALWAYS("adjtimex"),
	ALWAYS("clock_adjtime"),
	ALWAYS("clock_adjtime64"),
	ALWAYS("sethostname"),
	ALWAYS("setdomainname"),
	ALWAYS("vhangup"),
	ALWAYS("nfsservctl"),
	END,
};

const struct call calls_on_others[] = {
	ALWAYS("kill"),
	ALWAYS("tkill"),
	ALWAYS("tgkill"),
	ALWAYS("rt_sigqueueinfo"),
	ALWAYS("rt_tgsigqueueinfo"),
	ALWAYS("pidfd_send_signal"),
	INT("fcntl", 1, F_SETOWN),
	INT("fcntl", 1, F_SETOWN_EX),
	NOT_NULL("prlimit64", 2),
	ALWAYS("setpriority"),
	ALWAYS("ioprio_set"),
	ALWAYS("sched_setparam"),
	ALWAYS("sched_setscheduler"),
	ALWAYS("sched_setattr"),
	ALWAYS("sched_setaffinity"),
	ALWAYS("migrate_pages"),
	ALWAYS("move_pages"),
	ALWAYS("socket"),
	ALWAYS("socketpair"),
	/* What is pinned has no path for Landlock, and the table of message bodies is this user's. */
	ALWAYS("bpf"),
	/* Nor has what has a number, or a name of its own. */
	ALWAYS("shmget"),
	ALWAYS("msgget"),
	ALWAYS("semget"),
	ALWAYS("mq_open"),
	/* A child of its own would outlive whoever waits for it. */
	ALWAYS("fork"),
	ALWAYS("vfork"),
	WITHOUT("clone", 0, CLONE_THREAD),
	ALWAYS("clone3"),
	END,
};

const struct call calls_sanitizers[] = {
#ifdef SANDBOX_SANITIZED
	ALWAYS("open"),
	ALWAYS("openat"),
	ALWAYS("readlink"),
	ALWAYS("readlinkat"),
	ALWAYS("stat"),
	ALWAYS("lstat"),
	ALWAYS("newfstatat"),
	ALWAYS("access"),
	ALWAYS("getcwd"),
	ALWAYS("pipe"),
	ALWAYS("pipe2"),
	ALWAYS("dup"),
	ALWAYS("pread64"),
#endif
	END,
};
