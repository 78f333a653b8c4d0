/**
 * One control connection (streaming.md §1.2, §2): frames commands, runs them one at a time, answers in order.
 *
 * Two lanes. `SEND_INDEX` and `SEND_METADATA` come at the rate of packets: they are done in the turn that reads them,
 * as is every command that has nothing to wait for, and the answers of one read leave in one write. A command that
 * waits is run by the connection's fiber. Nothing is read meanwhile; what was read already waits, one read at most.
 */
import { Effect } from "effect"
import type { Code } from "../errors/Catalogue.ts"
import { type Incident, said } from "../errors/Report.ts"
import { clockMillis, queueMicrotask } from "../Machine.ts"
import { Account } from "../memory/Blocks.ts"
import type { Shares } from "../memory/Charge.ts"
import { CommandFramer, type CommandSink, flow, refuse } from "../protocol/control/CommandFramer.ts"
import { nameOf } from "../protocol/control/index.ts"
import * as SendIndex from "../protocol/control/SendIndex.ts"
import * as SendMetadata from "../protocol/control/SendMetadata.ts"
import * as ReturnCode from "../protocol/ReturnCode.ts"
import type { CloseReason } from "../relay/CloseReason.ts"
import type * as Connections from "../relay/Connections.ts"
import type { Registry } from "../relay/Registry.ts"
import * as Span from "../relay/Span.ts"
import type { Control } from "../relay/session/SessionActor.ts"
import { Tally } from "../relay/Tally.ts"
import type { Peer, Receiver } from "../transport/Peer.ts"
import { ConnectionEnd } from "./ConnectionEnd.ts"
import { contained, containedCall } from "./Contained.ts"
import { Answering } from "./control/Answering.ts"
import * as Command from "./control/Command.ts"
import { run } from "./control/Commands.ts"
import { addIndex } from "./control/IndexMessage.ts"
import { MetadataMessage, refusedMetadata } from "./control/MetadataMessage.ts"
import { payloadBytesMaxOf } from "./control/Payloads.ts"
import { RefusalGrace } from "./control/RefusalGrace.ts"
import * as DataConnection from "./DataConnection.ts"
import { served } from "./Served.ts"
import { Throttle } from "./Throttle.ts"
import { type InTurns, inTurns, Turn, turnBytes } from "./Turn.ts"

/** A command that has to wait for something. */
interface Waiting {
  readonly number: number
  readonly reply: Effect.Effect<Command.Reply>
  /** Writes what earlier answers of the read promise, before the command; if that fails, the connection ends. */
  readonly written: Effect.Effect<Command.Reply> | undefined
}

const refusedIndex = Command.code(ReturnCode.UNKNOWN)
const notAcceptable = Command.refuse(refusedIndex, "INDEX_REFUSED", "not acceptable now")
const misplaced = Command.refuse(undefined, "INDEX_REFUSED", "no session, no version, or too short")
const tooMany: Incident = { code: "HALVES_EXCEEDED", detail: "too many indexes without packets" }

export const serve = (peer: Peer): Effect.Effect<void, never, Registry> =>
  served((registry) => new ControlConnection(peer, registry))

class ControlConnection implements Receiver, CommandSink, Control {
  readonly #peer: Peer
  readonly #registry: Registry["Service"]
  readonly #framer = new CommandFramer(this)
  readonly #state: Command.ControlState
  readonly #shares: Shares
  readonly #connection: Connections.Connection
  readonly #end: ConnectionEnd
  readonly #throttle: Throttle
  readonly #answering: Answering
  /** The fiber's lane is taken: nothing is read, and what was read already is in `#backlog`. */
  #command: Waiting | undefined
  #backlog: Buffer | undefined
  #isEndOfInput = false
  #metadata: MetadataMessage | undefined
  /** Takes all that comes from now on: the connection has become a journal's. */
  #successor: Command.Successor | undefined
  readonly #grace = new RefusalGrace(() => this.end("session refused"))
  readonly #turn: Turn
  readonly #inTurns: InTurns

  constructor(peer: Peer, registry: Registry["Service"]) {
    this.#peer = peer
    this.#registry = registry
    const { connections } = registry.tally
    this.#connection = connections.open("control", peer.name)
    this.#end = new ConnectionEnd(connections, registry.incidents, this.#connection)
    this.#answering = new Answering({
      peer,
      registry,
      connection: this.#connection,
      grace: this.#grace,
      mayLeave: () => this.#mayAnswer,
      onLooked: () => this.#answerRead(),
      onDefect: this.#end.onDefect
    })
    const onRoom = containedCall(() => this.#resume(), this.#end.onDefect)
    this.#shares = {
      bytes: new Account(registry.pool, onRoom),
      // Not within this call: the read with the packet that makes room is not over.
      halves: new Account(registry.halves, () => queueMicrotask(onRoom))
    }
    this.#state = Command.makeState(registry, this.#shares.bytes, this, peer, {
      control: serve,
      data: DataConnection.serve
    })
    this.#turn = new Turn(onRoom)
    const { party } = this.#state
    this.#inTurns = inTurns(peer, () => this.#successor?.readBytesMax ?? turnBytes)
    this.#throttle = new Throttle({
      party,
      peer: this.#inTurns,
      background: registry.background,
      onHeld: this.#connection.heldBy(peer.pause),
      onFree: onRoom,
      onRefused: (incident) => this.#refuse(incident),
      onDefect: this.#end.onDefect
    })
    const refusal = party.enter()
    if (refusal !== undefined) this.#refuse(refusal)
  }

  get run(): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      this.#throttle.begin(() => this.#peer.start(contained(this, this.#end.onDefect)))
      const reason = yield* this.#end.reason("control", this.#peer)
      this.#detach(reason !== "peer closed")
    })
  }

  /** Runs however the fiber ended. */
  get release(): Effect.Effect<void> {
    return Effect.sync(() => {
      this.#end.forget()
      this.#grace.stop()
      this.#successor?.release()
      this.#throttle.stop()
      this.#state.party.leave()
      this.#detach(true)
      this.#shares.bytes.close()
      this.#shares.halves.close()
      this.#peer.close()
    })
  }

  #detach(isAbort: boolean): void {
    this.#metadata?.abandon()
    this.#metadata = undefined
    this.#state.session?.detach(this, isAbort)
  }

  // ---- Connection, for the session -------------------------------------------------------------------------------

  end(reason: CloseReason, complaint?: string, code?: Code): void {
    this.#answering.conclude()
    this.#end.decide(reason, complaint, code)
  }

  #refuse({ code, detail }: Incident): void {
    this.end("over quota", detail, code)
  }

  dataGone(): void {
    this.#endIfVain()
  }

  /** If it is held back for packets that no data connection can bring, it would never be read again: it ends. */
  #endIfVain(): boolean {
    const isVain = this.#shares.halves.isOver && this.#state.session?.hasData !== true
    if (isVain) this.#refused(SendIndex.number, tooMany, "end")
    return isVain
  }

  // ---- the fiber's lane ------------------------------------------------------------------------------------------

  #carryOut({ number, reply, written }: Waiting): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      if (written !== undefined) {
        if (!this.#reply(SendIndex.number, yield* written)) return
        this.#answering.send()
      }
      yield* said(Effect.annotateLogs(Effect.logTrace(nameOf(number)), { command: number }))
      const answer = yield* Span.ofCommand(reply, nameOf(number), this.#peer.name)
      if (!this.#reply(number, answer)) return
      this.#answering.send()
      this.#command = undefined
      this.#resume()
    })
  }

  // ---- Receiver --------------------------------------------------------------------------------------------------

  receive(bytes: Buffer, length: number): boolean {
    this.#connection.receivedByteCount += length
    if (this.#successor !== undefined) return !this.#end.hasCome && this.#successor.receive(bytes, length)
    const now = clockMillis()
    this.#answering.begin(now)
    this.#grace.heard(now)
    // A late answer may have begun to wait for files since the last read; this one is kept for after it.
    if (this.#command === undefined) this.#take(bytes, length)
    else this.#backlog = Buffer.from(bytes.subarray(0, length))
    this.#throttle.take(length, this.#state.session !== undefined)
    // A journal's records have turns of their own.
    if (this.#peer.carried === undefined) this.#turn.took(length)
    return this.#mayRead()
  }

  ended(): void {
    this.#isEndOfInput = true
    this.#endIfDone()
  }

  drained(): void {
    this.#answering.isPeerBehind = false
    this.#resume()
  }

  #take(bytes: Buffer, length: number): void {
    if (this.#end.hasCome) return
    const stopped = this.#successor === undefined ? this.#framer.push(bytes, 0, length) : 0
    this.#answerRead()
    if (this.#framer.isDead) this.end("protocol error", "payload larger than 128 MiB")
    if (this.#framer.isDead || stopped === length) return
    const rest = bytes.subarray(stopped, length)
    if (this.#successor === undefined) this.#backlog = Buffer.from(rest)
    else this.#successor.receive(rest, rest.length)
  }

  #mayRead(): boolean {
    if (this.#end.hasCome) return false
    const cause = this.#causeToWait
    if (cause === undefined) this.#connection.goOn()
    else this.#connection.holdBack(cause)
    return cause === undefined && !this.#turn.isOver
  }

  get #causeToWait(): Connections.Cause | undefined {
    if (this.#command !== undefined) return "files"
    if (this.#answering.isPeerBehind) return "unread answers"
    if (this.#throttle.isClosed) return "quota"
    const { bytes, halves } = this.#shares
    if (bytes.isSpent()) return bytes.isFull ? "disk" : "memory"
    return halves.isSpent() ? "halves" : undefined
  }

  /** Goes on after a command, after memory came back, or after the peer has read its answers. */
  #resume(): void {
    if (this.#end.hasCome || this.#command !== undefined || this.#answering.isPeerBehind) return
    const backlog = this.#backlog
    if (backlog !== undefined) {
      this.#backlog = undefined
      this.#take(backlog, backlog.length)
    }
    if (this.#mayRead()) this.#peer.resume()
    this.#endIfDone()
  }

  /** What the peer sent before it closed is carried out first. */
  #endIfDone(): void {
    if (this.#isEndOfInput && this.#command === undefined && this.#backlog === undefined) this.end("peer closed")
  }

  // ---- CommandSink: the reading turn's lane ----------------------------------------------------------------------

  header(command: number, dataSize: number): number {
    if (command !== SendMetadata.number) return payloadBytesMaxOf(command, this.#state.session?.streams.size ?? 0)
    Tally.count(this.#registry.tally.controlCommands, command)
    if (dataSize <= SendMetadata.headerSize) {
      this.#refuseMetadata(refusedMetadata("no metadata"))
      return refuse
    }
    this.#metadata = new MetadataMessage(this.#state, this.#shares.bytes, dataSize - SendMetadata.headerSize)
    return flow
  }

  command(number: number, payload: Buffer, from: number, to: number): boolean {
    Tally.count(this.#registry.tally.controlCommands, number)
    this.#answering.count()
    this.#grace.goOn()
    if (number === SendIndex.number) return this.#sendIndex(payload, from, to)
    this.#answering.pace.hasOnlyBeacons = false
    const answer = run(this.#state, number, payload.subarray(from, to))
    if (Effect.isEffect(answer) || answer.after === "end") return this.#last(number, answer)
    return this.#reply(number, answer) && this.#successor === undefined
  }

  /** For a command that waits or ends the connection: the read stops here, and indexes before it are written first. */
  #last(number: number, answer: Command.Answer): boolean {
    const written = this.#answering.writeOut()
    if (written === undefined && !Effect.isEffect(answer)) return this.#reply(number, answer)
    if (written === undefined) this.#answering.send()
    this.#run(number, Effect.isEffect(answer) ? answer : Effect.succeed(answer), written)
    return false
  }

  #run(number: number, reply: Effect.Effect<Command.Reply>, written?: Effect.Effect<Command.Reply>): void {
    const command = { number, reply, written }
    this.#command = command
    // Not within this call: the fiber would run at once, before the rest of the read is put aside.
    queueMicrotask(() => this.#end.carryOut(this.#carryOut(command)))
  }

  flow(bytes: Buffer, from: number, to: number): void {
    this.#refuseMetadata(this.#metadata?.push(bytes, from, to, this.#state.session !== undefined))
  }

  flowEnd(): void {
    if (!this.#end.hasCome) this.#refuseMetadata(this.#metadata?.end())
    this.#metadata = undefined
  }

  #refuseMetadata(refusal: Incident | undefined): void {
    if (refusal !== undefined) this.#refused(SendMetadata.number, refusal, "end")
  }

  /** `SEND_INDEX` (§6.6). */
  #sendIndex(payload: Buffer, from: number, to: number): boolean {
    const state = this.#state
    if (state.session === undefined || !state.hasVersion || to - from < SendIndex.size(state.minor)) {
      return this.#last(SendIndex.number, misplaced)
    }
    const { offsets } = SendIndex
    const handle = payload.readBigUInt64BE(from + offsets.relayStreamId)
    const stream = Command.streamOf(state, handle)
    const awaitingCount = stream?.model.awaitingDataCount ?? 0
    const isAccepted =
      stream !== undefined && addIndex(state, stream, payload, from, this.#shares, this.#answering.pace)
    if (isAccepted) {
      this.#answering.acknowledge(stream, stream.model.awaitingDataCount > awaitingCount)
      return !this.#endIfVain()
    }
    const refusal = stream === undefined ? Command.unknownStream(state, refusedIndex, handle) : notAcceptable
    return this.#last(SendIndex.number, refusal)
  }

  /** False: the connection ends. */
  #reply(number: number, { bytes, after, refusal, successor }: Command.Reply): boolean {
    if (bytes !== undefined) this.#answering.add(bytes)
    if (successor !== undefined) {
      this.#successor = successor
      this.#inTurns.bound()
      this.#answering.send()
      successor.begin(this.#inTurns.bound)
    }
    if (refusal !== undefined) this.#refused(number, refusal, after)
    this.#connection.sessionId = this.#state.session?.id
    return after !== "end"
  }

  /** Counts and logs a refused command, after its reply if it has one. */
  #refused(number: number, refusal: Incident, after: Command.After): void {
    const { code, detail } = refusal
    Tally.count(this.#registry.tally.controlRefusals, number)
    const { background, incidents } = this.#registry
    if (after === "end") this.end("refused", `${nameOf(number)}: ${detail}`, code)
    else {
      this.#peer.carried?.declines(refusal)
      background(Effect.annotateLogs(incidents.report(code, detail), { control: this.#peer.name }))
    }
    if (after === "linger") this.#grace.refused()
  }

  /** Answers may leave, unless a command runs: then they leave with its own. */
  get #mayAnswer(): boolean {
    return !this.#end.hasCome && this.#command === undefined
  }

  #answerRead(): void {
    if (!this.#mayAnswer) return
    const written = this.#answering.leave(this.#state.session?.identity.liveTimer)
    if (written !== undefined) this.#run(SendIndex.number, written)
  }
}
