/* Sockets: dialled and used blocking while a session is set up, before the clock runs; watched ones never block. */
#ifndef ENDPOINT_H
#define ENDPOINT_H

#include <stddef.h>
#include <stdint.h>

#include "fail.h"

struct endpoint { int fd; void (*ready)(struct endpoint *, uint32_t events); void *owner; };

extern int epoll_fd;

/* Where the relay is: an IPv4 address, said once before the first dial. */
void dial_at(const char *address);
int dial(uint16_t port);
void send_all(int fd, const void *bytes, size_t size);
void receive_all(int fd, void *bytes, size_t size);
void watch(struct endpoint *, int fd, void (*ready)(struct endpoint *, uint32_t), void *owner);

#endif
