/*
 * Calls on files that fail on request, for any process that has this library preloaded: as long as the file "fault" is
 * in the directory that the process began in, and says
 *
 *   OPERATION ERRNO TEXT
 *
 * every such call on a path that contains the text fails with the number, and does nothing else. Of a descriptor the
 * path is where it leads now. Operations: open (to write), look (an open to read), write, mkdir, rename, unlink, rmdir, truncate, fsync,
 * read, and * for all of them. Each second call alone is interrupted (EINTR); a write that is to fail with 0 writes half.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static char place[PATH_MAX];

__attribute__((constructor)) static void begin(void)
{
	if (getcwd(place, sizeof(place) - 8)) strcat(place, "/fault");
}

static int path_of(int fd, const char *path, char *into)
{
	char link[64];
	ssize_t length = 0;
	if (path && (path[0] == '/' || fd == AT_FDCWD)) return snprintf(into, PATH_MAX, "%s", path);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, into, PATH_MAX / 2);
	if (length < 0) return -1;
	into[length] = 0;
	if (path) snprintf(into + length, PATH_MAX / 2 - 1, "/%s", path);
	return 0;
}

static int calls;

/* Raw calls: nothing that is wrapped here. */
static int number_of(const char *operation, int fd, const char *path)
{
	char said[512], wanted[16], text[400], whole[PATH_MAX + 2];
	int number = 0, file = syscall(SYS_openat, AT_FDCWD, place, O_RDONLY | O_CLOEXEC);
	ssize_t length;
	if (file < 0) return -1;
	length = syscall(SYS_read, file, said, sizeof(said) - 1);
	syscall(SYS_close, file);
	if (length <= 0) return -1;
	said[length] = 0;
	if (sscanf(said, "%15s %d %399s", wanted, &number, text) != 3) return -1;
	if (strcmp(wanted, operation) && strcmp(wanted, "*")) return -1;
	if (path_of(fd, path, whole) < 0 || !strstr(whole, text)) return -1;
	return number == EINTR && __sync_fetch_and_add(&calls, 1) % 2 ? -1 : number;
}

static int fails(const char *operation, int fd, const char *path)
{
	int number = number_of(operation, fd, path);
	if (number <= 0) return 0;
	errno = number;
	return 1;
}

/* Of the bytes that a write is to write. */
static size_t part_of(int fd, size_t count)
{
	return count > 1 && number_of("write", fd, NULL) == 0 ? count / 2 : count;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define WRAP(result, name, operation, fd, path, parameters, ...) \
	result name parameters \
	{ \
		int before = errno; \
		if (fails(operation, fd, path)) return -1; \
		errno = before; \
		return REAL(name)(__VA_ARGS__); \
	}

WRAP(ssize_t, write, "write", fd, NULL, (int fd, const void *bytes, size_t count), fd, bytes, part_of(fd, count))
WRAP(ssize_t, pwrite, "write", fd, NULL, (int fd, const void *bytes, size_t count, off_t at), fd, bytes, part_of(fd, count), at)
WRAP(ssize_t, pwrite64, "write", fd, NULL, (int fd, const void *bytes, size_t count, off64_t at), fd, bytes, part_of(fd, count), at)

/* Half of its first part alone. */
#define WRAP_PARTS(name, parameters, ...) \
	ssize_t name parameters \
	{ \
		int before = errno; \
		struct iovec first = parts[0]; \
		if (fails("write", fd, NULL)) return -1; \
		errno = before; \
		first.iov_len = part_of(fd, first.iov_len); \
		if (first.iov_len < parts[0].iov_len) parts = &first, count = 1; \
		return REAL(name)(__VA_ARGS__); \
	}

WRAP_PARTS(writev, (int fd, const struct iovec *parts, int count), fd, parts, count)
WRAP_PARTS(pwritev, (int fd, const struct iovec *parts, int count, off_t at), fd, parts, count, at)
WRAP_PARTS(pwritev64, (int fd, const struct iovec *parts, int count, off64_t at), fd, parts, count, at)
WRAP(ssize_t, read, "read", fd, NULL, (int fd, void *into, size_t count), fd, into, count)
WRAP(ssize_t, pread, "read", fd, NULL, (int fd, void *into, size_t count, off_t at), fd, into, count, at)
WRAP(ssize_t, pread64, "read", fd, NULL, (int fd, void *into, size_t count, off64_t at), fd, into, count, at)
WRAP(int, mkdir, "mkdir", AT_FDCWD, path, (const char *path, mode_t mode), path, mode)
WRAP(int, mkdirat, "mkdir", fd, path, (int fd, const char *path, mode_t mode), fd, path, mode)
WRAP(int, rename, "rename", AT_FDCWD, path, (const char *path, const char *to), path, to)
WRAP(int, renameat, "rename", fd, path, (int fd, const char *path, int to_fd, const char *to), fd, path, to_fd, to)
WRAP(int, renameat2, "rename", fd, path, (int fd, const char *path, int to_fd, const char *to, unsigned int flags), fd, path, to_fd, to, flags)
WRAP(int, unlink, "unlink", AT_FDCWD, path, (const char *path), path)
WRAP(int, rmdir, "rmdir", AT_FDCWD, path, (const char *path), path)
WRAP(int, ftruncate, "truncate", fd, NULL, (int fd, off_t size), fd, size)
WRAP(int, ftruncate64, "truncate", fd, NULL, (int fd, off64_t size), fd, size)
WRAP(int, fsync, "fsync", fd, NULL, (int fd), fd)
WRAP(int, fdatasync, "fsync", fd, NULL, (int fd), fd)

int unlinkat(int fd, const char *path, int flags)
{
	if (fails(flags & AT_REMOVEDIR ? "rmdir" : "unlink", fd, path)) return -1;
	return REAL(unlinkat)(fd, path, flags);
}

#define OPEN(name, at, parameters, ...) \
	int name parameters \
	{ \
		mode_t mode = 0; \
		va_list more; \
		va_start(more, flags); \
		if (flags & O_CREAT) mode = va_arg(more, mode_t); \
		va_end(more); \
		if (fails(flags & (O_CREAT | O_WRONLY | O_RDWR) ? "open" : "look", at, path)) return -1; \
		return REAL(name)(__VA_ARGS__, mode); \
	}

OPEN(open, AT_FDCWD, (const char *path, int flags, ...), path, flags)
OPEN(open64, AT_FDCWD, (const char *path, int flags, ...), path, flags)
OPEN(openat, fd, (int fd, const char *path, int flags, ...), fd, path, flags)
OPEN(openat64, fd, (int fd, const char *path, int flags, ...), fd, path, flags)
