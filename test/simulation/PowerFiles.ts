/**
 * Files in memory that a test takes the power from: counts what changes them, stops the world before any one of
 * these, and says what would be on the disk then. Bytes that nobody synced are kept, dropped, or torn in the middle of
 * the last write. Names are kept or lost as a journalling file system may: in their order, and none before the last
 * that was synced.
 */
import { Effect } from "effect"
import { Files, type OpenFile, type OpenMode } from "../../src/storage/Files.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"

/** Of the bytes that nobody synced: all, none, or all but of the last write this share. */
export type Unsynced = "kept" | "dropped" | number
/** Of the names that nobody synced, this share. */
export type Names = number

/** No file of a test is larger. */
const fileBytesMax = 64 * 1024

interface Durable {
  readonly file: OpenFile
  /** As it was when it was synced last. */
  bytes: Buffer
  /** Where the last write began, and how many bytes it had. */
  last: { readonly at: number; readonly count: number } | undefined
}

/** By path: a file's inode, or undefined for a directory. */
type Tree = Map<string, number | undefined>
/** What becomes of the names, in the order of the journal. */
type Change = (tree: Tree) => void

const renamed =
  (from: string, to: string): Change =>
  (tree) => {
    for (const [path, inode] of [...tree]) {
      if (path !== from && !path.startsWith(`${from}/`)) continue
      tree.delete(path)
      tree.set(to + path.slice(from.length), inode)
    }
  }

const removed =
  (path: string): Change =>
  (tree) =>
    void tree.delete(path)

export class PowerFiles {
  readonly memory = new MemoryFiles({ isImmediate: false })
  operationCount = 0
  /** The world stops before the operation of this number. */
  stopsAt = Number.POSITIVE_INFINITY
  readonly #durable = new Map<number, Durable>()
  readonly #journal: Array<Change> = []
  #syncedChangeCount = 0

  get isStopped(): boolean {
    return this.operationCount >= this.stopsAt
  }

  get service(): Files["Service"] {
    const files = this.memory.service
    const change = this.#change
    const name = <A, E>(effect: Effect.Effect<A, E>, entry: Change) =>
      change(Effect.tap(effect, () => Effect.sync(() => void this.#journal.push(entry))))
    return Files.of({
      ...files,
      open: (path, mode) => (mode === "read" ? files.open(path, mode) : change(this.#opened(path, mode))),
      makeDirectory: (path) => name(files.makeDirectory(path), (tree) => void tree.set(path, undefined)),
      rename: (from, to) => name(files.rename(from, to), renamed(from, to)),
      unlink: (path) => name(files.unlink(path), removed(path)),
      displace: (path) => name(files.displace(path), removed(path)),
      removeDirectory: (path) => name(files.removeDirectory(path), removed(path)),
      syncDirectory: (path) =>
        change(
          Effect.map(files.syncDirectory(path), () => {
            this.#syncedChangeCount = this.#journal.length
          })
        )
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
    // A second descriptor, which nobody closes, keeps the bytes when the name has gone.
    const both = Effect.all([this.memory.service.open(path, mode), this.memory.service.open(path, "read")])
    return Effect.map(both, ([file, own]): OpenFile => {
      const durable = this.#durable.get(file.inode) ?? { file: own, bytes: Buffer.alloc(0), last: undefined }
      this.#durable.set(file.inode, durable)
      this.#journal.push((tree) => void tree.set(path, file.inode))
      const sync = Effect.map(whole(file), (bytes) => {
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
  left(root: string, unsynced: Unsynced, names: Names): Effect.Effect<Map<string, Uint8Array>> {
    return Effect.gen({ self: this }, function* () {
      const kept = this.#syncedChangeCount + Math.ceil((this.#journal.length - this.#syncedChangeCount) * names)
      const tree: Tree = new Map()
      for (const change of this.#journal.slice(0, kept)) change(tree)
      const files = new Map<string, Uint8Array>()
      for (const [path, inode] of tree) {
        if (!path.startsWith(`${root}/`)) continue
        const name = path.slice(root.length + 1)
        const durable = inode === undefined ? undefined : this.#durable.get(inode)
        if (durable !== undefined) {
          files.set(name, Buffer.from(survivor(yield* Effect.orDie(whole(durable.file)), durable, unsynced)))
        } else if (![...tree.keys()].some((other) => other.startsWith(`${path}/`))) {
          files.set(`${name}/`, Buffer.alloc(0))
        }
      }
      return files
    })
  }
}

const whole = (file: OpenFile) =>
  Effect.suspend(() => {
    const bytes = Buffer.alloc(fileBytesMax)
    return Effect.map(file.read(bytes, 0), (count) => Buffer.from(bytes.subarray(0, count)))
  })

const survivor = (bytes: Buffer, durable: Durable, unsynced: Unsynced): Buffer => {
  if (unsynced === "kept") return bytes
  if (unsynced === "dropped") return durable.bytes
  const { last } = durable
  return last === undefined ? bytes : bytes.subarray(0, Math.max(durable.bytes.length, cutOf(last, unsynced)))
}

const cutOf = ({ at, count }: { readonly at: number; readonly count: number }, share: number): number =>
  at + (share === 1 ? Math.max(0, count - 1) : Math.floor(count * share))
