"""A file system in memory that forgets, when its power fails, what nobody synced: volatile.py MOUNTPOINT LEFT

Bytes survive as they were at the last fsync of their file. Names survive up to the last fsync of a file or directory,
as on a disk with one journal. The power fails when somebody makes the directory .power-off: what survives is written
below LEFT, and the process ends.
"""
import errno
import os
import stat
import sys
import time

from fusepy import FUSE, FuseOSError, Operations


class Node:
    def __init__(self, mode):
        self.mode = mode
        self.data = bytearray()
        self.synced = b""
        self.time = time.time()


class Volatile(Operations):
    def __init__(self, left):
        self.left = left
        self.names = {"/": Node(stat.S_IFDIR | 0o755)}
        self.committed = dict(self.names)

    def node(self, path):
        if path not in self.names:
            raise FuseOSError(errno.ENOENT)
        return self.names[path]

    def fail(self):
        for path, node in sorted(self.committed.items()):
            at = self.left + path
            if stat.S_ISDIR(node.mode):
                os.makedirs(at, exist_ok=True)
            else:
                os.makedirs(os.path.dirname(at), exist_ok=True)
                with open(at, "wb") as file:
                    file.write(node.synced)
        os._exit(0)

    def getattr(self, path, fh=None):
        node = self.node(path)
        size = len(node.data)
        times = {"st_atime": node.time, "st_mtime": node.time, "st_ctime": node.time}
        return {"st_mode": node.mode, "st_size": size, "st_nlink": 1, "st_ino": id(node) >> 4, **times}

    def readdir(self, path, fh):
        prefix = path.rstrip("/") + "/"
        inner = [name[len(prefix):] for name in self.names if name.startswith(prefix)]
        return [".", ".."] + [name for name in inner if name and "/" not in name]

    def mkdir(self, path, mode):
        if path == "/.power-off":
            self.fail()
        self.names[path] = Node(stat.S_IFDIR | mode)

    def create(self, path, mode, fi=None):
        self.names[path] = Node(stat.S_IFREG | mode)
        return 1

    def open(self, path, flags):
        self.node(path)
        return 1

    def read(self, path, size, offset, fh):
        return bytes(self.node(path).data[offset:offset + size])

    def write(self, path, data, offset, fh):
        node = self.node(path)
        if offset > len(node.data):
            node.data.extend(bytes(offset - len(node.data)))
        node.data[offset:offset + len(data)] = data
        node.time = time.time()
        return len(data)

    def truncate(self, path, length, fh=None):
        node = self.node(path)
        del node.data[length:]
        node.data.extend(bytes(length - len(node.data)))

    def unlink(self, path):
        self.node(path)
        del self.names[path]

    def rmdir(self, path):
        if any(name.startswith(path + "/") for name in self.names):
            raise FuseOSError(errno.ENOTEMPTY)
        del self.names[path]

    def rename(self, old, new):
        self.node(old)
        for name in list(self.names):
            if name == old or name.startswith(old + "/"):
                self.names[new + name[len(old):]] = self.names.pop(name)

    def fsync(self, path, datasync, fh):
        node = self.node(path)
        node.synced = bytes(node.data)
        self.committed = dict(self.names)

    def fsyncdir(self, path, datasync, fh):
        self.committed = dict(self.names)

    def chmod(self, path, mode):
        self.node(path).mode = stat.S_IFMT(self.node(path).mode) | mode

    def chown(self, path, uid, gid):
        pass

    def utimens(self, path, times=None):
        pass

    def statfs(self, path):
        return {"f_bsize": 4096, "f_frsize": 4096, "f_blocks": 1 << 20, "f_bavail": 1 << 20, "f_bfree": 1 << 20}


if __name__ == "__main__":
    FUSE(Volatile(sys.argv[2]), sys.argv[1], foreground=True, nothreads=True)
