/*
 * See secure.h. Records are made in memory, several at a time, and leave by one call: what the sender costs is what
 * encryption and one copy into the socket cost, so that a run says something about who receives.
 */
#define _GNU_SOURCE
#include "secure.h"
#include "fail.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#ifndef SECURE
void secure_all(void) { fail("this generator has no TLS: there was no libssl"); }
bool is_secure(void) { return false; }
void secure(int fd) { (void)fd; }
ssize_t put(int fd, const void *bytes, size_t size, int flags) { return send(fd, bytes, size, flags); }
ssize_t get(int fd, void *bytes, size_t size, int flags) { return recv(fd, bytes, size, flags); }
void put_rest(int fd) { (void)fd; }
#else
#include <openssl/ssl.h>

#define DESCRIPTORS_MAX 65536
#define AT_ONCE 131072

struct link { SSL *ssl; BIO *out; size_t sent; };

static SSL_CTX *context;
static struct link *links[DESCRIPTORS_MAX];

bool is_secure(void) { return context; }

void secure_all(void)
{
	context = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
	SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256");
}

void secure(int fd)
{
	if (!context) return;
	if (fd >= DESCRIPTORS_MAX) fail("TLS on too many sockets");
	struct link *l = links[fd] = calloc(1, sizeof *l);
	l->ssl = SSL_new(context);
	SSL_set_fd(l->ssl, fd);
	if (SSL_connect(l->ssl) != 1) fail("TLS handshake");
	l->out = BIO_new(BIO_s_mem());
	SSL_set0_wbio(l->ssl, l->out);
}

/* True when nothing is left. */
static bool flush(int fd, struct link *l)
{
	char *bytes;
	size_t size = BIO_get_mem_data(l->out, &bytes);
	while (l->sent < size) {
		ssize_t n = send(fd, bytes + l->sent, size - l->sent, MSG_NOSIGNAL);
		if (n < 0) return false;
		l->sent += n;
	}
	(void)BIO_reset(l->out);
	l->sent = 0;
	return true;
}

void put_rest(int fd)
{
	if (context) flush(fd, links[fd]);
}

ssize_t put(int fd, const void *bytes, size_t size, int flags)
{
	if (!context) return send(fd, bytes, size, flags);
	struct link *l = links[fd];
	if (!flush(fd, l)) return -1;
	int n = SSL_write(l->ssl, bytes, size < AT_ONCE ? size : AT_ONCE);
	if (n <= 0) return errno = EPROTO, -1;
	return flush(fd, l) || errno == EAGAIN ? n : -1;
}

ssize_t get(int fd, void *bytes, size_t size, int flags)
{
	if (!context) return recv(fd, bytes, size, flags);
	size_t got = 0;
	do {
		int n = SSL_read(links[fd]->ssl, (char *)bytes + got, size - got);
		if (n > 0) {
			got += n;
			continue;
		}
		int error = SSL_get_error(links[fd]->ssl, n);
		if (error == SSL_ERROR_ZERO_RETURN) break;
		if (error == SSL_ERROR_WANT_READ) errno = EAGAIN;
		else if (error == SSL_ERROR_SSL) errno = EPROTO;
		return got ? (ssize_t)got : -1;
	} while ((flags & MSG_WAITALL) && got < size);
	return got;
}
#endif
