/**
 * One connection's fiber: it carries out what must wait for something, and learns how the connection ends: by its own
 * decision, by a defect in its code, or by its socket. The first of them counts: it is logged once, and counted by its
 * code. There is one fiber for a connection, and two more while it has work: thousands only wait.
 */
import { Deferred, Effect, Exit } from "effect"
import { type Code, catalogue } from "../errors/Catalogue.ts"
import { said } from "../errors/Report.ts"
import { type CloseReason, codeOf, isRefusal } from "../relay/CloseReason.ts"
import type { Connection, Connections } from "../relay/Connections.ts"
import type { Incidents } from "../relay/Incidents.ts"
import { Wake } from "../relay/Wake.ts"
import type { Peer, SocketEnd } from "../transport/Peer.ts"
import type { OnDefect } from "./Contained.ts"

const reasonOf = (end: SocketEnd): CloseReason => (end === "socket error" || end === "stalled" ? end : "peer closed")

export class ConnectionEnd {
  readonly #decided = Deferred.makeUnsafe<CloseReason>()
  readonly #connections: Connections
  readonly #incidents: Incidents
  readonly #connection: Connection
  #complaint = ""
  #code: Code | undefined
  #hasDefect = false
  /** What the fiber is to carry out next. */
  #work: Effect.Effect<void> | undefined
  readonly #wake = new Wake(() => this.#work !== undefined || Deferred.isDoneUnsafe(this.#decided))
  /** It has been decided: nothing more is taken from the peer. */
  hasCome = false

  constructor(connections: Connections, incidents: Incidents, connection: Connection) {
    this.#connections = connections
    this.#incidents = incidents
    this.#connection = connection
    connection.end = (reason) => this.decide(reason)
  }

  /** `complaint` is what the peer did wrong; `code` is that of the log line, if not the one of `reason`. */
  decide(reason: CloseReason, complaint = "", code?: Code): void {
    if (this.hasCome) return
    this.hasCome = true
    this.#complaint = complaint
    this.#code = code
    this.#decide(Exit.succeed(reason))
  }

  readonly onDefect: OnDefect = (defect) => {
    this.hasCome = true
    this.#hasDefect = true
    this.#decide(Exit.die(defect))
  }

  #decide(exit: Exit.Exit<CloseReason>): void {
    if (Deferred.doneUnsafe(this.#decided, exit)) this.#wake.call()
  }

  /** Has the fiber carry out `work`, which the end interrupts; one at a time. It may begin within this call. */
  carryOut(work: Effect.Effect<void>): void {
    this.#work = work
    this.#wake.call()
  }

  /** To be called when the fiber has ended, however it did; a reason that was told stays. */
  forget(): void {
    this.hasCome = true
    this.#connections.close(this.#connection, this.#hasDefect ? "defect" : "relay stopped")
  }

  #next(decided: Effect.Effect<unknown>): Effect.Effect<unknown> {
    const work = this.#work
    this.#work = undefined
    if (work === undefined) return this.#wake.wait
    const told = Effect.tapDefect(work, (defect) => Effect.sync(() => this.onDefect(defect)))
    return Effect.raceFirst(told, decided)
  }

  /** The fiber: carries out what it is given until the connection ends; answers why it ended. */
  reason(name: "control" | "data" | "viewer", peer: Peer): Effect.Effect<CloseReason> {
    return Effect.gen({ self: this }, function* () {
      peer.whenGone((end) => this.#decide(Exit.succeed(reasonOf(end))))
      const decided = Deferred.await(this.#decided)
      yield* Effect.whileLoop({
        while: () => !Deferred.isDoneUnsafe(this.#decided),
        body: () => this.#next(decided),
        step: () => {}
      })
      const reason = yield* decided
      this.#connections.close(this.#connection, reason, this.#complaint)
      const { sessionId } = this.#connection
      const code = this.#code ?? codeOf(reason)
      peer.carried?.ends({ code, detail: this.#complaint }, isRefusal(reason))
      const detail = this.#complaint === "" ? "" : `: ${this.#complaint}`
      const line = `${name} connection ended: ${reason}${detail}`
      // Reasons that occur all the time say nothing about the peer.
      const isOrdinary = catalogue[codeOf(reason)].level === "debug"
      if (!isOrdinary) this.#incidents.count(code)
      const log = isOrdinary ? Effect.logDebug(line) : Effect.logWarning(line)
      yield* said(Effect.annotateLogs(log, { code, ...(sessionId !== undefined && { session: sessionId }) }))
      return reason
    }).pipe(
      Effect.tapDefect(() => Effect.sync(() => peer.carried?.ends({ code: codeOf("defect"), detail: "" }, false)))
    )
  }
}
