/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "support/body_segments.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "net/passage_load.h"

enum { LINK_LEN = 14, TCP_LEN = 20 };

static void put16(uint8_t *at, size_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value & 0xffff);
}

static const struct endpoint *source_of(const struct body_segment *segment)
{
	return segment->is_answer ? &segment->flow.server : &segment->flow.client;
}

static const struct endpoint *destination_of(const struct body_segment *segment)
{
	return segment->is_answer ? &segment->flow.client : &segment->flow.server;
}

static size_t write_ip(uint8_t *ip, const struct body_segment *segment, size_t tcp_len)
{
	const struct endpoint *from = source_of(segment), *to = destination_of(segment);

	if (from->address.family == 6) {
		ip[0] = 0x60;
		put16(ip + 4, tcp_len);
		ip[6] = 6;
		ip[7] = 64;
		memcpy(ip + 8, from->address.octets, 16);
		memcpy(ip + 24, to->address.octets, 16);
		return 40;
	}
	ip[0] = (uint8_t)(0x45 + segment->ip_options_len / 4);
	put16(ip + 2, 20U + segment->ip_options_len + tcp_len);
	put16(ip + 6, 0x4000);
	ip[8] = 64;
	ip[9] = 6;
	memcpy(ip + 12, from->address.octets, 4);
	memcpy(ip + 16, to->address.octets, 4);
	memset(ip + 20, 1, segment->ip_options_len);
	return 20U + segment->ip_options_len;
}

size_t body_segment_write(uint8_t frame[BODY_SEGMENT_MAX + 200], const struct body_segment *segment)
{
	size_t tcp_len = TCP_LEN + segment->tcp_options_len + segment->payload_len;
	uint8_t *tcp;

	memset(frame, 0, LINK_LEN + 40 + TCP_LEN);
	put16(frame + 12, segment->flow.client.address.family == 6 ? 0x86dd : 0x0800);
	tcp = frame + LINK_LEN;
	tcp += write_ip(tcp, segment, tcp_len);
	memset(tcp, 0, TCP_LEN);
	put16(tcp, source_of(segment)->port);
	put16(tcp + 2, destination_of(segment)->port);
	put32(tcp + 4, segment->seq);
	put32(tcp + 8, segment->acked);
	tcp[12] = (uint8_t)((TCP_LEN + segment->tcp_options_len) / 4 << 4);
	tcp[13] = segment->flags;
	put16(tcp + 14, segment->window);
	if (segment->tcp_options)
		memcpy(tcp + TCP_LEN, segment->tcp_options, segment->tcp_options_len);
	else
		memset(tcp + TCP_LEN, 1, segment->tcp_options_len);
	if (segment->payload_len)
		memcpy(tcp + TCP_LEN + segment->tcp_options_len, segment->payload,
		       segment->payload_len);
	return (size_t)(tcp - frame) + tcp_len;
}

bool body_program_enter(void)
{
	return unshare(CLONE_NEWNET | CLONE_NEWNS) == 0 &&
	       mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("tmpfs", "/run", "tmpfs", 0, "mode=0755") == 0;
}

int body_program_load(int *program, int *table)
{
	char why[PASSAGE_WHY_MAX];
	int err = passage_load(table, getuid(), getgid(), why);

	if (err) {
		(void)fprintf(stderr, "%s\n", why);
		return err;
	}
	*program = passage_open_program();
	return *program < 0 ? *program : 0;
}

int body_program_run(int program, const uint8_t *frame, size_t len, uint32_t ingress)
{
	struct __sk_buff context = { .ingress_ifindex = ingress };
	uint8_t after[BODY_SEGMENT_MAX + 200];
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = (uint32_t)len,
	            .data_out = after, .data_size_out = sizeof(after), .ctx_in = &context,
	            .ctx_size_in = sizeof(context));
	int err = bpf_prog_test_run_opts(program, &options);

	return err ? err : (int)options.retval;
}
