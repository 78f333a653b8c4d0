/** Which journal a tracer's connection belongs to: by its tracing session, and by the streams it names. */

import { wallMillis } from "../../Machine.ts"
import type { Request } from "../../protocol/control/CreateSession.ts"
import type { Journal } from "../journal/Journal.ts"
import type { Spool } from "../spool/Spool.ts"
import { Crowd } from "./Crowd.ts"

/** Of the relay, where it can do less than the edge. */
export interface Abilities {
  /** Of the protocol. */
  readonly minor: number
  /** It deletes what a tracer clears. */
  readonly clears: boolean
}

export class Journals {
  readonly spool: Spool
  /** By the handles that were answered here. */
  readonly streams = new Map<bigint, Journal>()
  readonly crowd = new Crowd()
  readonly #sessions = new Map<number, Journal>()
  #unnamedCount = 0
  /** What the relay can do, as far as is known. */
  readonly relay: () => Abilities | undefined

  constructor(spool: Spool, relay: () => Abilities | undefined) {
    this.spool = spool
    this.relay = relay
  }

  /** Connections of one tracing session share trace chunks: their order is kept over all of them. */
  of({ hostname, sessionId, sessionName, sessiondUuid }: Request): Journal {
    const isShared = sessiondUuid !== undefined && sessionId !== undefined
    const key = isShared ? `${sessiondUuid}/${sessionId}` : `unnamed ${wallMillis()}/${++this.#unnamedCount}`
    return this.spool.open({ key, name: `${hostname}/${sessionName}`, createdMillis: wallMillis() })
  }

  /** The relay here made the session. */
  made(session: number, journal: Journal): void {
    journal.sessions.add(session)
    this.#sessions.set(session, journal)
  }

  /** The session of the relay here has ended: packets that it waited for have come, or will not. */
  sessionEnded(session: number): void {
    const journal = this.#sessions.get(session)
    this.#sessions.delete(session)
    if (journal === undefined) return
    journal.sessions.delete(session)
    journal.finishIfOver()
  }

  /** The relay here has closed the stream, since it has all of it: applications come and go in a session. */
  streamEnded(handle: bigint): void {
    const journal = this.streams.get(handle)
    this.streams.delete(handle)
    journal?.halves.forget(handle)
    journal?.needed.close(handle, journal.last)
  }

  /** The relay here refused the session: nothing follows. */
  refused(journal: Journal, connection: number): void {
    journal.leave(connection, false)
    if (journal.isFinished) this.spool.discard(journal)
  }
}
