/**
 * An application whose streams are announced long after their first packets have begun, while real viewers watch and
 * are told that other streams are quiet. Nothing happens in them before, so no event is late; but babeltrace ends when
 * a packet begins before what it has shown.
 */
import * as fs from "node:fs"
import { hostname } from "node:os"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Deferred, Effect } from "effect"
import type { Session } from "../../src/target/Target.ts"
import * as Target from "../../src/target/Target.ts"
import * as Peers from "../support/peers.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"
import * as UstPackets from "../support/ustpackets.ts"
import { sessionUrl } from "../support/viewing.ts"

const sessionName = "late"
const eventCount = 100n
const millisecond = 1_000_000n
/** The beacons of one stream that viewers are told of before the other is announced. */
const beaconCount = 8

const now = () => process.hrtime.bigint()

const uuidOf = (number: number) => `01234567-89ab-cdef-0123-00000000000${number}`

/**
 * An application with a packet to send at the next tick of the live timer, and beacons until it is to speak again. Its
 * first packet begins at `beginsAt`; nothing happens before `speaksAt` says, which is told when the relay has heard of
 * the stream: an announcement takes as long as the machine likes.
 */
const application = (
  session: Session,
  number: number,
  beginsAt = now(),
  speaksAt: (announcedAt: bigint) => bigint = () => beginsAt,
  spokenCount = 1
) =>
  Effect.gen(function* () {
    const path = `ust/pid/app-${number}`
    const sent: Array<Target.Packet> = []
    const times: Array<bigint> = []
    const announced = yield* Deferred.make<void>()
    let [begin, quietUntil] = [beginsAt, beginsAt]
    let wantedCount = spokenCount
    let quietCount = 0
    const flush = (tick: bigint) =>
      Effect.gen(function* () {
        yield* Deferred.await(announced)
        let end = tick
        if (sent.length === wantedCount) {
          quietCount++
          begin = quietUntil = end
          return undefined
        }
        for (; end < quietUntil + millisecond; end = now()) yield* Effect.sleep("1 millis")
        const step = (end - quietUntil) / eventCount
        const happened = Array.from({ length: Number(eventCount) }, (_, at) => quietUntil + step * BigInt(at + 1))
        const packet = UstPackets.packetOf(uuidOf(number), begin, end, happened)
        begin = quietUntil = end
        times.push(...happened)
        sent.push(packet)
        return packet
      })
    yield* session.stream({ path, channel: "ch_0", flush })
    quietUntil = speaksAt(now())
    yield* Deferred.succeed(announced, undefined)
    const metadata = yield* session.metadata(path)
    yield* metadata.append(Buffer.from(UstPackets.metadata(uuidOf(number))))
    yield* session.publish
    return { path, sent, times, speak: () => void wantedCount++, quietCount: () => quietCount }
  })

/** Cycles of each event that a viewer has shown. */
const shownIn = (output: string) =>
  [...output.matchAll(/\[(\d+)\][^\n]*load:tick[^\n]*\n/g)].map(([, cycles]) => BigInt(cycles ?? 0))

/** A viewer is told that an application is quiet, before another one is announced whose packet began long ago. */
const watch = (program: string, speaksAt: (beganAt: bigint, announcedAt: bigint) => bigint) =>
  Effect.gen(function* () {
    const relay = yield* Relays.start(Relays.underTest, { args: ["-v"] })
    const { controlPort, dataPort, host } = relay
    const target = yield* Target.make({ url: `net://${host}:${controlPort}:${dataPort}`, hostname: hostname() })
    const session = yield* target.session({ name: sessionName, liveTimer: "50 millis" })
    const first = yield* application(session, 1, now(), undefined, 0)
    const args = ["-oL", program, "--clock-cycles", "-i", "lttng-live", sessionUrl(relay, sessionName)]
    const viewer = yield* Process.daemon("stdbuf", args)
    const shows = (count: number) => Process.said(viewer, (output) => shownIn(output).length >= count)
    // babeltrace begins with what comes after it.
    yield* Process.said(relay.process, "viewer attached to late")
    first.speak()
    yield* shows(1)

    const beganAt = now()
    const quietBefore = first.quietCount()
    yield* Process.until("beacons", () => first.quietCount() >= quietBefore + beaconCount)
    const late = yield* application(session, 2, beganAt, (announcedAt) => speaksAt(beganAt, announcedAt))
    yield* Process.until("the late application", () => late.sent.length > 0)
    // babeltrace 1.5 asks for new streams when it gets a packet.
    first.speak()
    yield* Process.until("the first application again", () => first.sent.length === 2)
    const happened = [...first.times, ...late.times].sort((one, other) => Number(one - other))
    return { relay, session, late, viewer, happened, shows }
  })

Peers.describeWithPeers(["babeltrace2", "babeltrace", "stdbuf"], "streams announced long after they began", () => {
  for (const program of ["babeltrace2", "babeltrace"]) {
    it.live(`${program} lives, and shows every event at its time`, () =>
      Effect.gen(function* () {
        const { happened, late, relay, session, shows, viewer } = yield* watch(
          program,
          (_, announcedAt) => announcedAt + millisecond
        )
        yield* shows(happened.length)
        yield* session.close()
        const { code, stderr, stdout } = yield* viewer.ended

        assert.strictEqual(code, 0, stderr.slice(-999))
        assert.deepStrictEqual(shownIn(stdout), happened)
        const [file] = fs.globSync(join(relay.output, "**", late.path, "ch_0"))
        const sent = late.sent[0]?.bytes ?? Buffer.alloc(0)
        assert.isTrue(
          fs
            .readFileSync(file ?? "")
            .subarray(0, sent.length)
            .equals(sent),
          "as it was sent"
        )
      })
    )

    it.live(`${program} shows no event at a wrong time if events happened before the announcement`, () =>
      Effect.gen(function* () {
        const { happened, session, viewer } = yield* watch(program, (beganAt) => beganAt)
        yield* session.close()
        const { stdout } = yield* viewer.ended
        const isTrue = new Set(happened)
        assert.deepStrictEqual(
          shownIn(stdout).filter((time) => !isTrue.has(time)),
          []
        )
      })
    )
  }
})
