/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/replay_capture.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The end of the year 9999: what comes later has no name in an event. */
static const uint64_t time_max_ms = 253402300799999;

struct source {
	const char *path;
	FILE *file; /* until pcap has it */
	pcap_t *pcap;
	int link_type;
	bool has_next;
	struct replay_packet next;
};

struct replay_captures {
	bool are_whole;
	struct source *taken; /* its packet is with the caller */
	size_t count;
	struct source sources[];
};

/* From behind a link header whose last field is the protocol at `at`; VLAN tags may follow. */
static struct bytes behind_tags(struct bytes frame, uint16_t type, size_t header_len)
{
	struct cursor cursor = cursor_over(frame);

	cursor_skip(&cursor, header_len);
	while (type == ETH_P_8021Q || type == ETH_P_8021AD) {
		cursor_skip(&cursor, 2);
		type = cursor_u16(&cursor);
	}
	if (cursor.failed || (type != ETH_P_IP && type != ETH_P_IPV6))
		return (struct bytes){ 0 };
	return bytes_after(frame, cursor.at);
}

static struct bytes ip_packet(int link_type, struct bytes frame)
{
	struct cursor cursor = cursor_over(frame);

	switch (link_type) {
	case DLT_RAW:
	case DLT_IPV4:
	case DLT_IPV6:
		return frame;
	case DLT_NULL: /* the address family, in the octet order of some machine: the IP version says the same */
	case DLT_LOOP:
		return bytes_after(frame, 4);
	case DLT_EN10MB:
		cursor_skip(&cursor, 12);
		return behind_tags(frame, cursor_u16(&cursor), 14);
	case DLT_LINUX_SLL:
		cursor_skip(&cursor, 14);
		return behind_tags(frame, cursor_u16(&cursor), 16);
#ifdef DLT_LINUX_SLL2
	case DLT_LINUX_SLL2:
		return behind_tags(frame, cursor_u16(&cursor), 20);
#endif
	default:
		return (struct bytes){ 0 };
	}
}

static bool is_known_link(int link_type)
{
	switch (link_type) {
	case DLT_RAW:
	case DLT_IPV4:
	case DLT_IPV6:
	case DLT_NULL:
	case DLT_LOOP:
	case DLT_EN10MB:
	case DLT_LINUX_SLL:
#ifdef DLT_LINUX_SLL2
	case DLT_LINUX_SLL2:
#endif
		return true;
	default:
		return false;
	}
}

/* Whether the IP header speaks of more octets than were captured; what the frame has behind the packet may be lost. */
static bool is_cut(struct bytes packet, const struct pcap_pkthdr *header)
{
	struct cursor cursor = cursor_over(packet);
	bool is_ipv6 = cursor_u8(&cursor) >> 4 == 6;
	size_t len;

	if (header->caplen >= header->len || packet.len == 0)
		return false;
	cursor_skip(&cursor, is_ipv6 ? 3 : 1);
	len = cursor_u16(&cursor);
	return cursor.failed || len == 0 || len + (is_ipv6 ? 40u : 0u) > packet.len;
}

/* A classic file has 32 bits without a sign, which libpcap reads with one; a crafted file may say anything. */
static uint64_t time_of(const struct pcap_pkthdr *header)
{
	int64_t seconds = header->ts.tv_sec, microseconds = header->ts.tv_usec;
	uint64_t time_ms;

	if (seconds < 0)
		seconds = (uint32_t)seconds;
	if ((uint64_t)seconds > time_max_ms / 1000)
		return time_max_ms;
	time_ms = (uint64_t)seconds * 1000;
	if (microseconds > 0)
		time_ms += (uint64_t)microseconds / 1000;
	return time_ms < time_max_ms ? time_ms : time_max_ms;
}

static void fetch(struct replay_captures *captures, struct source *source)
{
	struct pcap_pkthdr *header;
	const u_char *data;
	int result = pcap_next_ex(source->pcap, &header, &data);

	source->has_next = result == 1;
	if (result == PCAP_ERROR) {
		fprintf(stderr, "hopguard: %s: %s\n", source->path, pcap_geterr(source->pcap));
		captures->are_whole = false;
	}
	if (result != 1)
		return;
	source->next.time_ms = time_of(header);
	source->next.packet = ip_packet(source->link_type, bytes_of(data, header->caplen));
	source->next.is_cut = is_cut(source->next.packet, header);
}

/* libpcap names the file in some of its texts. */
static void say_unreadable(const char *path, const char *why)
{
	size_t path_len = strlen(path);
	bool is_format = strstr(why, "file format") || strstr(why, "truncated");

	if (strncmp(why, path, path_len) == 0 && strncmp(why + path_len, ": ", 2) == 0)
		why += path_len + 2;
	fprintf(stderr, "hopguard: %s: %s%s\n", path, why,
	        is_format ? ": allowed are pcap and pcapng, not compressed" : "");
}

static bool open_source(struct source *source, const char *path)
{
	source->path = path;
	source->file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rbe");
	if (!source->file)
		say_unreadable(path, strerror(errno));
	return source->file != NULL;
}

static bool read_header(struct source *source)
{
	const char *path = source->path, *name;
	char error[PCAP_ERRBUF_SIZE];

	source->pcap = pcap_fopen_offline(source->file, error);
	if (!source->pcap) {
		say_unreadable(path, error);
		return false;
	}
	source->file = NULL;
	source->link_type = pcap_datalink(source->pcap);
	if (is_known_link(source->link_type))
		return true;
	name = pcap_datalink_val_to_name(source->link_type);
	fprintf(stderr,
	        "hopguard: %s: link type %d (%s): allowed are Ethernet, Linux cooked, raw IP and "
	        "BSD loopback\n",
	        path, source->link_type, name ? name : "unknown");
	return false;
}

struct replay_captures *replay_captures_open(char *const *paths, size_t count)
{
	struct replay_captures *captures =
		calloc(1, sizeof(*captures) + count * sizeof(struct source));

	if (!captures) {
		fputs("hopguard: out of memory\n", stderr);
		return NULL;
	}
	captures->are_whole = true;
	for (; captures->count < count; captures->count++) {
		if (!open_source(&captures->sources[captures->count], paths[captures->count])) {
			captures->count++;
			replay_captures_close(captures);
			return NULL;
		}
	}
	return captures;
}

bool replay_captures_begin(struct replay_captures *captures)
{
	for (size_t i = 0; i < captures->count; i++) {
		if (!read_header(&captures->sources[i]))
			return false;
	}
	for (size_t i = 0; i < captures->count; i++)
		fetch(captures, &captures->sources[i]);
	return true;
}

void replay_captures_close(struct replay_captures *captures)
{
	if (!captures)
		return;
	for (size_t i = 0; i < captures->count; i++) {
		if (captures->sources[i].pcap)
			pcap_close(captures->sources[i].pcap);
		if (captures->sources[i].file)
			(void)fclose(captures->sources[i].file);
	}
	free(captures);
}

bool replay_captures_next(struct replay_captures *captures, struct replay_packet *packet)
{
	struct source *earliest = NULL;

	if (captures->taken)
		fetch(captures, captures->taken);
	for (size_t i = 0; i < captures->count; i++) {
		struct source *source = &captures->sources[i];

		if (source->has_next &&
		    (!earliest || source->next.time_ms < earliest->next.time_ms))
			earliest = source;
	}
	captures->taken = earliest;
	if (earliest)
		*packet = earliest->next;
	return earliest != NULL;
}

bool replay_captures_are_whole(const struct replay_captures *captures)
{
	return captures->are_whole;
}
