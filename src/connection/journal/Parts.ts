/**
 * Parts of a journal that end at this relay alone: it has ended a connection, for what its tracer said, or because it
 * could not make or write a file. The edge answers tracers, and may have more of them, which is lost. Other parts go
 * on.
 */
import type { Brought } from "./Brought.ts"
import type { Marking } from "./Marking.ts"
import type { Tracers } from "./Tracers.ts"

export interface Options {
  readonly tracers: Tracers
  readonly brought: Brought
  readonly marking: Marking
  /** The journal ends by itself, or has ended. */
  readonly isEnding: () => boolean
  /** No part goes on: the journal ends before its edge ends it. */
  readonly onCut: () => void
  /** A part has ended, or more, within no read. */
  readonly onClosed: () => void
}

export class Parts {
  readonly #options: Options
  /** Sessions of which this relay could not make a stream. */
  readonly #bereft = new Set<number>()

  constructor(options: Options) {
    this.#options = options
  }

  /**
   * The relay has ended a connection. For what its tracer said the edge has ended it, too, by the same code, if it
   * could know; then nothing is lost. Of a session that the edge refuses there is no journal.
   */
  closed(number: number, isRefused: boolean): void {
    const { brought, isEnding, marking, onClosed, onCut, tracers } = this.#options
    if (isEnding()) return
    const id = tracers.sessionOf(number)
    const isBereft = id === undefined ? this.#bereft.size > 0 : this.#bereft.has(id)
    if (!brought.isAny) onCut()
    else if (!isRefused || isBereft) this.#lose(number)
    else marking.isRefused(number)
    onClosed()
  }

  /** The tracer has a stream, by its edge, that the relay could not make. */
  lacks(sessionId: number | undefined): void {
    this.#options.marking.strays()
    if (sessionId !== undefined) this.#bereft.add(sessionId)
  }

  /** A file of one of its sessions could not be written. */
  failed(sessionId: number): void {
    if (this.#options.isEnding()) return
    this.#loseSession(sessionId)
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
    const { brought, tracers } = this.#options
    if ((brought.isAnyLive || !brought.isAny) && !tracers.open.has(number)) return true
    return this.#lose(number)
  }

  /** The edge may have more of the connection, which is lost, as what else comes of its session. */
  #lose(number: number): boolean {
    const id = this.#options.tracers.sessionOf(number)
    return id === undefined ? this.#loseAll((each) => each === number) : this.#loseSession(id)
  }

  #loseSession(id: number): boolean {
    return this.#loseAll((_, { sessionId }) => sessionId === id)
  }

  #loseAll(meant: Parameters<Tracers["cutOff"]>[0]): boolean {
    const { brought, marking, onCut, tracers } = this.#options
    marking.strays()
    const isAny = brought.isAnyLive
    if (isAny) tracers.cutOff(meant)
    else onCut()
    return isAny
  }
}
