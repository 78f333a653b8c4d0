/**
 * Live sessions of CTF 2: one that LTTng 2.17 recorded is sent again, packet by packet, each after the metadata that
 * it needs and no more, while it is followed.
 */
import { execFileSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { assert, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import * as CtfTrace from "../../src/ctf/CtfTrace.ts"
import * as Nanoseconds from "../../src/ctf/model/Nanoseconds.ts"
import * as Events from "../../src/ctf/recorded/Events.ts"
import * as Replay from "../../src/target/Replay.ts"
import * as Target from "../../src/target/Target.ts"
import * as LiveViewer from "../../src/viewer/LiveViewer.ts"
import { toolboxProgram } from "../support/bundle.ts"
import * as Corpus from "../support/corpus.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"

const name = "ctf2-live"
const archive = fileURLToPath(new URL(`../ctf/traces/${name}.tar.xz`, import.meta.url))
const env = { TZ: "UTC", LC_ALL: "C.UTF-8" }
const separator = 0x1e
/** All that is no event record class. */
const headFragments = 4

interface Packet {
  readonly channel: string
  readonly record: CtfTrace.PacketRecord
  readonly bytes: Uint8Array
  readonly eventCount: number
  /** Fragments of metadata without which it is not to be understood. */
  readonly fragmentCount: number
}

interface Recorded {
  readonly directory: string
  readonly path: string
  readonly channels: ReadonlyArray<string>
  readonly fragments: ReadonlyArray<Uint8Array>
  /** In the order of their ends. */
  readonly packets: ReadonlyArray<Packet>
}

const recorded = Effect.gen(function* () {
  const root = yield* Relays.temporaryDirectory("ctf2")
  execFileSync("tar", ["-xJf", archive, "-C", root])
  const directory = `${root}/${name}`
  const [trace] = (yield* CtfTrace.open(directory)).chunks[0]?.traces ?? []
  assert(trace?.metadata !== undefined)
  const { files, metadata, path } = trace
  const starts = [...metadata.keys()].filter((at) => metadata[at] === separator)
  const fragments = starts.map((start, at) => metadata.slice(start, starts[at + 1]))
  const events = [...Events.items([directory])].flatMap((item) => (item._tag === "Event" ? [item.event] : []))
  const packets: Array<Packet> = []
  for (const file of files) {
    const read = yield* CtfTrace.reader(file)
    for (const record of file.packets) {
      const within = events.filter(({ path: location, timestamp = 0n, traceClass }) => {
        const [clock] = traceClass.clocks.values()
        const [from, to] = [record.timestampBegin, record.timestampEnd].map((at) => Nanoseconds.fromCycles(clock, at))
        return location === file.location && timestamp >= (from ?? 0n) && timestamp <= (to ?? 0n)
      })
      const ids = within.map(({ eventClass }) => Number(eventClass.id))
      packets.push({
        channel: file.name,
        record,
        bytes: yield* read(Number(record.offset), Number(record.packetSize) / 8),
        eventCount: within.length,
        fragmentCount: Math.max(headFragments, ...ids.map((id) => headFragments + id + 1))
      })
    }
  }
  packets.sort((a, b) => (a.record.timestampEnd < b.record.timestampEnd ? -1 : 1))
  assert.strictEqual(
    packets.reduce((count, { eventCount }) => count + eventCount, 0),
    events.length
  )
  return { directory, path, channels: files.map((file) => file.name), fragments, packets } satisfies Recorded
})

const follow = (relay: Relays.Relay, session: string) =>
  Effect.gen(function* () {
    const url = `net://127.0.0.1:${relay.livePort}/host/host1/${session}`
    const command = [toolboxProgram, "follow", "--wait", "--seek=beginning", "--no-delta", url]
    const running = yield* Process.daemon(process.execPath, command, { env })
    const linesOf = (output: string) => output.split("\n").slice(0, -1)
    const ended = Effect.gen(function* () {
      const { code, stderr, stdout } = yield* running.ended
      assert.strictEqual(code, 0, stderr.slice(-2000))
      return linesOf(stdout)
    })
    const until = (count: number) => Process.said(running, (output) => linesOf(output).length >= count)
    return { ended, until }
  })

const targetOf = ({ controlPort, dataPort }: Relays.Relay) =>
  Target.make({ url: `net://127.0.0.1:${controlPort}:${dataPort}`, hostname: "host1" })

/** `between` is done once, when all that was sent so far can be shown: nothing that follows is older. */
const send = <E>(
  relay: Relays.Relay,
  { channels, fragments, packets, path }: Recorded,
  between: (session: Target.Session, eventCount: number) => Effect.Effect<unknown, E>
) =>
  Effect.gen(function* () {
    const target = yield* targetOf(relay)
    let [now, at] = [0n, 0]
    const session = yield* target.session({ name, traceFormat: 2, liveTimer: "50 millis", clock: () => now })
    const streams = new Map<string, Target.DataStream>()
    for (const channel of channels) {
      const begins = packets.filter((packet) => packet.channel === channel).map(({ record }) => record.timestampBegin)
      const sent = () => packets.slice(0, at).filter((packet) => packet.channel === channel).length
      const beaconTimestamp = (time: bigint) => {
        const next = begins[sent()]
        return next !== undefined && next < time ? next : time
      }
      const instanceId = BigInt(channels.indexOf(channel))
      streams.set(channel, yield* session.stream({ path, channel, instanceId, beaconTimestamp }))
    }
    const metadata = yield* session.metadata(path)
    yield* session.publish
    const isQuiet = () =>
      at >= packets.length / 2 && packets.slice(at).every(({ record }) => record.timestampBegin > now)
    let [fragmentCount, eventCount, isDone] = [0, 0, false]
    for (const packet of packets) {
      if (!isDone && isQuiet()) {
        isDone = true
        yield* between(session, eventCount)
      }
      for (; fragmentCount < packet.fragmentCount; fragmentCount++) {
        yield* metadata.append(fragments[fragmentCount] ?? new Uint8Array())
      }
      const { contentSize: contentBits, eventsDiscarded, packetSeqNum, timestampBegin, timestampEnd } = packet.record
      const times = { contentBits, timestampBegin, timestampEnd, eventsDiscarded }
      const sequence = packetSeqNum === undefined ? {} : { packetSeqNum }
      yield* streams.get(packet.channel)?.packet({ bytes: packet.bytes, ...times, ...sequence }) ?? Effect.void
      now = timestampEnd
      at++
      eventCount += packet.eventCount
      yield* Effect.sleep(Duration.millis(20))
    }
    assert(isDone)
    yield* session.close()
    return `${relay.output}/${session.outputPath}`
  })

const show = (directory: string) =>
  Effect.map(Process.run(process.execPath, [toolboxProgram, "show", "--no-delta", directory], { env }), ({ stdout }) =>
    stdout.split("\n").slice(0, -1)
  )

const answer = Corpus.answer(`${name}.txt`)
  ?.toString()
  .split("\n")
  .slice(0, -1)
  .map((line) => line.replace(/\(\+[0-9?.]+\) /, ""))

it.live("of CTF 2, with new classes and a rotation: what is recorded, what was recorded, and the right answer", () =>
  Effect.gen(function* () {
    const relay = yield* Relays.start("ours")
    const viewer = yield* follow(relay, name)
    const directory = yield* send(relay, yield* recorded, (session, eventCount) =>
      Effect.andThen(viewer.until(eventCount), session.rotate())
    )
    const shown = yield* viewer.ended
    assert.deepStrictEqual(shown, answer)
    assert.deepStrictEqual(yield* show(directory), shown)
  })
)

it.live("of CTF 2, cleared: what came before was shown, what comes after is there once", () =>
  Effect.gen(function* () {
    const relay = yield* Relays.start("ours")
    const viewer = yield* follow(relay, name)
    let before = 0
    const directory = yield* send(relay, yield* recorded, (session, eventCount) =>
      Effect.gen(function* () {
        before = eventCount
        yield* viewer.until(eventCount)
        yield* session.clear
      })
    )
    const shown = yield* viewer.ended
    assert.deepStrictEqual(shown, answer)
    assert.deepStrictEqual(yield* show(directory), shown.slice(before))
  })
)

it.live("a recording of CTF 2 that is replayed says to viewers what it is", () =>
  Effect.gen(function* () {
    const relay = yield* Relays.start("ours")
    const recording = yield* CtfTrace.open((yield* recorded).directory)
    const viewer = yield* LiveViewer.connect({ host: "127.0.0.1", port: relay.livePort })
    const formats: Array<string> = []
    yield* Effect.raceFirst(
      Replay.replay(recording, yield* targetOf(relay), { liveTimer: "50 millis", speed: 1 }),
      Process.until("the session", viewer.sessions, (sessions) => {
        formats.push(...sessions.map(({ traceFormat }) => traceFormat))
        return formats.length > 0
      })
    )
    assert.deepStrictEqual(formats, ["ctf-2.0"])
  })
)
