/*
 * What differs from the event loop's targets: packets are copied out of user memory by a thread that sleeps while the
 * socket is full, one thread for each session, so many of them compete with the relay for the processors; each waits
 * for its own answers. It takes more of the machine, as real targets on it do.
 */
#define _GNU_SOURCE
#include "blocking.h"
#include "secure.h"
#include "session.h"
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#define RETRY_NS 2000000l
#define THREADS_MAX 4096

static pthread_t threads[THREADS_MAX];
static unsigned thread_count;
/* For what groups count, and for `now`, by which they do. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t stop_at, give_up_at;

static void counted(struct group *g, uint64_t since)
{
	pthread_mutex_lock(&lock);
	now = clock_ns();
	count_packet(g, now - since);
	pthread_mutex_unlock(&lock);
}

static void ended(struct group *g, bool drained, const char *error)
{
	int cause = errno;
	pthread_mutex_lock(&lock);
	g->ended_at = now = clock_ns();
	g->finished++;
	if (drained) g->drained++;
	if (error) {
		g->errors++;
		snprintf(g->error, sizeof g->error, "%s: %s", error, strerror(cause));
	}
	pthread_mutex_unlock(&lock);
}

static bool send_whole(int fd, const uint8_t *bytes, size_t size)
{
	while (size > 0) {
		ssize_t n = put(fd, bytes, size, MSG_NOSIGNAL);
		if (n <= 0) return false;
		bytes += n;
		size -= n;
	}
	return true;
}

static bool command(int fd, enum command number, uint8_t *bytes, size_t size)
{
	memset(bytes, 0, 24);
	put64(bytes + 8, size);
	put32(bytes + 16, number);
	return send_whole(fd, bytes, 24 + size);
}

static bool answer(int fd, uint32_t *code)
{
	uint8_t bytes[4];
	if (get(fd, bytes, 4, MSG_WAITALL) != 4) return false;
	*code = get32(bytes);
	return true;
}

static bool send_packet(struct session *s, uint8_t *packet, unsigned stream)
{
	struct group *g = s->group;
	uint8_t index[24 + 80] = {0};
	uint64_t seq = s->next_seq[stream]++, bits = g->packet_size * 8, at = clock_ns();
	put64(packet + 8, s->stream[stream]);
	put64(packet + 16, seq);
	if (!send_whole(s->data.fd, packet, HEADER_SIZE + g->packet_size)) return false;
	put64(index + 24, s->stream[stream]);
	put64(index + 32, seq);
	put64(index + 40, bits);
	put64(index + 48, bits);
	put64(index + 56, at);
	put64(index + 64, at);
	put64(index + 96, seq);
	s->packets_sent++;
	s->asked[s->asked_count++ % IN_FLIGHT_MAX] = clock_ns();
	return command(s->control.fd, SEND_INDEX, index, 80);
}

/* Waits until at most `left` indexes are unanswered. */
static bool settle(struct session *s, uint64_t left)
{
	while (s->asked_count - s->answered_count > left) {
		uint32_t code;
		if (!answer(s->control.fd, &code)) return false;
		if (code != 10) return errno = EPROTO, false;
		counted(s->group, s->asked[s->answered_count++ % IN_FLIGHT_MAX]);
	}
	return true;
}

static bool drain(struct session *s)
{
	for (unsigned i = 0; i < s->group->streams;) {
		uint8_t bytes[24 + 16];
		uint32_t code = 0;
		put64(bytes + 24, s->stream[i]);
		put64(bytes + 32, s->next_seq[i] - 1);
		if (s->next_seq[i] > 0 && !(command(s->control.fd, DATA_PENDING, bytes, 16) && answer(s->control.fd, &code)))
			return false;
		if (code == 0) i++;
		else if (code != 1 || clock_ns() > give_up_at) return errno = ETIMEDOUT, false;
		else nanosleep(&(struct timespec){.tv_nsec = RETRY_NS}, NULL);
	}
	return true;
}

static void block(int fd)
{
	struct timeval forever = {0};
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &forever, sizeof forever);
}

static void *produce(void *argument)
{
	struct session *s = argument;
	struct group *g = s->group;
	uint8_t *packet = calloc(1, HEADER_SIZE + g->packet_size);
	block(s->control.fd);
	block(s->data.fd);
	put32(packet + 24, g->packet_size);
	for (uint64_t i = 0; i < g->packet_size; i++) packet[HEADER_SIZE + i] = i * 31 + (i >> 8);
	while (clock_ns() < stop_at && (!g->packet_limit || s->packets_sent < g->packet_limit)) {
		if (send_packet(s, packet, s->turn++ % g->streams) && settle(s, g->in_flight - 1)) continue;
		ended(g, false, "connection lost");
		return NULL;
	}
	if (settle(s, 0) && drain(s)) ended(g, true, NULL);
	else ended(g, false, "not drained");
	return NULL;
}

void blocking_start(struct session *s, uint64_t run_ms, uint64_t drain_ms)
{
	if (thread_count == THREADS_MAX) fail("more than %d sessions", THREADS_MAX);
	stop_at = go_at + run_ms * 1000000ull;
	give_up_at = stop_at + drain_ms * 1000000ull;
	if (pthread_create(&threads[thread_count++], NULL, produce, s)) fail("no more threads");
}

void blocking_join(void)
{
	while (thread_count > 0) pthread_join(threads[--thread_count], NULL);
	now = clock_ns();
}
