/**
 * New streams under viewers that are attached: whatever the order of ADD_STREAM, STREAMS_SENT, packets, beacons and
 * questions, a viewer that insists on rising timestamps lives, gets every packet once, and idle streams' time goes on.
 *
 * Method: a tracer that delays what it announces as a busy one does (`announcing.ts`), and viewers that do what
 * babeltrace 2.0, 2.1 and 1.5 do with each answer, errors included. Histories are drawn from seeds.
 */
import { afterEach, assert, describe, it, vi } from "@effect/vitest"
import { Effect, Logger } from "effect"
import { Flags, offsets, Status } from "../../src/protocol/live/GetNextIndex.ts"
import { Party } from "../../src/relay/party/Party.ts"
import { ViewedSession } from "../../src/relay/viewer/ViewedSession.ts"
import { ViewerActor } from "../../src/relay/viewer/ViewerActor.ts"
import { Random } from "../support/Random.ts"
import { attachAt, endAt, FakeSession, FakeStream, timerMillis, timestampOf, World } from "./announcing.ts"
import { type Kind, kinds, Muxer, type Packet } from "./muxer.ts"

const pollMillis = 100
/** Where an application's offset to real time may be measured a little differently, in timestamps. */
const clockAllowance = 10
const nameOf = ({ handle, offset }: Pick<Packet, "handle" | "offset">) => `${handle}:${offset}`
let movedCount = 0

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
  const skipped = new Set<Packet>()
  let unknownSince: number | undefined
  let settledSince = attachAt
  let polledAt = attachAt
  const poll = () => {
    if (now < polledAt) return
    const holdMillis = Math.max(...world.sessions.map(({ lead }) => lead.holdMillis))
    // A packet that is kept back takes the place of the beacon before it, and one stream is asked after the other.
    const isHeldLong = holdMillis > timerMillis / 2
    const waitMillis = isHeldLong ? (muxer.reads.length + 1) * (holdMillis + pollMillis) + timerMillis : 2 * timerMillis
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
  assert.deepStrictEqual(muxer.packets.map(nameOf).sort(), expected.map(nameOf).sort())
  const sent = new Map(expected.map((packet) => [nameOf(packet), packet]))
  const published = new Map([...world.recorded.keys()].map((stream) => [stream.handle, stream.announcedWhole]))
  for (const packet of muxer.packets) {
    const { begin, end } = packet
    const recorded = sent.get(nameOf(packet)) ?? packet
    assert.strictEqual(end, Math.max(recorded.end, begin))
    if (begin === recorded.begin) continue
    movedCount++
    assert.isFalse(world.isKernel, "moved although events may have been recorded before")
    assert.isAbove(begin, recorded.begin)
    assert.isAtMost(begin, timestampOf(published.get(packet.handle) ?? 0) + clockAllowance, "moved behind its events")
  }
}

const channels = ["ch_0", "metadata"]

/** A viewer that is attached to a session without streams. */
const attachedToOne = () => {
  const session = new FakeSession(1)
  const actor = new ViewerActor(
    { sessions: new Map([[1, session]]), options: { singleViewer: false }, background: () => {} } as never,
    {} as never,
    anybody
  )
  actor.createSession()
  Effect.runSync(Effect.provide(actor.attach(1n, 1), Logger.layer([])))
  return { actor, session }
}

describe("viewers attached while streams begin", () => {
  afterEach(() => {
    vi.restoreAllMocks()
  })

  for (const kind of kinds) {
    it(`${kind.name}: lives, sees every packet once, and time goes on`, () => {
      movedCount = 0
      for (let seed = 1; seed <= 120; seed++) {
        try {
          play(seed, kind)
        } catch (cause) {
          throw new Error(`seed ${seed}: ${cause}`, { cause })
        }
      }
      assert.isAbove(movedCount, 0, "no packet had to begin later")
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

  it("an answer asks nothing of other sessions until one has something new, nor when the viewer has left that", () => {
    let now = 0
    vi.spyOn(performance, "now").mockImplementation(() => now)
    const all = Array.from({ length: 20 }, (_, at) => new FakeSession(at + 1))
    const actor = new ViewerActor(
      {
        sessions: new Map(all.map((session) => [session.id, session])),
        options: { singleViewer: false },
        background: () => {}
      } as never,
      {} as never,
      anybody
    )
    actor.createSession()
    let lookCount = 0
    for (const session of all) {
      for (const [at, name] of channels.entries())
        session.add(new FakeStream(session, 10 * session.id + at, "app", name))
      session.publish()
      Effect.runSync(Effect.provide(actor.attach(BigInt(session.id), 1), Logger.layer([])))
      actor.newStreams(BigInt(session.id))
      let publicationCount = session.viewers.publicationCount
      Object.defineProperty(session.viewers, "publicationCount", {
        get: () => {
          lookCount++
          return publicationCount
        },
        set: (count: number) => {
          publicationCount = count
        }
      })
    }
    const unknown = vi.spyOn(ViewedSession.prototype, "unknown")
    const [one, other, third] = all as [FakeSession, FakeSession, FakeSession]
    const asked = actor.stream(10)
    const hasNewStreams = () => {
      now++
      assert(asked !== undefined)
      actor.nextIndex(asked, Buffer.alloc(64))
      return (actor.flagsOf(asked, Status.inactive) & Flags.newStream) !== 0
    }
    one.streams.get(10)?.model.addBeacon(5n, now)
    now = 60_000
    assert.deepStrictEqual([hasNewStreams(), hasNewStreams(), actor.unknown], [false, false, "none"])
    assert.deepStrictEqual([lookCount, unknown.mock.calls.length], [0, 0])
    for (const session of [other, third]) {
      session.add(new FakeStream(session, 10 * session.id + 2, "app", "ch_1"))
      session.publish()
    }
    assert.deepStrictEqual([hasNewStreams(), actor.unknown], [true, "due"])
    assert.strictEqual(actor.newStreams(BigInt(other.id)).streams.length, 1)
    assert.deepStrictEqual([hasNewStreams(), actor.unknown], [true, "due"])
    actor.detach(BigInt(third.id))
    assert.deepStrictEqual([hasNewStreams(), actor.unknown], [false, "none"])
    one.viewers.raise()
    assert.isTrue(hasNewStreams(), "a stream's first packet")
  })

  it("a stream without its metadata is coming for as long as it takes; one that is told of during a rotation, soon", () => {
    let now = 0
    vi.spyOn(performance, "now").mockImplementation(() => now)
    const { actor, session } = attachedToOne()
    const unknownAt = (millis: number) => {
      now = millis
      return actor.unknown
    }
    session.add(new FakeStream(session, 1, "app", "ch_0"))
    session.publish()
    assert.deepStrictEqual([0, 999, 1000, 60_000].map(unknownAt), ["imminent", "imminent", "coming", "coming"])
    session.isOngoingRotation = true
    session.add(new FakeStream(session, 2, "app", "metadata"))
    session.publish()
    assert.deepStrictEqual([60_999, 61_000].map(unknownAt), ["imminent", "due"])
    session.isOngoingRotation = false
    assert.strictEqual(unknownAt(61_001), "due")
    actor.newStreams(1n)
    assert.strictEqual(unknownAt(61_002), "none")
  })

  it("streams that the kernel's tracer has begun to announce are coming, for some seconds", () => {
    let now = 0
    vi.spyOn(performance, "now").mockImplementation(() => now)
    const { actor, session } = attachedToOne()
    for (const [at, name] of channels.entries()) session.add(new FakeStream(session, at + 1, "app/kernel", name))
    session.publish()
    actor.newStreams(1n)
    session.add(new FakeStream(session, 3, "app/kernel", "ch_1"))
    const unknown = [0, 999, 1000, 9999, 10_000].map((millis) => {
      now = millis
      return actor.unknown
    })
    assert.deepStrictEqual(unknown, ["imminent", "imminent", "coming", "coming", "none"])
  })

  /** Where the first packet of an application begins that comes when the viewer has seen what ended at 2000. */
  const begunAt = ({ goesByEvents = false, host = "h", path = "app" }) => {
    let now = 0
    vi.spyOn(performance, "now").mockImplementation(() => now)
    const both = [new FakeSession(1), new FakeSession(2)]
    const sessions = new Map(both.map((session) => [session.id, session]))
    const [session, other] = both as [FakeSession, FakeSession]
    other.identity.hostname = host
    const actor = new ViewerActor(
      { sessions, options: { singleViewer: false }, background: () => {} } as never,
      {} as never,
      anybody
    )
    actor.createSession()
    for (const id of [1n, 2n]) Effect.runSync(Effect.provide(actor.attach(id, 1, goesByEvents), Logger.layer([])))
    const first = (at: FakeSession, handle: number, place: string, begin: number, end: number) => {
      const pair = channels.map((name, index) => new FakeStream(at, handle + index, place, name))
      for (const stream of pair) at.add(stream)
      at.publish()
      actor.newStreams(BigInt(at.id))
      pair[0]?.data()
      pair[0]?.index({ begin, end })
      const reply = Buffer.alloc(64)
      const viewed = actor.stream(handle)
      const ask = () => {
        now += 100
        return viewed && actor.nextIndex(viewed, reply)
      }
      let status = ask()
      while (status === Status.retry && now < 60_000) status = ask()
      assert.strictEqual(status, Status.ok)
      return Number(reply.readBigUInt64BE(offsets.timestampBegin))
    }
    first(session, 1, "early", 1000, 2000)
    return first(other, 3, path, 500, 3000)
  }

  it("a late stream begins where the others had come to: not if hosts differ, for the kernel, or by events", () => {
    const tracersWord = 500
    assert.deepStrictEqual([{}, { host: "other" }, { path: "app/kernel" }, { goesByEvents: true }].map(begunAt), [
      2011,
      tracersWord,
      tracersWord,
      tracersWord
    ])
  })

  it("applications that have come and gone leave nothing with a viewer that has read them", () => {
    const { actor, session } = attachedToOne()
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

  it("of an application that ended before a clear nothing is announced: it has no metadata any more", () => {
    const { actor, session } = attachedToOne()
    for (const number of [0, 1]) {
      const pair = channels.map((name, at) => new FakeStream(session, 2 * number + at, `app-${number}`, name))
      for (const stream of pair) session.add(stream)
      session.publish()
      for (const stream of pair) session.close(stream)
      if (number === 0) for (const { metadataFile } of pair) metadataFile.chunk.isDeleted = true
    }
    assert.deepStrictEqual([actor.unknown, actor.newStreams(1n).streams.length, actor.unknown], ["due", 2, "none"])
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
