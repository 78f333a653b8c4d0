/**
 * Applications that come and go before an edge whose link is cut and whose relay is killed and stopped meanwhile, and
 * before a relay that nothing happens to: each with buffers of its own in a live session; then one session that is
 * cleared and rotated again and again, and one of which snapshots are taken. The two directories must be the same, byte
 * for byte.
 */
import { Effect } from "effect"
import * as Babeltrace from "../support/babeltrace.ts"
import * as Lttng from "../support/lttng.ts"
import * as Ordeal from "../support/ordeal.ts"

export interface Options {
  readonly applications: number
  readonly events: number
  /** Of the others, the session is cleared, and a snapshot taken, behind each. */
  readonly clears: number
  readonly onStep?: (line: string) => void
}

export interface Outcome {
  readonly faultCount: number
  /** One line each. */
  readonly wrong: ReadonlyArray<string>
}

/** At once. */
const concurrency = 3

export const comeAndGo = ({ applications, clears, events, onStep = () => undefined }: Options) =>
  Effect.gen(function* () {
    const { faultCount, output } = yield* Ordeal.endure(
      ({ faultCount, near, tracing: { crash, emit, lttng } }) =>
        Effect.gen(function* () {
          const pids = ["--buffers-pid", "--subbuf-size=4k", "--num-subbuf=4"]
          yield* Lttng.record({ lttng }, near, "pids", { create: ["--live=200000"], channel: pids })
          const sources = Array.from({ length: applications }, (_, at) => at + 1)
          const one = (source: number) =>
            Effect.tap(emit({ count: events, source, sleepMicros: 5 }), () =>
              Effect.sync(() => source % 50 === 0 && onStep(`${source} applications, ${faultCount()} faults`))
            )
          yield* Effect.forEach(sources, one, { concurrency, discard: true })
          yield* lttng("stop", "pids")
          yield* lttng("destroy", "pids")
          yield* lttng("create", "snap", "--snapshot", ...Lttng.toRelay(near))
          yield* lttng("enable-channel", "-u", "--subbuf-size=64k", "--num-subbuf=2", "ch")
          yield* lttng("enable-event", "-u", "-c", "ch", "demo:*")
          yield* lttng("start", "snap")
          yield* Lttng.record({ lttng }, near, "cleared", { channel: ["--subbuf-size=4k"] })
          for (let at = 0; at < clears; at++) {
            yield* emit({ count: events, source: at + 1, sleepMicros: 5 })
            yield* lttng("snapshot", "record", "-s", "snap")
            yield* lttng(at % 4 === 3 ? "rotate" : "clear", "cleared")
            if (at % 20 === 19) onStep(`${at + 1} clears, ${faultCount()} faults`)
          }
          yield* emit({ count: events, source: clears + 1 })
          yield* lttng("destroy", "cleared")
          yield* lttng("destroy", "snap")
          // It keeps the connections of snapshots for as long as it lives.
          yield* crash
        }),
      { everyMillis: 400 }
    )
    const wrong: Array<string> = []
    const check = (session: string, wanted: ReadonlyArray<number>) =>
      Effect.map(Babeltrace.read(Babeltrace.sessionDirectory(output, session)), ({ bySource, discarded }) => {
        for (const source of wanted) {
          const { breaks, count } = bySource.get(source) ?? { breaks: [], count: 0 }
          if (count !== events || breaks.length > 0) wrong.push(`${session}: ${count} of source ${source}, ${breaks}`)
        }
        const others = [...bySource.keys()].filter((source) => !wanted.includes(source))
        if (others.length > 0) wrong.push(`${session}: ${others} were cleared`)
        // The tracer clears its own buffers, an empty packet in them too.
        if (session === "pids") wrong.push(...discarded)
      })
    yield* check(
      "pids",
      Array.from({ length: applications }, (_, at) => at + 1)
    )
    const rotated = Array.from({ length: clears }, (_, at) => at).filter((at) => at % 4 === 3)
    yield* check("cleared", [...rotated.map((at) => at + 1), clears + 1])
    const outcome: Outcome = { faultCount, wrong }
    return outcome
  })
