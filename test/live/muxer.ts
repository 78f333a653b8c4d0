/** Viewers that do what babeltrace 2.0, 2.1 and 1.5 do with each answer of a relay, errors included. */
import { assert } from "@effect/vitest"
import { Effect, Logger } from "effect"
import { Flags, Status } from "../../src/protocol/live/GetNextIndex.ts"
import type { ViewerActor } from "../../src/relay/viewer/ViewerActor.ts"

export interface Kind {
  readonly name: string
  /** Commands before ATTACH, as this viewer sends them. */
  readonly listsFirst: boolean
  readonly minor15: boolean
  /** Asks one stream until it answers, instead of beginning its round again. */
  readonly insists: boolean
}

export const kinds: ReadonlyArray<Kind> = [
  { name: "babeltrace 2.0", listsFirst: false, minor15: false, insists: false },
  { name: "babeltrace 2.1", listsFirst: false, minor15: true, insists: false },
  { name: "babeltrace 1.5", listsFirst: true, minor15: false, insists: true }
]

interface Read {
  readonly handle: number
  readonly sessionId: bigint
  /** What it shows next: times that are still to come of its packet, or until when it is quiet. */
  queue: Array<number>
  told: number | undefined
  /** It hangs up when its queue is empty. */
  isOver: boolean
}

export interface Packet {
  readonly handle: number
  /** In the data file. */
  readonly offset: number
  readonly begin: number
  readonly end: number
}

/** Merges as babeltrace does, and fails on what is older than what it has shown. */
export class Muxer {
  readonly #actor: ViewerActor
  readonly #kind: Kind
  /** Rounds go by session, then by trace, then by stream. */
  readonly traces = new Map<bigint, Map<bigint, Array<Read>>>()
  readonly packets: Array<Packet> = []
  shown = Number.NEGATIVE_INFINITY
  readonly #onQuestion: () => void
  #isAwaited: Read | undefined

  constructor(actor: ViewerActor, kind: Kind, onQuestion: () => void) {
    this.#onQuestion = onQuestion
    this.#actor = actor
    this.#kind = kind
    actor.knowsFormats = kind.minor15
    if (kind.listsFirst) actor.sessions
    actor.createSession()
    actor.sessions
  }

  attach(sessionId: bigint): void {
    const reply = Effect.runSync(Effect.provide(this.#actor.attach(sessionId, 2), Logger.layer([])))
    assert.strictEqual(reply.status, 1)
    this.traces.set(sessionId, new Map())
    this.#announce(sessionId, reply.streams)
  }

  #announce(sessionId: bigint, streams: ReadonlyArray<{ id: bigint; ctfTraceId: bigint; metadataFlag: boolean }>) {
    for (const { id, ctfTraceId, metadataFlag } of streams) {
      if (metadataFlag) continue
      const traces = this.traces.get(sessionId) as Map<bigint, Array<Read>>
      const reads = traces.get(ctfTraceId) ?? []
      traces.set(ctfTraceId, reads)
      reads.push({ handle: Number(id), sessionId, queue: [], told: undefined, isOver: false })
    }
  }

  get reads(): Array<Read> {
    return [...this.traces.values()].flatMap((traces) => [...traces.values()].flat())
  }

  #askNewStreams(): void {
    for (const sessionId of this.traces.keys()) {
      const { streams } = this.#actor.newStreams(sessionId)
      this.#announce(sessionId, streams)
    }
  }

  /** False: nothing to show now. */
  #fill(read: Read): boolean {
    for (let questions = 0; questions < 50; questions++) {
      const stream = this.#actor.stream(read.handle)
      assert.isDefined(stream)
      if (stream === undefined) return false
      this.#onQuestion()
      const reply = Buffer.alloc(64)
      const status = this.#actor.nextIndex(stream, reply)
      // The answer waits. It is asked for again later, which comes to the same.
      if (typeof status !== "number") return false
      const flags = this.#actor.flagsOf(stream, status)
      const heeds = (flags & Flags.newStream) !== 0 && (this.#kind.minor15 || status === Status.ok)
      if (heeds) this.#askNewStreams()
      if (status === Status.hup) {
        this.#actor.drop(stream)
        read.isOver = true
        return true
      }
      if (status === Status.inactive) {
        const until = Number(stream.cursor.inactiveUntil)
        if (read.told === until) return false
        read.told = until
        read.queue = [until]
        return true
      }
      if (status === Status.retry) return false
      assert.strictEqual(status, Status.ok)
      if (reply.readBigUInt64BE(8) === 0n) continue
      const [begin, end] = [Number(reply.readBigUInt64BE(24)), Number(reply.readBigUInt64BE(32))]
      read.queue = [begin, end]
      this.packets.push({ handle: read.handle, offset: Number(reply.readBigUInt64BE(0)), begin, end })
      return true
    }
    return false
  }

  /** As far as it comes without a pause. */
  run(): void {
    for (let turns = 0; turns < 500; turns++) {
      if (this.#isAwaited !== undefined && !this.#isAwaited.isOver && !this.#fill(this.#isAwaited)) return
      this.#isAwaited = undefined
      if (!this.#round()) return
      const live = this.reads.filter(({ queue }) => queue.length > 0)
      const least = live.sort((a, b) => (a.queue[0] as number) - (b.queue[0] as number))[0]
      if (least === undefined) return
      const at = least.queue.shift() as number
      if (at < this.shown) throw new Error(`stream ${least.handle} goes back from ${this.shown} to ${at}`)
      this.shown = at
    }
  }

  /** Streams that are told of behind the place that the round has reached are asked in the next one only. */
  #round(): boolean {
    for (const traces of this.traces.values()) {
      const ids = traces.keys()
      for (let id = ids.next(); id.done !== true; id = ids.next()) {
        const reads = traces.get(id.value) as Array<Read>
        for (let index = 0; index < reads.length; index++) {
          const read = reads[index] as Read
          if (read.queue.length > 0 || read.isOver) continue
          if (this.#fill(read)) continue
          if (this.#kind.insists) this.#isAwaited = read
          return false
        }
      }
    }
    for (const traces of this.traces.values()) {
      for (const [id, reads] of traces) {
        const left = reads.filter(({ isOver, queue }) => !isOver || queue.length > 0)
        reads.splice(0, reads.length, ...left)
        if (left.length === 0) traces.delete(id)
      }
    }
    if (this.reads.length === 0) this.#askNewStreams()
    return true
  }
}
