# SPDX-License-Identifier: GPL-2.0-or-later
"""Libraries for LD_PRELOAD, that stand between a program and its TLS library, the C library, its clock or its disk."""

import mmap
import os
import struct
import subprocess

import servers

_CARELESS = """
struct evp_md_ctx_st;
int EVP_DigestVerify(struct evp_md_ctx_st *context, const unsigned char *signature, unsigned long signature_len,
                     const unsigned char *octets, unsigned long octets_len);
int EVP_DigestVerify(struct evp_md_ctx_st *context, const unsigned char *signature, unsigned long signature_len,
                     const unsigned char *octets, unsigned long octets_len)
{
	(void)context, (void)signature, (void)signature_len, (void)octets, (void)octets_len;
	return 1;
}
"""

_REMEMBERS_KEYS = r"""
#include <dlfcn.h>
#include <openssl/ssl.h>
int SSL_CTX_use_PrivateKey(SSL_CTX *context, EVP_PKEY *key)
{
	int (*true_one)(SSL_CTX *, EVP_PKEY *) = dlsym(RTLD_NEXT, "SSL_CTX_use_PrivateKey");
	RSA *rsa = EVP_PKEY_get1_RSA(key);
	EC_KEY *ec = EVP_PKEY_get1_EC_KEY(key);

	if (rsa && RSA_get_ex_data(rsa, 0))
		EVP_PKEY_set1_RSA(key, rsa);
	if (ec && EC_KEY_get_ex_data(ec, 0))
		EVP_PKEY_set1_EC_KEY(key, ec);
	RSA_free(rsa);
	EC_KEY_free(ec);
	return true_one(context, key);
}
"""

_SINGLE = r"""
#include <pthread.h>
#include <unistd.h>
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
	(void)thread, (void)attributes, (void)start, (void)argument;
	_exit(write(STDERR_FILENO, "a thread\n", 9) == 9 ? 99 : 98);
}
"""

# The page is mapped before the first process changes its user, and its children have it, too.
_SHIFTS = r"""
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { HUNGRY_MAX = 8 };
static volatile struct {
	long long shift_s;
	long long delay_ms;
	long long denied; /* allocations, by those without memory */
	long long hungry[HUNGRY_MAX];
} *page;
static pid_t self;
static int (*true_clock)(clockid_t, struct timespec *);
static ssize_t (*true_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*true_writev)(int, const struct iovec *, int);
static int (*true_sync)(int);

static void begin_child(void)
{
	self = getpid();
}

__attribute__((constructor)) static void begin(void)
{
	int file = open(getenv("LAB_SHIFTS"), O_RDWR | O_CLOEXEC);
	void *mapped = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);

	true_clock = dlsym(RTLD_NEXT, "clock_gettime");
	true_pwrite = dlsym(RTLD_NEXT, "pwrite64");
	true_writev = dlsym(RTLD_NEXT, "writev");
	true_sync = dlsym(RTLD_NEXT, "fdatasync");
	close(file);
	if (mapped == MAP_FAILED)
		abort();
	begin_child();
	pthread_atfork(NULL, NULL, begin_child);
	page = mapped;
}

static int has_none(void)
{
	for (int i = 0; page && i < HUNGRY_MAX; i++) {
		if (page->hungry[i] == self) {
			__sync_fetch_and_add(&page->denied, 1);
			errno = ENOMEM;
			return 1;
		}
	}
	return 0;
}

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);

void *malloc(size_t len)
{
	return has_none() ? NULL : __libc_malloc(len);
}

void *calloc(size_t count, size_t len)
{
	return has_none() ? NULL : __libc_calloc(count, len);
}

void *realloc(void *old, size_t len)
{
	return has_none() ? NULL : __libc_realloc(old, len);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	int result = true_clock(clock, now);

	if (result == 0 && page && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		now->tv_sec += page->shift_s;
	return result;
}

time_t time(time_t *now)
{
	struct timespec precise;

	clock_gettime(CLOCK_REALTIME, &precise);
	if (now)
		*now = precise.tv_sec;
	return precise.tv_sec;
}

int gettimeofday(struct timeval *now, void *zone)
{
	struct timespec precise;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &precise);
	now->tv_sec = precise.tv_sec;
	now->tv_usec = precise.tv_nsec / 1000;
	return 0;
}

static void wait_for_disk(void)
{
	if (page && page->delay_ms)
		poll(NULL, 0, (int)page->delay_ms);
}

ssize_t pwrite64(int file, const void *octets, size_t len, off_t at)
{
	wait_for_disk();
	return true_pwrite(file, octets, len, at);
}

ssize_t pwrite(int file, const void *octets, size_t len, off_t at)
{
	return pwrite64(file, octets, len, at);
}

ssize_t writev(int file, const struct iovec *parts, int count)
{
	wait_for_disk();
	return true_writev(file, parts, count);
}

int fdatasync(int file)
{
	wait_for_disk();
	return true_sync(file);
}

int fsync(int file)
{
	return fdatasync(file);
}
"""


def _library(directory, name, text):
    source, library = (os.path.join(directory, f"{name}.{kind}") for kind in ("c", "so"))
    with open(source, "w", encoding="ascii") as file:
        file.write(text)
    subprocess.run([servers.tool("cc"), "-D_GNU_SOURCE", "-DOPENSSL_SUPPRESS_DEPRECATED", "-shared", "-fPIC", "-o", library,
                    source], check=True)
    return library


def careless(directory):
    """A libssl that asks its libcrypto in vain: every signature of a key exchange is good."""
    return _library(directory, "careless", _CARELESS)


def remembers_keys(directory):
    """OpenSMTPD 6.8.0p2, as Debian 12 has it, notes which key its key process shall sign with in a structure that OpenSSL 3 made
    for it alone and then forgets, so that it breaks off every handshake as a server (OpenSMTPD's issues 1171 and 1239). Later
    versions put that structure back, and so does this; all else is the server's own."""
    return _library(directory, "remembers-keys", _REMEMBERS_KEYS)


def single(directory):
    """Whoever starts a thread ends, with status 99."""
    return _library(directory, "single", _SINGLE)


class Shifts:
    """A program's wall clock, how long each write to a file takes it, and which of its processes get no memory; monotonic time
    goes on."""

    HUNGRY_MAX = 8

    def __init__(self, directory):
        path = os.path.join(directory, "shifts")
        with open(path, "w+b") as file:
            file.truncate(mmap.PAGESIZE)
            self._page = mmap.mmap(file.fileno(), mmap.PAGESIZE)
        library = _library(directory, "shifts", _SHIFTS)
        self.words = ["env", f"LAB_SHIFTS={path}", f"LD_PRELOAD={library}", "ASAN_OPTIONS=verify_asan_link_order=0"]

    def set(self, shift_s=0, delay_ms=0):
        struct.pack_into("qq", self._page, 0, shift_s, delay_ms)

    def starve(self, pids=()):
        """From now on these get no memory, all others do."""
        struct.pack_into(f"{self.HUNGRY_MAX}q", self._page, 24, *pids, *[0] * (self.HUNGRY_MAX - len(pids)))

    def denied(self):
        """How many allocations failed so far."""
        return struct.unpack_from("q", self._page, 16)[0]
