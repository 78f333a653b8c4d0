/** Decoded events of a real live session over the operator's port: each once, in order, filtered, to the end. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
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
const listen = (url: string, token?: string) =>
  Effect.gen(function* () {
    const abort = yield* Effect.acquireRelease(
      Effect.sync(() => new AbortController()),
      (controller) => Effect.sync(() => controller.abort())
    )
    const lines: Array<Line> = []
    const heard = { lines, status: 0, isOver: false }
    const read = async () => {
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
      const answer = await fetch(url, { signal: abort.signal, headers })
      heard.status = answer.status
      let rest = ""
      const decoder = new TextDecoder()
      for await (const piece of answer.body ?? []) {
        const parts = (rest + decoder.decode(piece, { stream: true })).split("\n")
        rest = parts.pop() ?? ""
        // Empty lines, and comments of server-sent events, say that it goes on.
        const said = parts.map((part) => part.replace(/^data: /, "")).filter((part) => part !== "" && part !== ":")
        for (const part of said) lines.push(JSON.parse(part) as Line)
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
      const sent = yield* listen(`${api}/${id}/events/sse`)
      const some = yield* listen(`${api}/${id}/events?event=nothing&event=demo:*,x&where=seq%3E=90&where=seq%3C95`)
      const attached = Effect.promise(async () => (await fetch(`${api}/${id}`)).json()) as Effect.Effect<{
        readonly viewerCount: number
      }>
      yield* Process.until("all to be attached", attached, ({ viewerCount }) => viewerCount === 3)
      yield* tracing.emit({ count: 200, source: 7, cpu: 0 })
      const events = ({ lines }: typeof all) =>
        lines.filter((line) => line.name?.startsWith("demo:") && line.fields?.source === 7)
      yield* Process.until(
        "all events",
        () => events(all).length >= 200 && events(sent).length >= 200 && events(some).length >= 5
      )
      assert.deepStrictEqual(
        events(all).map(({ fields }) => fields?.seq),
        Array.from({ length: 200 }, (_, seq) => seq)
      )
      assert.deepStrictEqual(
        events(some).map(({ fields }) => fields?.seq),
        [90, 91, 92, 93, 94]
      )
      assert.deepStrictEqual(events(sent), events(all))
      assert.strictEqual(events(all)[0]?.session, "watched")
      assert.strictEqual(yield* statusOf(`${api}/${id}/events?where=seq%20%3D%3D`), 400)
      yield* tracing.lttng("destroy")
      yield* Process.until("the answers to end with the session", () => all.isOver && sent.isOver && some.isOver)
      assert.strictEqual(yield* statusOf(`${api}/${id}/events`), 404)
    })
  )

  it.live("are there though the live port shows them to nobody, and then only to who has the token", () =>
    Effect.gen(function* () {
      const home = yield* Relays.temporaryDirectory("feed")
      const [rules, tokenFile] = [join(home, "access.json"), join(home, "token")]
      writeFileSync(rules, JSON.stringify({ principals: [], rules: [{ principals: ["*"], record: [{}] }] }))
      writeFileSync(tokenFile, "secret\n")
      const port = yield* Ports.free
      const args = [`--http-port=tcp://127.0.0.1:${port}`, `--http-token-file=${tokenFile}`, `--access=${rules}`]
      const relay = yield* Relays.start("ours", { args })
      const tracing = yield* Lttng.start
      yield* Lttng.record(tracing, relay, "hidden", { create: ["--live=100000"] })
      yield* tracing.emit({ count: 10, cpu: 0 })
      const api = `http://127.0.0.1:${port}/api/v1/sessions`
      const { items } = (yield* Effect.promise(async () => (await fetch(api)).json())) as {
        readonly items: ReadonlyArray<{ readonly id: number }>
      }
      const url = `${api}/${items[0]?.id}/events`
      const listed = yield* Process.run("babeltrace2", ["-i", "lttng-live", `net://127.0.0.1:${relay.livePort}`])
      assert.notInclude(listed.stdout, "hidden")
      for (const form of [url, `${url}/sse`, `${url}?where=seq%20%3E%201`]) {
        assert.strictEqual(yield* statusOf(form), 401, form)
      }
      const told = yield* listen(url, "secret")
      yield* Process.until(
        "the viewer to be there",
        Effect.promise(async () => (await fetch(`${api}/${items[0]?.id}`)).json() as Promise<{ viewerCount: number }>),
        ({ viewerCount }) => viewerCount === 1
      )
      yield* tracing.emit({ count: 20, source: 7, cpu: 0 })
      yield* Process.until("the events", () => told.lines.filter(({ fields }) => fields?.source === 7).length === 20)
      yield* tracing.lttng("destroy")
    })
  )
})
