/** Decoded events of a real live session over the operator's port: each once, in order, filtered, to the end. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Lttng from "../support/lttng.ts"
import * as Peers from "../support/peers.ts"
import * as Ports from "../support/ports.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"

interface Line {
  readonly type?: string
  readonly name?: string
  readonly session?: string
  readonly fields?: { readonly seq?: number; readonly source?: number }
}

/** Lines as they come, until the answer ends or the scope closes. */
const listen = (url: string) =>
  Effect.gen(function* () {
    const abort = yield* Effect.acquireRelease(
      Effect.sync(() => new AbortController()),
      (controller) => Effect.sync(() => controller.abort())
    )
    const lines: Array<Line> = []
    const heard = { lines, status: 0, isOver: false }
    const read = async () => {
      const answer = await fetch(url, { signal: abort.signal })
      heard.status = answer.status
      let rest = ""
      const decoder = new TextDecoder()
      for await (const piece of answer.body ?? []) {
        const parts = (rest + decoder.decode(piece, { stream: true })).split("\n")
        rest = parts.pop() ?? ""
        for (const part of parts) if (part !== "") lines.push(JSON.parse(part) as Line)
      }
      heard.isOver = true
    }
    read().catch(() => {
      heard.isOver = true
    })
    return heard
  })

const statusOf = (url: string) => Effect.promise(async () => (await fetch(url)).status)

Peers.describeWithPeers(Peers.tracing, "the live events of the operator's port", () => {
  it.live("are those of the application, each once and in order; with a filter, those that it lets through", () =>
    Effect.gen(function* () {
      const port = yield* Ports.free
      const relay = yield* Relays.start("ours", { args: [`--http-port=tcp://127.0.0.1:${port}`] })
      const tracing = yield* Lttng.start
      yield* Lttng.record(tracing, relay, "watched", { create: ["--live=100000"] })
      const api = `http://127.0.0.1:${port}/api/v1/sessions`
      // Once the first events have come the stream is there to be watched.
      yield* tracing.emit({ count: 10, cpu: 0 })
      const { items } = (yield* Effect.promise(async () => (await fetch(api)).json())) as {
        readonly items: ReadonlyArray<{ readonly id: number }>
      }
      const id = items[0]?.id ?? 0
      const all = yield* listen(`${api}/${id}/events`)
      const some = yield* listen(`${api}/${id}/events?where=${encodeURIComponent("seq >= 90 and seq < 95")}`)
      const attached = Effect.promise(async () => (await fetch(`${api}/${id}`)).json()) as Effect.Effect<{
        readonly viewerCount: number
      }>
      yield* Process.until(
        "both to be attached",
        Effect.map(attached, ({ viewerCount }) => viewerCount === 2)
      )
      yield* tracing.emit({ count: 200, source: 7, cpu: 0 })
      const events = ({ lines }: typeof all) =>
        lines.filter((line) => line.name?.startsWith("demo:") && line.fields?.source === 7)
      yield* Process.until(
        "all events",
        Effect.sync(() => events(all).length >= 200 && events(some).length >= 5)
      )
      assert.deepStrictEqual(
        events(all).map(({ fields }) => fields?.seq),
        Array.from({ length: 200 }, (_, seq) => seq)
      )
      assert.deepStrictEqual(
        events(some).map(({ fields }) => fields?.seq),
        [90, 91, 92, 93, 94]
      )
      assert.strictEqual(events(all)[0]?.session, "watched")
      assert.strictEqual(yield* statusOf(`${api}/${id}/events?where=seq%20%3D%3D`), 400)
      yield* tracing.lttng("destroy")
      yield* Process.until(
        "the answers to end with the session",
        Effect.sync(() => all.isOver && some.isOver)
      )
      assert.strictEqual(yield* statusOf(`${api}/${id}/events`), 404)
    })
  )
})
