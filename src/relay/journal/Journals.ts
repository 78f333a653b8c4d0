/**
 * Journals of edges (docs/extension.md) that this relay takes: each by its token, for as long as its sessions live. One
 * whose edge is gone is suspended: its sessions wait, and end when it does not come back in time.
 */
import { Deferred, type Effect, Exit, Latch } from "effect"
import type { EdgeReport } from "../../protocol/journal/EdgeReport.ts"

/** As others see it. */
export interface Journal {
  readonly token: string
  /** What the edge calls itself. */
  readonly edgeName: string
  /** `address:port` of the edge; undefined: it is suspended. */
  readonly peer: string | undefined
  /** ms since the epoch. */
  readonly suspendedAt: number | undefined
  readonly received: number
  /** What the edge said of itself last; undefined: nothing yet. */
  readonly report: EdgeReport | undefined
  readonly sessionIds: ReadonlySet<number>
  /** Ends its sessions, as the loss of their connections does. */
  readonly stop: () => void
}

/** So many that are over are known as such to an edge that missed their end. */
export const overCountMax = 4096

const remember = (tokens: Set<string>, token: string): void => {
  tokens.add(token)
  if (tokens.size <= overCountMax) return
  for (const oldest of tokens) {
    tokens.delete(oldest)
    break
  }
}

export class Journals {
  readonly open = new Map<string, Journal>()
  /** Open unless new ones have to wait. */
  readonly admits = Latch.makeUnsafe(true)
  readonly #stopping = Deferred.makeUnsafe<void>()
  readonly #finished = new Set<string>()
  readonly #ended = new Set<string>()

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

  finish(token: string): void {
    this.open.delete(token)
    remember(this.#finished, token)
  }

  /** The relay ended a session of it: an edge that did not hear that does not begin it again. */
  isEnded(token: string): boolean {
    return this.#ended.has(token)
  }

  end(token: string): void {
    this.open.delete(token)
    remember(this.#ended, token)
  }

  /** Of the session, if it came by one. */
  ofSession(id: number): Journal | undefined {
    for (const journal of this.open.values()) if (journal.sessionIds.has(id)) return journal
    return undefined
  }

  /** The relay stops. */
  get stopping(): Effect.Effect<void> {
    return Deferred.await(this.#stopping)
  }

  stop(): void {
    Deferred.doneUnsafe(this.#stopping, Exit.void)
    for (const journal of this.open.values()) journal.stop()
  }
}
