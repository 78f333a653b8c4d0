/**
 * An application whose streams are announced long after their first packets have begun, while real viewers watch and
 * are told that other streams are quiet. Nothing happens in them before, so no event is late; but babeltrace ends when
 * a packet begins before what it has shown.
 */
import * as fs from "node:fs"
import { hostname } from "node:os"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as SyntheticTrace from "../../src/target/SyntheticTrace.ts"
import type { Session } from "../../src/target/Target.ts"
import * as Target from "../../src/target/Target.ts"
import * as Peers from "../support/peers.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"
import { sessionUrl } from "../support/viewing.ts"

const sessionName = "late"
const packetBytes = 4096
/** The beacons of one stream that viewers are told of before the other is announced. */
const beaconCount = 8
const timestampBeginAt = 32

const now = () => process.hrtime.bigint()

const uuidOf = (number: number) => `01234567-89ab-cdef-0123-00000000000${number}`

/** An application with a packet to send at the next tick of the live timer, and beacons until it is to speak again. */
const application = (session: Session, number: number, beginsAt?: bigint) =>
  Effect.gen(function* () {
    const path = `ust/pid/app-${number}`
    const generator = SyntheticTrace.generator(uuidOf(number), 0, packetBytes, now())
    const sent: Array<Target.Packet> = []
    let wantedCount = 1
    let quietCount = 0
    const flush = (end: bigint) =>
      Effect.sync(() => {
        if (sent.length === wantedCount) {
          quietCount++
          generator.idleUntil(end)
          return undefined
        }
        const packet = generator.next(end)
        if (beginsAt !== undefined) Buffer.from(packet.bytes.buffer).writeBigUInt64LE(beginsAt, timestampBeginAt)
        const made = { ...packet, timestampBegin: beginsAt ?? packet.timestampBegin }
        sent.push(made)
        return made
      })
    yield* session.stream({ path, channel: "ch_0", flush })
    const metadata = yield* session.metadata(path)
    yield* metadata.append(Buffer.from(SyntheticTrace.metadata(uuidOf(number))))
    yield* session.publish
    const speak = () => void wantedCount++
    return { path, sent, speak, quietCount: () => quietCount, eventCount: () => Number(generator.eventCount()) }
  })

/** Cycles of each event that a viewer has shown. */
const shownIn = (output: string) =>
  [...output.matchAll(/\[(\d+)\][^\n]*load:tick[^\n]*\n/g)].map(([, cycles]) => BigInt(cycles ?? 0))

Peers.describeWithPeers(["babeltrace2", "babeltrace", "stdbuf"], "streams announced long after they began", () => {
  for (const program of ["babeltrace2", "babeltrace"]) {
    it.live(`${program} lives, and shows every event at its time`, () =>
      Effect.gen(function* () {
        const relay = yield* Relays.start(Relays.underTest, { args: ["-v"] })
        const { controlPort, dataPort, host } = relay
        const target = yield* Target.make({ url: `net://${host}:${controlPort}:${dataPort}`, hostname: hostname() })
        const session = yield* target.session({ name: sessionName, liveTimer: "50 millis" })
        const first = yield* application(session, 1)
        const args = ["-oL", program, "--clock-cycles", "-i", "lttng-live", sessionUrl(relay, sessionName)]
        const viewer = yield* Process.daemon("stdbuf", args)
        const shows = (count: number) => Process.said(viewer, (output) => shownIn(output).length >= count)
        yield* Process.until("the first application", () => first.sent.length > 0)
        yield* shows(1)

        const beganAt = now()
        const quietBefore = first.quietCount()
        yield* Process.until("beacons", () => first.quietCount() >= quietBefore + beaconCount)
        const late = yield* application(session, 2, beganAt)
        yield* Process.until("the late application", () => late.sent.length > 0)
        // babeltrace 1.5 asks for new streams when it gets a packet.
        first.speak()
        yield* Process.until("the first application again", () => first.sent.length === 2)
        const eventCount = first.eventCount() + late.eventCount()
        yield* shows(eventCount)
        yield* session.close()
        const { code, stderr, stdout } = yield* viewer.ended

        assert.strictEqual(code, 0, stderr.slice(-999))
        const shown = shownIn(stdout)
        assert.strictEqual(shown.length, eventCount)
        const [packet] = late.sent
        assert.isDefined(packet)
        const events = Buffer.from(packet?.bytes ?? []).subarray(84)
        const times = Array.from({ length: late.eventCount() }, (_, at) => events.readBigUInt64LE(16 * at))
        const isShown = new Set(shown)
        assert.deepStrictEqual(
          times.filter((time) => !isShown.has(time)),
          []
        )
        const [file] = fs.globSync(join(relay.output, "**", late.path, "ch_0"))
        const recorded = fs.readFileSync(file ?? "")
        assert.isTrue(
          recorded.subarray(0, packet?.bytes.length).equals(packet?.bytes ?? Buffer.alloc(0)),
          "as it was sent"
        )
      })
    )
  }
})
