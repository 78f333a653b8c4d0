/**
 * One viewer connection (live.md §1): requests in, answers out, in order.
 *
 * Two lanes, as on control connections: what needs no disk is answered in the turn that reads it, the answers of one
 * read in one write; the rest is done by the connection's fiber, and nothing is read meanwhile. From a viewer that does
 * not read its answers nothing is read: it costs what its socket holds, one read of requests, and one answer.
 */
import { Effect, Latch } from "effect"
import { nameOf } from "../protocol/live/index.ts"
import * as Version from "../protocol/Version.ts"
import type * as Connections from "../relay/Connections.ts"
import { Party, type Permissions } from "../relay/party/Party.ts"
import type { Registry } from "../relay/Registry.ts"
import { Tally } from "../relay/Tally.ts"
import { ViewerActor } from "../relay/viewer/ViewerActor.ts"
import type { Peer, Receiver } from "../transport/Peer.ts"
import { ConnectionEnd } from "./ConnectionEnd.ts"
import { contained, containedCall } from "./Contained.ts"
import { answer, Ending, type LiveState, type Send, Work } from "./LiveCommands.ts"
import { LiveFramer, type RequestSink } from "./LiveFramer.ts"
import { served } from "./Served.ts"
import { Turn, turnBytes } from "./Turn.ts"

/** So many bytes of answers are sent although more requests follow in the same read. */
const answerBytesMax = 64 * 1024

/** Serves a viewer. Without `permissions`, those of the registry hold. */
export const serve = (peer: Peer, permissions?: Permissions): Effect.Effect<void, never, Registry> =>
  served((registry) => new LiveConnection(peer, registry, permissions ?? registry.permissions))

class LiveConnection implements Receiver, RequestSink {
  readonly #peer: Peer
  readonly #party: Party
  readonly #framer = new LiveFramer(this)
  readonly #state: LiveState
  readonly #tally: Tally
  readonly #connection: Connections.Connection
  readonly #end: ConnectionEnd
  /** Open while the viewer reads its answers. */
  readonly #writable = Latch.makeUnsafe(true)
  #isBehind = false
  #work: Work | undefined
  #backlog: Buffer | undefined
  #answers: Array<Uint8Array> = []
  #answerBytes = 0
  #isEndOfInput = false
  readonly #turn: Turn

  constructor(peer: Peer, registry: Registry["Service"], permissions: Permissions) {
    this.#peer = peer
    this.#tally = registry.tally
    const { connections } = registry.tally
    this.#connection = connections.open("live", peer.name)
    this.#end = new ConnectionEnd(connections, registry.incidents, this.#connection)
    this.#turn = new Turn(containedCall(() => this.#resume(), this.#end.onDefect))
    peer.readAtMost(turnBytes)
    this.#party = new Party(permissions, peer)
    this.#state = {
      viewer: new ViewerActor(registry, this.#connection, this.#party),
      minor: Version.own.minor,
      isConnected: false
    }
    const refusal = this.#party.enter()
    if (refusal !== undefined) this.#end.decide("over quota", refusal.detail, refusal.code)
  }

  get run(): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      this.#peer.start(contained(this, this.#end.onDefect))
      yield* this.#end.reason("viewer", this.#peer)
    })
  }

  /** Runs however the fiber ended. */
  get release(): Effect.Effect<void> {
    return Effect.sync(() => {
      this.#end.forget()
      this.#party.leave()
      this.#state.viewer.close()
      this.#peer.close()
    })
  }

  // ---- the fiber's lane ------------------------------------------------------------------------------------------

  #carryOut(work: Work): Effect.Effect<void> {
    return Effect.map(work.run(this.#sendSlowly), (ending) => {
      this.#work = undefined
      if (ending === undefined) this.#resume()
      else this.#end.decide("protocol error", ending.reason)
    })
  }

  readonly #sendSlowly: Send = (bytes, sent) => {
    this.#give(bytes, sent)
    return this.#writable.await
  }

  // ---- Receiver --------------------------------------------------------------------------------------------------

  receive(bytes: Buffer, length: number): boolean {
    this.#connection.receivedByteCount += length
    this.#take(bytes, length)
    this.#turn.took(length)
    return this.#mayRead()
  }

  ended(): void {
    this.#isEndOfInput = true
    this.#endIfDone()
  }

  drained(): void {
    if (!this.#isBehind) return
    this.#isBehind = false
    this.#writable.openUnsafe()
    this.#resume()
  }

  /** `bytes` are lent for this call: what is not handled within it is copied. */
  #take(bytes: Buffer, length: number): void {
    const stopped = this.#framer.push(bytes, 0, length)
    this.#peer.expect(this.#framer.isInsideRequest)
    this.#sendAnswers()
    if (stopped < length && !this.#end.hasCome) this.#backlog = Buffer.from(bytes.subarray(stopped, length))
    // Last: the fiber may run, and even finish, during this call.
    if (this.#work !== undefined) this.#end.carryOut(this.#carryOut(this.#work))
  }

  #mayRead(): boolean {
    if (this.#end.hasCome || this.#backlog !== undefined) return false
    if (this.#work === undefined && !this.#isBehind) {
      this.#connection.goOn()
      return !this.#turn.isOver
    }
    this.#connection.holdBack(this.#isBehind ? "unread answers" : "files")
    return false
  }

  #resume(): void {
    if (this.#end.hasCome || this.#work !== undefined || this.#isBehind) return
    const backlog = this.#backlog
    if (backlog !== undefined) {
      this.#backlog = undefined
      this.#take(backlog, backlog.length)
    }
    if (this.#mayRead()) this.#peer.resume()
    this.#endIfDone()
  }

  /** What the viewer asked before it closed its side is answered first. */
  #endIfDone(): void {
    if (this.#isEndOfInput && this.#work === undefined && this.#backlog === undefined) this.#end.decide("peer closed")
  }

  // ---- RequestSink -----------------------------------------------------------------------------------------------

  request(command: number, bytes: Buffer, at: number): boolean {
    Tally.count(this.#tally.liveCommands, command)
    const result = answer(this.#state, command, bytes, at)
    if (result instanceof Uint8Array) {
      this.#answers.push(result)
      this.#answerBytes += result.length
      if (this.#answerBytes >= answerBytesMax) this.#sendAnswers()
      return !this.#isBehind
    }
    if (result instanceof Ending) {
      if (result.bytes !== undefined) this.#answers.push(result.bytes)
      this.#sendAnswers()
      this.#end.decide("protocol error", `${nameOf(command)}: ${result.reason}`)
      return false
    }
    this.#sendAnswers()
    if (result instanceof Work) {
      this.#work = result
      return false
    }
    if (result.head !== undefined) this.#give(result.head)
    this.#give(result.bytes, result.giveBack)
    return !this.#isBehind
  }

  #sendAnswers(): void {
    const answers = this.#answers
    if (answers.length === 0) return
    this.#answers = []
    this.#answerBytes = 0
    this.#give(answers.length === 1 ? (answers[0] as Uint8Array) : Buffer.concat(answers))
  }

  #give(bytes: Uint8Array, sent?: () => void): void {
    if (this.#peer.send(bytes, sent) || this.#isBehind) return
    this.#isBehind = true
    this.#writable.closeUnsafe()
  }
}
