/**
 * The receiving end of a journal, as the connection that brings it sees it. Two implement it: a relay, which carries
 * the records out, and an edge on the way, which keeps them in its spool and forwards them.
 */
import type { Effect } from "effect"
import type { Outcome, Request, State } from "../../protocol/journal/OpenJournal.ts"

/** The connection of the edge that brings it, as the journal sees it. */
export interface Carrier {
  readonly peer: string
  /** More records can be taken, or there is something to tell the edge. */
  readonly onReady: () => void
  /** Another connection of the edge took over. */
  readonly onReplaced: () => void
}

export interface Taken {
  /** Number of the last record that was taken. */
  readonly received: number
  /** Number of the last record that the edge may forget. */
  readonly durable: number
  readonly outcome: Outcome
  /** Parts that have ended where it is recorded, and not at their tracers, and why: for people. It only grows. */
  readonly lost: ReadonlyArray<string>
  /** The next record can be taken. */
  readonly isReady: boolean
  /** Records that still come are read and dropped. */
  readonly isOver: boolean
  /** The edge knows that it is over. */
  readonly isForgotten: boolean
  readonly attach: (carrier: Carrier) => void
  /** The connection is gone. */
  readonly detach: (carrier: Carrier) => void
  /** Only while `isReady`. The record's head lies before `bytes[from, to)`, which may be changed. False: it is none. */
  readonly record: (
    number: number,
    kind: number,
    connection: number,
    bytes: Buffer,
    from: number,
    to: number
  ) => boolean
  /** The records of one read were given. */
  readonly flush: () => void
  /** Called when nothing comes: what came last becomes durable all the same. */
  readonly beat: () => void
  /** Done when nothing is left of it here. */
  readonly forgotten: Effect.Effect<void>
}

/** What is answered to OPEN_JOURNAL. */
export interface Opened {
  readonly state: State
  /** Undefined: there is nothing to go on with. */
  readonly journal: Taken | undefined
  /** For a journal that is over: its edge knows that. */
  readonly forgotten: Effect.Effect<void>
}

/** In the place of what a relay does with journals: of an edge, which hands them on. */
export interface Passage {
  /** On the way from here to where journals are carried out, itself first; UUIDs. */
  readonly edges: () => ReadonlyArray<string>
  /** `owner`: whose it is, as far as there is a limit to what one has. Undefined: it cannot be said now. */
  readonly open: (request: Request, owner: string) => Effect.Effect<Opened | undefined>
}
