/**
 * Writes the marks of a journal. A mark in its history says that everything before it is in the trace files: the edge
 * may forget those records, and a relay that was killed continues behind the last mark.
 */
import { type Cause, Effect, Latch } from "effect"
import { clockMillis } from "../../Machine.ts"
import type { Handles } from "../../protocol/journal/Handles.ts"
import { Holding } from "../../relay/journal/CommonMemory.ts"
import type * as JournalHistory from "../../relay/journal/JournalHistory.ts"
import type { Said } from "../../relay/journal/Said.ts"
import type { Registry } from "../../relay/Registry.ts"
import type { Abridgement } from "./Abridgement.ts"
import type { Brought } from "./Brought.ts"
import { Alarm, MarkPace } from "./MarkPace.ts"
import { Positions } from "./Positions.ts"
import { Stray } from "./Stray.ts"

/** What of the journal decides about marks. */
interface Marked {
  readonly token: string
  readonly edgeName: string
  readonly standing: { readonly owner: string; readonly keeps: (token: string, byteCount: number) => void }
  readonly brought: Brought
  readonly abridgement: Abridgement
  /** Number of the last record that was carried out. */
  readonly received: number
  readonly report: Said | undefined
  readonly isReady: boolean
  readonly isEnding: boolean
  /** It is being restored: what an earlier relay carried out is gone through again. */
  readonly isRetraced: boolean
  /** No packet, index, rotation or command is half there. */
  readonly isQuiet: boolean
  /** It is marked, or that has failed. */
  readonly onMarked: () => void
  /** Its edge goes on with connections that the relay has refused: the rest of them is lost. */
  readonly onUnended: (connections: ReadonlyArray<number>) => void
}

export class Marking {
  readonly #registry: Registry["Service"]
  readonly #journal: Marked
  readonly #pace = new MarkPace()
  readonly #dueLater = new Alarm(() => this.mark())
  readonly #positions: Positions
  readonly #stray = new Stray()
  /** Undefined: nothing is written down, so after a crash the journal is not found again. */
  history: JournalHistory.JournalHistory | undefined
  #isRemoved = false
  /** Number of the last record that the edge would not be asked for again if the relay were killed now. */
  durable = 0
  /** Open unless it is being marked. */
  readonly over = Latch.makeUnsafe(true)

  constructor(registry: Registry["Service"], journal: Marked, handles: Handles) {
    this.#registry = registry
    this.#journal = journal
    this.#positions = new Positions(handles)
  }

  /** From now on what is carried out is written down there. */
  keep(history: JournalHistory.JournalHistory): void {
    history.heldIn(new Holding(this.#registry.journals.unmarked, () => this.#journal.standing.owner))
    this.history = history
    this.durable = this.#journal.received
    this.#count(history.byteCount)
  }

  /** What is put down counts for whose journal it is, until it is removed. */
  #count(byteCount: number): void {
    const { standing, token } = this.#journal
    standing.keeps(token, this.#isRemoved ? 0 : byteCount)
  }

  /** Nothing of it needs to be put down any more: what was is removed. */
  get removed(): Effect.Effect<void> {
    const { history } = this
    if (history === undefined) return Effect.void
    return Effect.suspend(() => {
      this.#isRemoved = true
      return Effect.map(history.forget, () => this.#count(0))
    })
  }

  /** A record is about to be carried out. */
  append(number: number, kind: number, connection: number, bytes: Buffer, from: number, to: number): void {
    this.#pace.add(to - from)
    this.#stray.add(to - from)
    this.history?.append(number, kind, connection, bytes, from, to)
  }

  /** A record was carried out. */
  carriedOut(): void {
    if (this.history?.isLong === true) this.#giveUp()
    else this.mark()
  }

  /** What was carried out has come to something else than it would on shadows. */
  strays(): void {
    this.#stray.isKnown = true
  }

  /** The relay has ended the connection for what its tracer said. So would a later one, if the edge has, too. */
  isRefused(connection: number): void {
    this.#stray.refused.add(connection)
  }

  /** The edge has ended the connection; `isByEdge`: and not its tracer. */
  isEnded(connection: number, isByEdge: boolean): void {
    this.#stray.ended(connection, isByEdge)
  }

  /** A mark is due whatever the time. */
  ask(): void {
    this.#pace.isAsked = true
  }

  /**
   * If it is time: once all that was carried out is in the files, a mark says so. Without a history there is no mark,
   * and being in the files is enough: no later relay will go on behind it.
   */
  mark(): void {
    if (!this.over.isOpen() || !this.#isNew) return
    const dueAt = this.#pace.dueAt(this.#spoolBytes)
    const nowMillis = clockMillis()
    // Later, even if nothing more comes: the edge may have no room until it may forget.
    if (nowMillis < dueAt) this.#dueLater.at(dueAt)
    else if (this.#journal.isReady && (this.history === undefined || this.#journal.isQuiet)) this.#begin(nowMillis)
  }

  /** What the edge may keep; undefined: it has not said that. */
  get #spoolBytes(): number | undefined {
    const { report } = this.#journal
    return report && Number(report.edgeSpoolBytesMax)
  }

  get #isNew(): boolean {
    const { isEnding, isRetraced, received } = this.#journal
    return !isEnding && !isRetraced && received !== this.durable
  }

  #begin(begunAt: number): void {
    const { abridgement, brought } = this.#journal
    const { history } = this
    const marked = Effect.gen({ self: this }, function* () {
      // Not whole: a write has failed, and the sessions end; or the relay stops.
      const isWhole = (yield* brought.settled) && !this.#journal.isEnding
      const { received } = this.#journal
      // As the abridgement of a history would.
      if (history === undefined) abridgement.forgetClosed()
      const isMarked = isWhole && (history === undefined || (yield* this.#put(history, received)))
      if (isMarked) {
        this.durable = received
        this.#stray.marked()
      } else if (this.#stray.isLong(this.#spoolBytes)) yield* this.#goOn
      this.#pace.marked(begunAt, isMarked)
    }).pipe(
      Effect.catch(({ message }) => this.#forget(message)),
      Effect.catchCause((cause) => this.#forget(undefined, cause))
    )
    this.#run(marked)
  }

  /** False: not possible now. */
  #put(history: JournalHistory.JournalHistory, received: number) {
    const { abridgement, brought } = this.#journal
    const positions = this.#positions.of(brought.sessions)
    const counted = (isMarked: boolean) => {
      this.#count(history.byteCount)
      return isMarked
    }
    if (!this.#stray.is) {
      const marked = history.mark(received, positions, () => abridgement.abridged)
      return Effect.map(marked, () => counted(true))
    }
    const { abridged } = abridgement
    return abridged === undefined ? Effect.succeed(false) : Effect.map(history.abridge(received, abridged), counted)
  }

  /** What was put down does not lead to what is there, and cannot be replaced, although much has come. */
  get #goOn(): Effect.Effect<void> {
    const unended = this.#stray.unended()
    if (unended.length === 0) return this.#forget(`${this.#journal.edgeName}: a part of it was lost`)
    return Effect.sync(() => this.#journal.onUnended(unended))
  }

  /** The history is too long to be gone through again: it is given up. */
  #giveUp(): void {
    this.#run(this.#forget(`${this.#journal.edgeName}: too much to go through again`))
  }

  /** Meanwhile nothing is carried out. */
  #run(work: Effect.Effect<void>): void {
    this.over.closeUnsafe()
    const done = Effect.sync(() => {
      this.over.openUnsafe()
      this.#journal.onMarked()
    })
    this.#registry.background(Effect.ensuring(work, done))
  }

  /**
   * Gives the history up, before the edge forgets anything more: a later relay would cut the files back to the last
   * mark.
   */
  #forget(detail?: string, cause?: Cause.Cause<unknown>): Effect.Effect<void> {
    // A relay that stops, or a journal that ends, keeps the marks that there are.
    if (this.#journal.isEnding) return Effect.void
    const { removed } = this
    this.history = undefined
    return Effect.andThen(this.#registry.incidents.report("JOURNAL_UNMARKED", detail, cause), removed)
  }
}
