/**
 * Files of a process that is killed in the midst of one of its operations: nothing of it is done afterwards. Its host
 * may lose its power then: names stay, and of the bytes those that were synced, and some.
 */
import { dirname } from "node:path"
import { Effect } from "effect"
import { FileFailed, type Files, type OpenFile } from "../../../src/storage/Files.ts"
import * as GatedFiles from "../../../src/storage/GatedFiles.ts"
import { MemoryFiles } from "../../../src/storage/MemoryFiles.ts"
import type { Random } from "../../support/Random.ts"

const needRoom: ReadonlySet<string> = new Set(["write", "mkdir", "rename"])

const openedIn = (memory: MemoryFiles, path: string): OpenFile =>
  Effect.runSync(Effect.orDie(memory.service.open(path, "read")))

/** Writes to such files that are done before the others fail. */
export interface Failing {
  readonly path: string
  passes: number
}

const inodeOf = (memory: MemoryFiles, path: string): number => openedIn(memory, path).inode

export class MortalFiles {
  readonly memory: MemoryFiles
  isDead = false
  /** Operations until it dies. */
  left = Number.POSITIVE_INFINITY
  /** There is no room for anything more. */
  isFull = false
  failing: Failing | undefined
  /** It has died, just now. */
  onDeath = (): void => {}
  readonly #random: Random
  /** What a sync takes. Meanwhile marks are due, and what is done between two of them is more. */
  readonly #syncMillis: number
  /** By inode: how many bytes were there when it was synced last. */
  readonly #synced = new Map<number, number>()

  constructor(random: Random, image?: MemoryFiles, syncMillis = random.pick([0, 0, 5, 30])) {
    this.#random = random
    this.#syncMillis = syncMillis
    this.memory = new MemoryFiles({ isImmediate: random.chance(0.5) })
    for (const path of image?.paths("/") ?? []) {
      const bytes = image?.read(path)
      if (bytes !== undefined) this.memory.write(path, Buffer.from(bytes))
      else Effect.runSync(Effect.orDie(this.memory.service.makeDirectory(path.replace(/\/$/, ""))))
    }
  }

  die(): void {
    if (this.isDead) return
    this.isDead = true
    this.onDeath()
  }

  #isLast(): boolean {
    if (this.isDead || --this.left > 0) return false
    this.die()
    return true
  }

  /** For the process after it: nothing is synced by that it ended. */
  get next(): MortalFiles {
    const next = new MortalFiles(this.#random, this.memory, this.#syncMillis)
    next.failing = this.failing
    for (const path of this.memory.paths("/")) {
      if (!path.endsWith("/")) next.#synced.set(inodeOf(next.memory, path), this.#syncedOf(path))
    }
    return next
  }

  #syncedOf(path: string): number {
    return this.#synced.get(inodeOf(this.memory, path)) ?? 0
  }

  /** The same where the power is gone, too. */
  get unpowered(): MortalFiles {
    const image = new MemoryFiles()
    const synced = new Map<string, number>()
    for (const path of this.memory.paths("/")) {
      const found = this.memory.read(path)
      if (found === undefined) {
        Effect.runSync(Effect.orDie(image.service.makeDirectory(path.slice(0, -1))))
        continue
      }
      const count = Math.min(found.length, this.#syncedOf(path))
      const kept = this.#random.chance(0.5) ? count : this.#random.between(count, found.length)
      // The file may be as long as it was all the same.
      const isLong = this.#random.chance(0.3)
      image.write(path, isLong ? Buffer.from(found).fill(0, kept) : Buffer.from(found.subarray(0, kept)))
      synced.set(path, isLong ? found.length : kept)
    }
    const next = new MortalFiles(this.#random, image, this.#syncMillis)
    next.failing = this.failing
    for (const [path, count] of synced) next.#synced.set(inodeOf(next.memory, path), count)
    return next
  }

  get service(): Files["Service"] {
    const files = this.#gated
    return {
      ...files,
      open: (path, mode) =>
        Effect.map(files.open(path, mode), (file): OpenFile => {
          if (mode === "create") this.#synced.delete(file.inode)
          // It may have another name by then.
          const { look = Effect.undefined } = openedIn(this.memory, path)
          const noted = Effect.map(look, (now) => void this.#synced.set(file.inode, now?.byteCount ?? 0))
          return { ...file, sync: Effect.tap(file.sync, () => noted) }
        })
    }
  }

  #fails(path: string): boolean {
    return this.failing !== undefined && path.includes(this.failing.path) && --this.failing.passes < 0
  }

  get #gated(): Files["Service"] {
    return GatedFiles.make(this.memory.service, {
      pass: ({ act, byteCount, operation, part, path }) => {
        const isSlow = operation === "fsync" && this.#syncMillis > 0
        const passed = Effect.suspend(() => {
          if (this.isFull && needRoom.has(operation)) {
            const failed = Effect.fail(new FileFailed({ operation, path, code: "ENOSPC" }))
            return byteCount > 0 ? Effect.andThen(part(this.#random.between(0, byteCount)), failed) : failed
          }
          if (operation === "write" && !this.isDead && this.#fails(path))
            return Effect.fail(new FileFailed({ operation, path, code: "EFBIG" }))
          if (!this.#isLast()) return this.isDead ? Effect.never : act
          // A write may have begun; what is one step may have been done, and nobody has heard.
          if (byteCount > 0) return Effect.andThen(part(this.#random.between(0, byteCount)), Effect.never)
          if (!this.#random.chance(0.5)) return Effect.andThen(act, Effect.never)
          // Directories are made one after the other.
          const begun = operation === "mkdir" ? this.memory.service.makeDirectory(dirname(path)) : Effect.void
          return Effect.andThen(begun, Effect.never)
        })
        return Effect.uninterruptible(isSlow ? Effect.andThen(Effect.sleep(this.#syncMillis), passed) : passed)
      },
      passNow: (path, count) => {
        // The write that is then waited for fails.
        if (this.isFull || (this.failing !== undefined && path.includes(this.failing.path))) return 0
        if (this.#isLast()) return this.#random.between(0, count)
        return this.isDead ? 0 : count
      }
    })
  }
}
