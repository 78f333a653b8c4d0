"""A disk whose cache is lost with its power, as a file for a loop device: disk.py MOUNTPOINT BYTES LEFT

What was written to MOUNTPOINT/disk before the last flush is stable. Making the directory MOUNTPOINT/NAME-SEED leaves
LEFT/NAME, which is the disk as a power cut at that moment leaves it: what is stable, and some of the sectors that were
written since, chosen by the seed. The disk itself goes on.
"""
import errno
import mmap
import os
import random
import stat
import sys

from fusepy import FUSE, FuseOSError, Operations

SECTOR = 4096


class Disk(Operations):
    def __init__(self, size, left):
        self.size = size
        self.left = left
        self.now = mmap.mmap(-1, size)
        self.stable = mmap.mmap(-1, size)
        self.used = set()
        self.pending = []
        self.cuts = set()

    def kept(self, seed):
        """Offsets of the sectors that reached the disk without a flush, with their bytes."""
        chance = random.Random(seed)
        kind = chance.choice(["all", "none", "first", "any", "any"])
        share = {"all": 1, "first": 1, "none": 0, "any": 0.5}[kind]
        count = chance.randrange(len(self.pending) + 1) if kind == "first" else len(self.pending)
        for offset, data in self.pending[:count]:
            for at in range(0, len(data), SECTOR):
                if chance.random() < share:
                    yield offset + at, data[at:at + SECTOR]

    def cut(self, name, seed):
        path = os.path.join(self.left, name)
        with open(path, "wb") as file:
            file.truncate(self.size)
            for block in self.used:
                file.seek(block * SECTOR)
                file.write(self.stable[block * SECTOR:(block + 1) * SECTOR])
            for offset, data in self.kept(seed):
                file.seek(offset)
                file.write(data)

    def getattr(self, path, fh=None):
        if path == "/disk":
            return {"st_mode": stat.S_IFREG | 0o600, "st_nlink": 1, "st_size": self.size}
        if path == "/" or path in self.cuts:
            return {"st_mode": stat.S_IFDIR | 0o700, "st_nlink": 2}
        raise FuseOSError(errno.ENOENT)

    def mkdir(self, path, mode):
        self.cut(*path.removeprefix("/").split("-"))
        self.cuts.add(path)

    def open(self, path, flags):
        return 1

    def read(self, path, size, offset, fh):
        return self.now[offset:offset + size]

    def write(self, path, data, offset, fh):
        self.now[offset:offset + len(data)] = data
        self.pending.append((offset, data))
        return len(data)

    def fsync(self, path, datasync, fh):
        for offset, data in self.pending:
            self.stable[offset:offset + len(data)] = data
            self.used.update(range(offset // SECTOR, (offset + len(data) + SECTOR - 1) // SECTOR))
        self.pending.clear()


if __name__ == "__main__":
    # Each write comes here at once, and up to 128 KiB of it.
    options = {"direct_io": True, "big_writes": True}
    FUSE(Disk(int(sys.argv[2]), sys.argv[3]), sys.argv[1], foreground=True, nothreads=True, **options)
