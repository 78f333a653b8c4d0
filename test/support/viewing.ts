/**
 * Real live viewers, and what they have shown so far. What a viewer must have at a moment is waited for; its end is its
 * own, with status 0.
 */
import { hostname } from "node:os"
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import * as Babeltrace from "./babeltrace.ts"
import * as Process from "./process.ts"
import type * as Relays from "./relays.ts"

const urlOf = (relay: Relays.Relay) => `net://${relay.host}:${relay.livePort}`

export const sessionUrl = (relay: Relays.Relay, session: string) => `${urlOf(relay)}/host/${hostname()}/${session}`

export interface Listed {
  readonly session: string
  readonly timerMicros: number
  readonly streams: number
  readonly clients: number
}

/** Newer ones name the trace's format, too. */
const listed = /host\/([^ ]+) \(timer = (\d+), (\d+) stream\(s\), (\d+) client\(s\) connected(?:, [^)]*)?\)/g

export const list = (relay: Relays.Relay) =>
  Effect.map(Process.run("babeltrace2", ["-i", "lttng-live", urlOf(relay)]), ({ stdout }) =>
    [...stdout.matchAll(listed)].map(
      ([, session = "", timer, streams, clients]): Listed => ({
        session,
        timerMicros: Number(timer),
        streams: Number(streams),
        clients: Number(clients)
      })
    )
  )

export interface Viewer {
  readonly program: Program
  readonly readout: () => Babeltrace.Readout
  /** How it ended, if it did. */
  readonly outcome: () => Process.Outcome | undefined
  readonly signal: (signal: NodeJS.Signals) => void
  /** Waits until the viewer has shown this many events. */
  readonly until: (events: number) => Effect.Effect<void, Process.TimedOut>
  /** Waits until it has ended by itself, with status 0. */
  readonly ended: Effect.Effect<Babeltrace.Readout, Process.TimedOut>
}

export type Program = "babeltrace2" | "babeltrace"

export const isWatched = (relay: Relays.Relay, session: string) =>
  Effect.map(list(relay), (sessions) =>
    sessions.some((found) => found.session.endsWith(`/${session}`) && found.clients > 0)
  )

/** Attached when this returns. */
export const view = (
  relay: Relays.Relay,
  session: string,
  program: Program = "babeltrace2",
  isAttached: Effect.Effect<boolean, Process.ProcessFailed | Process.TimedOut> = isWatched(relay, session)
) =>
  Effect.gen(function* () {
    const args = ["-oL", program, "--clock-cycles", "-i", "lttng-live", sessionUrl(relay, session)]
    const running = yield* Process.daemon("stdbuf", args)
    yield* Process.until(`a viewer of ${session}`, isAttached, { everyMillis: 50 })
    const readout = () => Babeltrace.parse(running.output())
    const viewer: Viewer = {
      program,
      readout,
      outcome: running.outcome,
      signal: running.signal,
      until: (events) => Effect.asVoid(Process.said(running, (output) => Babeltrace.parse(output).events >= events)),
      ended: Effect.gen(function* () {
        yield* Process.until("the viewer to end", () => running.outcome() !== undefined)
        const outcome = running.outcome()
        assert.strictEqual(outcome?.code, 0, outcome?.stderr.slice(-2000))
        return Babeltrace.parse(outcome?.stdout ?? "", outcome?.stderr)
      })
    }
    return viewer
  })

/** One viewer more. Of any number the listing says 1; a relay with `-v` tells of each. */
export const viewBeside = (relay: Relays.Relay, session: string, program: Program = "babeltrace2") =>
  Effect.suspend(() => {
    const attachedCount = () => relay.process.output().split(`viewer attached to ${session}`).length
    const before = attachedCount()
    return view(
      relay,
      session,
      program,
      Effect.sync(() => attachedCount() > before)
    )
  })

/** As long as it shows more of them. A viewer that dies before is not waited for. */
export const untilSource = (viewer: Viewer, source: number, count: number) =>
  Effect.gen(function* () {
    const shown = () => viewer.readout().bySource.get(source)?.count ?? 0
    while (shown() < count && viewer.outcome() === undefined) {
      const before = shown()
      yield* Process.until(
        `more than ${before} of ${count} events of source ${source} in ${viewer.program}`,
        () => shown() > before || viewer.outcome() !== undefined,
        { everyMillis: 50 }
      )
    }
    if (shown() >= count) return
    const { code, signal, stderr } = viewer.outcome() ?? {}
    assert.fail(`${viewer.program} has ended (${signal ?? code}): ${stderr?.slice(-1000)}`)
  })
