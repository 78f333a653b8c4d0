/**
 * Sessions that begin later under the name that is watched: found before anything is told that happened after they
 * began, however long a look takes, and at a cost that has a bound. A relay by value; time is what is slept.
 */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect } from "effect"
import { Status as NewStreamsStatus } from "../../src/protocol/live/GetNewStreams.ts"
import { type Reply, Status } from "../../src/protocol/live/GetNextIndex.ts"
import * as SyntheticTrace from "../../src/target/SyntheticTrace.ts"
import type { ExchangeFailed } from "../../src/transport/Exchange.ts"
import * as Attachment from "../../src/viewer/Attachment.ts"
import type { AttachedSession } from "../../src/viewer/Joining.ts"
import type { ViewerConnection } from "../../src/viewer/ViewerConnection.ts"
import type { Session, ViewerEvent } from "../../src/viewer/ViewerEvent.ts"
import { Random } from "../support/Random.ts"

/** What the relay learns at `atMillis`: a packet, or a beacon. The tracer's clock is hours ahead of ours. */
interface News {
  readonly atMillis: number
  readonly isPacket: boolean
  readonly endMillis: number
}

/** With one stream. Its first news begin it. */
interface Recorded {
  readonly id: bigint
  readonly beginMillis: number
  readonly endMillis: number
  readonly news: ReadonlyArray<News>
}

interface Looks {
  readonly lookMillis: number | ((count: number) => number)
  readonly answerMillis: number
}

const aheadMillis = 5 * 3_600_000
const cyclesOf = (millis: number) => BigInt(Math.round((millis + aheadMillis) * 1e6))
const millisOf = (cycles: bigint) => Number(cycles) / 1e6 - aheadMillis
const metadata = Buffer.from(SyntheticTrace.metadata("01234567-89ab-cdef-0123-456789abcdef"))

const sessionOf = ({ id }: Recorded): Session => ({
  id,
  hostname: "host1",
  sessionName: "made",
  liveTimerMicros: 100_000,
  clientCount: 0,
  streamCount: 1,
  traceFormat: "ctf-1.8"
})

const entriesOf = ({ id }: Recorded) =>
  [true, false].map((metadataFlag) => ({
    id: 2n * id + (metadataFlag ? 1n : 0n),
    ctfTraceId: id,
    metadataFlag,
    pathName: "ust",
    channelName: metadataFlag ? "metadata" : "ch_0"
  }))

/** All that is told of what `all` record, the first of which is watched; and the looks. */
const watch = (all: ReadonlyArray<Recorded>, { answerMillis, lookMillis }: Looks) =>
  Effect.gen(function* () {
    const now = yield* Clock.clockWith((clock) => Effect.succeed(() => clock.currentTimeMillisUnsafe()))
    const readOf = new Map(all.map(({ id }) => [id, { count: 0, hasMetadata: false }]))
    const answer = <A>(make: () => A) =>
      Effect.sleep(Duration.millis(answerMillis)).pipe(
        Effect.map(make),
        Effect.tap(() => Effect.sleep(Duration.millis(answerMillis)))
      )
    /** By stream, when it was asked first. */
    const askedMillis = new Map<bigint, number>()
    const indexOf = (streamId: bigint): Reply => {
      if (!askedMillis.has(streamId)) askedMillis.set(streamId, now())
      const recorded = all.find(({ id }) => id === streamId / 2n) ?? assert.fail()
      const read = readOf.get(recorded.id) ?? assert.fail()
      const come = recorded.news.filter(({ atMillis }) => atMillis <= now())
      const packets = come.filter(({ isPacket }) => isPacket)
      const next = packets[read.count]
      const said = next ?? come.at(-1)
      const cycles = cyclesOf(said?.endMillis ?? 0)
      const isOver = next === undefined && recorded.endMillis <= now()
      const idle = said === undefined || said.isPacket ? Status.retry : Status.inactive
      if (next !== undefined) read.count++
      return {
        offset: 0n,
        packetSize: 8n,
        contentSize: 8n,
        timestampBegin: cycles,
        timestampEnd: cycles,
        eventsDiscarded: 0n,
        streamId: 0n,
        status: isOver ? Status.hup : next === undefined ? idle : Status.ok,
        flags: 0
      }
    }
    const connection: ViewerConnection = {
      minor: 14,
      requestCount: () => 0,
      sessions: Effect.die("asked by nobody"),
      createViewerSession: Effect.void,
      attach: () => Effect.die("asked by nobody"),
      detach: () => Effect.void,
      newStreams: (id) =>
        answer(() => {
          const isOver = all.some((each) => each.id === id && each.endMillis <= now())
          return { status: isOver ? NewStreamsStatus.hup : NewStreamsStatus.noNew, streams: [] }
        }),
      nextIndexes: (ids) => answer(() => ids.map(indexOf)),
      packet: () => answer(() => ({ status: 1, flags: 0, data: new Uint8Array(1) })),
      metadata: (id) =>
        answer(() => {
          const read = readOf.get(id / 2n) ?? assert.fail()
          const isNew = !read.hasMetadata
          read.hasMetadata = true
          return isNew ? { status: 1, data: metadata } : { status: 2, data: new Uint8Array() }
        })
    }
    const attachedOf = (recorded: Recorded): AttachedSession => ({
      session: sessionOf(recorded),
      streams: entriesOf(recorded)
    })
    let lookedMillis = 0
    let lookCount = 0
    const look = Effect.gen(function* () {
      const millis = typeof lookMillis === "number" ? lookMillis : lookMillis(lookCount++)
      yield* Effect.sleep(Duration.millis(millis / 2))
      const listed = all.filter(({ beginMillis, endMillis }) => beginMillis <= now() && now() < endMillis)
      yield* Effect.sleep(Duration.millis(millis / 2))
      lookedMillis += millis
      return listed.map(sessionOf)
    })
    const joiners = {
      lingerMillis: 0,
      look,
      attach: ({ id }: Session) => answer(() => attachedOf(all.find((each) => each.id === id) ?? assert.fail()))
    }
    const [first] = all
    const sessions = [attachedOf(first ?? assert.fail())]
    const next = yield* Attachment.make({ connection, sessions, joiners, withPadding: false, isPrompt: true })
    const seen: Array<{ readonly event: ViewerEvent; readonly atMillis: number }> = []
    const reading = Effect.gen(function* () {
      while (true) for (const event of yield* next) seen.push({ event, atMillis: now() })
    })
    yield* Effect.catch(reading as Effect.Effect<never, ExchangeFailed>, () => Effect.void)
    return { askedMillis, seen, lookedShare: lookedMillis / now(), tookMillis: now() }
  })

/** Only one fiber sleeps: then time has passed, a tenth of a millisecond at least. */
const inItsTime = <A, E, R>(effect: Effect.Effect<A, E, R>) => {
  let tenths = 0
  const millis = () => tenths / 10
  const nanos = () => BigInt(tenths) * 100_000n
  const clock: Clock.Clock = {
    currentTimeMillisUnsafe: millis,
    currentTimeMillis: Effect.sync(millis),
    currentTimeNanosUnsafe: nanos,
    currentTimeNanos: Effect.sync(nanos),
    monotonicTimeNanosUnsafe: nanos,
    monotonicTimeNanos: Effect.sync(nanos),
    sleep: (duration) =>
      Effect.sync(() => {
        tenths += Math.max(1, Math.round(Duration.toMillis(duration) * 10))
      })
  }
  return Effect.provideService(effect, Clock.Clock, clock)
}

/** What happens at about `share` of the millis, and a beacon each tenth of a second. */
const recordedAt = (id: bigint, beginMillis: number, endMillis: number, random: Random, share: number): Recorded => {
  const news: Array<News> = []
  for (let millis = Math.ceil(beginMillis); millis < endMillis; millis++) {
    const isPacket = random.chance(share)
    if (isPacket || millis % 100 === 0) news.push({ atMillis: millis + 0.5, isPacket, endMillis: millis })
  }
  return { id, beginMillis, endMillis, news }
}

/** What is told, in order: the time of each, and who joins. */
const assertNobodyIsOvertaken = (
  all: ReadonlyArray<Recorded>,
  seen: ReadonlyArray<{ readonly event: ViewerEvent }>
) => {
  const known = new Set([all[0]?.id])
  for (const { event } of seen) {
    if (event._tag === "SessionJoined") known.add(event.session.id)
    if (event._tag !== "Packet" && event._tag !== "Inactive") continue
    const told = millisOf(event._tag === "Packet" ? event.index.timestampEnd : event.timestamp)
    for (const { beginMillis, id } of all) {
      if (!known.has(id) && beginMillis < told) assert.fail(`told of ${told} before ${id} joined, begun ${beginMillis}`)
    }
    if (event._tag === "Packet") assert.isFalse(event.isLate, `a packet of ${told} is late`)
  }
  assert.strictEqual(known.size, all.length)
}

const packetCount = (seen: ReadonlyArray<{ readonly event: ViewerEvent }>) =>
  seen.filter(({ event }) => event._tag === "Packet").length

describe("a session that begins later", () => {
  for (const lookMillis of [0.4, 6, 40, 150]) {
    it.effect(`is overtaken by nobody where a look takes ${lookMillis} ms`, () =>
      Effect.gen(function* () {
        for (let seed = 1; seed <= 10; seed++) {
          const random = new Random(seed * 1000 + lookMillis)
          const all = [recordedAt(1n, 1, 6000, random, 0.05)]
          for (const id of [2n, 3n, 4n]) {
            const begin = 1000 + random.next() * 3000
            all.push(recordedAt(id, begin, begin + 2000, random, 0.2))
          }
          const answerMillis = random.next() * 3
          const { seen } = yield* inItsTime(watch(all, { lookMillis, answerMillis }))
          assertNobodyIsOvertaken(all, seen)
          const expected = all.flatMap(({ news }) => news).filter(({ isPacket }) => isPacket).length
          assert.strictEqual(packetCount(seen), expected, `seed ${seed}`)
        }
      })
    )
  }

  it.effect("is asked at once, though those before it have nothing to tell", () =>
    Effect.gen(function* () {
      for (let begin = 1000; begin < 1200; begin += 7) {
        const silent = { id: 1n, beginMillis: 1, endMillis: 3000, news: [] }
        const all = [silent, recordedAt(2n, begin, 3000, new Random(begin), 0.2)]
        const { askedMillis, seen } = yield* inItsTime(watch(all, { lookMillis: 1, answerMillis: 0.1 }))
        const joined = seen.find(({ event }) => event._tag === "SessionJoined") ?? assert.fail()
        assert.isBelow((askedMillis.get(4n) ?? assert.fail()) - joined.atMillis, 2, `begun ${begin}`)
      }
    })
  )

  it.effect("is looked for in a fifth of the time at most, while there are news all the time", () =>
    Effect.gen(function* () {
      const all = [recordedAt(1n, 1, 10_000, new Random(1), 0.5)]
      const { lookedShare } = yield* inItsTime(watch(all, { lookMillis: 30, answerMillis: 1 }))
      assert.isAtMost(lookedShare, 0.205)
      assert.isAbove(lookedShare, 0.1)
    })
  )

  it.effect("is looked for again at once after a look that was slow by chance", () =>
    Effect.gen(function* () {
      const all = [recordedAt(1n, 1, 10_000, new Random(1), 0.2)]
      const lookMillis = (count: number) => (count % 20 === 19 ? 200 : 2)
      const { seen } = yield* inItsTime(watch(all, { lookMillis, answerMillis: 0.5 }))
      const delays = seen.flatMap(({ atMillis, event }) =>
        event._tag === "Packet" ? [atMillis - millisOf(event.index.timestampEnd)] : []
      )
      assert.isAbove(delays.length, 1000)
      // More is there by then than is read in no time.
      assert.isBelow(Math.max(...delays), 2 * 200)
    })
  )

  it.effect("holds up nobody who reads what was recorded before, and is looked for twice a second without news", () =>
    Effect.gen(function* () {
      const news = Array.from({ length: 500 }, (_, at) => ({ atMillis: 0, isPacket: true, endMillis: at - 5000 }))
      const all: ReadonlyArray<Recorded> = [{ id: 1n, beginMillis: 0, endMillis: 1000, news }]
      const { seen } = yield* inItsTime(watch(all, { lookMillis: 40, answerMillis: 0.5 }))
      const took = seen.findLast(({ event }) => event._tag === "Packet")?.atMillis ?? assert.fail()
      assert.strictEqual(packetCount(seen), 500)
      // Two questions for each packet, and looks in a fifth of the time.
      assert.isBelow(took, 1.3 * 500 * 2)
    })
  )
})

describe("a stream", () => {
  it.effect("that says nothing for five seconds is told to be silent, once until it says something again", () =>
    Effect.gen(function* () {
      const news = [100, 8000].map((millis) => ({ atMillis: millis, isPacket: true, endMillis: millis }))
      const all: ReadonlyArray<Recorded> = [{ id: 1n, beginMillis: 0, endMillis: 20_000, news }]
      const { seen } = yield* inItsTime(watch(all, { lookMillis: 1, answerMillis: 0.1 }))
      const told = seen.flatMap(({ atMillis, event }) =>
        event._tag === "Silent" ? [{ id: event.stream.id, seconds: Math.floor(atMillis / 1000) }] : []
      )
      assert.deepStrictEqual(told, [
        { id: 2n, seconds: 5 },
        { id: 2n, seconds: 13 }
      ])
    })
  )
})
