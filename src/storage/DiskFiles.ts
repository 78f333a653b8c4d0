/**
 * `Files` on the machine's file systems. `Promptness` says which of them are written in the caller's turn.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { Effect, Layer, Option } from "effect"
import { report } from "../errors/Report.ts"
import { codeOf } from "../errors/SystemCode.ts"
import { clockMillis } from "../Machine.ts"
import { pathOf, textOf } from "../protocol/Text.ts"
import { Contention } from "../thread/Contention.ts"
import { defaultCount, Writers, type WritersOptions } from "../thread/Writers.ts"
import * as Directory from "./Directory.ts"
import { FileFailed, Files, type OpenFile, type OpenMode } from "./Files.ts"
import { KnownDirectories } from "./KnownDirectories.ts"
import { type Device, Devices, type Kind, kindOf } from "./Promptness.ts"

const directoryMode = 0o770
const fileMode = 0o660
const flags: Record<OpenMode, number> = {
  new: fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_EXCL,
  create: fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_TRUNC | fs.constants.O_NOFOLLOW,
  continue: fs.constants.O_RDWR | fs.constants.O_NOFOLLOW,
  read: fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW
}
/** Writes of so few bytes, such as headers, are done in the caller's turn, if the device is prompt. */
const littleBytesMax = 4096
/** writev takes this many buffers at once on Linux (IOV_MAX). */
const vectorCountMax = 1024

type Callback<A> = (cause: NodeJS.ErrnoException | null, value: A) => void

const failed = (operation: string, at: string, cause: NodeJS.ErrnoException) =>
  new FileFailed({ operation, path: at, code: codeOf(cause) ?? cause.message })

const call = <A>(operation: string, at: string, start: (done: Callback<A>) => void): Effect.Effect<A, FileFailed> =>
  Effect.uninterruptible(
    Effect.callback<A, FileFailed>((resume) => {
      start((cause, value) => resume(cause ? Effect.fail(failed(operation, at, cause)) : Effect.succeed(value)))
    })
  )

const writeFully = (fd: number, at: string, buffers: ReadonlyArray<Uint8Array>, position: number) =>
  call<void>("write", at, (done) => {
    let index = 0
    let skip = 0
    let offset = position
    const step = () => {
      if (index === buffers.length) return done(null)
      const first = buffers[index] as Uint8Array
      if (buffers.length - index === 1) fs.write(fd, first, skip, first.length - skip, offset, written)
      else {
        const rest = buffers.slice(index, index + vectorCountMax) as Array<Uint8Array>
        if (skip > 0) rest[0] = first.subarray(skip)
        fs.writev(fd, rest, offset, written)
      }
    }
    // A short write is not an error by itself: the next call says why (no space, file-size limit) or goes on.
    const written = (cause: NodeJS.ErrnoException | null, count: number) => {
      if (cause) return done(cause)
      offset += count
      let left = count + skip
      while (index < buffers.length && left >= (buffers[index] as Uint8Array).length) {
        left -= (buffers[index] as Uint8Array).length
        index++
      }
      skip = left
      step()
    }
    step()
  })

const readFully = (fd: number, at: string, into: Uint8Array, position: number) =>
  call<number>("read", at, (done) => {
    let filled = 0
    const step = () => fs.read(fd, into, filled, into.length - filled, position + filled, arrived)
    const arrived = (cause: NodeJS.ErrnoException | null, count: number) => {
      if (cause) return done(cause, 0)
      filled += count
      if (count === 0 || filled === into.length) return done(null, filled)
      step()
    }
    step()
  })

/** Where there is nothing to sync, as with a device that keeps nothing, the system says EINVAL. */
const unsynced = (cause: NodeJS.ErrnoException | null): NodeJS.ErrnoException | null =>
  cause?.code === "EINVAL" ? null : cause

interface Ground {
  readonly writers: Writers
  readonly devices: Devices
  readonly directories: KnownDirectories
  /** The kind of a file system, by its `f_type` in statfs(2). */
  readonly kindOf: (type: number) => Kind
}

/** The device of number `id`, which `at` lies on. If the system does not tell its kind, it counts as far. */
const deviceOf = ({ devices, kindOf }: Ground, id: number, at: string): Effect.Effect<Device> => {
  const known = devices.find(id)
  if (known !== undefined) return Effect.succeed(known)
  return call<fs.StatsFs>("statfs", at, (done) => fs.statfs(pathOf(at), done)).pipe(
    Effect.match({ onFailure: () => devices.add(id, "far"), onSuccess: ({ type }) => devices.add(id, kindOf(type)) })
  )
}

/** Tells the device that something was done on it in this turn, from `start` until now. */
const took = (device: Device | undefined, start: number): void => {
  const end = clockMillis()
  device?.took(end - start, end)
}

/** Does `work` in this turn, if that keeps nobody waiting. Undefined: a thread is to try, and to say what is wrong. */
const attempt = <A>(device: Device | undefined, work: () => A): A | undefined => {
  if (device?.isPrompt(clockMillis) !== true) return undefined
  const start = clockMillis()
  try {
    return work()
  } catch {
    return undefined
  } finally {
    took(device, start)
  }
}

/** `written`: the file's device, if it is opened for writing. */
const diskFile = (fd: number, at: string, stats: fs.Stats, writers: Writers, written?: Device): OpenFile => {
  const writeNow: OpenFile["writeNow"] = (bytes, from, to, position) => {
    const start = clockMillis()
    try {
      return fs.writeSync(fd, bytes, from, to - from, position)
    } catch {
      return 0
    } finally {
      took(written, start)
    }
  }
  const write = (buffers: ReadonlyArray<Uint8Array>, position: number) =>
    Effect.suspend(() => {
      const [only = Buffer.alloc(0), ...others] = buffers
      const isLittle = others.length === 0 && only.length <= littleBytesMax
      const count = isLittle && isPrompt() ? writeNow(only, 0, only.length, position) : 0
      return count === only.length ? Effect.void : writeFully(fd, at, buffers, position)
    })
  const writeBeside: OpenFile["writeBeside"] = (pieces, position, onDone) => {
    const beside = writers.write(fd, pieces, position, onDone)
    if (beside === undefined) return undefined
    const settle = () => {
      const count = beside.settle()
      written?.took(beside.tookMillis, clockMillis())
      return count
    }
    return {
      settle,
      get isBegun() {
        return beside.isBegun
      }
    }
  }
  const isPrompt = () => written?.isPrompt(clockMillis) === true
  // In this turn, if that keeps nobody waiting: a thread costs ten times as much, and all open files are looked at.
  const looked = () => {
    const now = attempt(written, () => fs.fstatSync(fd))
    return now === undefined ? fstat(fd, at) : Effect.succeed(now)
  }
  written?.opened()
  return {
    device: stats.dev,
    inode: stats.ino,
    modifiedMillis: stats.mtimeMs,
    isPrompt,
    isNear: () => written?.isNear === true,
    writeNow,
    hasBeside: () => writers.isUsable && isPrompt(),
    writeBeside,
    hasBesideRoom: () => writers.hasRoom && isPrompt(),
    write,
    read: (into, position) => readFully(fd, at, into, position),
    truncate: (size) => call<void>("truncate", at, (done) => fs.ftruncate(fd, size, (cause) => done(cause))),
    // Made when they are asked for: thousands of files are open and only written.
    sync: Effect.suspend(() => call<void>("fsync", at, (done) => fs.fdatasync(fd, (cause) => done(unsynced(cause))))),
    // Some file systems in user space do not count names.
    isRemoved: stats.nlink > 0 ? Effect.suspend(() => Effect.map(looked(), ({ nlink }) => nlink === 0)) : undefined,
    look: Effect.suspend(() =>
      Effect.map(looked(), ({ mtimeMs, size }) => ({ byteCount: size, modifiedMillis: mtimeMs }))
    ),
    close: Effect.suspend(() => {
      written?.closed()
      const close = call<void>("close", at, (done) => fs.close(fd, (cause) => done(cause ?? null)))
      // Shares and file systems in user space may tell only now that they did not keep what was written.
      return written === undefined ? Effect.ignore(close) : Effect.catch(close, closeFailed)
    })
  }
}

const closeFailed = ({ message }: FileFailed) => report("CLOSE_FAILED", message)

/** Closes a descriptor without waiting for it. */
const letGo = (fd: number): void => fs.close(fd, () => {})

interface Opened {
  readonly fd: number
  readonly stats: fs.Stats
}

/** Opens in this turn, but not to empty a file, which may be large, nor to read, as a pipe waits for its other end. */
const openNow = ({ directories }: Ground, at: string, mode: OpenMode): Opened | undefined =>
  mode === "read" || mode === "create"
    ? undefined
    : attempt(directories.around(at), () => {
        const fd = fs.openSync(pathOf(at), flags[mode], fileMode)
        try {
          return { fd, stats: fs.fstatSync(fd) }
        } catch (cause) {
          letGo(fd)
          throw cause
        }
      })

const openLater = (at: string, mode: OpenMode): Effect.Effect<Opened, FileFailed> =>
  Effect.gen(function* () {
    const fd = yield* call<number>("open", at, (done) => fs.open(pathOf(at), flags[mode], fileMode, done))
    const stats = yield* Effect.tapError(fstat(fd, at), () => Effect.sync(() => letGo(fd)))
    return { fd, stats }
  })

const openFile = (ground: Ground, at: string, mode: OpenMode): Effect.Effect<OpenFile, FileFailed> =>
  Effect.uninterruptible(
    Effect.gen(function* () {
      const { fd, stats } = openNow(ground, at, mode) ?? (yield* openLater(at, mode))
      if (mode === "read") return diskFile(fd, at, stats, ground.writers)
      const device = yield* deviceOf(ground, stats.dev, at)
      ground.directories.learn(path.dirname(at), device)
      return diskFile(fd, at, stats, ground.writers, device)
    })
  )

/** Opens a name rather than what it names: asks for no permission, follows no link, starts no device. Linux only. */
const O_PATH = 0o10000000

/**
 * The space of a file in memory of up to this size is given back by whoever writes: in the caller's turn, which takes
 * some ten milliseconds, or by a writer thread that is at work. If another thread did it, one busy session would lose a
 * sixth of its speed, since the pages come back cold.
 */
const freedNowBytesMax = 64 * 1024 * 1024

const fstat = (fd: number, at: string) => call<fs.Stats>("stat", at, (done) => fs.fstat(fd, done))

const isMissing = ({ directories }: Ground, at: string) =>
  attempt(directories.around(at), () => fs.lstatSync(pathOf(at), { throwIfNoEntry: false }) === undefined) === true

/** Unlinks a file while a descriptor holds it, which keeps the file's space until it is closed. */
const displace = (ground: Ground, at: string): Effect.Effect<void, FileFailed> => {
  const { devices, writers } = ground
  const hold = call<number>("open", at, (done) => fs.open(pathOf(at), O_PATH | fs.constants.O_NOFOLLOW, done))
  const release = (fd: number) =>
    Effect.match(fstat(fd, at), {
      onFailure: () => letGo(fd),
      onSuccess: ({ dev, size }) => {
        if (devices.find(dev)?.kind !== "memory" || size > freedNowBytesMax) letGo(fd)
        else if (!writers.close(fd)) fs.closeSync(fd)
      }
    })
  const displaced = Effect.flatMap(Effect.option(hold), (held) =>
    Option.isNone(held) ? unlink(at) : Effect.ensuring(unlink(at), release(held.value))
  )
  return Effect.uninterruptible(
    Effect.suspend(() =>
      isMissing(ground, at) ? Effect.fail(new FileFailed({ operation: "unlink", path: at, code: "ENOENT" })) : displaced
    )
  )
}

const unlink = (at: string) => call<void>("unlink", at, (done) => fs.unlink(pathOf(at), (cause) => done(cause)))

/** The runtime takes a date before 1970 as now. */
const date = (at: string, millis: number) => {
  const seconds = Math.max(0, millis) / 1000
  return call<void>("utimes", at, (done) => fs.lutimes(pathOf(at), seconds, seconds, done))
}

const syncDirectory = (at: string) =>
  Effect.uninterruptible(
    Effect.flatMap(
      call<number>("open", at, (done) => fs.open(pathOf(at), fs.constants.O_RDONLY | fs.constants.O_DIRECTORY, done)),
      (fd) =>
        Effect.ensuring(
          call<void>("fsync", at, (done) => fs.fsync(fd, (cause) => done(unsynced(cause)))),
          Effect.sync(() => letGo(fd))
        )
    )
  )

const makeLater = (at: string) =>
  call<void>("mkdir", at, (done) =>
    Directory.make(at, directoryMode).then(
      () => done(null),
      (cause) => done(cause)
    )
  )

const makeDirectory = (ground: Ground, at: string): Effect.Effect<void, FileFailed> =>
  Effect.suspend(() => {
    const { directories } = ground
    const { device, unknown } = directories.wayTo(at)
    const isMade = attempt(device, () => {
      for (const level of unknown) {
        fs.mkdirSync(pathOf(level), directoryMode)
        directories.learn(level, device as Device)
      }
      return unknown.length > 0 || fs.statSync(pathOf(at)).isDirectory()
    })
    return isMade === true ? Effect.void : Effect.andThen(makeLater(at), learn(ground, at))
  })

/** Finds out, once, on which devices existing directories lie. Below a far device threads write anyway. */
const learn = (ground: Ground, directory: string): Effect.Effect<void> => {
  const { device, unknown } = ground.directories.wayTo(directory)
  if (device?.kind === "far") return Effect.void
  const each = (level: string) =>
    call<fs.Stats>("stat", level, (done) => fs.stat(pathOf(level), done)).pipe(
      Effect.flatMap(({ dev }) => deviceOf(ground, dev, level)),
      Effect.map((found) => ground.directories.learn(level, found))
    )
  return Effect.ignore(Effect.forEach(unknown, each, { discard: true }))
}

const make = (ground: Ground) =>
  Files.of({
    displace: (at) => displace(ground, at),
    unlink,
    open: (at, mode) => openFile(ground, at, mode),
    makeDirectory: (at) => makeDirectory(ground, at),
    rename: (from, to) =>
      call<void>("rename", from, (done) => fs.rename(pathOf(from), pathOf(to), (cause) => done(cause))),
    date,
    syncDirectory,
    removeDirectory: (at) => call<void>("rmdir", at, (done) => fs.rmdir(pathOf(at), (cause) => done(cause))),
    list: (at) =>
      Effect.map(
        call<Array<fs.Dirent<Buffer>>>("readdir", at, (done) =>
          fs.readdir(pathOf(at), { withFileTypes: true, encoding: "buffer" }, done)
        ),
        (entries) => entries.map((entry) => ({ name: textOf(entry.name), isDirectory: entry.isDirectory() }))
      ),
    size: (at) =>
      Effect.map(
        call<fs.Stats>("lstat", at, (done) => fs.lstat(pathOf(at), done)),
        ({ size }) => size
      ),
    resolve: (at) =>
      Effect.map(
        call<Buffer>("realpath", at, (done) => fs.realpath.native(pathOf(path.resolve(at)), "buffer", done)),
        textOf
      )
  })

/** Makes `at`, and fails unless it is a directory that this process may write in. */
export const makeWritable = (at: string): Effect.Effect<void, FileFailed> =>
  Effect.andThen(
    makeLater(at),
    call<void>("write in", at, (done) => fs.access(pathOf(at), fs.constants.W_OK | fs.constants.X_OK, done))
  )

/** What files are written with, if not with what is usual on the machine. */
export interface Means extends Pick<WritersOptions, "start"> {
  readonly kindOf?: typeof kindOf
  /** How many threads write; undefined: as many as suit the machine, and only while processors are to spare. */
  readonly workers?: number | undefined
}

const writersOf = ({ start, workers }: Means, onLost: () => void) =>
  new Writers({
    countMax: workers ?? defaultCount(),
    contention: workers === undefined ? new Contention() : undefined,
    onLost,
    start
  })

export const layerWith = (means: Means): Layer.Layer<Files> =>
  Layer.effect(
    Files,
    Effect.gen(function* () {
      const context = yield* Effect.context<never>()
      const onLost = () => void Effect.runForkWith(context)(report("WRITER_LOST", "it wrote files"))
      const writers = yield* Effect.acquireRelease(
        Effect.sync(() => writersOf(means, onLost)),
        (made) => Effect.sync(() => made.stop())
      )
      const devices = new Devices()
      return make({ writers, devices, directories: new KnownDirectories(), kindOf: means.kindOf ?? kindOf })
    })
  )

export const layer: Layer.Layer<Files> = layerWith({})
