/**
 * Memory that the owners of journals have in common, beyond what each journal may hold anyway: each owner may have half
 * of what others leave. Counted in bytes, or in things of about the same size.
 */
import { hasRoom } from "../../model/JournalRoom.ts"

export class CommonMemory {
  readonly #bytesMax: number
  #heldBytes = 0
  readonly #owned = new Map<string, number>()

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
    if (byteCount === this.#byteCount) return
    // Whose it is may have changed since.
    this.#memory.change(this.#owner, -this.#byteCount)
    this.#owner = this.#ownerNow()
    this.#byteCount = byteCount
    this.#memory.change(this.#owner, byteCount)
  }

  /** It holds something, and its owner has no more room. */
  get isTooMuch(): boolean {
    return this.#byteCount > 0 && this.#memory.isSpentBy(this.#owner)
  }
}
