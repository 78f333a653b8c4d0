/**
 * Parts of a journal that end at this relay alone: it has ended a connection, for what its tracer said, or because it
 * could not make or write a file. The edge answers tracers, and may have more of them, which is lost. Other parts go
 * on.
 */
import type { Incident } from "../../errors/Report.ts"
import type { Brought } from "./Brought.ts"
import type { Marking } from "./Marking.ts"
import type { Meant, Tracers } from "./Tracers.ts"

export interface Options {
  readonly tracers: Tracers
  readonly brought: Brought
  readonly marking: Marking
  /** The journal ends by itself, or has ended. */
  readonly isEnding: () => boolean
  /** An earlier relay has begun it: sessions may have ended of which nothing is known here. */
  readonly isContinued: () => boolean
  /** No part goes on: the journal ends before its edge ends it. */
  readonly onCut: () => void
  /** Tells people at the edge which part is lost, and why. */
  readonly onLost: (text: string) => void
  /** A part has ended, or more, within no read. */
  readonly onClosed: () => void
}

const textOf = (why: Incident | undefined): string | undefined =>
  why && (why.detail === "" ? why.code : `${why.code}: ${why.detail}`)

export class Parts {
  readonly #options: Options
  /** Sessions of which this relay could not make a stream, and why. */
  readonly #bereft = new Map<number, Incident | undefined>()
  /** Sessions that people were told of: once of each, whatever else of it ends. */
  readonly #told = new Set<number>()
  /** Connections of snapshots that were lost: what still comes of them is passed over, and others may follow. */
  readonly #ofSnapshots = new Set<number>()

  constructor(options: Options) {
    this.#options = options
  }

  /** A connection begins: the number may have been another's. */
  begun(number: number): void {
    this.#ofSnapshots.delete(number)
  }

  /**
   * The relay has ended a connection. For what its tracer said the edge has ended it, too, by the same code, if it
   * could know; then nothing is lost. Of a session that the edge refuses there is no journal.
   */
  closed(number: number, why: Incident | undefined, isRefused: boolean): void {
    const { brought, isEnding, marking, onClosed, onCut, tracers } = this.#options
    if (isEnding() || this.#ofSnapshots.has(number)) return
    const id = tracers.sessionOf(number)
    const isBereft = id === undefined ? this.#bereft.size > 0 : this.#bereft.has(id)
    if (!brought.isAny) {
      this.#tell(() => false, why)
      onCut()
    } else if (isRefused && isBereft && id === undefined) this.#loseOfBereft(number)
    else if (!isRefused || isBereft) this.#lose(number)
    else marking.isRefused(number)
    onClosed()
  }

  /** The tracer has a stream, by its edge, that the relay could not make. */
  lacks(sessionId: number | undefined, why: Incident | undefined): void {
    this.#options.marking.strays()
    if (sessionId !== undefined) this.#bereft.set(sessionId, why)
  }

  /** A file of one of its sessions could not be written. */
  failed(sessionId: number, why: Incident): void {
    if (this.#options.isEnding()) return
    this.#loseSession(sessionId, why)
    this.#options.onClosed()
  }

  /** Its edge goes on with connections that the relay has refused. */
  unended(numbers: ReadonlyArray<number>): void {
    for (const number of numbers) this.#lose(number)
    this.#options.onClosed()
  }

  /**
   * Something of a connection comes that is not open: this relay, or an earlier one, has ended it and the edge has not,
   * so a later relay may not. False: there were parts, and none is there.
   */
  goOnWithout(number: number): boolean {
    const { brought, isContinued, tracers } = this.#options
    if (this.#ofSnapshots.has(number)) return true
    const isNone = !brought.isAny && !isContinued()
    if ((brought.isAnyLive || isNone) && !tracers.open.has(number)) return true
    return this.#lose(number)
  }

  /** The edge may have more of the connection, which is lost, as what else comes of its session. */
  #lose(number: number): boolean {
    const { peer, sessionId: id } = this.#options.tracers.open.get(number) ?? {}
    if (id !== undefined) return this.#loseSession(id, this.#bereft.get(id) ?? peer?.why)
    const isMeant: Meant = (each) => each === number
    this.#tell(isMeant, peer?.why)
    return this.#loseAll(isMeant)
  }

  /** The connection is of one of those sessions: its first packet was of a stream that could not be made. */
  #loseOfBereft(number: number): void {
    for (const [id, why] of this.#bereft) this.#tellOf(id, why)
    this.#loseAll((each) => each === number)
  }

  #loseSession(id: number, why: Incident | undefined): boolean {
    this.#tellOf(id, why)
    return this.#loseAll((_, { sessionId }) => sessionId === id, this.#options.brought.snapshots.has(id))
  }

  /** False: no part goes on. `isSnapshot`: others may have been taken since, while its edge could not bring it. */
  #loseAll(meant: Meant, isSnapshot = false): boolean {
    const { brought, marking, onCut, tracers } = this.#options
    marking.strays()
    const goesOn = isSnapshot || brought.isAnyLive
    if (!goesOn) onCut()
    else for (const number of tracers.cutOff(meant)) if (isSnapshot) this.#ofSnapshots.add(number)
    return goesOn
  }

  #tellOf(id: number, why: Incident | undefined): void {
    if (why === undefined || this.#told.has(id)) return
    this.#told.add(id)
    this.#tell((_, { sessionId }) => sessionId === id, why)
  }

  /** `why` undefined: an earlier relay has ended it, or it was told before. */
  #tell(meant: Meant, why: Incident | undefined): void {
    const { onLost, tracers } = this.#options
    const place = tracers.placeOf(meant)
    const text = textOf(why)
    if (text !== undefined) onLost(place === undefined ? text : `${place}: ${text}`)
  }
}
