/**
 * Files in memory that a test takes the power from: counts what changes them, stops the world before any one of
 * these, and says what would be on the disk then. Names are kept, in order, as a journalling file system keeps them;
 * bytes that nobody synced are kept, dropped, or torn in the middle of the last write.
 */
import { Effect } from "effect"
import { Files, type OpenFile, type OpenMode } from "../../src/storage/Files.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"

/** Of the bytes that nobody synced: all, none, or all but of the last write this share. */
export type Unsynced = "kept" | "dropped" | number

/** No file of a test is larger. */
const fileBytesMax = 64 * 1024

interface Durable {
  /** As it was when it was synced last. */
  bytes: Buffer
  /** Where the last write began, and how many bytes it had. */
  last: { readonly at: number; readonly count: number } | undefined
}

export class PowerFiles {
  readonly memory = new MemoryFiles({ isImmediate: false })
  operationCount = 0
  /** The world stops before the operation of this number. */
  stopsAt = Number.POSITIVE_INFINITY
  readonly #durable = new Map<number, Durable>()

  get isStopped(): boolean {
    return this.operationCount >= this.stopsAt
  }

  get service(): Files["Service"] {
    const files = this.memory.service
    const change = this.#change
    return Files.of({
      ...files,
      open: (path, mode) => (mode === "read" ? files.open(path, mode) : change(this.#opened(path, mode))),
      makeDirectory: (path) => change(files.makeDirectory(path)),
      rename: (from, to) => change(files.rename(from, to)),
      unlink: (path) => change(files.unlink(path)),
      displace: (path) => change(files.displace(path)),
      removeDirectory: (path) => change(files.removeDirectory(path)),
      syncDirectory: (path) => change(files.syncDirectory(path))
    })
  }

  /** The test is over: what waits goes on, so that the relay can be put away. */
  release(): void {
    this.stopsAt = Number.POSITIVE_INFINITY
    for (const wake of this.#waiting.splice(0)) wake()
  }
  readonly #waiting: Array<() => void> = []

  /** After the end of the world nothing is done, and nobody is told. */
  readonly #change = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.suspend(() => {
      if (this.isStopped) {
        return Effect.callback<A, E>((resume) => {
          this.#waiting.push(() => resume(effect))
        })
      }
      this.operationCount++
      return effect
    })

  #opened(path: string, mode: OpenMode) {
    return Effect.map(this.memory.service.open(path, mode), (file): OpenFile => {
      const durable = this.#durable.get(file.inode) ?? { bytes: Buffer.alloc(0), last: undefined }
      this.#durable.set(file.inode, durable)
      const whole = Effect.suspend(() => {
        const bytes = Buffer.alloc(fileBytesMax)
        return Effect.map(file.read(bytes, 0), (count) => Buffer.from(bytes.subarray(0, count)))
      })
      const sync = Effect.map(whole, (bytes) => {
        durable.bytes = bytes
        durable.last = undefined
      })
      return {
        device: file.device,
        inode: file.inode,
        writeNow: undefined,
        writeBeside: undefined,
        read: (into, position) => file.read(into, position),
        write: (buffers, position) => {
          const count = buffers.reduce((sum, bytes) => sum + bytes.length, 0)
          const written = Effect.tap(file.write(buffers, position), () =>
            Effect.sync(() => {
              durable.last = { at: position, count }
            })
          )
          return this.#change(written)
        },
        truncate: (size) => this.#change(file.truncate(size)),
        sync: this.#change(sync),
        close: file.close
      }
    })
  }

  /** What is on the disk when the power comes back, by path below `root`; empty directories end with `/`. */
  left(root: string, unsynced: Unsynced): Effect.Effect<Map<string, Uint8Array>> {
    return Effect.gen({ self: this }, function* () {
      const files = new Map<string, Uint8Array>()
      for (const path of this.memory.paths(root)) {
        const name = path.slice(root.length + 1)
        const bytes = this.memory.read(path)
        if (bytes === undefined) files.set(name, Buffer.alloc(0))
        else {
          const { inode } = yield* Effect.orDie(this.memory.service.open(path, "read"))
          files.set(name, Buffer.from(survivor(bytes, this.#durable.get(inode), unsynced)))
        }
      }
      files.delete("")
      return files
    })
  }
}

const survivor = (bytes: Buffer, durable: Durable | undefined, unsynced: Unsynced): Buffer => {
  if (durable === undefined || unsynced === "kept") return bytes
  if (unsynced === "dropped") return durable.bytes
  const { last } = durable
  return last === undefined ? bytes : bytes.subarray(0, Math.max(durable.bytes.length, cutOf(last, unsynced)))
}

const cutOf = ({ at, count }: { readonly at: number; readonly count: number }, share: number): number =>
  at + (share === 1 ? Math.max(0, count - 1) : Math.floor(count * share))
