/**
 * A live viewer of a real session, ours or babeltrace2, beside any relay: how long an event took from the application
 * to a line.
 *
 * An event waits for the end of its packet first, up to one live timer; for the relay; and for the viewer, which lets
 * nothing out before all streams are as far.
 */
import * as os from "node:os"
import * as readline from "node:readline"
import { Effect, type Scope } from "effect"
import { AnswerTimes } from "../src/target/AnswerTimes.ts"
import type { Ports } from "./Link.ts"
import type { Metrics } from "./Measurement.ts"
import * as Place from "./Place.ts"
import * as Process from "./Process.ts"

export interface Follower {
  /** Once everything was seen. */
  readonly metrics: Effect.Effect<Metrics>
}

const endLimit = "30 seconds"

/** Milliseconds from 1970; NaN: the line is of no event. */
const timeOf = (line: string): number => {
  const [, nanos] = /"ts":"(\d{13,19})"/.exec(line) ?? []
  if (nanos !== undefined) return Number(BigInt(nanos) / 1000n) / 1000
  const [, seconds] = /^\[(\d+\.\d+)\] /.exec(line) ?? []
  return Number(seconds) * 1000
}

/** Both wait for the session. */
const commands = {
  follow: (url: string) => [process.execPath, Place.toolbox, "follow", "--wait", "--format=ndjson", url],
  babeltrace2: (url: string) => ["stdbuf", "-oL", "babeltrace2", "--clock-seconds", "-i", "lttng-live", url]
}

export const make = (
  ports: Ports,
  session: string,
  viewer: keyof typeof commands = "follow"
): Effect.Effect<Follower, Process.CannotRun, Scope.Scope> =>
  Effect.gen(function* () {
    const [command = "", ...args] = commands[viewer](
      `net://${ports.host}:${ports.live}/host/${os.hostname()}/${session}`
    )
    const running = yield* Process.spawn(command, args)
    const times = new AnswerTimes()
    let [count, longest, since] = [0, 0, Number.POSITIVE_INFINITY]
    readline.createInterface({ input: running.child.stdout as NodeJS.ReadableStream }).on("line", (line) => {
      const [now, happened] = [performance.timeOrigin + performance.now(), timeOf(line)]
      if (!Number.isFinite(happened)) return
      // What happened before it was there was waiting for it, not it for that.
      since = Math.min(since, now)
      if (happened < since) return
      const millis = now - happened
      times.add(millis)
      longest = Math.max(longest, millis)
      count++
    })
    const metrics = Effect.promise(() => running.exited).pipe(
      Effect.timeoutOption(endLimit),
      Effect.map(() => ({
        viewerEvents: count,
        eventToViewerP50Ms: times.quantile(0.5) ?? Number.NaN,
        eventToViewerP99Ms: times.quantile(0.99) ?? Number.NaN,
        eventToViewerMaxMs: longest
      }))
    )
    return { metrics }
  })
