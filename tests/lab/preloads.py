# SPDX-License-Identifier: GPL-2.0-or-later
"""Libraries for LD_PRELOAD, that stand between a program and its TLS library, or the C library."""

import os
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
