/** Files of a process that is killed in the midst of one of its operations: nothing of it is done afterwards. */
import { Effect } from "effect"
import { FileFailed, type Files } from "../../../src/storage/Files.ts"
import * as GatedFiles from "../../../src/storage/GatedFiles.ts"
import { MemoryFiles } from "../../../src/storage/MemoryFiles.ts"
import type { Random } from "../../support/Random.ts"

const needRoom: ReadonlySet<string> = new Set(["write", "mkdir", "rename"])

export class MortalFiles {
  readonly memory: MemoryFiles
  isDead = false
  /** Operations until it dies. */
  left = Number.POSITIVE_INFINITY
  /** There is no room for anything more. */
  isFull = false
  /** It has died, just now. */
  onDeath = (): void => {}
  readonly #random: Random

  constructor(random: Random, image?: MemoryFiles) {
    this.#random = random
    this.memory = new MemoryFiles({ isImmediate: random.chance(0.5) })
    for (const path of image?.paths("/") ?? []) {
      const bytes = image?.read(path)
      if (bytes !== undefined) this.memory.write(path, Buffer.from(bytes))
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

  get service(): Files["Service"] {
    return GatedFiles.make(this.memory.service, {
      pass: ({ act, byteCount, operation, part, path }) =>
        Effect.uninterruptible(
          Effect.suspend(() => {
            if (this.isFull && needRoom.has(operation)) {
              const failed = Effect.fail(new FileFailed({ operation, path, code: "ENOSPC" }))
              return byteCount > 0 ? Effect.andThen(part(this.#random.between(0, byteCount)), failed) : failed
            }
            if (!this.#isLast()) return this.isDead ? Effect.never : act
            // A write may have begun; what is one step may have been done, and nobody has heard.
            if (byteCount > 0) return Effect.andThen(part(this.#random.between(0, byteCount)), Effect.never)
            return this.#random.chance(0.5) ? Effect.never : Effect.andThen(act, Effect.never)
          })
        ),
      passNow: (_path, count) => {
        if (this.isFull) return 0
        if (this.#isLast()) return this.#random.between(0, count)
        return this.isDead ? 0 : count
      }
    })
  }
}
