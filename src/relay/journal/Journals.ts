/**
 * Journals of edges (docs/extension.md) that this relay takes: each by its token, for as long as its sessions live. One
 * whose edge is gone is suspended: its sessions wait, and end when it does not come back in time.
 */
import { Deferred, Effect, Exit, Latch, type Scope, Semaphore } from "effect"
import { Remembered } from "../../model/Remembered.ts"
import type { FileFailed } from "../../storage/Files.ts"
import type { TraceDirectory } from "../../storage/TraceDirectory.ts"
import { CommonMemory } from "./CommonMemory.ts"
import { unmarkedBytesMax } from "./JournalHistory.ts"
import { Looks } from "./Looks.ts"
import { type Guest, Room } from "./Room.ts"
import type { Said } from "./Said.ts"
import { Turns } from "./Turns.ts"

/** A journal as the rest of the relay sees it. */
export interface Journal extends Guest {
  readonly token: string
  /** What the edge calls itself. */
  readonly edgeName: string
  /** `address:port` of the edge; undefined: it is suspended. */
  readonly peer: string | undefined
  /** Since when it is suspended, ms of the relay's clock. */
  readonly suspendedAt: number | undefined
  readonly received: number
  /** What the edge said of itself last; undefined: nothing yet. */
  readonly report: Said | undefined
  readonly sessionIds: ReadonlySet<number>
  /** While its history is repeated: where its sessions were, relative to the output directory. */
  readonly places: ReadonlySet<string> | undefined
  /** The first trace chunks of its sessions, by these' directories: what lies in one already is of others. */
  readonly firsts: Map<string, TraceDirectory>
  /** A session of it is about to make a directory at `path`, relative to the output directory. */
  readonly records: (path: string) => void
  /** A snapshot of it is about to be made there, or streams of others are there. */
  readonly names: (path: string) => void
  /** Something of it cannot be put down any more. True: the relay stops, and the next one continues it. */
  readonly leave: () => boolean
  /** A file of the session, which it brought, could not be written: that session is over. */
  readonly failed: (sessionId: number, failure: FileFailed) => void
  /** Ends its sessions, as the loss of their connections does. */
  readonly stop: () => void
  /** Closes what is kept of it for the next relay. Nobody works for it any more. */
  readonly released: Effect.Effect<void>
}

/** So many journals that are over are remembered, for edges that missed their end. */
const overCountMax = 4096

/** Of all connections that bring journals, beyond what each may have anyway. */
const partialBytesMax = 64 * 1024 * 1024
const readsBytesMax = 32 * 1024 * 1024
/** Connections of tracers, beyond those that each journal may have. */
const furtherCountMax = 16_384

export class Journals {
  /** To be made before whatever works for them: those that are left to the next relay are closed behind it. */
  static readonly make: Effect.Effect<Journals, never, Scope.Scope> = Effect.acquireRelease(
    Effect.sync(() => new Journals()),
    (journals) => journals.#released
  )

  readonly open = new Map<string, Journal>()
  readonly room: Room = new Room(
    () => this.open.values(),
    () => this.reviving.size
  )
  readonly #bySession = new Map<number, Journal>()
  /** Open unless new journals have to wait. */
  readonly admits = Latch.makeUnsafe(true)
  readonly #stopping = Deferred.makeUnsafe<void>()
  readonly #finished = new Remembered(overCountMax)
  readonly #ended = new Remembered(overCountMax)
  readonly #expired = new Remembered(overCountMax)
  /** Some of those that have expired. */
  readonly #told = new Set<string>()
  /** What connections hold of records that have come in part, beyond what each may have. */
  readonly partial = new CommonMemory(partialBytesMax)
  /** For what long reads may bring beyond short ones. */
  readonly reads = new CommonMemory(readsBytesMax)
  /** Connections of tracers, beyond those that each may have. */
  readonly connections = new CommonMemory(furtherCountMax)
  /** What follows the last marks of all of them, beyond what each may have. */
  readonly unmarked = new CommonMemory(unmarkedBytesMax)
  /** Those that are ended because their edges are gone, or revived because they are back. */
  readonly turns = new Turns()
  readonly looks = new Looks()
  /** Held while a history is gone through again: one at a time, since that takes memory. It waits for no trace file. */
  readonly replays = Semaphore.makeUnsafe(1)
  /** Those that are being revived: their files are open. */
  readonly reviving = new Set<string>()

  readonly #asked = Deferred.makeUnsafe<void>()

  /** Done once an edge has asked whether journals are taken. */
  get asked(): Effect.Effect<void> {
    return Deferred.await(this.#asked)
  }

  ask(): void {
    Deferred.doneUnsafe(this.#asked, Exit.void)
  }

  isFinished(token: string): boolean {
    return this.#finished.has(token)
  }

  /** All of it was carried out; its edge may not know yet. Answers which are forgotten for it. */
  finish(token: string, owner: string): ReadonlyArray<string> {
    return this.#finished.add(token, owner)
  }

  /** Its edge knows that it is over. */
  forget(token: string): void {
    this.#finished.delete(token)
    this.#ended.delete(token)
  }

  /** The relay ended it before its edge did; an edge that has not heard that must not begin it again. */
  isEnded(token: string): boolean {
    return this.#ended.has(token)
  }

  /** The relay has ended it. Answers which are forgotten for it. */
  end(token: string, owner: string): ReadonlyArray<string> {
    return this.#ended.add(token, owner)
  }

  /** Its edge did not come in time; its history is kept. Answers which are forgotten for it. */
  expire(token: string, owner: string): ReadonlyArray<string> {
    const forgotten = this.#expired.add(token, owner)
    for (const oldest of forgotten) this.#told.delete(oldest)
    return forgotten
  }

  isExpired(token: string): boolean {
    return this.#expired.has(token)
  }

  revive(token: string): void {
    this.#expired.delete(token)
    this.#told.delete(token)
    this.room.change()
  }

  /** It has expired and cannot be gone on with now, and its edge asks every few seconds: true once. */
  tellsOfWait(token: string): boolean {
    if (this.#told.has(token)) return false
    if (this.#expired.has(token)) this.#told.add(token)
    return true
  }

  /** A session of the journal was made. */
  made(id: number, journal: Journal): void {
    this.#bySession.set(id, journal)
  }

  /** The session has ended. */
  unmade(id: number): void {
    this.#bySession.delete(id)
  }

  /** The open journal that brought the session. */
  ofSession(id: number): Journal | undefined {
    const journal = this.#bySession.get(id)
    return journal !== undefined && this.open.get(journal.token) === journal ? journal : undefined
  }

  /** The journal is over, or left to the next relay. */
  close({ sessionIds, token }: Pick<Journal, "sessionIds" | "token">): void {
    this.open.delete(token)
    this.room.change()
    for (const id of sessionIds) this.unmade(id)
  }

  /** `openCount`: those that were let in, the suspended ones included. */
  get counts(): { readonly openCount: number; readonly suspendedCount: number; readonly waitingCount: number } {
    let [openCount, suspendedCount, waitingCount] = [0, 0, 0]
    for (const { isOutside, standing, suspendedAt } of this.open.values()) {
      if (!isOutside) openCount++
      if (suspendedAt !== undefined) suspendedCount++
      if (standing.waiting !== undefined) waitingCount++
    }
    return { openCount, suspendedCount, waitingCount }
  }

  /** The relay stops. */
  get stopping(): Effect.Effect<void> {
    return Deferred.await(this.#stopping)
  }

  stop(): void {
    Deferred.doneUnsafe(this.#stopping, Exit.void)
    for (const journal of this.open.values()) journal.stop()
  }

  get #released(): Effect.Effect<void> {
    return Effect.suspend(() => Effect.forEach(this.open.values(), ({ released }) => released, { discard: true }))
  }
}
