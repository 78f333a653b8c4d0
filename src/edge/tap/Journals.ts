/** Which journal a tracer's connection belongs to: by its tracing session, and by the streams it names. */

import { wallMillis } from "../../Machine.ts"
import type { Request } from "../../protocol/control/CreateSession.ts"
import type { Journal } from "../journal/Journal.ts"
import type { Spool } from "../spool/Spool.ts"
import { Crowd } from "./Crowd.ts"

/** What the relay can do less than the edge. */
export interface Abilities {
  /** Minor version of its protocol. */
  readonly minor: number
  /** It allows clearing. */
  readonly clears: boolean
}

export class Journals {
  readonly spool: Spool
  /** By the handles that the relay here gave out. */
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

  /** The relay here has created the session. */
  made(session: number, journal: Journal): void {
    journal.sessions.add(session)
    this.#sessions.set(session, journal)
  }

  /** The session at the relay here has ended: no more packets are waited for. */
  sessionEnded(session: number): void {
    const journal = this.#sessions.get(session)
    this.#sessions.delete(session)
    if (journal === undefined) return
    journal.sessions.delete(session)
    journal.finishIfOver()
  }

  /** The relay here has closed the stream, and has all of it: it is forgotten, as applications come and go. */
  streamEnded(handle: bigint): void {
    const journal = this.streams.get(handle)
    this.streams.delete(handle)
    journal?.halves.forget(handle)
    journal?.needed.close(handle, journal.last)
  }

  /** The relay here has refused the session: nothing follows. */
  refused(journal: Journal, connection: number): void {
    journal.leave(connection, false)
    if (journal.isFinished) this.spool.discard(journal)
  }
}
