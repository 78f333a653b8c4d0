/**
 * A stream that the relay can read no further is told as such: its end alone would be taken for all there was. So is an
 * output that takes no more.
 */
import { existsSync, readdirSync, truncateSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { recordCountMax } from "../../src/memory/RecentIndexes.ts"
import * as SyntheticTrace from "../../src/target/SyntheticTrace.ts"
import * as Target from "../../src/target/Target.ts"
import { until } from "../../src/testing/Waiting.ts"
import * as Babeltrace from "../support/babeltrace.ts"
import { toolboxProgram } from "../support/bundle.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"
import { start as toolbox } from "../support/toolbox.ts"

const uuid = "01234567-89ab-cdef-0123-456789abcdef"
const path = "ust/uid/0/64-bit"
/** Of each stream: more than what a relay has in memory. */
const packetCount = 2 * recordCountMax

const isOfCut = (name: string | Buffer) => String(name).endsWith("/cut_0")

it.live("follow, follow --packets and record say which stream, and show the others", () =>
  Effect.gen(function* () {
    const relay = yield* Relays.start("ours")
    const url = `net://127.0.0.1:${relay.controlPort}:${relay.dataPort}`
    const target = yield* Target.make({ url, hostname: "web1" })
    const session = yield* target.session({ name: "demo", liveTimer: "50 millis" })
    const whole = yield* session.stream({ path, channel: "whole_0" })
    const cut = yield* session.stream({ path, channel: "cut_0" })
    const metadata = yield* session.metadata(path)
    yield* session.publish
    yield* metadata.append(Buffer.from(SyntheticTrace.metadata(uuid)))
    const generators = [whole, cut].map(() => SyntheticTrace.generator(uuid, 0, SyntheticTrace.packetBytesMin, 0n))
    for (const [at, stream] of [whole, cut].entries()) {
      for (let end = 1; end <= packetCount; end++)
        yield* stream.packet(generators[at]?.next(BigInt(end)) ?? assert.fail())
    }
    yield* session.stored
    const stored = Babeltrace.sessionDirectory(relay.output, "demo")
    truncateSync(join(stored, path, "index", "cut_0.idx"), 16)
    const watched = `net://127.0.0.1:${relay.livePort}/host/web1/demo`
    const directory = yield* Relays.temporaryDirectory("cut")
    const mirror = join(directory, "mirror")
    const follow = yield* toolbox("follow", "--seek=beginning", watched)
    const packets = yield* toolbox("follow", "--seek=beginning", "--packets", watched)
    const record = yield* toolbox("record", watched, mirror)
    yield* Process.said(follow, "cut_0: the relay cannot read what else it has of this stream")
    yield* Process.said(packets, `end      stream=${path}/cut_0 cut=true\n`)
    const isRecorded = () => existsSync(mirror) && readdirSync(mirror, { recursive: true }).some(isOfCut)
    yield* until("record to be attached", isRecorded)
    const script = '"$@" follow --seek=beginning "$0" >/dev/full'
    const full = yield* Process.attempt("sh", ["-c", script, watched, process.execPath, toolboxProgram])
    assert.strictEqual(full.code, 1)
    assert.match(full.stderr, /^Error: cannot write to standard output: No space left on device\n$/m)
    yield* session.close()
    const followed = yield* follow.ended
    assert.strictEqual(followed.code, 1)
    assert.strictEqual(followed.stdout.split("\n").length - 1, packetCount)
    assert.strictEqual((yield* packets.ended).code, 0)
    assert.match(
      (yield* record.ended).stdout,
      new RegExp(`: 3 streams, ${packetCount} packets, .*, 1 stream cut short`)
    )
  })
)
