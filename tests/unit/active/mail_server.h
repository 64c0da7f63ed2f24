/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_UNIT_ACTIVE_MAIL_SERVER_H
#define HOPGUARD_TESTS_UNIT_ACTIVE_MAIL_SERVER_H

/* A mail server in a process of its own on the loopback: it takes one connection, and plays one part with OpenSSL. */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { PART_WRONG = 1, PART_PLAYED = 0, LINE_ROOM = 512 };

struct mail_server {
	pid_t child;
	uint16_t port;
	EVP_PKEY *key;
	X509 *certificate;
};

struct scene {
	int client;      /* connected */
	SSL *connection; /* NULL: no TLS yet */
	const struct mail_server *server;
	struct sockaddr_in peer;
};

/* Ends with the exit status of the process. */
typedef int (*part_fn)(struct scene *scene);

static inline void mail_server_make_key(struct mail_server *server)
{
	X509 *certificate = X509_new();
	X509_NAME *name = X509_get_subject_name(certificate);

	server->key = EVP_EC_gen("P-256");
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"mx.example",
	                           -1, -1, 0);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
	X509_set_issuer_name(certificate, name);
	X509_set_pubkey(certificate, server->key);
	assert_true(X509_sign(certificate, server->key, EVP_sha256()) > 0);
	server->certificate = certificate;
}

static inline void mail_server_play(struct mail_server *server, part_fn part)
{
	struct sockaddr_in place = { .sin_family = AF_INET,
		                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(place);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct scene scene = { .server = server };
	int played;

	assert_int_equal(bind(listener, (struct sockaddr *)&place, sizeof(place)), 0);
	assert_int_equal(listen(listener, 4), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&place, &len), 0);
	server->port = ntohs(place.sin_port);
	server->child = fork();
	assert_true(server->child >= 0);
	if (server->child > 0) {
		close(listener);
		return;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	alarm(20);
	len = sizeof(scene.peer);
	scene.client = accept(listener, (struct sockaddr *)&scene.peer, &len);
	close(listener);
	played = scene.client < 0 ? PART_WRONG : part(&scene);
	SSL_free(scene.connection);
	_exit(played);
}

/* Its exit status; 128 when a signal ended it. */
static inline int mail_server_end(const struct mail_server *server)
{
	int status = 0;

	assert_int_equal(waitpid(server->child, &status, 0), server->child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static inline void scene_say(const struct scene *scene, const char *text)
{
	(void)send(scene->client, text, strlen(text), MSG_NOSIGNAL);
}

/* Whether the next line is that. */
static inline int scene_hears(const struct scene *scene, const char *line)
{
	char got[LINE_ROOM] = "";
	size_t len = 0;

	while (len + 1 < sizeof(got) && recv(scene->client, got + len, 1, 0) == 1) {
		if (got[len++] == '\n')
			break;
	}
	return len == strlen(line) + 2 && strncmp(got, line, len - 2) == 0;
}

/* Banner and EHLO, with those lines as the reply. */
static inline int scene_greet(const struct scene *scene, const char *reply)
{
	scene_say(scene, "220 mx.example ESMTP ready\r\n");
	if (!scene_hears(scene, "EHLO gate.example"))
		return 0;
	scene_say(scene, reply);
	return 1;
}

static inline int scene_start_tls(const struct scene *scene)
{
	if (!scene_greet(scene, "250-mx.example\r\n250-PIPELINING\r\n250 STARTTLS\r\n") ||
	    !scene_hears(scene, "STARTTLS"))
		return 0;
	scene_say(scene, "220 2.0.0 go ahead\r\n");
	return 1;
}

/* Takes the context over. */
static inline SSL *scene_tls(struct scene *scene, SSL_CTX *context)
{
	SSL_CTX_use_certificate(context, scene->server->certificate);
	SSL_CTX_use_PrivateKey(context, scene->server->key);
	scene->connection = SSL_new(context);
	SSL_CTX_free(context);
	SSL_set_fd(scene->connection, scene->client);
	return scene->connection;
}

#endif
