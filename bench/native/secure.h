/* TLS 1.3 below the generator's sockets, where a run asks for it; needs libssl, and says so where there is none. */
#ifndef SECURE_H
#define SECURE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* From now on all that is dialled speaks TLS. */
void secure_all(void);
bool is_secure(void);
/* The handshake, on a socket that still blocks. */
void secure(int fd);

/* As send and recv, of less at a time. What `put` took may still have to go: `put_rest` when the socket is writable. */
ssize_t put(int fd, const void *bytes, size_t size, int flags);
ssize_t get(int fd, void *bytes, size_t size, int flags);
void put_rest(int fd);

#endif
