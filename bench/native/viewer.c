/* A live viewer that reads every packet of one session and throws it away, and notes how old each was. */
#define _GNU_SOURCE
#include "viewer.h"
#include "wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECT = 1, ATTACH_SESSION = 3, GET_NEXT_INDEX = 4, GET_PACKET = 5, GET_METADATA = 6, CREATE = 8 };
enum { INDEX_OK = 1, INDEX_HUP = 3, INDEX_ERR = 4 };
#define STREAM_ENTRY_SIZE 4371

static void give_up(struct viewer *v, const char *error)
{
	if (v->state == GONE) return;
	v->state = GONE;
	v->group->errors++;
	snprintf(v->group->error, sizeof v->group->error, "%s", error);
	close(v->live.fd);
}

static void send_request(struct viewer *v, uint32_t command, const uint8_t *payload, size_t size)
{
	uint8_t bytes[64] = {0};
	put64(bytes, size);
	put32(bytes + 8, command);
	memcpy(bytes + 16, payload, size);
	/* One small request is outstanding at a time: it always fits the socket's buffer. */
	if (send(v->live.fd, bytes, 16 + size, MSG_NOSIGNAL) != (ssize_t)(16 + size)) give_up(v, "live connection");
}

static void ask_index(struct viewer *v)
{
	uint8_t p[8];
	while (v->over[v->turn % v->stream_count]) v->turn++;
	put64(p, v->stream[v->turn % v->stream_count]);
	v->state = INDEX;
	v->in_size = 0;
	send_request(v, GET_NEXT_INDEX, p, 8);
}

static void next_stream(struct viewer *v)
{
	v->turn++;
	if (v->open_count == 0) v->state = IDLE;
	else if (v->dry >= v->open_count) {
		v->state = IDLE;
		v->dry = 0;
		v->due = now + v->group->interval_ms * 1000000ull;
	} else ask_index(v);
}

static void index_arrived(struct viewer *v)
{
	uint32_t status = get32(v->in + 56);
	if (status == INDEX_OK) {
		uint8_t p[20];
		v->dry = 0;
		v->sent_at = get64(v->in + 32);
		put64(p, v->stream[v->turn % v->stream_count]);
		put64(p + 8, get64(v->in));
		put32(p + 16, get64(v->in + 8) / 8);
		v->state = PACKET;
		v->in_size = 0;
		send_request(v, GET_PACKET, p, 20);
		return;
	}
	if (status == INDEX_ERR) {
		give_up(v, "GET_NEXT_INDEX answered ERR");
		return;
	}
	if (status == INDEX_HUP) {
		v->over[v->turn % v->stream_count] = true;
		v->open_count--;
	} else v->dry++;
	next_stream(v);
}

static void packet_complete(struct viewer *v)
{
	now = clock_ns();
	v->packets++;
	count_packet(v->group, now > v->sent_at ? now - v->sent_at : 0);
	/* Stay on this stream until it runs dry: what Babeltrace's merge does when one stream is far behind. */
	ask_index(v);
}

static void live_ready(struct endpoint *e, uint32_t events)
{
	struct viewer *v = e->owner;
	(void)events;
	while (v->state != GONE) {
		if (v->state == BODY) {
			ssize_t n = recv(e->fd, NULL, v->body_left, MSG_TRUNC);
			if (n < 0 && errno == EAGAIN) return;
			if (n <= 0) return give_up(v, "live connection closed by the relay");
			v->body_left -= n;
			if (v->body_left == 0) packet_complete(v);
			continue;
		}
		unsigned want = v->state == PACKET ? 12 : 64;
		ssize_t n = recv(e->fd, v->in + v->in_size, want - v->in_size, 0);
		if (n < 0 && errno == EAGAIN) return;
		if (n <= 0) return give_up(v, "live connection closed by the relay");
		v->in_size += n;
		if (v->in_size < want) continue;
		if (v->state == INDEX) index_arrived(v);
		else if (get32(v->in) != 1) give_up(v, "GET_PACKET did not answer OK");
		else {
			v->body_left = get32(v->in + 4);
			v->state = BODY;
		}
	}
}

void viewer_tick(struct viewer *v)
{
	if (v->state == IDLE && v->open_count > 0 && now >= v->due) ask_index(v);
}

static void fetch_metadata(struct viewer *v, uint64_t stream)
{
	uint8_t p[8], reply[12], text[4096];
	put64(p, stream);
	for (;;) {
		send_request(v, GET_METADATA, p, 8);
		receive_all(v->live.fd, reply, 12);
		if (get32(reply + 8) != 1) return;
		for (uint64_t left = get64(reply); left > 0;) {
			uint64_t size = left < sizeof text ? left : sizeof text;
			receive_all(v->live.fd, text, size);
			left -= size;
		}
	}
}

void viewer_open(struct viewer *v, struct group *g, uint16_t live_port)
{
	uint8_t p[20] = {0}, reply[20], entry[STREAM_ENTRY_SIZE];
	uint64_t metadata = 0;
	int fd = dial(live_port);
	v->group = g;
	v->live.fd = fd;
	put32(p + 8, 2);
	put32(p + 12, 13);
	put32(p + 16, 1);
	send_request(v, CONNECT, p, 20);
	receive_all(fd, reply, 20);
	send_request(v, CREATE, p, 0);
	receive_all(fd, reply, 4);
	memset(p, 0, sizeof p);
	put64(p, v->session->id);
	put32(p + 16, 1);
	send_request(v, ATTACH_SESSION, p, 20);
	receive_all(fd, reply, 8);
	if (get32(reply) != 1) fail("ATTACH_SESSION answered %u", get32(reply));
	for (uint32_t left = get32(reply + 4); left > 0; left--) {
		receive_all(fd, entry, sizeof entry);
		if (get32(entry + 16)) metadata = get64(entry);
		else v->stream[v->stream_count++] = get64(entry);
	}
	if (v->stream_count == 0) fail("ATTACH_SESSION announced no streams");
	v->open_count = v->stream_count;
	fetch_metadata(v, metadata);
	watch(&v->live, fd, live_ready, v);
}
