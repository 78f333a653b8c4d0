/** How soon an edge tries again: later and later, unless the relay gets on with the journal. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { TestClock } from "effect/testing"
import * as Edge from "../../src/edge/Edge.ts"
import { Backoff } from "../../src/edge/forwarding/Backoff.ts"
import * as Pace from "../../src/edge/forwarding/Pace.ts"
import * as OpenJournal from "../../src/protocol/journal/OpenJournal.ts"
import { Kind } from "../../src/protocol/journal/Record.ts"
import { Files } from "../../src/storage/Files.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import { join, u32, u64 } from "../../src/testing/PeerBytes.ts"
import { until } from "../../src/testing/Waiting.ts"
import * as Dial from "../../src/transport/Dial.ts"
import { logged } from "../support/logged.ts"
import * as Spools from "./spools.ts"

const introduction = [u32(2), u32(13), u32(10), u64(OpenJournal.offered)]
const opened = (received: number) => [u32(10), u32(0), u64(BigInt(received)), u64(0n)]
const acknowledged = (received: number, outcome = 0) => [u64(BigInt(received)), u64(0n), u32(outcome)]

/** So many attempts are looked at. */
const attemptCount = 6
/** More than the edge is told that the relay has. */
const recordCount = 100

/** ms of the clock at each attempt, where the relay says `saidAt(attempt)` after its introduction and then resets. */
const attempts = (saidAt: (attempt: number) => ReadonlyArray<Uint8Array>) =>
  Effect.gen(function* () {
    const times: Array<number> = []
    const dial: typeof Dial.dial = () =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        let unread = join(...introduction, ...saidAt(times.length))
        times.push(now)
        const lost = new Dial.LinkLost({ address: "relay:5342", reason: "reset" })
        const read = (count: number) =>
          Effect.suspend(() => {
            if (unread.length < count) return Effect.fail(lost)
            const bytes = unread.subarray(0, count)
            unread = unread.subarray(count)
            return Effect.succeed(bytes)
          })
        const write = (_: ReadonlyArray<Uint8Array>, sent?: () => void) => sent?.()
        const link = { name: lost.address, read, write, drained: Effect.void, isDrained: () => false }
        return { ...link, whenDrained: () => () => {} } as unknown as Dial.Link
      })
    const nobody = { host: "127.0.0.1", port: 1 }
    const { spool } = yield* Edge.upstream(
      {
        ...Spools.options(),
        to: { control: nobody, data: nobody },
        pace: Pace.unlimited,
        copy: undefined,
        compression: "off",
        name: "here"
      },
      dial
    ).pipe(Effect.provideService(Files, new MemoryFiles().service))
    const journal = Spools.open(spool)
    for (let count = 0; count < recordCount; count++) journal.append(Kind.control, count + 1)
    // As if all of it had been sent: this relay acknowledges what it has not read.
    journal.given = recordCount
    const clock = yield* Clock.Clock
    const look = Effect.provideService(Effect.as(TestClock.adjust(10), times), Clock.Clock, clock)
    yield* until("the attempts", look, ({ length }) => length > attemptCount + 1, { everyMillis: 1 })
    return times
  }).pipe(Effect.provide(logged().layer))

const growing = (times: ReadonlyArray<number>) => {
  for (let at = 0; at < attemptCount; at++) {
    const waited = (times[at + 1] ?? 0) - (times[at] ?? 0)
    assert.isAtLeast(waited, Math.min(5000, 20 * 2 ** at), `after attempt ${at + 1}`)
  }
}

/** What `attemptCount` attempts that each wait for longer take. */
const muchMillis = 1000

describe("an edge waits for longer each time", () => {
  for (const [what, saidAt] of [
    ["takes the journal, and then ends the connection", () => opened(0)],
    ["says each time that it has the same, and then ends the connection", () => [...opened(0), ...acknowledged(7)]],
    ["is not believed when it takes the journal", () => opened(recordCount + 1)],
    ["is not believed afterwards", () => [...opened(0), ...acknowledged(recordCount + 1)]],
    ["says what this edge does not know", () => [...opened(0), ...acknowledged(1, 99)]]
  ] as const) {
    it.effect(`if the relay ${what}`, () => Effect.map(attempts(saidAt), (times) => growing(times.slice(1))))
  }
})

describe("an edge tries again soon", () => {
  it.effect("if the relay had got further by the time that it ended the connection", () =>
    Effect.gen(function* () {
      const times = yield* attempts((attempt) => [...opened(attempt), ...acknowledged(attempt + 1)])
      assert.isBelow((times.at(-1) ?? 0) - (times[0] ?? 0), muchMillis)
    })
  )

  it("if the relay has more for good, or held the connection for as long as one waits at most", () => {
    const journal = { received: 9, durable: 0 }
    const backoff = new Backoff(journal)
    const wait = (...heldMillis: ReadonlyArray<number>) => {
      for (const _ of heldMillis) backoff.up(0)
      return backoff.failed(heldMillis[0] ?? 0)
    }
    assert.deepStrictEqual([wait(), wait(), wait(4999)], [20, 40, 80])
    assert.deepStrictEqual([wait(5000), wait()], [20, 40])
    journal.durable = 1
    assert.deepStrictEqual([wait(), wait()], [20, 40])
    for (let count = 0; count < 20; count++) wait()
    assert.strictEqual(wait(), 5000)
  })
})
