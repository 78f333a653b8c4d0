/* One recording session of a target: its two connections, its packets and indexes, and the final drain. */
#define _GNU_SOURCE
#include "session.h"
#include "secure.h"
#include "wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#define OUT_CAPACITY 16384
#define METADATA_SIZE 4096
#define RETRY_NS 2000000ull
#define NONE UINT64_MAX
/* Below this a copy into the socket costs less than a second system call for sendfile. */
#define SENDFILE_FROM 65536

static int payload_fd;

static void end(struct session *s, enum phase phase, const char *error)
{
	if (s->phase >= DONE) return;
	s->phase = phase;
	s->group->finished++;
	s->group->ended_at = now;
	if (phase == DONE) {
		s->group->drained++;
		return;
	}
	s->group->errors++;
	snprintf(s->group->error, sizeof s->group->error, "%s%s%s", error, errno ? ": " : "", errno ? strerror(errno) : "");
	close(s->control.fd);
	if (s->data.fd >= 0) close(s->data.fd);
}

static void put_command(uint8_t *at, uint32_t command, uint64_t size)
{
	memset(at, 0, 24);
	put64(at + 8, size);
	put32(at + 16, command);
}

static uint8_t *queue(struct session *s, uint32_t command, size_t size)
{
	if (s->out_size + 24 + size > OUT_CAPACITY) fail("command buffer of %s is full", s->group->label);
	uint8_t *at = s->out + s->out_size;
	put_command(at, command, size);
	memset(at + 24, 0, size);
	s->out_size += 24 + size;
	return at + 24;
}

static void flush(struct session *s)
{
	while (s->out_sent < s->out_size) {
		ssize_t n = put(s->control.fd, s->out + s->out_sent, s->out_size - s->out_sent, MSG_NOSIGNAL);
		if (n < 0) {
			if (errno == EAGAIN) {
				/* Keep the tail at the front, so that the bound on unanswered commands bounds the buffer. */
				memmove(s->out, s->out + s->out_sent, s->out_size - s->out_sent);
				s->out_size -= s->out_sent;
				s->out_sent = 0;
			} else end(s, DEAD, "control connection");
			return;
		}
		s->out_sent += n;
	}
	s->out_size = s->out_sent = 0;
}

static void ask(struct session *s, uint64_t since) { s->asked[s->asked_count++ % IN_FLIGHT_MAX] = since; }

static void queue_index(struct session *s, unsigned stream)
{
	struct group *g = s->group;
	uint64_t seq = s->next_seq[stream]++, bits = g->packet_size * 8;
	uint8_t *p = queue(s, SEND_INDEX, 80);
	put64(p, s->stream[stream]);
	put64(p + 8, seq);
	put64(p + 16, bits);
	put64(p + 24, bits);
	put64(p + 32, now);
	put64(p + 40, now); /* the viewer's lag is measured from here */
	put64(p + 72, seq);
	s->packets_sent++;
	/* A paced target counts from when the packet was due: a relay that stops it does not stop the clock. */
	ask(s, g->rate ? go_at + s->packets_sent * (g->packet_size + HEADER_SIZE) * 1000000000ull / g->rate : now);
}

static bool is_copied(const struct group *g) { return g->packet_size < SENDFILE_FROM || is_secure(); }

static bool may_start(const struct session *s)
{
	const struct group *g = s->group;
	return s->phase == RUN && !stopping && (!g->packet_limit || s->packets_sent < g->packet_limit) &&
	       s->asked_count - s->answered_count < g->in_flight;
}

static void start_batch(struct session *s)
{
	struct group *g = s->group;
	unsigned room = g->in_flight - (unsigned)(s->asked_count - s->answered_count);
	if (g->packet_limit && g->packet_limit - s->packets_sent < room) room = g->packet_limit - s->packets_sent;
	s->batch_count = room < s->batch_capacity ? room : s->batch_capacity;
	s->batch_size = s->batch_count * (HEADER_SIZE + g->packet_size);
	s->batch_sent = s->batch_indexed = 0;
	uint64_t ahead[STREAMS_MAX] = {0};
	for (unsigned i = 0; i < s->batch_count; i++) {
		uint8_t *h = s->batch + i * (HEADER_SIZE + g->packet_size);
		unsigned stream = s->turn++ % g->streams;
		s->batch_stream[i] = stream;
		memset(h, 0, HEADER_SIZE);
		put64(h + 8, s->stream[stream]);
		put64(h + 16, s->next_seq[stream] + ahead[stream]++);
		put32(h + 24, g->packet_size);
	}
}

static ssize_t send_some(struct session *s, uint64_t allowance)
{
	uint64_t left = s->batch_size - s->batch_sent;
	if (is_copied(s->group))
		return put(s->data.fd, s->batch + s->batch_sent, left < allowance ? left : allowance, MSG_NOSIGNAL);
	if (s->batch_sent < HEADER_SIZE)
		return send(s->data.fd, s->batch + s->batch_sent, HEADER_SIZE - s->batch_sent, MSG_NOSIGNAL | MSG_MORE);
	off_t offset = s->batch_sent - HEADER_SIZE;
	return sendfile(s->data.fd, payload_fd, &offset, left < allowance ? left : allowance);
}

/* True when the batch has been handed over completely. */
static bool push(struct session *s)
{
	struct group *g = s->group;
	while (s->batch_sent < s->batch_size) {
		uint64_t allowance = UINT64_MAX;
		if (g->rate) {
			uint64_t allowed = (now - go_at) / 1000 * g->rate / 1000000;
			if (allowed <= s->bytes_sent) return false;
			allowance = allowed - s->bytes_sent;
		}
		ssize_t n = send_some(s, allowance);
		if (n < 0) {
			if (errno != EAGAIN) end(s, DEAD, "data connection");
			return false;
		}
		s->batch_sent += n;
		s->bytes_sent += n;
		while ((s->batch_indexed + 1) * (HEADER_SIZE + g->packet_size) <= s->batch_sent)
			queue_index(s, s->batch_stream[s->batch_indexed++]);
	}
	s->batch_count = 0;
	return true;
}

static void ask_pending(struct session *s)
{
	struct group *g = s->group;
	while (s->drain_turn < g->streams && s->next_seq[s->drain_turn] == 0) s->drain_turn++;
	if (s->drain_turn == g->streams) {
		end(s, DONE, NULL);
		return;
	}
	uint8_t *p = queue(s, DATA_PENDING, 16);
	put64(p, s->stream[s->drain_turn]);
	put64(p + 8, s->next_seq[s->drain_turn] - 1);
	ask(s, now);
	flush(s);
}

static void pump(struct session *s)
{
	while (s->phase < DRAIN) {
		if (s->batch_count == 0) {
			if (!may_start(s)) break;
			start_batch(s);
		}
		bool complete = push(s);
		if (s->phase == DEAD) return;
		flush(s);
		if (!complete) return;
	}
	bool all_sent = stopping || (s->group->packet_limit && s->packets_sent == s->group->packet_limit);
	if (s->phase < DRAIN && all_sent && s->asked_count == s->answered_count) {
		s->phase = DRAIN;
		ask_pending(s);
	}
}

static void poll_again(struct session *s)
{
	if (stopping) {
		end(s, DONE, NULL);
		return;
	}
	uint8_t *p = queue(s, DATA_PENDING, 16);
	put64(p, s->stream[0]);
	put64(p + 8, NONE - 1);
	ask(s, now);
	flush(s);
}

static void answer(struct session *s, uint32_t code)
{
	struct group *g = s->group;
	uint64_t since = s->asked[s->answered_count++ % IN_FLIGHT_MAX];
	if (s->phase == DRAIN) {
		if (code == 0) s->drain_turn++;
		if (code == 0) ask_pending(s);
		else if (code == 1) s->due = now + RETRY_NS;
		else {
			errno = 0;
			end(s, DEAD, "DATA_PENDING refused");
		}
		return;
	}
	if (g->role != POLL && code != 10) {
		errno = 0;
		end(s, DEAD, "command refused");
		return;
	}
	count_packet(g, now > since ? now - since : 0);
	if (g->role == POLL) poll_again(s);
	else if (g->role != PRODUCE && stopping && s->asked_count == s->answered_count) end(s, DONE, NULL);
}

static void control_ready(struct endpoint *e, uint32_t events)
{
	struct session *s = e->owner;
	uint8_t buffer[4096];
	put_rest(e->fd);
	while (s->phase < DONE && (events & EPOLLIN)) {
		ssize_t n = get(e->fd, buffer, sizeof buffer, 0);
		if (n < 0 && errno == EAGAIN) break;
		if (n <= 0) {
			if (n == 0) errno = 0;
			end(s, DEAD, "control connection closed by the relay");
			return;
		}
		for (ssize_t i = 0; i < n && s->phase < DONE; i++) {
			s->in[s->in_size++] = buffer[i];
			if (s->in_size == 4) {
				s->in_size = 0;
				answer(s, get32(s->in));
			}
		}
		if (n < (ssize_t)sizeof buffer && !is_secure()) break;
	}
	if (s->phase >= DONE) return;
	if (s->out_size) flush(s);
	if (s->group->role == PRODUCE) pump(s);
}

static void data_ready(struct endpoint *e, uint32_t events)
{
	struct session *s = e->owner;
	if (s->phase >= DONE) return;
	put_rest(e->fd);
	if (events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)) {
		errno = 0;
		end(s, DEAD, "data connection closed by the relay");
	} else if (s->group->role == PRODUCE && go_at) pump(s);
}

static void beat(struct session *s)
{
	struct group *g = s->group;
	if (stopping) {
		if (s->asked_count == s->answered_count) end(s, DONE, NULL);
		return;
	}
	if (now < go_at + s->due || s->asked_count - s->answered_count + g->streams > IN_FLIGHT_MAX) return;
	if (g->role == BEACON) {
		for (unsigned i = 0; i < g->streams; i++) {
			uint8_t *p = queue(s, SEND_INDEX, 80);
			put64(p, s->stream[i]);
			put64(p + 40, now);
			ask(s, go_at + s->due);
		}
	} else {
		uint8_t *p = queue(s, SEND_METADATA, 12 + METADATA_SIZE);
		put64(p, s->metadata_stream);
		memset(p + 12, ' ', METADATA_SIZE);
		put64(queue(s, QUIESCENT_CONTROL, 8), s->metadata_stream);
		ask(s, go_at + s->due);
	}
	s->due += g->interval_ms * 1000000ull;
	flush(s);
}

void session_tick(struct session *s)
{
	if (s->phase >= DONE) return;
	if (s->group->role == BEACON || s->group->role == METADATA) beat(s);
	else if (s->group->role == POLL) {
		if (s->asked_count == s->answered_count) poll_again(s);
	} else if (s->phase == DRAIN) {
		if (s->due && now >= s->due) {
			s->due = 0;
			ask_pending(s);
		}
	} else if (s->group->rate || stopping || s->packets_sent == 0) pump(s);
}

void session_payload(uint64_t largest_packet)
{
	payload_fd = memfd_create("payload", 0);
	if (ftruncate(payload_fd, largest_packet)) fail("payload: %s", strerror(errno));
	uint64_t *words = mmap(NULL, largest_packet, PROT_WRITE, MAP_SHARED, payload_fd, 0);
	for (uint64_t i = 0; i < largest_packet / 8; i++) words[i] = i * 0x9e3779b97f4a7c15ull;
}

static void request(int fd, uint32_t command, const void *payload, size_t size, void *reply, size_t reply_size)
{
	uint8_t bytes[24 + 8192];
	put_command(bytes, command, size);
	memcpy(bytes + 24, payload, size);
	send_all(fd, bytes, 24 + size);
	receive_all(fd, reply, reply_size);
}

static uint64_t add_stream(int fd, const char *channel, uint64_t ring_size, uint64_t ring_count)
{
	uint8_t p[256] = {0}, reply[12];
	const char *path = "ust/uid/0/64-bit";
	size_t channel_size = strlen(channel) + 1, path_size = strlen(path) + 1;
	put32(p, channel_size);
	put32(p + 4, path_size);
	put64(p + 8, ring_size);
	put64(p + 16, ring_count);
	memcpy(p + 32, channel, channel_size);
	memcpy(p + 32 + channel_size, path, path_size);
	request(fd, ADD_STREAM, p, 32 + channel_size + path_size, reply, sizeof reply);
	if (get32(reply + 8) != 10) fail("ADD_STREAM answered %u", get32(reply + 8));
	return get64(reply);
}

static void create_session(struct session *s, int fd, const char *name, unsigned number)
{
	struct group *g = s->group;
	uint8_t p[512] = {0}, reply[16], rest[4096];
	size_t name_size = strlen(name) + 1, host_size = strlen(g->host) + 1;
	put32(p, name_size);
	put32(p + 4, host_size);
	put32(p + 12, g->live_micros);
	memset(p + 18, 0x5a, 16);
	put64(p + 34, (uint64_t)g->number << 32 | number);
	put64(p + 42, 1700000000);
	memcpy(p + 59, name, name_size);
	memcpy(p + 59 + name_size, g->host, host_size);
	request(fd, CREATE_SESSION, p, 59 + name_size + host_size, reply, sizeof reply);
	if (get32(reply + 8) != 10) fail("CREATE_SESSION answered %u", get32(reply + 8));
	receive_all(fd, rest, get32(reply + 12));
	s->id = get64(reply);
}

void session_open(struct session *s, struct group *g, unsigned number, uint16_t control_port, uint16_t data_port)
{
	uint8_t p[8192] = {0}, reply[8];
	char name[128];
	int fd = dial(control_port);
	s->group = g;
	put32(p, 2);
	put32(p + 4, 13);
	request(fd, VERSION, p, 8, reply, 8);
	snprintf(name, sizeof name, "%s-%u", g->label, number);
	create_session(s, fd, name, number);
	memset(p, 0, 20);
	put64(p + 8, 1700000000);
	request(fd, CREATE_TRACE_CHUNK, p, 20, reply, 4);
	if (get32(reply) != 10) fail("CREATE_TRACE_CHUNK answered %u", get32(reply));
	for (unsigned i = 0; i < g->streams; i++) {
		snprintf(name, sizeof name, "channel0_%u", i);
		s->stream[i] = add_stream(fd, name, g->ring_size, g->ring_count);
	}
	s->metadata_stream = add_stream(fd, "metadata", 0, 0);
	request(fd, STREAMS_SENT, p, 0, reply, 4);
	put_command(p, SEND_METADATA, 12 + 64);
	put64(p + 24, s->metadata_stream);
	memset(p + 36, ' ', 64);
	send_all(fd, p, 36 + 64);
	s->out = malloc(OUT_CAPACITY);
	s->batch_capacity = 1;
	if (g->packet_size < SENDFILE_FROM) {
		s->batch_capacity = SENDFILE_FROM / (g->packet_size + HEADER_SIZE);
		if (s->batch_capacity > g->in_flight) s->batch_capacity = g->in_flight;
		if (s->batch_capacity == 0) s->batch_capacity = 1;
	}
	s->batch = calloc(s->batch_capacity,
			  HEADER_SIZE + (is_copied(g) ? g->packet_size : 0));
	/* Spread the beats of a group over the interval, as unrelated hosts would. */
	s->due = g->interval_ms * 1000000ull * number / g->sessions;
	s->data.fd = -1;
	watch(&s->control, fd, control_ready, s);
	watch(&s->data, dial(data_port), data_ready, s);
}
