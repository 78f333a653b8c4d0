/**
 * New streams under viewers that are attached: whatever the order of ADD_STREAM, STREAMS_SENT, packets, beacons and
 * questions, a viewer that insists on rising timestamps lives, gets every packet once, and idle streams' time goes on.
 *
 * Method: the relay's viewer side over streams without files, on a clock of the test's own; a tracer that delays what it
 * announces as a busy one does; and viewers that do what babeltrace 2.0, 2.1 and 1.5 do with each answer, errors
 * included. Histories are drawn from seeds.
 */
import { afterEach, assert, describe, it, vi } from "@effect/vitest"
import { Effect, Logger } from "effect"
import { RecentIndexes } from "../../src/memory/RecentIndexes.ts"
import { Description } from "../../src/model/Description.ts"
import { Lead } from "../../src/model/Lead.ts"
import { Stream } from "../../src/model/Stream.ts"
import { Status } from "../../src/protocol/live/GetNextIndex.ts"
import { Party } from "../../src/relay/party/Party.ts"
import { Viewers } from "../../src/relay/session/Viewers.ts"
import type { ViewedSession } from "../../src/relay/viewer/ViewedSession.ts"
import { ViewerActor } from "../../src/relay/viewer/ViewerActor.ts"
import { Random } from "../support/Random.ts"
import { type Kind, kinds, Muxer } from "./muxer.ts"

const timerMicros = 400_000
const timerMillis = timerMicros / 1000
/** What a tracer may take between beginning a packet and telling of its stream. */
const delayMillisMax = 180
/** And where buffers are large: each application takes about as long as the first. */
const longDelayMillisMax = 700
const longDelayShare = 0.75
const pollMillis = 100

const noFiles = {
  openData: () => {},
  closeData: () => {},
  openIndex: () => {},
  skipRecords: () => {},
  closeIndex: () => {},
  move: () => {},
  truncate: () => {},
  leaveChunk: () => {}
}

interface Packet {
  readonly begin: number
  readonly end: number
}

class FakeStream {
  readonly session: FakeSession
  readonly handle: number
  readonly path: string
  readonly channelName: string
  readonly recentIndexes = new RecentIndexes()
  readonly log = { isIdle: true, failure: undefined, durable: { indexCount: 1_000_000 } }
  readonly readers = { acquire: (data: unknown) => ({ data, opened: {} }), release: () => undefined }
  readonly metadataFile = undefined
  readonly description: Description | undefined
  readonly model: Stream<{ readonly isDeleted: boolean }>
  isPublished = false
  announcedMillis = 0
  #dataMillis = 0
  #dataSeq = 0n
  #indexSeq = 0n

  constructor(session: FakeSession, handle: number, path: string, channelName: string) {
    this.session = session
    this.handle = handle
    this.path = path
    this.channelName = channelName
    if (this.isMetadata) {
      this.description = new Description()
      this.description.read(clock, 0, clock.length)
    }
    this.model = new Stream({
      isMetadata: this.isMetadata,
      hasIndex: true,
      recordFieldBytes: 64,
      tracefileSize: 0,
      tracefileCount: 0,
      chunk: { isDeleted: false } as { readonly isDeleted: boolean },
      hold: session.lead,
      actions: {
        ...noFiles,
        record: (_, offset, fields, at) => {
          if (this.model.indexCount === 0) this.#seeFirst(fields)
          this.recentIndexes.add(this.model.indexCount, offset, fields, at, performance.now())
        }
      }
    })
    this.model.ctfStreamId = 0n
  }

  traceId = 0n

  get isMetadata() {
    return this.channelName === "metadata"
  }

  #seeFirst(fields: Buffer): void {
    const [begin, end] = [fields.readBigUInt64BE(16), fields.readBigUInt64BE(24)]
    const { announcedMillis } = this
    this.session.lead.see({ announcedMillis, arrivedMillis: this.#dataMillis, begin, end, cyclesPerMilli: 1000 })
  }

  data(): void {
    this.#dataMillis = performance.now()
    this.model.beginPacket(this.#dataSeq++, 16, 0)
    this.model.endPacket()
  }

  beacon(end: number): void {
    this.session.lead.prove(BigInt(end), performance.now())
    this.model.addBeacon(BigInt(end), performance.now())
  }

  index({ begin, end }: Packet): void {
    const fields = Buffer.alloc(64)
    fields.writeBigUInt64BE(128n, 0)
    fields.writeBigUInt64BE(128n, 8)
    fields.writeBigUInt64BE(BigInt(begin), 16)
    fields.writeBigUInt64BE(BigInt(end), 24)
    this.model.addIndex(this.#indexSeq, this.#indexSeq, fields, 0)
    this.#indexSeq++
  }
}

class FakeSession {
  readonly id: number
  readonly identity = { liveTimer: timerMicros, sessionName: "s", hostname: "h", traceFormat: 1 }
  readonly streams = new Map<number, FakeStream>()
  readonly traceIds = new Map<string, bigint>()
  readonly viewers = new Viewers(undefined, () => {})
  readonly unpublished = new Set<FakeStream>()
  readonly lead = new Lead(timerMicros)
  isOngoingRotation = false
  isConnectionClosed = false

  constructor(id: number) {
    this.id = id
  }

  announcingSinceMillis: number | undefined

  add(stream: FakeStream): void {
    this.streams.set(stream.handle, stream)
    if (!this.traceIds.has(stream.path)) this.traceIds.set(stream.path, BigInt(stream.handle))
    stream.traceId = this.traceIds.get(stream.path) ?? 0n
    this.unpublished.add(stream)
    stream.announcedMillis = performance.now()
    this.announcingSinceMillis ??= performance.now()
  }

  publish(): void {
    const published = [...this.unpublished]
    this.unpublished.clear()
    this.announcingSinceMillis = undefined
    for (const stream of published) stream.isPublished = true
    this.viewers.publish(published as never)
  }

  close(stream: FakeStream): void {
    stream.model.lastNetSeqNum = 2n ** 64n - 1n
    stream.model.tryClose(false)
    this.streams.delete(stream.handle)
  }
}

/** Timestamps are thousandths of the milliseconds of the test's clock. */
const clock = Buffer.from('clock {\n\tname = "c";\n\tfreq = 1000000;\n};\n')
const attachAt = 1500
const endAt = 7000
const timestampOf = (millis: number) => millis * 1000

interface Application {
  readonly path: string
  readonly begins: number
  readonly ends: number
  readonly isFirst: boolean
}

type Pick = (below: number) => number

class World {
  readonly sessions: ReadonlyArray<FakeSession>
  readonly pick: Pick
  /** The tracer takes long to announce. */
  readonly isSlow: boolean
  readonly #events: Array<{ readonly at: number; readonly order: number; readonly run: () => void }> = []
  readonly recorded = new Map<FakeStream, Array<string>>()
  /** From the beginning of an application's streams until the relay knows of them. */
  readonly #unheard: Array<readonly [from: number, to: number]> = []
  #handle = 0

  constructor(pick: Pick) {
    this.pick = pick
    this.isSlow = pick(4) === 0
    this.sessions = !this.isSlow && pick(3) === 0 ? [new FakeSession(1), new FakeSession(2)] : [new FakeSession(1)]
    const first = { path: "first", begins: pick(200), ends: endAt, isFirst: true }
    const applications = [this.#addApplication(this.sessions[0] as FakeSession, first)]
    for (let count = pick(5); count > 0; count--) {
      const begins = this.isSlow ? 3000 + pick(1900) : 400 + pick(4500)
      const ends = pick(2) === 0 ? endAt : begins + 1500 + pick(1000)
      const path = pick(4) === 0 ? "shared" : `app-${count}`
      applications.push(this.#addApplication(this.#someSession(), { path, begins, ends, isFirst: false }))
    }
    for (const addPackets of applications) addPackets()
    if (pick(3) === 0) this.#addRotation(this.#someSession(), 500 + pick(5000))
    for (const session of this.sessions) {
      this.#at(endAt + 2000, () => {
        session.isConnectionClosed = true
      })
    }
  }

  #someSession(): FakeSession {
    return this.sessions[this.pick(this.sessions.length)] as FakeSession
  }

  #at(at: number, run: () => void): void {
    this.#events.push({ at, order: this.#events.length, run })
  }

  get history() {
    return [...this.#events].sort((a, b) => a.at - b.at || a.order - b.order)
  }

  #addRotation(session: FakeSession, at: number): void {
    this.#at(at, () => {
      session.isOngoingRotation = true
    })
    this.#at(at + 60, () => {
      session.isOngoingRotation = false
    })
  }

  /** Streams of one trace that begin together, are announced late, speak now and then, and may end. */
  #addApplication(session: FakeSession, application: Application): () => void {
    const { pick } = this
    const { begins, ends, path } = application
    const added = begins + this.#delayMillis()
    this.#unheard.push([begins, added])
    const sent = added + 2 + pick(pick(3) === 0 ? 900 : 20)
    const add = (channelName: string, at: number) => {
      const stream = new FakeStream(session, ++this.#handle, path, channelName)
      this.#at(at, () => session.add(stream))
      return stream
    }
    const streams = Array.from({ length: 1 + pick(3) }, (_, cpu) => add(`ch_${cpu}`, added + pick(2)))
    // Sometimes the metadata stream is published by itself, after the others.
    const isMetadataLate = pick(4) === 0
    const metadata = add("metadata", isMetadataLate ? sent + 1 : added)
    this.#at(ends + 50, () => session.close(metadata))
    this.#at(sent, () => session.publish())
    if (isMetadataLate) this.#at(sent + 2 + pick(50), () => session.publish())
    return () => {
      for (const stream of streams) this.#addPackets(stream, application, sent + 3)
    }
  }

  #delayMillis(): number {
    if (!this.isSlow) return 1 + this.pick(delayMillisMax - 4)
    const least = longDelayShare * longDelayMillisMax
    return least + this.pick(longDelayMillisMax - least)
  }

  /**
   * Until the relay has seen that the tracer takes long, packets are told as they come: none comes while the relay
   * cannot know of a stream that has begun.
   */
  #afterUnheard(at: number): number {
    return !this.isSlow && this.isUnheard(at) ? this.#afterUnheard(at + 1) : at
  }

  isUnheard(at: number): boolean {
    return this.#unheard.some(([from, to]) => from <= at && at <= to)
  }

  /** Flushed every period: a packet if there is something, else a beacon. What the stream sends arrives in order. */
  #addPackets(stream: FakeStream, { begins, ends, isFirst: isFirstApplication }: Application, from: number): void {
    const { pick } = this
    const isChatty = pick(3) === 0
    // The first packet begins with its stream, unless that has nothing to say for a while.
    const isQuietAtFirst = pick(3) === 0 && !(this.isSlow && isFirstApplication)
    const recorded: Array<string> = []
    this.recorded.set(stream, recorded)
    let arrival = from
    let before = begins
    let isProved = false
    for (let tick = from + pick(timerMillis); before < ends; tick += timerMillis) {
      const at = Math.min(tick, ends)
      arrival = Math.max(arrival, at) + 1 + pick(15)
      const end = timestampOf(at)
      const isFirst = before === begins && !isQuietAtFirst
      // By the beacon that follows, the relay knows that what it saw of the first packets is so.
      const isProof: boolean = this.isSlow && isFirstApplication && before !== begins && !isProved
      isProved ||= isProof
      if (isFirst || (!isProof && (isChatty || pick(6) === 0))) {
        // Later ones begin with an event.
        const begin = isFirst ? timestampOf(begins) : timestampOf(before) + 1 + pick(timestampOf(at - before) - 1)
        arrival = this.#afterUnheard(arrival)
        const halves = [() => stream.data(), () => stream.index({ begin, end })]
        if (pick(4) === 0) halves.reverse()
        this.#at(arrival, halves[0] as () => void)
        arrival = this.#afterUnheard(arrival + pick(15))
        this.#at(arrival, () => {
          halves[1]?.()
          recorded.push(`${stream.handle}:${begin}-${end}`)
        })
      } else this.#at(arrival, () => stream.beacon(end))
      before = at
    }
    this.#at(arrival + 5, () => stream.session.close(stream))
  }
}

const anybody = new Party({ rightsOf: undefined } as never, { name: "test:0", certificate: undefined })

const play = (seed: number, kind: Kind): void => {
  const random = new Random(seed)
  const world = new World((below) => random.below(below))
  let now = 0
  vi.spyOn(performance, "now").mockImplementation(() => now)
  const sessions = new Map(world.sessions.map((session) => [session.id, session]))
  const actor = new ViewerActor(
    { sessions, options: { singleViewer: false }, background: () => {} } as never,
    {} as never,
    anybody
  )
  // Every question takes the time of a round trip.
  const muxer = new Muxer(actor, kind, () => {
    now += 0.8
  })
  const skipped = new Set<string>()
  let unknownSince: number | undefined
  let settledSince = attachAt
  let polledAt = attachAt
  const poll = () => {
    if (now < polledAt) return
    const holdMillis = Math.max(...world.sessions.map(({ lead }) => lead.holdMillis))
    // A packet that is kept back takes the place of the beacon before it.
    const isHeldLong = holdMillis > timerMillis / 2
    const waitMillis = isHeldLong ? 2 * holdMillis + timerMillis + pollMillis : 2 * timerMillis
    polledAt = now + pollMillis
    if (muxer.traces.size === 0) {
      for (const [stream, packets] of world.recorded) {
        const isGone = stream.model.isClosed || stream.session.isConnectionClosed
        if ((stream.isPublished && !stream.session.isOngoingRotation) || isGone)
          for (const packet of packets) skipped.add(packet)
      }
      for (const session of world.sessions) muxer.attach(BigInt(session.id))
    }
    muxer.run()
    const isRotating = world.sessions.some((session) => session.isOngoingRotation)
    if (actor.unknown !== "none" || isRotating || world.isUnheard(now)) {
      settledSince = now
      if (actor.unknown === "due" && !isRotating) unknownSince ??= now
      if (!kind.insists && unknownSince !== undefined)
        assert.isBelow(now - unknownSince, waitMillis + pollMillis, "not told")
    } else {
      unknownSince = undefined
      const isSettled = now - settledSince > waitMillis && now < endAt && muxer.reads.every(({ told }) => told)
      if (isSettled) assert.isAtLeast(muxer.shown, timestampOf(now - waitMillis), "time stands still")
    }
  }
  for (const { at, run } of world.history) {
    for (; Math.max(now, polledAt) < at; poll()) now = Math.max(now, polledAt)
    now = Math.max(now, at)
    run()
  }
  for (const deadline = now + 5000; now < deadline && muxer.reads.length > 0; poll()) now = Math.max(now, polledAt)
  assert.strictEqual(muxer.reads.length, 0, "the viewer did not end")
  const expected = [...world.recorded.values()].flat().filter((packet) => !skipped.has(packet))
  assert.deepStrictEqual(muxer.packets.sort(), expected.sort())
}

const channels = ["ch_0", "metadata"]

describe("viewers attached while streams begin", () => {
  afterEach(() => {
    vi.restoreAllMocks()
  })

  for (const kind of kinds) {
    it(`${kind.name}: lives, sees every packet once, and time goes on`, () => {
      for (let seed = 1; seed <= 120; seed++) {
        try {
          play(seed, kind)
        } catch (cause) {
          throw new Error(`seed ${seed}: ${cause}`, { cause })
        }
      }
    })
  }

  it("streams told of in a session that the round has passed: the round begins again", () => {
    let now = 0
    vi.spyOn(performance, "now").mockImplementation(() => now)
    const both = [new FakeSession(1), new FakeSession(2)]
    const sessions = new Map(both.map((session) => [session.id, session]))
    const actor = new ViewerActor(
      { sessions, options: { singleViewer: false }, background: () => {} } as never,
      {} as never,
      anybody
    )
    actor.createSession()
    for (const session of both) {
      session.add(new FakeStream(session, 10 * session.id, "app", "ch_0"))
      session.add(new FakeStream(session, 10 * session.id + 1, "app", "metadata"))
      session.publish()
      Effect.runSync(Effect.provide(actor.attach(BigInt(session.id), 2), Logger.layer([])))
    }
    const asked = actor.stream(20)
    const ask = () => {
      now++
      return asked === undefined ? undefined : actor.nextIndex(asked, Buffer.alloc(64))
    }
    both[1]?.streams.get(20)?.model.addBeacon(5n, now)
    now += 1000
    assert.strictEqual(ask(), Status.inactive)
    assert.strictEqual(actor.newStreams(1n).streams.length, 0)
    assert.strictEqual(ask(), Status.inactive)
    const [first] = both as [FakeSession]
    first.add(new FakeStream(first, 30, "app", "ch_1"))
    first.publish()
    assert.strictEqual(ask(), Status.retry)
    assert.strictEqual(actor.newStreams(1n).streams.length, 1)
    assert.deepStrictEqual([ask(), ask()], [Status.retry, Status.inactive])
  })

  it("applications that have come and gone leave nothing with a viewer that has read them", () => {
    const session = new FakeSession(1)
    const actor = new ViewerActor(
      { sessions: new Map([[1, session]]), options: { singleViewer: false }, background: () => {} } as never,
      {} as never,
      anybody
    )
    actor.createSession()
    Effect.runSync(Effect.provide(actor.attach(1n, 1), Logger.layer([])))
    const [attached] = [...session.viewers.attached] as unknown as ReadonlyArray<ViewedSession>
    for (let number = 0; number < 20; number++) {
      const handles = [2 * number, 2 * number + 1]
      const streams = handles.map((handle, at) => new FakeStream(session, handle, `app-${number}`, channels[at] ?? ""))
      for (const stream of streams) session.add(stream)
      session.publish()
      assert.strictEqual(actor.newStreams(1n).streams.length, 2)
      assert.strictEqual(attached?.traceCount, 1)
      for (const stream of streams) session.close(stream)
      for (const handle of handles) {
        const viewed = actor.stream(handle)
        if (viewed !== undefined) actor.drop(viewed)
      }
    }
    assert.strictEqual(attached?.traceCount, 0)
  })

  it("a viewer that has stopped asking holds no more than some streams that are closed, which is told once", () => {
    const session = new FakeSession(1)
    const told: Array<string> = []
    const registry = {
      sessions: new Map([[1, session]]),
      options: { singleViewer: false },
      incidents: { report: (code: string, detail: string) => `${code} ${detail}` },
      background: (line: string) => void told.push(line)
    }
    const actor = new ViewerActor(registry as never, { peer: "here:1" } as never, anybody)
    actor.createSession()
    Effect.runSync(Effect.provide(actor.attach(1n, 1), Logger.layer([])))
    const open = new FakeStream(session, 100_000, "open", "ch_0")
    session.add(open)
    session.publish()
    for (let number = 0; number < 3000; number++) {
      const pair = channels.map((name, at) => new FakeStream(session, 2 * number + at, `app-${number}`, name))
      for (const stream of pair) session.add(stream)
      session.publish()
      for (const stream of pair) session.close(stream)
    }
    assert.deepStrictEqual(told, ['STREAMS_UNREAD here:1: "s"'])
    assert.strictEqual(session.viewers.closedStreamCount, 4095)
    const announced = actor.newStreams(1n).streams
    assert.deepStrictEqual([announced.length, announced.at(-1)?.pathName], [4095, "app-2999"])
  })
})
