/**
 * The connection of an edge after OPEN_JOURNAL (docs/extension.md): records in, acknowledgements out. It is a control
 * connection until then, and as such it lives and ends.
 */
import { Effect } from "effect"
import { clearInterval, clearTimeout, clockMillis, setInterval, setTimeout } from "../../Machine.ts"
import * as OpenJournal from "../../protocol/journal/OpenJournal.ts"
import { Kind } from "../../protocol/journal/Record.ts"
import { RecordFramer, type RecordSink } from "../../protocol/journal/RecordFramer.ts"
import * as JournalHistory from "../../relay/journal/JournalHistory.ts"
import type { Registry } from "../../relay/Registry.ts"
import type { Peer } from "../../transport/Peer.ts"
import type { Successor } from "../control/Command.ts"
import { keepCleared } from "./Clearing.ts"
import { suspended } from "./Expiry.ts"
import type { HostedJournal } from "./HostedJournal.ts"
import type { Carrier } from "./Hosting.ts"
import { Unpacking } from "./Unpacking.ts"

/** An edge takes a relay for dead that says nothing for longer. */
const heartbeatMillis = 2000

/** Where much comes at once, what is acknowledged waits for more for so long. */
const pauseMillis = 20
const muchBytes = 64 * 1024

const { acknowledgement, Outcome } = OpenJournal
const nothing = Buffer.alloc(0)

export class JournalConnection implements Carrier, Successor {
  readonly peer: string
  readonly #registry: Registry["Service"]
  readonly #socket: Peer
  readonly #journal: HostedJournal
  readonly #onEnd: (complaint?: string) => void
  readonly #framer = new RecordFramer((number, kind, connection, bytes, from, to) => {
    if (kind !== Kind.packed || this.#journal.isOver) return this.#record(number, kind, connection, bytes, from, to)
    this.#unpacking.add(bytes, from, to)
    return this.#unpacking.isEmpty && this.#takesMore
  })
  readonly #record: RecordSink = (number, kind, connection, bytes, from, to) => {
    const isNew = number > this.#journal.received
    if (isNew && kind === Kind.command) keepCleared(this.#registry, this.#journal.edgeName, bytes, from, to)
    this.#journal.record(number, kind, connection, bytes, from, to)
    return this.#takesMore
  }
  readonly #unpacking = new Unpacking(this.#record)
  readonly #heartbeat = setInterval(() => this.#beat(), heartbeatMillis)
  #backlog: Buffer | undefined
  #acknowledged = -1
  #acknowledgedOutcome: OpenJournal.Outcome = Outcome.goesOn
  #acknowledgedDurable = -1
  #acknowledgedAt = Number.NEGATIVE_INFINITY
  #pause: ReturnType<typeof setTimeout> | undefined
  #isOver = false

  constructor(
    registry: Registry["Service"],
    socket: Peer,
    journal: HostedJournal,
    onEnd: (complaint?: string) => void
  ) {
    this.#registry = registry
    this.#socket = socket
    this.peer = socket.name
    this.#journal = journal
    this.#onEnd = onEnd
    journal.standing.comesBy(socket)
    journal.attach(this)
  }

  /** False: read no more until `Peer.resume`. */
  receive(bytes: Buffer, length: number): boolean {
    if (this.#isOver) return false
    const backlog = this.#backlog
    if (backlog !== undefined) this.#backlog = Buffer.concat([backlog, bytes.subarray(0, length)])
    else this.#take(bytes, length)
    if (this.#journal.isForgotten) return this.#forget()
    return this.#backlog === undefined && this.#unpacking.isEmpty && !this.#isOver
  }

  #forget(): false {
    forget(this.#registry, this.#journal.token, this.#socket, () => this.#end())
    return false
  }

  get #takesMore(): boolean {
    const { isCut, isOver, isReady } = this.#journal
    return isReady && (isOver || !isCut) && !this.#unpacking.isBroken
  }

  #take(bytes: Buffer, length: number): void {
    // What came last may have left it held back.
    if (this.#journal.isReady) this.#unpacking.goOn()
    const stopped = this.#journal.isReady && this.#unpacking.isEmpty ? this.#framer.push(bytes, 0, length) : 0
    if (stopped < length) this.#backlog = Buffer.from(bytes.subarray(stopped, length))
    if (this.#framer.isDead || this.#unpacking.isBroken) this.#end("no record of a journal")
    else this.#tell(length >= muchBytes)
  }

  onReady(): void {
    if (this.#isOver) return
    const backlog = this.#backlog
    if (backlog !== undefined || !this.#unpacking.isEmpty) {
      this.#backlog = undefined
      this.#take(backlog ?? nothing, backlog?.length ?? 0)
    } else this.#tell()
    if (this.#backlog === undefined && this.#unpacking.isEmpty && !this.#isOver) this.#socket.resume()
  }

  onReplaced(): void {
    this.#end()
  }

  #tell(isMuch = false): void {
    const { durable, isCut, isFinished, received } = this.#journal
    // The edge is told once that is done, and goes on saying so until nothing is left of it.
    if (isCut) this.#journal.end()
    if (isFinished || this.#outcome !== this.#acknowledgedOutcome) this.#acknowledge()
    else if (received !== this.#acknowledged || durable !== this.#acknowledgedDurable) this.#acknowledgeSoon(isMuch)
  }

  #acknowledgeSoon(isMuch: boolean): void {
    if (this.#pause !== undefined) return
    const leftMillis = isMuch ? this.#acknowledgedAt + pauseMillis - clockMillis() : 0
    if (leftMillis <= 0) this.#acknowledge()
    else this.#pause = setTimeout(this.#onPaused, leftMillis)
  }

  readonly #onPaused = (): void => {
    this.#pause = undefined
    if (!this.#isOver) this.#acknowledge()
  }

  /** Nothing may come for long: what came last becomes durable all the same. */
  #beat(): void {
    this.#journal.mark()
    this.#acknowledge()
  }

  #acknowledge(): void {
    const { durable, received } = this.#journal
    const outcome = this.#outcome
    this.#acknowledgedOutcome = outcome
    this.#acknowledged = received
    this.#acknowledgedDurable = durable
    this.#acknowledgedAt = clockMillis()
    this.#socket.send(acknowledge(received, durable, outcome))
  }

  get #outcome(): OpenJournal.Outcome {
    const { isFinished, isOver, isReady, standing } = this.#journal
    const { waiting } = standing
    if (isOver) return isFinished ? Outcome.finished : Outcome.ended
    if (waiting !== undefined)
      return waiting.code === "SESSION_NOT_PERMITTED" ? Outcome.waitsForRights : Outcome.waitsForQuota
    return !isReady && this.#registry.store.roomWait.isWaiting ? Outcome.waitsForRoom : Outcome.goesOn
  }

  #end(complaint?: string): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#onEnd(complaint)
  }

  /** The connection is gone. */
  release(): void {
    this.#isOver = true
    clearInterval(this.#heartbeat)
    clearTimeout(this.#pause)
    const journal = this.#journal
    if (!journal.detach(this) || journal.isOver) return
    // Kept for an edge that is gone, what was never let begin would let anybody fill the relay with journals. The edge
    // has all of it, and begins it anew.
    const hasBegun = journal.sessionIds.size > 0 || journal.standing.waiting === undefined
    if (journal.isCut || !hasBegun) journal.end()
    else this.#registry.background(suspended(this.#registry, journal))
  }
}

const acknowledge = (received: number, durable: number, outcome: OpenJournal.Outcome): Buffer => {
  const bytes = Buffer.alloc(acknowledgement.size)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  acknowledgement.write(view, 0, { received: BigInt(received), durable: BigInt(durable), outcome })
  return bytes
}

/** The edge knows that the journal is over, and goes on saying so until it is told that nothing is left of it. */
export const forget = (registry: Registry["Service"], token: string, edge: Peer, end: () => void): void =>
  registry.background(
    Effect.map(JournalHistory.forget(registry.store, token), () => {
      edge.send(acknowledge(0, 0, Outcome.forgotten))
      end()
    })
  )
