/*
 * The null relay: says yes to everything and throws the data away unread. What the generator delivers to it is what
 * the generator can deliver; a relay close to that rate was not what limited the run.
 */
#define _GNU_SOURCE
#include "sink.h"
#include "endpoint.h"
#include "wire.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct peer { struct endpoint endpoint; uint8_t in[65536]; size_t size; };
static uint64_t next_id = 1;

static size_t reply_to(uint32_t command, uint8_t *reply)
{
	switch (command) {
	case VERSION: put32(reply, 2); put32(reply + 4, 13); return 8;
	case GET_CONFIGURATION: put32(reply, 10); put64(reply + 4, 0); return 12;
	case CREATE_SESSION: put64(reply, next_id++); put32(reply + 8, 10); put32(reply + 12, 1); reply[16] = 0; return 17;
	case ADD_STREAM: put64(reply, next_id++); put32(reply + 8, 10); return 12;
	case SEND_METADATA: return 0;
	case DATA_PENDING: case END_DATA_PENDING: put32(reply, 0); return 4;
	default: put32(reply, 10); return 4;
	}
}

static void hang_up(struct peer *p) { close(p->endpoint.fd); free(p); }

static void control_ready(struct endpoint *e, uint32_t events)
{
	struct peer *p = e->owner;
	(void)events;
	for (;;) {
		uint8_t out[32768];
		size_t used = 0, out_size = 0;
		ssize_t n = recv(e->fd, p->in + p->size, sizeof p->in - p->size, 0);
		if (n < 0 && errno == EAGAIN) return;
		if (n <= 0) return hang_up(p);
		p->size += n;
		while (p->size - used >= 24 && p->size - used - 24 >= get64(p->in + used + 8)) {
			out_size += reply_to(get32(p->in + used + 16), out + out_size);
			used += 24 + get64(p->in + used + 8);
		}
		memmove(p->in, p->in + used, p->size - used);
		p->size -= used;
		if (out_size && send(e->fd, out, out_size, MSG_NOSIGNAL) != (ssize_t)out_size) return hang_up(p);
		if (p->size < sizeof p->in / 2) return;
	}
}

static void data_ready(struct endpoint *e, uint32_t events)
{
	struct peer *p = e->owner;
	(void)events;
	for (;;) {
		ssize_t n = recv(e->fd, NULL, 1 << 24, MSG_TRUNC);
		if (n < 0 && errno == EAGAIN) return;
		if (n <= 0) return hang_up(p);
	}
}

static void accept_ready(struct endpoint *e, uint32_t events)
{
	(void)events;
	for (;;) {
		int fd = accept4(e->fd, NULL, NULL, SOCK_NONBLOCK), on = 1;
		if (fd < 0) return;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		struct peer *p = calloc(1, sizeof *p);
		watch(&p->endpoint, fd, (void (*)(struct endpoint *, uint32_t))e->owner, p);
	}
}

static void serve(struct endpoint *e, uint16_t port, void (*ready)(struct endpoint *, uint32_t))
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&at, sizeof at) || listen(fd, 1024)) fail("port %u: %s", port, strerror(errno));
	watch(e, fd, accept_ready, (void *)ready);
}

int sink_main(uint16_t control_port, uint16_t data_port)
{
	static struct endpoint control, data;
	serve(&control, control_port, control_ready);
	serve(&data, data_port, data_ready);
	for (;;) {
		struct epoll_event events[256];
		int n = epoll_wait(epoll_fd, events, 256, -1);
		for (int i = 0; i < n; i++) {
			struct endpoint *e = events[i].data.ptr;
			e->ready(e, events[i].events);
		}
	}
}
