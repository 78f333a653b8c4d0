/** Edges that may record, but take what they can: others have their share of what a relay remembers, and has. */
import { assert, it } from "@effect/vitest"
import { Effect, Logger } from "effect"
import { Tracer } from "../../src/connection/journal/Tracer.ts"
import { Tracers } from "../../src/connection/journal/Tracers.ts"
import type { VirtualPeer } from "../../src/connection/journal/VirtualPeer.ts"
import { turnBytes } from "../../src/connection/Turn.ts"
import * as Machine from "../../src/Machine.ts"
import * as CreateSession from "../../src/protocol/control/CreateSession.ts"
import * as Version from "../../src/protocol/control/Version.ts"
import * as Header from "../../src/protocol/Header.ts"
import * as OpenJournal from "../../src/protocol/journal/OpenJournal.ts"
import { Kind } from "../../src/protocol/journal/Record.ts"
import { Replies } from "../../src/protocol/journal/Replies.ts"
import * as ReturnCode from "../../src/protocol/ReturnCode.ts"
import { viewOf } from "../../src/protocol/Struct.ts"
import { CommonMemory } from "../../src/relay/journal/CommonMemory.ts"
import type { Registry } from "../../src/relay/Registry.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import { join, message, none, u32, u64 } from "../../src/testing/PeerBytes.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import type { Peer } from "../../src/transport/Peer.ts"
import { opened, opening, record, taking, version } from "../support/journal.ts"
import { withRelay } from "./doubles.ts"

const withoutLog = Effect.provide(Logger.layer([]))
const { acknowledgement, Outcome, State } = OpenJournal

const tokenOf = (index: number) => index.toString(16).padStart(32, "0")
const overCountMax = 4096

/** The state that an edge hears which asks for it again. */
const stateOf = (relay: TestRelay.TestRelay, index: number) =>
  Effect.gen(function* () {
    const wire = yield* relay.wire("control")
    const { state } = yield* opened(wire, opening(tokenOf(index)))
    yield* wire.close
    return state
  })

it.live("that a journal has finished is remembered by the next relay, too, however many another owner left", () =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make()
    const wire = yield* relay.wire("control")
    yield* opened(wire, opening(tokenOf(0)))
    yield* wire.send(join(record(1, Kind.control), record(2, Kind.finish, none, 0)))
    while (acknowledgement.read(viewOf(yield* wire.read(acknowledgement.size)), 0).outcome !== Outcome.finished);
    yield* wire.close
    const { memory } = relay
    const [flag = ""] = memory.paths("/traces").filter((path) => path.endsWith(".finished"))
    assert.strictEqual(Buffer.from(memory.read(flag) ?? []).toString(), "address 127.0.0.1")
    for (let index = 1; index <= overCountMax; index++) {
      memory.write(flag.replace(tokenOf(0), tokenOf(index)), Buffer.from("key unfair"))
    }
    const next = yield* TestRelay.make({ memory })
    assert.strictEqual(yield* stateOf(next, 0), State.finished)
    assert.strictEqual(yield* stateOf(next, overCountMax), State.finished)
    assert.lengthOf(
      memory.paths("/traces").filter((path) => path.endsWith(".finished")),
      overCountMax
    )
  }).pipe(withoutLog)
)

it.live("what was put down of a journal that has expired stays, however many another owner left", () =>
  Effect.gen(function* () {
    const memory = new MemoryFiles()
    for (let index = 0; index <= overCountMax; index++) {
      const about = { edgeName: "edge", peer: index === 0 ? "10.0.0.1:1" : "10.0.0.2:1" }
      const path = `/traces/.journals/${tokenOf(index)}`
      memory.write(`${path}.json`, Buffer.from(JSON.stringify(about)))
      for (const suffix of ["history", "expired"]) memory.write(`${path}.${suffix}`, Buffer.alloc(0))
    }
    yield* TestRelay.make({ memory })
    const left = () => memory.paths("/traces").filter((path) => path.endsWith(".history"))
    yield* until("one to be removed", () => left().length === overCountMax)
    assert.include(left(), `/traces/.journals/${tokenOf(0)}.history`)
  }).pipe(withoutLog)
)

/** How a journal of this host comes to be over, and what says so. */
const ends = {
  finished: [record(1, Kind.control), record(2, Kind.finish, none, 0)],
  ended: [record(1, Kind.control), record(2, 99)],
  expired: [record(1, Kind.control)]
}

it.live.each(["finished", "ended", "expired"] as const)(
  "of those that are %s the oldest of whose are most goes",
  (how) =>
    Effect.gen(function* () {
      const memory = new MemoryFiles()
      const [fewer, more] = ["10.0.0.0", "127.0.0.1"]
      for (let index = 1; index <= overCountMax; index++) {
        const address = index <= overCountMax / 2 ? fewer : more
        const path = `/traces/.journals/${tokenOf(index)}`
        memory.write(`${path}.${how}`, Buffer.from(how === "expired" ? "" : `address ${address}`))
        if (how !== "expired") continue
        memory.write(`${path}.json`, Buffer.from(JSON.stringify({ edgeName: "edge", peer: `${address}:1` })))
        memory.write(`${path}.history`, Buffer.alloc(0))
      }
      const relay = yield* TestRelay.make({ memory, suspendMillis: 20 })
      const wire = yield* relay.wire("control")
      const token = tokenOf(overCountMax + 1)
      yield* opened(wire, opening(token))
      yield* wire.send(join(...ends[how]))
      if (how === "expired") yield* wire.close
      const left = () => new Set(memory.paths("/traces").filter((path) => path.endsWith(`.${how}`)))
      const flagOf = (each: string) => `/traces/.journals/${each}.${how}`
      yield* until("it to be over, and one forgotten", () => left().has(flagOf(token)) && left().size === overCountMax)
      const before = Array.from({ length: overCountMax }, (_, index) => tokenOf(index + 1))
      const there = left()
      assert.deepStrictEqual(
        before.filter((each) => !there.has(flagOf(each))),
        [tokenOf(overCountMax / 2 + 1)]
      )
    }).pipe(withoutLog)
)

it.live("one that is forgotten while its edge comes again is begun anew, and put down as any other", () =>
  Effect.gen(function* () {
    const memory = new MemoryFiles()
    for (let index = 1; index <= overCountMax; index++) {
      const path = `/traces/.journals/${tokenOf(index)}`
      memory.write(`${path}.json`, Buffer.from(JSON.stringify({ edgeName: "edge", peer: "127.0.0.1:1" })))
      for (const suffix of ["history", "expired"]) memory.write(`${path}.${suffix}`, Buffer.alloc(0))
    }
    const relay = yield* TestRelay.make({ memory, suspendMillis: 200 })
    const begins = Effect.fnUntraced(function* (index: number) {
      const wire = yield* relay.wire("control")
      yield* opened(wire, opening(tokenOf(index)))
      yield* wire.send(record(1, Kind.control))
      const putDown = Effect.gen(function* () {
        while (acknowledgement.read(viewOf(yield* wire.read(acknowledgement.size)), 0).durable < 1n);
      })
      return { wire, putDown }
    })
    // Its history is gone, the rest is not yet.
    const goOn = relay.faults.stall(`${tokenOf(1)}.history.new`)
    const last = yield* begins(overCountMax + 1)
    yield* Effect.andThen(last.putDown, last.wire.close)
    yield* until("the oldest to be removed", () => relay.faults.stalledCount > 0)
    const back = yield* begins(1)
    const other = yield* begins(overCountMax + 2)
    yield* other.putDown
    yield* goOn
    yield* back.putDown
    const left = memory.paths("/traces").filter((path) => path.includes(tokenOf(1)))
    assert.deepStrictEqual(left.map((path) => path.slice(path.lastIndexOf(".") + 1)).sort(), [
      "changes",
      "history",
      "json"
    ])
  }).pipe(withoutLog)
)

const mebi = 1024 * 1024

it("long records come in part on as many connections of one owner as it has memory for, and on others later", async () => {
  const partial = new CommonMemory(8 * mebi)
  const reads = new CommonMemory(8 * mebi)
  const long = record(1, Kind.rest, Buffer.alloc(mebi))
  const step = 32 * 1024
  const all = [...Array(20).fill("many"), "few", "few"].map((owner) => {
    const { connection, seen } = taking(owner, partial, reads)
    return { connection, seen, at: 0, isReadable: true }
  })
  /** Brings more on those that are read, until none is, or but the last part of a record is left. */
  const bring = (of: typeof all, until = long.length) => {
    for (const each of of) {
      each.isReadable ||= each.seen.resumeCount > 0
      each.seen.resumeCount = 0
      while (each.isReadable && each.at < until) {
        const bytes = Buffer.from(long.subarray(each.at, Math.min(each.at + step, until)))
        each.at += bytes.length
        each.isReadable = each.connection.receive(bytes, bytes.length)
        assert.isAtMost(partial.heldBytes, 8 * mebi)
      }
    }
  }
  const recorded = (of: typeof all) => of.reduce((sum, { seen }) => sum + seen.numbers.length, 0)
  const [many, few] = [all.slice(0, 20), all.slice(20)]
  bring(all, long.length - step)
  // What is read of the others is what one read brings.
  assert.lengthOf(
    many.filter(({ at }) => at > 8 * step),
    5
  )
  bring(few)
  assert.strictEqual(recorded(few), 2)
  for (let round = 1; round <= 20; round++) {
    bring(many)
    await Promise.resolve()
  }
  assert.strictEqual(recorded(many), 20)
  assert.deepStrictEqual(new Set(all.map(({ seen }) => seen.complaint)), new Set([""]))
  assert.strictEqual(partial.heldBytes, 0)
})

it("who waits for memory has it when another connection is gone, and none when it is gone itself", async () => {
  const partial = new CommonMemory(mebi)
  const reads = new CommonMemory(mebi)
  const bytes = record(1, Kind.rest, Buffer.alloc(mebi)).subarray(0, 4096)
  const [one, two, three] = ["one", "one", "one"].map((owner) => taking(owner, partial, reads)) as never as [
    ReturnType<typeof taking>,
    ReturnType<typeof taking>,
    ReturnType<typeof taking>
  ]
  const begun = [one, two, three].map(({ connection }) => connection.receive(Buffer.from(bytes), bytes.length))
  assert.deepStrictEqual(begun, [true, false, false])
  two.connection.release()
  one.connection.release()
  await Promise.resolve()
  assert.deepStrictEqual([two.seen.resumeCount, three.seen.resumeCount], [0, 1])
  three.connection.release()
  assert.strictEqual(partial.heldBytes, 0)
})

it("reads are long where much comes, while the owner has room for what they may leave", () => {
  const partial = new CommonMemory(mebi)
  const reads = new CommonMemory(2 * mebi)
  const bytesMax = (each: ReturnType<typeof taking>) => each.connection.readBytesMax
  const [one, two, three] = ["one", "one", "one"].map((owner) => taking(owner, partial, reads)) as never as [
    ReturnType<typeof taking>,
    ReturnType<typeof taking>,
    ReturnType<typeof taking>
  ]
  const other = taking("other", partial, reads)
  const much = join(...Array.from({ length: 5 }, (_, index) => record(index + 1, Kind.rest, Buffer.alloc(16_384))))
  const short = bytesMax(one)
  assert.isBelow(short, much.length)
  for (const each of [one, two, three, other]) each.connection.receive(Buffer.from(much), much.length)
  assert.deepStrictEqual(
    [one, two, three, other].map((each) => bytesMax(each) > short),
    [true, true, false, true]
  )
  assert.deepStrictEqual(
    [one, two, three, other].map(({ seen }) => seen.boundCount),
    [1, 1, 0, 1]
  )
  for (const { connection } of [one, other]) connection.release()
  three.connection.receive(Buffer.from(much), much.length)
  assert.isAbove(bytesMax(three), short)
  for (const { connection } of [two, three]) connection.release()
  assert.strictEqual(reads.heldBytes, 0)
})

it.live("what a connection wants of one read is what its socket is asked for, from its first command on", () =>
  withRelay({}, (relay) =>
    Effect.gen(function* () {
      const { peer } = yield* relay.control
      peer.deliver(join(version, opening(tokenOf(1))))
      yield* peer.has(8 + OpenJournal.replyBytes)
      const short = peer.wantedBytesMax
      assert.isAtLeast(short, 2 * turnBytes)
      // What is sent again changes nothing.
      const again = Array.from({ length: 5 }, () => record(1, Kind.rest, Buffer.alloc(16_384)))
      peer.deliver(join(record(1, Kind.control), ...again))
      yield* until("reads to be long", () => peer.wantedBytesMax > short)
    })
  )
)

/** A connection, and what makes its heart beat. */
const beating = (partial: CommonMemory, reads: CommonMemory) => {
  const beats: Array<() => void> = []
  const machine = Machine.replace({
    ...Machine,
    setInterval: (beat: () => void) => {
      beats.push(beat)
      return setInterval(() => {}, 1_000_000).unref()
    }
  })
  const taken = taking("owner", partial, reads)
  machine()
  const beat = () => {
    for (const each of beats) each()
  }
  return { ...taken, beat }
}

it("a connection to which nothing comes gives back the memory of records that came in part", () => {
  const { beat, connection, seen } = beating(new CommonMemory(mebi), new CommonMemory(mebi))
  const bytes = record(1, Kind.rest, Buffer.alloc(6000))
  const placeOfNext = () => {
    connection.receive(Buffer.from(bytes.subarray(0, 3000)), 3000)
    connection.receive(Buffer.from(bytes.subarray(3000)), bytes.length - 3000)
    return seen.places.at(-1)
  }
  const first = placeOfNext()
  beat()
  assert.strictEqual(placeOfNext(), first)
  beat()
  beat()
  assert.notStrictEqual(placeOfNext(), first)
  assert.lengthOf(seen.numbers, 3)
  connection.release()
})

it("a connection to which little comes gives back the room for long reads", () => {
  const [partial, reads] = [new CommonMemory(8 * mebi), new CommonMemory(8 * mebi)]
  const { beat, connection, seen } = beating(partial, reads)
  const all = join(record(1, Kind.rest, Buffer.alloc(100_000)), record(2, Kind.rest, Buffer.alloc(100_000)))
  const give = (from: number, to: number) => connection.receive(Buffer.from(all.subarray(from, to)), to - from)
  const short = connection.readBytesMax
  give(0, 150_000)
  const long = connection.readBytesMax
  assert.isAbove(long, short)
  beat()
  assert.strictEqual(connection.readBytesMax, long)
  beat()
  assert.deepStrictEqual([connection.readBytesMax, reads.heldBytes, seen.boundCount], [short, 0, 2])
  give(150_000, all.length)
  assert.strictEqual(seen.numbers.length, 2)
  connection.release()
})

/** Connections of tracers in a journal of the owner; `peers` are those that the relay serves as control connections. */
const tracersOf = (owner: string, connections: CommonMemory, peers: Array<Peer> = [], places?: ReadonlySet<string>) =>
  new Tracers({
    registry: { journals: { connections }, background: Effect.runSync } as unknown as Registry["Service"],
    owner: () => owner,
    serves: { control: (peer) => Effect.sync(() => void peers.push(peer)), data: () => Effect.void },
    peer: {
      edge: { name: "edge", certificate: undefined },
      journal: "j",
      begunAt: undefined,
      places: () => places,
      brought: () => false,
      waitsFor: () => {},
      onReady: () => {}
    },
    onSession: () => {},
    onClosed: () => {},
    onLacking: () => {}
  })

it("who opens connections in many journals has no more than its share of them, and others open theirs", () => {
  const connections = new CommonMemory(64)
  const fill = (tracers: Tracers, countMax: number) => {
    let number = 0
    while (number < countMax && !tracers.isFull(number + 1)) tracers.begin(++number, Kind.control)
    return number
  }
  const unfair = Array.from({ length: 5 }, () => tracersOf("unfair", connections))
  const fair = tracersOf("fair", connections)
  // Eight, which each may have, and one that is found to be too many.
  assert.deepStrictEqual(
    unfair.map((each) => fill(each, 256)),
    [40, 9, 9, 9, 9]
  )
  assert.strictEqual(fill(fair, 12), 12)
  assert.isFalse(fair.isFull(1))
  // What an earlier relay has let in before others came.
  const restored = tracersOf("unfair", connections, [], new Set())
  assert.strictEqual(fill(restored, 24), 24)
  restored.broke()
  const before = connections.heldBytes
  fair.carryOut(Kind.end, 12, Buffer.of(0), 0, 1)
  assert.strictEqual(connections.heldBytes, before - 1)
  for (const each of unfair) each.broke()
  fair.ended()
  assert.strictEqual(connections.heldBytes, 0)
})

it("what a tracer says of itself is kept as far as it counts, and not what was refused", () => {
  const tracer = new Tracer(Kind.control, {} as VirtualPeer, new Replies(() => {}))
  const version = message(Version.number, join(u32(2), u32(13), Buffer.alloc(mebi)))
  tracer.commandBegins(version, 0, version.length)
  assert.deepStrictEqual(
    tracer.introductions.get(Version.number),
    Buffer.concat(Header.message(Version.number, join(u32(2), u32(13))))
  )
  const session = message(CreateSession.number, Buffer.alloc(mebi))
  tracer.commandBegins(session, 0, session.length)
  assert.isAtMost(tracer.introductions.get(CreateSession.number)?.length ?? 0, 16 * 1024 + Header.size)
  tracer.refused()
  assert.deepStrictEqual([...tracer.introductions.keys()], [Version.number])
})

it("what a tracer asks for again once it has a session, and is refused, is not forgotten of the session", () => {
  const peers: Array<Peer> = []
  const tracers = tracersOf("owner", new CommonMemory(64), peers)
  tracers.begin(1, Kind.control)
  const answered = (code: number) => {
    const create = message(CreateSession.number, Buffer.alloc(600))
    tracers.carryOut(Kind.command, 1, create, 0, create.length)
    peers[0]?.send(join(u64(7), u32(code)))
    return tracers.open.get(1)?.introductions.has(CreateSession.number)
  }
  assert.deepStrictEqual([ReturnCode.UNKNOWN, ReturnCode.OK, ReturnCode.UNKNOWN].map(answered), [false, true, true])
})
