/**
 * Which tracers are held back, not read, for want of room in the spool or of a link as quick as they are; and who is
 * told when that may be over.
 */
import { queueMicrotask, setTimeout } from "../../Machine.ts"
import type { Chunks } from "../journal/Chunks.ts"
import type { Journal } from "../journal/Journal.ts"
import type { Flow } from "./Flow.ts"
import type { Room } from "./Room.ts"

/** Who waits for room looks again after this time. */
const lookMillis = 25

/** So many bytes of commands each journal may have in any case. */
const commandBytesMin = 64 * 1024

/** What is needed of the spool. */
export interface Surroundings {
  readonly room: Room
  readonly memory: Chunks
  readonly flow: Flow
  readonly journals: ReadonlyMap<string, Journal>
  /** Bytes in its files. */
  readonly byteCount: () => number
}

/** The relay has carried out all of it, and may need more before it can make a mark. */
const isAwaited = (journal: Journal | undefined) => journal !== undefined && journal.received >= journal.last

export class Holding {
  readonly #spool: Surroundings
  #hungry: Array<() => void> = []
  #isTimed = false

  constructor(spool: Surroundings) {
    this.#spool = spool
  }

  /** Nothing is held back for want of room. */
  get hasRoom(): boolean {
    return this.#spool.memory.hasRoom && this.fits(undefined)
  }

  /** The tracer of the journal may be read. `isWithin`: what it says next is more of a packet. */
  hasRoomFor(journal: Journal | undefined, isWithin = false): boolean {
    const { flow, memory } = this.#spool
    if (journal?.isStopped === true) return true
    if (!memory.hasRoom || !this.fits(journal, isWithin)) return false
    if (journal === undefined) return true
    // A reader that has to read files back stays behind for as long as more comes.
    const isScarce = memory.isScarce || !journal.tail.isFollowed
    return !flow.holds(journal.unsentBytes, isScarce)
  }

  hasRoomForCommands(journal: Journal | undefined): boolean {
    if (journal?.isStopped === true) return true
    const { memory, room } = this.#spool
    if (!memory.hasRoom) return false
    // A new session can begin even if others have filled the spool, or more.
    const bytesMax = Math.max(commandBytesMin, this.#shareBytes)
    const hasLittle = (journal?.segments.byteCount ?? 0) < bytesMax
    return hasLittle || this.#usedBytes < room.commandBytesMax(isAwaited(journal))
  }

  /** The same for a journal that another edge brings, whose packets and commands come by one connection. */
  hasRoomForPassed(journal: Journal): boolean {
    return this.hasRoomFor(journal, true) || (isAwaited(journal) && this.hasRoomForCommands(journal))
  }

  get #usedBytes(): number {
    return this.#spool.byteCount() + this.#spool.memory.unwrittenBytes
  }

  /** The last eighth of the spool is shared out to all journals: one that fills the rest does not stop the others. */
  get #shareBytes(): number {
    const { journals, room } = this.#spool
    return room.bytesMax / 8 / Math.max(1, journals.size)
  }

  fits(journal: Journal | undefined, isWithin = false): boolean {
    const { room } = this.#spool
    if (this.#usedBytes < (7 / 8) * room.bytesMax) return true
    if (journal === undefined) return false
    const bytesMax = room.packetBytesMax(isWithin || journal.halves.hasEarlyIndex)
    return (isAwaited(journal) && this.#usedBytes < bytesMax) || journal.segments.byteCount < this.#shareBytes
  }

  /** Calls `then` once there may be room. */
  whenRoom(then: () => void): void {
    this.#hungry.push(then)
    // If the link has become slow, those who wait for it go on.
    if (this.#isTimed || !this.hasRoom) return
    this.#isTimed = true
    setTimeout(() => {
      this.#isTimed = false
      this.onChange()
    }, lookMillis)
  }

  /** There may be room. */
  readonly onChange = (): void => {
    if (!this.#spool.memory.hasRoom || this.#hungry.length === 0) return
    const hungry = this.#hungry
    this.#hungry = []
    // In a turn of its own: those who are told read more at once.
    queueMicrotask(() => {
      for (const then of hungry) then()
    })
  }
}
