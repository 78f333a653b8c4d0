/**
 * Memory that the owners of journals have in common, beyond what each journal may hold anyway: each owner may have half
 * of what others leave. Counted in bytes, or in things of about the same size.
 */
import { queueMicrotask } from "../../Machine.ts"
import { hasRoom } from "../../model/JournalRoom.ts"

export class CommonMemory {
  readonly #bytesMax: number
  #heldBytes = 0
  readonly #owned = new Map<string, number>()
  /** Each with what it waits for, the first first. */
  readonly #waiting = new Map<Holding, () => void>()

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  get heldBytes(): number {
    return this.#heldBytes
  }

  isSpentBy(owner: string): boolean {
    return !hasRoom(this.#heldBytes, this.#owned.get(owner) ?? 0, this.#bytesMax)
  }

  change(owner: string, byteCount: number): void {
    this.#heldBytes += byteCount
    const owned = (this.#owned.get(owner) ?? 0) + byteCount
    if (owned === 0) this.#owned.delete(owner)
    else this.#owned.set(owner, owned)
  }

  /** `grant` is called when there may be room for it. */
  wait(holding: Holding, grant: () => void): void {
    this.#waiting.set(holding, grant)
  }

  waitsNoMore(holding: Holding): void {
    this.#waiting.delete(holding)
  }

  /** Something was given back. */
  offer(): void {
    for (const grant of this.#waiting.values()) grant()
  }
}

/** What one journal, or connection, holds of it. */
export class Holding {
  readonly #memory: CommonMemory
  readonly #ownerNow: () => string
  #owner = ""
  #byteCount = 0

  constructor(memory: CommonMemory, owner: () => string) {
    this.#memory = memory
    this.#ownerNow = owner
  }

  set(byteCount: number): void {
    this.#memory.waitsNoMore(this)
    if (byteCount === this.#byteCount) return
    const isLess = byteCount < this.#byteCount
    // Whose it is may have changed since.
    this.#memory.change(this.#owner, -this.#byteCount)
    this.#owner = this.#ownerNow()
    this.#byteCount = byteCount
    this.#memory.change(this.#owner, byteCount)
    if (isLess) this.#memory.offer()
  }

  /** To hold so much. False: its owner has no room now; once it has, it holds it, and `onRoom` is called later. */
  claim(byteCount: number, onRoom: () => void): boolean {
    // Looked up once: each who gives something back asks all that wait.
    const owner = this.#ownerNow()
    const hasRoom = () => byteCount <= this.#byteCount || !this.#memory.isSpentBy(owner)
    // What it held was for what is over. If those that wait kept such, they might wait for each other.
    if (!hasRoom()) this.set(0)
    const isHeld = hasRoom()
    if (isHeld) this.set(byteCount)
    else
      this.#memory.wait(this, () => {
        if (!hasRoom()) return
        this.set(byteCount)
        queueMicrotask(onRoom)
      })
    return isHeld
  }

  /** It holds something, and its owner has no more room. */
  get isTooMuch(): boolean {
    return this.#byteCount > 0 && this.#memory.isSpentBy(this.#owner)
  }
}
