/**
 * Exported traces, read by who reads Chrome's JSON: the performance panel of Chromium's own developer tools, whose
 * engine comes with the browser. Each of our slices is one of its, on its thread, with its length.
 */
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { chromium } from "playwright-core"
import type { Item } from "../ctf/chrome.ts"
import { toolboxProgram } from "../support/bundle.ts"
import { describeWithCorpus } from "../support/corpus.ts"
import * as Peers from "../support/peers.ts"
import * as Process from "../support/process.ts"

/** By `pid/tid`: its name, and a line for each slice. */
type Threads = Readonly<Record<string, { readonly name: string | undefined; readonly slices: ReadonlyArray<string> }>>

const slice = (name: string, begin: number, end: number): string => `${name} ${begin.toFixed(3)} ${end.toFixed(3)}`

const told = (items: ReadonlyArray<Item>): Threads => {
  const names = new Map<string, string | undefined>()
  const found = new Map<string, { readonly open: Array<Item>; readonly slices: Array<string> }>()
  for (const item of items) {
    const key = `${item.pid}/${item.tid}`
    if (item.ph === "M" && item.name === "thread_name") names.set(key, item.args?.name)
    if (item.ph !== "B" && item.ph !== "E") continue
    const own = found.get(key) ?? { open: [], slices: [] }
    found.set(key, own)
    const begin = item.ph === "B" ? undefined : own.open.pop()
    if (begin === undefined) own.open.push(item)
    else own.slices.push(slice(begin.name, begin.ts, item.ts))
  }
  return Object.fromEntries(
    [...found].map(([key, { slices }]) => [key, { name: names.get(key), slices: slices.sort() }])
  )
}

interface Entry {
  readonly name: string
  readonly ts: number
  readonly dur: number
}

interface Engine {
  readonly TraceModel: {
    readonly Model: {
      createWithAllHandlers(): {
        parse(events: ReadonlyArray<Item>, options: object): Promise<void>
        parsedTrace(index: number): {
          readonly data: {
            readonly Renderer: {
              readonly processes: ReadonlyMap<
                number,
                { readonly threads: ReadonlyMap<number, { readonly name?: string; readonly entries: Array<Entry> }> }
              >
            }
          }
        }
      }
    }
  }
}

/** What the engine finds. Runs in the browser. */
const inBrowser = async (text: string) => {
  const model = (globalThis as unknown as { readonly engine: Engine }).engine.TraceModel.Model.createWithAllHandlers()
  await model.parse(JSON.parse(text).traceEvents, { metadata: {}, isFreshRecording: false })
  return [...model.parsedTrace(0).data.Renderer.processes].flatMap(([pid, { threads }]) =>
    [...threads].map(([tid, { entries, name }]) => ({
      key: `${pid}/${tid}`,
      name,
      entries: entries.map(({ dur, name, ts }) => [name, ts, dur] as const)
    }))
  )
}

const browser = Effect.acquireRelease(
  Effect.promise(() =>
    chromium.launch({ executablePath: Peers.find("chromium") ?? "chromium", args: ["--no-sandbox", "--disable-gpu"] })
  ),
  (opened) => Effect.promise(() => opened.close())
)

/** As text: what makes modules for tests makes something else of an `import` that it sees. */
const loadEngine =
  'import("devtools://devtools/bundled/models/trace/trace.js").then((all) => { globalThis.engine = all })'
const panel = "devtools://devtools/bundled/devtools_app.html?panel=timeline"

Peers.describeWithPeers(["chromium"], "Chrome's JSON", () => {
  describeWithCorpus("in Chromium's performance panel", ["ust-cyg-profile", "kernel-big-endian"], (root) => {
    it.live.each(["ust-cyg-profile", "kernel-big-endian"])("%s: every slice, on its thread", (name) =>
      Effect.gen(function* () {
        const directory = join(root(), name)
        const { stdout } = yield* Process.run(process.execPath, [toolboxProgram, "export", directory], {})
        const page = yield* Effect.flatMap(browser, (opened) => Effect.promise(() => opened.newPage()))
        yield* Effect.promise(() => page.goto(panel))
        yield* Effect.promise(() => page.evaluate(loadEngine))
        const found = yield* Effect.promise(() => page.evaluate(inBrowser, stdout))
        const threads = Object.fromEntries(
          found
            .filter(({ entries }) => entries.length > 0)
            .map(({ entries, key, name }) => [
              key,
              { name, slices: entries.map(([name, ts, dur]) => slice(name, ts, ts + dur)).sort() }
            ])
        )
        const wanted = told(JSON.parse(stdout).traceEvents)
        assert.isAbove(
          Object.values(wanted).reduce((sum, { slices }) => sum + slices.length, 0),
          1000
        )
        assert.deepStrictEqual(threads, wanted)
      })
    )
  })
})
