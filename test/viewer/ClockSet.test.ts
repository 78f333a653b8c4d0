/** A viewer is told what happens, when it happens, whatever becomes of its host's wall clock meanwhile. */
import { assert, it } from "@effect/vitest"
import { Clock, Effect, Stream } from "effect"
import * as Target from "../../src/target/Target.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import * as LiveViewer from "../../src/viewer/LiveViewer.ts"
import * as SetClock from "../support/setclock.ts"

const hour = 3_600_000
const decades = 56 * 365 * 24 * hour

const packet = (at: bigint) => ({ bytes: Buffer.alloc(32), timestampBegin: at, timestampEnd: at })

for (const byMillis of [-hour, decades]) {
  it.live(`the clock is set by ${byMillis / hour} hours`, () =>
    Effect.gen(function* () {
      const relay = yield* TestRelay.make()
      const target = yield* Target.make({ url: relay.targetUrl })
      const session = yield* target.session({ name: "made", liveTimer: "50 millis", clock: () => 0n })
      const add = (channel: string) => session.stream({ path: "ust/uid/0/64-bit", channel })
      const [busy, quiet] = [yield* add("busy"), yield* add("quiet")]
      yield* (yield* session.metadata("ust/uid/0/64-bit")).append(Buffer.from("/* CTF 1.8 */"))
      yield* session.publish
      const { clock, set } = yield* SetClock.make
      const seen: Array<LiveViewer.ViewerEvent> = []
      const watched = Effect.gen(function* () {
        const viewer = yield* LiveViewer.connect({ host: relay.host, port: relay.livePort })
        const [found] = yield* viewer.sessions
        const { events } = yield* viewer.attach(found as LiveViewer.Session, { seek: "beginning" })
        yield* Stream.runForEach(events, (event) => Effect.sync(() => void seen.push(event)))
      })
      yield* Effect.forkScoped(Effect.provideService(watched, Clock.Clock, clock))
      const count = () => seen.filter(({ _tag }) => _tag === "Packet").length
      for (const at of [1n, 2n, 3n]) {
        yield* busy.packet(packet(at))
        yield* quiet.packet(packet(at))
        yield* until(`packets of ${at}`, () => count() === Number(at) * 2)
        if (at === 2n) set(byMillis)
      }
      assert.notInclude(
        seen.map(({ _tag }) => _tag),
        "Silent"
      )
    })
  )
}
