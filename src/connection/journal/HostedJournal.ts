/**
 * A journal that an edge brings (docs/extension.md): its records, each once and in order, become the bytes of tracers'
 * connections, served as any other. It outlives the edge's connection: without one it is suspended, its sessions wait.
 *
 * One record at a time: a connection that is held back, by memory, a disk or a command that waits for files, holds back
 * all of the journal. So what one connection says is never carried out before what another said earlier.
 */
import { Effect, Latch } from "effect"
import type { Code } from "../../errors/Catalogue.ts"
import { clockMillis } from "../../Machine.ts"
import { isSynced } from "../../model/Sync.ts"
import { Kind } from "../../protocol/journal/Record.ts"
import * as JournalFiles from "../../relay/journal/JournalFiles.ts"
import type { Journal } from "../../relay/journal/Journals.ts"
import { forgetOver } from "../../relay/journal/JournalsLeft.ts"
import { heard, type Said } from "../../relay/journal/Said.ts"
import type { Carrier } from "../../relay/journal/Taken.ts"
import type { Registry } from "../../relay/Registry.ts"
import type { SessionActor } from "../../relay/session/SessionActor.ts"
import * as PositionBytes from "../../relay/stream/PositionBytes.ts"
import { Abridgement } from "./Abridgement.ts"
import { Brought } from "./Brought.ts"
import type { Options } from "./Hosting.ts"
import type { Lacking } from "./Lacking.ts"
import { Marking } from "./Marking.ts"
import { Parts } from "./Parts.ts"
import { Standing } from "./Standing.ts"
import { connectionCountMax, type Fate, Tracers } from "./Tracers.ts"
import { Untouched } from "./Untouched.ts"

/** Parts that are told to be lost; of more there is the log. */
const lostCountMax = 64

export class HostedJournal implements Journal {
  readonly token: string
  readonly edgeName: string
  readonly #registry: Registry["Service"]
  readonly standing: Standing
  readonly #tracers: Tracers
  readonly brought: Brought
  readonly sessionIds: ReadonlySet<number>
  readonly abridgement: Abridgement
  #carrier: Carrier | undefined
  /** Number of the last record that was carried out. */
  received = 0
  readonly marking: Marking
  readonly #parts: Parts
  suspendedAt: number | undefined
  /** What the edge said of itself last. */
  report: Said | undefined
  readonly lost: Array<string> = []
  /** Set if an earlier relay began it. */
  lacking: Lacking | undefined
  /** All of it was carried out. */
  isFinished = false
  /** Its history is not open yet: until it is, no record is carried out. */
  isBeginning = false
  /** It waits for its place among the journals that may be open. */
  isOutside = false
  readonly #over = Latch.makeUnsafe(false)
  readonly over: Effect.Effect<void> = this.#over.await
  readonly #unawaited = Latch.makeUnsafe(true)
  /** Done when nobody need wait for its edge: that is there, or the journal ends. */
  readonly unawaited: Effect.Effect<void> = this.#unawaited.await
  readonly untouched = new Untouched()
  readonly firsts: Journal["firsts"] = new Map()
  /** It ends and leaves nothing behind: its edge may begin it anew. */
  isLeaving = false
  /** The relay stops. */
  #isStopped = false
  /** The edge has said that it will not ask for the journal again. */
  isForgotten = false
  /** The relay ended a connection of it before the tracer did. */
  isCut = false

  constructor(options: Options) {
    this.token = options.token
    this.edgeName = options.edgeName
    this.#registry = options.registry
    this.brought = new Brought(options.registry)
    this.sessionIds = this.brought.ids
    const { background, incidents, permissions } = options.registry
    this.standing = new Standing({
      permissions,
      edge: options.edge,
      sessions: () => this.sessions,
      onWait: ({ code, detail }) => {
        background(incidents.report("JOURNAL_WAITS", `${this.edgeName}: ${code}: ${detail}`))
        this.#carrier?.onReady()
      },
      onGood: () => this.#onReady()
    })
    const { edge, waitsFor } = this.standing
    this.#tracers = new Tracers({
      registry: options.registry,
      owner: () => this.standing.owner,
      serves: options.serves,
      peer: {
        edge,
        journal: options.token,
        begunAt: options.begunAt,
        places: () => this.places,
        brought: (id) => this.sessionIds.has(id),
        waitsFor,
        onReady: () => this.#onReady()
      },
      onSession: (id) => this.#onSession(id),
      onClosed: (number, why, isRefused) => this.#parts.closed(number, why, isRefused),
      onLacking: (sessionId, why) => this.#parts.lacks(sessionId, why)
    })
    const { handles, open } = this.#tracers
    this.abridgement = new Abridgement(open, this.brought, handles)
    this.marking = new Marking(options.registry, this, handles)
    this.#parts = new Parts({
      tracers: this.#tracers,
      brought: this.brought,
      marking: this.marking,
      isEnding: () => this.isEnding,
      isContinued: () => this.lacking !== undefined,
      onCut: () => this.#cut(),
      onLost: (text) => this.#lose(text),
      onClosed: () => this.#toldOfClosed()
    })
  }

  // ---- the edge's connection -------------------------------------------------------------------------------------

  get peer(): string | undefined {
    return this.#carrier?.peer
  }

  attach(carrier: Carrier): void {
    const before = this.#carrier
    this.#carrier = carrier
    this.suspendedAt = undefined
    this.#unawaited.openUnsafe()
    before?.onReplaced()
  }

  /** False: another one has taken over. */
  detach(carrier: Carrier): boolean {
    if (this.#carrier !== carrier) return false
    this.#carrier = undefined
    this.suspendedAt = clockMillis()
    if (!this.isEnding) this.#unawaited.closeUnsafe()
    return true
  }

  /** The next record can be taken. */
  get isReady(): boolean {
    // What still comes is dropped.
    if (this.isOver) return true
    if (!this.marking.over.isOpen() || this.isBeginning || !(this.isRetraced || this.standing.isGood)) return false
    return this.#tracers.areReady
  }

  /** Only while `isReady`. `bytes[from, to)` may be changed. */
  record(number: number, kind: number, connection: number, bytes: Buffer, from: number, to: number): void {
    if (kind === Kind.report) {
      this.report = heard(bytes.subarray(from, to)) ?? this.report
      this.lacking?.look(this)
    }
    if (kind === Kind.forgotten) {
      this.isForgotten = true
      // Here it may still be open, if this relay has lost what an earlier one had carried out and its edge has freed.
      if (!this.isEnding) this.end()
    }
    // Sent again after a connection was lost.
    if (number <= this.received || this.isEnding) return
    this.received = number
    const fate = this.#fateOf(kind, connection, bytes, from, to)
    if (fate === "refused") {
      this.#refuse("JOURNAL_MALFORMED", `record ${number}`)
      return
    }
    if (fate === "late" && !this.#parts.goOnWithout(connection)) return
    // What is put down a later relay carries out as it is, and takes other kinds for its own.
    if (fate === "carried out") {
      this.marking.append(number, kind, connection, bytes, from, to)
      if (kind === Kind.end) this.marking.isEnded(connection, bytes[from] !== 0)
      this.#carryOut(kind, connection, bytes, from, to)
    }
    this.marking.carriedOut()
  }

  #fateOf(kind: number, connection: number, bytes: Buffer, from: number, to: number): Fate {
    if (kind === Kind.control || kind === Kind.data || kind === Kind.finish) return "carried out"
    return this.#tracers.fateOf(kind, connection, bytes, from, to)
  }

  onMarked(): void {
    this.lacking?.look(this)
    this.#onReady()
  }

  #carryOut(kind: number, connection: number, bytes: Buffer, from: number, to: number): void {
    if (kind === Kind.control || kind === Kind.data) this.#open(connection, kind)
    else if (kind === Kind.finish) this.#finish(!this.isCut)
    else this.#tracers.carryOut(kind, connection, bytes, from, to)
  }

  /**
   * Ends it; the edge hears of that when the files are complete. `isWhole`: it came to its end, rather than being cut
   * off.
   */
  #finish(isWhole: boolean): void {
    if (this.isEnding) return
    this.#ends()
    this.isLeaving = !isWhole && !this.isCut
    this.standing.stop()
    this.#tracers.ended()
    const { background, incidents, journals, options, store } = this.#registry
    const said = (what: "finished" | "ended") =>
      Effect.ignore(JournalFiles.say(store, this.token, what, isSynced(options.sync), this.standing.owner))
    const putDown = Effect.gen({ self: this }, function* () {
      // Written down before it is done: if this relay is killed meanwhile, the next one knows, though the edge may not.
      if (!isWhole && this.isCut) yield* said("ended")
      yield* this.brought.ended
      if (this.isLeft) return
      this.lacking?.tell(this)
      if (isWhole) yield* said("finished")
      yield* this.marking.removed
    })
    // Even if that fails: the edge waits to hear of the end.
    const over = Effect.catchCause(putDown, (cause) => incidents.report("JOURNAL_UNMARKED", undefined, cause))
    background(
      Effect.map(over, () => {
        if (this.isLeft) return
        this.isFinished = isWhole
        journals.close(this)
        if (isWhole) background(forgetOver(store, journals.finish(this.token, this.standing.owner)))
        else if (this.isCut) background(forgetOver(store, journals.end(this.token, this.standing.owner)))
        this.#over.openUnsafe()
        this.#carrier?.onReady()
      })
    )
  }

  /** It ends by itself, or has ended. */
  isEnding = false
  /** The relay stops, and leaves it to the next one, which goes on behind the last mark. */
  isLeft = false

  /** Its sessions have ended, and its end is written down: now the edge may be told. */
  get isOver(): boolean {
    return this.#over.isOpen()
  }

  // ---- the tracers' connections ----------------------------------------------------------------------------------

  #toldOfClosed(): void {
    this.#onReady()
    // Within no read, which would end it: the edge hears of it though it says nothing. A history is gone through first.
    if (this.isCut && !this.isRetraced) this.end()
  }

  failed(sessionId: number, { message }: { readonly message: string }): void {
    this.#parts.failed(sessionId, { code: "FILE_FAILED", detail: message })
  }

  onUnended(connections: ReadonlyArray<number>): void {
    this.#parts.unended(connections)
  }

  /** Ends it before its edge does: no more of it is carried out. */
  #cut(): void {
    this.isCut = true
    if (this.suspendedAt !== undefined) this.end()
    else this.#onReady()
  }

  #lose(why: string): void {
    const text = why.replaceAll(`${this.#registry.store.output}/`, "")
    if (this.lost.length < lostCountMax && !this.lost.includes(text)) this.lost.push(text)
  }

  #refuse(code: Code, why: string): void {
    const { background, incidents } = this.#registry
    this.#lose(`${code}: ${why}`)
    background(incidents.report(code, `${this.edgeName}: ${why}`))
    this.#cut()
  }

  #open(number: number, kind: number): void {
    if (this.#tracers.isFull(number)) {
      const { size } = this.#tracers.open
      const others = size < connectionCountMax ? ", and too many of its owner's others" : ""
      this.#refuse("CONNECTION_LIMIT", `${size} of one session are open${others}`)
      return
    }
    this.#parts.begun(number)
    this.#tracers.begin(number, kind)
  }

  #onReady(): void {
    this.marking.mark()
    if (this.isReady) this.#carrier?.onReady()
  }

  #onSession(id: number): void {
    const outputPath = this.brought.add(id)
    this.#registry.journals.made(id, this)
    if (outputPath !== undefined) this.records(outputPath)
    // If a later relay began it again without a mark, the session would find its own directory taken.
    this.marking.ask()
  }

  /** One of its sessions records there from now on. */
  records(path: string): void {
    this.marking.history?.watch(path)
  }

  names(path: string): void {
    this.marking.history?.name(path)
  }

  /** While its history is repeated: the directories of its sessions. */
  places: ReadonlySet<string> | undefined

  get isRetraced(): boolean {
    return this.places !== undefined
  }

  /** The relay stops; the next one finds the journal again. */
  stop(): void {
    this.standing.stop()
    this.#tracers.broke()
    this.#isStopped = true
    // Left to the next relay; but not if it is about to end, unless its files wait for room.
    if (!this.isEnding || this.#registry.store.roomWait.isWaiting) this.leave()
    this.#ends()
  }

  get released(): Effect.Effect<void> {
    return Effect.suspend(() => this.marking.history?.close ?? Effect.void)
  }

  leave(): boolean {
    this.isLeft ||= this.#isStopped && this.marking.history !== undefined && !this.isOver
    return this.isLeft
  }

  #ends(): void {
    this.isEnding = true
    this.#unawaited.openUnsafe()
  }

  /** Ends its sessions as a lost connection does. While its history is being opened it has none: it ends after that. */
  end(): void {
    if (this.isBeginning && !this.isOutside) return
    this.#tracers.broke()
    this.#finish(false)
  }

  // ---- what a killed relay finds again ---------------------------------------------------------------------------

  /** Its history is open, or will never be. */
  begun(): void {
    this.isBeginning = false
    if (this.suspendedAt !== undefined) this.end()
    else this.#onReady()
  }

  /** Moves a stream to where it was, in place of the records that brought it there: see `JournalHistory`. */
  advance(bytes: Buffer, from: number, to: number): void {
    const handle = this.#tracers.handles.of(bytes.readBigUInt64BE(from))
    const stream = this.sessions.map(({ streams }) => streams.get(Number(handle))).find((found) => found !== undefined)
    if (stream !== undefined) PositionBytes.to(stream, bytes.subarray(from + 8, to))
  }

  get durable(): number {
    return this.marking.durable
  }

  get sessions(): ReadonlyArray<SessionActor> {
    return this.brought.sessions
  }

  /** Nothing has come in part only: no packet, index, rotation or command. */
  get isQuiet(): boolean {
    return this.brought.isQuiet && this.#tracers.areQuiet
  }
}
