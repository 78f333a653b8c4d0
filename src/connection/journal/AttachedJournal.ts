/** A journal that this relay carries out, as the connection of its edge sees it; and what follows when that is gone. */
import { Effect } from "effect"
import { Outcome } from "../../protocol/journal/OpenJournal.ts"
import { Kind } from "../../protocol/journal/Record.ts"
import * as JournalFiles from "../../relay/journal/JournalFiles.ts"
import type { Carrier, Taken } from "../../relay/journal/Taken.ts"
import type { Registry } from "../../relay/Registry.ts"
import type { Peer } from "../../transport/Peer.ts"
import { keepCleared } from "./Clearing.ts"
import { suspended } from "./Expiry.ts"
import type { HostedJournal } from "./HostedJournal.ts"

export class AttachedJournal implements Taken {
  readonly #registry: Registry["Service"]
  readonly #journal: HostedJournal

  constructor(registry: Registry["Service"], journal: HostedJournal, edge: Pick<Peer, "name" | "certificate">) {
    this.#registry = registry
    this.#journal = journal
    journal.standing.comesBy(edge)
  }

  get received(): number {
    return this.#journal.received
  }

  get durable(): number {
    return this.#journal.durable
  }

  get outcome(): Outcome {
    const { isFinished, isOver, isReady, standing } = this.#journal
    const { waiting } = standing
    if (isOver) return isFinished ? Outcome.finished : Outcome.ended
    if (waiting !== undefined)
      return waiting.code === "SESSION_NOT_PERMITTED" ? Outcome.waitsForRights : Outcome.waitsForQuota
    return !isReady && this.#registry.store.roomWait.isWaiting ? Outcome.waitsForRoom : Outcome.goesOn
  }

  get lost(): ReadonlyArray<string> {
    return this.#journal.lost
  }

  get isReady(): boolean {
    const { isCut, isOver, isReady } = this.#journal
    return isReady && (isOver || !isCut)
  }

  get isOver(): boolean {
    return this.#journal.isOver
  }

  get isForgotten(): boolean {
    return this.#journal.isForgotten && this.#journal.isOver
  }

  attach(carrier: Carrier): void {
    this.#journal.attach(carrier)
  }

  detach(carrier: Carrier): void {
    const journal = this.#journal
    if (!journal.detach(carrier) || journal.isOver) return
    // One that was never let begin, or of which nothing came, is not kept: anybody could fill the relay with journals.
    // The edge still has all of it, and begins it anew; unless it had sessions that have ended, and could forget those.
    const mayLack = journal.brought.isAny || journal.lacking !== undefined
    const hasBegun = journal.received > 0 && (mayLack || journal.standing.waiting === undefined)
    if (journal.isCut || !hasBegun) journal.end()
    else this.#registry.background(suspended(this.#registry, journal))
  }

  record(number: number, kind: number, connection: number, bytes: Buffer, from: number, to: number): boolean {
    const journal = this.#journal
    const isNew = number > journal.received
    if (isNew && kind === Kind.command) keepCleared(this.#registry, journal.edgeName, bytes, from, to)
    journal.record(number, kind, connection, bytes, from, to)
    return true
  }

  flush(): void {
    if (this.#journal.isCut) this.#journal.end()
  }

  beat(): void {
    this.#journal.marking.mark()
  }

  get forgotten(): Effect.Effect<void> {
    return forgottenBy(this.#registry, this.#journal.token)
  }
}

/** The edge will not ask for it any more. */
export const forgottenBy = ({ journals, store }: Registry["Service"], token: string): Effect.Effect<void> =>
  Effect.suspend(() => {
    journals.forget(token)
    return JournalFiles.forget(store, token)
  })
