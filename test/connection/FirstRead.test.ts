/**
 * What comes right behind the first bytes of a connection that is looked at: behind a balancer's header, or at a port
 * that takes TLS beside plain TCP. However large it is, all of it is recorded, and in order.
 */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Commands from "../../src/testing/PeerBytes.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import * as Certificates from "../support/certificates.ts"
import * as Balancer from "../support/proxy.ts"

const { addStream, createSession, join, message, numbers, packetHeader, u32 } = Commands

const entrances = {
  "behind a balancer's header": Effect.succeed({
    options: { proxyFrom: ["127.0.0.1"] },
    header: Balancer.ipv4("192.0.2.7", 1)
  }),
  "at a port that takes TLS, too": Effect.gen(function* () {
    const authority = yield* Certificates.authority
    const { cert, key } = yield* authority.issue({ name: "relay", use: "serverAuth" })
    const tls = { control: "allow", data: "allow", live: "allow", certificate: cert, key } as const
    return { options: { tls }, header: Commands.none }
  })
}

/** Each word of it is another one. */
const packetOf = (seq: number, byteCount: number): Buffer => {
  const bytes = Buffer.alloc(byteCount)
  for (let at = 0; at < byteCount; at += 4) bytes.writeUInt32BE(seq * 0x100_0000 + at, at)
  return bytes
}

for (const [where, entrance] of Object.entries(entrances)) {
  for (const byteCount of [4096, 20_000, 262_144, 1_000_000]) {
    for (const [how, millis] of [
      ["at once", 0],
      ["a moment later", 20]
    ] as const) {
      it.live(`${where}: packets of ${byteCount} bytes, ${how}`, () =>
        Effect.gen(function* () {
          const { header, options } = yield* entrance
          const relay = yield* TestRelay.make(options)
          const control = yield* relay.wire("control")
          const said = [
            message(numbers.VERSION, join(u32(2), u32(10))),
            message(numbers.CREATE_SESSION, createSession(10, { name: "s", host: "h" })),
            message(numbers.ADD_STREAM, addStream(10, { path: "h/s" }))
          ]
          yield* control.send(join(header, ...said))
          const stream = (yield* control.read(8 + 12 + 12)).readBigUInt64BE(20)
          const data = yield* relay.wire("data")
          // Without their indexes no more are taken.
          const count = Math.min(100, Math.ceil(1_500_000 / byteCount))
          const packets = Array.from({ length: count }, (_, seq) => packetOf(seq, byteCount))
          const sent = packets.flatMap((packet, seq) => [packetHeader(stream, seq, byteCount, 0), packet])
          if (millis > 0) {
            yield* data.send(join(header, ...sent).subarray(0, header.length + 10))
            yield* Effect.sleep(millis)
            yield* data.send(join(...sent).subarray(10))
          } else yield* data.send(join(header, ...sent))
          yield* until(
            "all of it",
            () => data.isClosed() || relay.output.size("h/s/ch_0") === packets.length * byteCount
          )
          assert.isTrue(join(...packets).equals(relay.memory.read("/traces/h/s/ch_0") ?? Commands.none))
        })
      )
    }
  }
}
