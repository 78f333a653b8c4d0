/**
 * Files in memory of which one operation goes wrong: fails, is cut short, or stalls until it is let go; once, or it and
 * all after it. Only operations on paths with `part` in them count.
 */
import { Deferred, Effect } from "effect"
import { FileFailed, type Files } from "../../src/storage/Files.ts"
import * as GatedFiles from "../../src/storage/GatedFiles.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"

export interface Oddity {
  /** The number of the first operation that goes wrong, from 1 on. */
  readonly at: number
  readonly isForEver: boolean
  /** The system's code; a write with it ends in the middle if it is `short`. */
  readonly code: string
  readonly isShort?: boolean
  readonly isStalled?: boolean
}

export class OddFiles {
  readonly memory: MemoryFiles
  operationCount = 0
  oddCount = 0
  readonly #part: string
  #oddity: Oddity | undefined
  readonly #gate = Deferred.makeUnsafe<void>()

  constructor(part: string, isImmediate: boolean, oddity?: Oddity) {
    this.memory = new MemoryFiles({ isImmediate })
    this.#part = part
    this.#oddity = oddity
  }

  /** From now on nothing goes wrong, and what stalls goes on. */
  get heal(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.#oddity = undefined
      return Effect.asVoid(Deferred.succeed(this.#gate, undefined))
    })
  }

  get service(): Files["Service"] {
    return GatedFiles.make(this.memory.service, {
      pass: (asked) => Effect.uninterruptible(Effect.suspend(() => this.#pass(asked))),
      // What is to go wrong goes wrong in one that can wait.
      passNow: (path, count) => {
        if (path.includes(this.#part) && this.#isOdd(this.operationCount + 1)) return 0
        this.#count(path)
        return count
      }
    })
  }

  #count(path: string): void {
    if (path.includes(this.#part)) this.operationCount++
  }

  #isOdd(number: number): boolean {
    const odd = this.#oddity
    return odd !== undefined && (odd.isForEver ? number >= odd.at : number === odd.at)
  }

  #pass<A>({ act, byteCount, operation, part, path }: GatedFiles.Asked<A>): Effect.Effect<A, FileFailed> {
    // Nothing is asked for it that a target waits for.
    if (operation === "lstat") return act
    this.#count(path)
    const odd = this.#oddity
    if (odd === undefined || !path.includes(this.#part) || !this.#isOdd(this.operationCount)) return act
    this.oddCount++
    if (odd.isStalled === true) return Effect.andThen(Deferred.await(this.#gate), act)
    const failed = Effect.fail(new FileFailed({ operation, path, code: odd.code }))
    return odd.isShort === true ? Effect.andThen(part(byteCount >> 1), failed) : failed
  }
}
