/**
 * The connection of an edge after OPEN_JOURNAL (docs/extension.md): records in, acknowledgements out. It is a control
 * connection until then, and as such it lives and ends.
 */
import { Effect } from "effect"
import { clearInterval, clearTimeout, clockMillis, setImmediate, setInterval, setTimeout } from "../../Machine.ts"
import { sharedBytes } from "../../memory/Landing.ts"
import * as OpenJournal from "../../protocol/journal/OpenJournal.ts"
import { Kind, packedHeadBytes } from "../../protocol/journal/Record.ts"
import { keptBytesMax, RecordFramer, type RecordSink } from "../../protocol/journal/RecordFramer.ts"
import { viewOf } from "../../protocol/Struct.ts"
import type { Holding } from "../../relay/journal/CommonMemory.ts"
import type { Carrier, Taken } from "../../relay/journal/Taken.ts"
import type { Registry } from "../../relay/Registry.ts"
import type { Peer } from "../../transport/Peer.ts"
import type { Successor } from "../control/Command.ts"
import { Unpacking } from "./Unpacking.ts"

/** An edge takes a relay for dead that says nothing for longer. */
const heartbeatMillis = 2000

/** Where much comes at once, what is acknowledged waits for more for so long. */
const pauseMillis = 20
const muchBytes = 64 * 1024

/** Records that are carried out before other connections are looked at: packed, a read may bring a million. */
const turnCountMax = 1024

/** As how many a packed one counts, besides those in it: to unpack it takes time, too. */
const packedCount = (bytes: Buffer, from: number, to: number): number =>
  to - from < packedHeadBytes ? 1 : Math.ceil(bytes.readUInt32BE(from) / 1024)

const { acknowledgement, Outcome } = OpenJournal
const nothing = Buffer.alloc(0)

type Background = Registry["Service"]["background"]

/** What one read brings, at most, unless there is room for more: it may have to be held back as a whole. */
const shortReadBytes = 64 * 1024
/** So much more a long one brings. */
const longerBytes = sharedBytes - shortReadBytes

export interface Options {
  readonly background: Background
  /** Its part of what all such connections have in common: for records that come in part, and for long reads. */
  readonly partial: Holding
  readonly reads: Holding
  readonly journal: Taken
  readonly peer: Peer
  readonly onEnd: (complaint?: string) => void
}

export class JournalConnection implements Carrier, Successor {
  readonly peer: string
  readonly #background: Background
  readonly #socket: Peer
  readonly #journal: Taken
  readonly #partial: Holding
  readonly #reads: Holding
  readonly #onEnd: (complaint?: string) => void
  readonly #framer = new RecordFramer((number, kind, connection, bytes, from, to) => {
    if (kind !== Kind.packed || this.#journal.isOver) return this.#record(number, kind, connection, bytes, from, to)
    this.#unpacking.add(bytes, from, to)
    this.#count += packedCount(bytes, from, to)
    return this.#unpacking.isEmpty && this.#takesMore
  })
  readonly #record: RecordSink = (number, kind, connection, bytes, from, to) => {
    if (kind === Kind.hears && number === 0) return this.#hear()
    if (!this.#journal.record(number, kind, connection, bytes, from, to)) this.#isDamaged = true
    this.#count++
    return this.#takesMore
  }
  readonly #unpacking = new Unpacking(this.#record)
  /** Records of this turn. */
  #count = 0
  #isWaitingForTurn = false
  readonly #heartbeat = setInterval(() => this.#beat(), heartbeatMillis)
  #backlog: Buffer | undefined
  #acknowledged = -1
  #acknowledgedOutcome: OpenJournal.Outcome = Outcome.goesOn
  #acknowledgedDurable = -1
  #acknowledgedAt = Number.NEGATIVE_INFINITY
  #pause: ReturnType<typeof setTimeout> | undefined
  /** The edge wants to know what is lost; so many parts it was told of. */
  #hears = false
  #lostCount = 0
  #hasBegun = false
  #isDamaged = false
  #isForgetting = false
  #isOver = false
  /** For the record that comes in part. */
  #hasRoom = true
  #onBound = (): void => {}
  /** Its reads are long: room for one is held for as long as much comes. */
  #isLong = false
  /** A long read has come since that was asked last. */
  #isBusy = false

  constructor({ background, journal, onEnd, partial, peer: socket, reads }: Options) {
    this.#background = background
    this.#socket = socket
    this.peer = socket.name
    this.#journal = journal
    this.#partial = partial
    this.#reads = reads
    this.#onEnd = onEnd
    journal.attach(this)
  }

  begin(onBound: () => void): void {
    this.#onBound = onBound
    this.#hasBegun = true
    this.#acknowledge()
  }

  /** False: read no more until `Peer.resume`. */
  receive(bytes: Buffer, length: number): boolean {
    if (this.#isOver) return false
    const backlog = this.#backlog
    if (backlog !== undefined) this.#backlog = Buffer.concat([backlog, bytes.subarray(0, length)])
    else this.#take(bytes, length)
    if (this.#journal.isForgotten) return this.#forget()
    return this.#isReadable
  }

  get readBytesMax(): number {
    return this.#isLong ? sharedBytes : shortReadBytes
  }

  /** Long reads, if there is room for what they may leave here. */
  #readLong(isWanted: boolean): void {
    if (isWanted === this.#isLong) return
    this.#reads.set(isWanted ? longerBytes : 0)
    this.#isLong = isWanted && !this.#reads.isTooMuch
    if (this.#isLong !== isWanted) this.#reads.set(0)
    else this.#onBound()
  }

  /** Of a record that comes in part no more is read until its owner has room for all of it: then it need not wait. */
  #claim(): void {
    const wanted = this.#framer.comingBytes + this.#unpacking.heldBytes - keptBytesMax
    this.#hasRoom = this.#partial.claim(Math.max(0, wanted), this.#onRoom)
  }

  readonly #onRoom = (): void => {
    this.#hasRoom = true
    this.onReady()
  }

  get #isReadable(): boolean {
    const hasAllTaken = this.#backlog === undefined && this.#unpacking.isEmpty && !this.#isWaitingForTurn
    return hasAllTaken && this.#hasRoom && !this.#isOver
  }

  #forget(): false {
    if (this.#isForgetting) return false
    this.#isForgetting = true
    forget(this.#background, this.#journal.forgotten, this.#socket, () => this.#end())
    return false
  }

  get #takesMore(): boolean {
    const isOn = this.#count < turnCountMax || this.#journal.isOver
    return isOn && this.#journal.isReady && !this.#unpacking.isBroken && !this.#isDamaged
  }

  /** Others are looked at before the next turn. */
  #endTurn(): void {
    if (this.#count < turnCountMax || this.#isWaitingForTurn) return
    this.#isWaitingForTurn = true
    setImmediate(this.#onTurn)
  }

  readonly #onTurn = (): void => {
    this.#isWaitingForTurn = false
    this.#count = 0
    this.onReady()
  }

  /** `isOwn`: the bytes stay after the call. */
  #take(bytes: Buffer, length: number, isOwn = false): void {
    // What came last may have left it held back.
    if (this.#takesMore) this.#unpacking.goOn()
    const stopped = this.#takesMore && this.#unpacking.isEmpty ? this.#framer.push(bytes, 0, length) : 0
    const rest = bytes.subarray(stopped, length)
    if (stopped < length) this.#backlog = isOwn ? rest : Buffer.from(rest)
    if (!isOwn && length >= shortReadBytes) {
      this.#isBusy = true
      this.#readLong(true)
    }
    this.#endTurn()
    this.#journal.flush()
    if (this.#framer.isDead || this.#unpacking.isBroken || this.#isDamaged) this.#end("no record of a journal")
    else {
      this.#claim()
      this.#tell(length >= muchBytes)
    }
  }

  onReady(): void {
    if (this.#isOver || this.#isWaitingForTurn) return
    const backlog = this.#backlog
    if (backlog !== undefined || !this.#unpacking.isEmpty) {
      this.#backlog = undefined
      this.#take(backlog ?? nothing, backlog?.length ?? 0, true)
    } else this.#tell()
    if (this.#journal.isForgotten) this.#forget()
    else if (this.#isReadable) this.#socket.resume()
  }

  onReplaced(): void {
    this.#end()
  }

  #tell(isMuch = false): void {
    if (this.#hears) this.#tellLost()
    const { durable, outcome, received } = this.#journal
    if (outcome === Outcome.finished || outcome !== this.#acknowledgedOutcome) this.#acknowledge()
    else if (received !== this.#acknowledged || durable !== this.#acknowledgedDurable) this.#acknowledgeSoon(isMuch)
  }

  /** From now on it wants to know what is lost. */
  #hear(): boolean {
    this.#hears = true
    return this.#takesMore
  }

  #tellLost(): void {
    const { durable, lost, received } = this.#journal
    for (; this.#lostCount < lost.length; this.#lostCount++) {
      const text = Buffer.from(lost[this.#lostCount] ?? "").subarray(0, OpenJournal.lostBytesMax)
      const head = Buffer.alloc(OpenJournal.lostHead.size)
      OpenJournal.lostHead.write(viewOf(head), 0, { byteCount: text.length })
      this.#socket.send(Buffer.concat([acknowledge(received, durable, Outcome.lost), head, text]))
    }
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

  #beat(): void {
    this.#journal.beat()
    if (!this.#isBusy && this.#backlog === undefined) this.#readLong(false)
    this.#isBusy = false
    this.#framer.rest()
    this.#acknowledge()
  }

  #acknowledge(): void {
    if (!this.#hasBegun) return
    if (this.#hears) this.#tellLost()
    const { durable, outcome, received } = this.#journal
    this.#acknowledgedOutcome = outcome
    this.#acknowledged = received
    this.#acknowledgedDurable = durable
    this.#acknowledgedAt = clockMillis()
    this.#socket.send(acknowledge(received, durable, outcome))
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
    this.#partial.set(0)
    this.#reads.set(0)
    this.#journal.detach(this)
  }
}

const acknowledge = (received: number, durable: number, outcome: OpenJournal.Outcome): Buffer => {
  const bytes = Buffer.alloc(acknowledgement.size)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  acknowledgement.write(view, 0, { received: BigInt(received), durable: BigInt(durable), outcome })
  return bytes
}

/** The edge knows that the journal is over, and goes on saying so until it is told that nothing is left of it. */
export const forget = (background: Background, forgotten: Effect.Effect<void>, edge: Peer, end: () => void): void =>
  background(
    Effect.map(Effect.ignoreCause(forgotten), () => {
      edge.send(acknowledge(0, 0, Outcome.forgotten))
      end()
    })
  )
