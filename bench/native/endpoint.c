/* See endpoint.h. */
#define _GNU_SOURCE
#include "endpoint.h"
#include "secure.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define SETUP_TIMEOUT_SECONDS 5

int epoll_fd;
static struct in_addr relay_address;

void dial_at(const char *address)
{
	if (!inet_aton(address, &relay_address)) fail("not an IPv4 address: %s", address);
}

int dial(uint16_t port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = relay_address};
	struct timeval limit = {.tv_sec = SETUP_TIMEOUT_SECONDS};
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
	if (fd < 0) fail("socket: %s", strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (connect(fd, (struct sockaddr *)&to, sizeof to)) fail("connect to port %u: %s", port, strerror(errno));
	secure(fd);
	return fd;
}

void send_all(int fd, const void *bytes, size_t size)
{
	if (put(fd, bytes, size, MSG_NOSIGNAL) != (ssize_t)size) fail("set-up: send: %s", strerror(errno));
}

void receive_all(int fd, void *bytes, size_t size)
{
	ssize_t n = size ? get(fd, bytes, size, MSG_WAITALL) : 0;
	if (n != (ssize_t)size) fail("set-up: no answer: %s", n < 0 ? strerror(errno) : "connection closed");
}

void watch(struct endpoint *e, int fd, void (*ready)(struct endpoint *, uint32_t), void *owner)
{
	*e = (struct endpoint){.fd = fd, .ready = ready, .owner = owner};
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = e};
	fcntl(fd, F_SETFL, O_NONBLOCK);
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event)) fail("epoll: %s", strerror(errno));
}
