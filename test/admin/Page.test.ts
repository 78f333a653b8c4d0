/**
 * The operator's page in a real browser, over a real relay that a `Target` streams to: every view, a session that ends,
 * a relay that goes away, a wrong token. What a person sees is left as pictures in `test/.artefacts`.
 */
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { type Browser, chromium, type Page } from "playwright-core"
import * as Target from "../../src/target/Target.ts"
import * as Peers from "../support/peers.ts"
import * as Ports from "../support/ports.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"
import { streaming } from "../support/synthetic.ts"

const artefacts = fileURLToPath(new URL("../.artefacts", import.meta.url))

const browserFlags = [
  ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
  ...["--disable-background-networking", "--disable-component-update", "--disable-sync"]
]

const browser = Effect.acquireRelease(
  Effect.promise(() => chromium.launch({ executablePath: Peers.find("chromium") ?? "chromium", args: browserFlags })),
  (opened) => Effect.promise(() => opened.close())
)

/** A tab whose errors are failures, whatever the test looks at. */
const tab = (opened: Browser, width: number, colorScheme: "light" | "dark" = "light") =>
  Effect.promise(async () => {
    const page = await opened.newPage({ viewport: { width, height: 800 }, colorScheme })
    const errors: Array<string> = []
    page.on("pageerror", (error) => errors.push(error.message))
    page.on("console", (message) => {
      if (message.type() === "error" && !/Failed to load resource/.test(message.text())) errors.push(message.text())
    })
    return { page, errors }
  })

const picture = (page: Page, name: string) =>
  Effect.promise(() => page.screenshot({ path: join(artefacts, `${name}.png`), fullPage: true }))

const start = (args: ReadonlyArray<string> = []) =>
  Effect.gen(function* () {
    const port = yield* Ports.free
    const relay = yield* Relays.start("ours", { args: [`--http-port=tcp://127.0.0.1:${port}`, ...args] })
    const url = `net://127.0.0.1:${relay.controlPort}:${relay.dataPort}`
    return { relay, port, url, at: (hash: string) => `http://127.0.0.1:${port}/${hash}` }
  })

/** A live session with one packet, whose tracer has lost some events. */
const record = (url: string, hostname: string, session: string) =>
  Effect.gen(function* () {
    const target = yield* Target.make({ url, hostname })
    const opened = yield* target.session({ name: session, liveTimer: "1 second" })
    const { stream, generator } = yield* streaming(opened, 4096, 1000n)
    yield* stream.packet({ ...generator.next(2000n), eventsDiscarded: 1234n })
    return opened
  })

const text = (page: Page, selector: string) => Effect.promise(() => page.locator(selector).first().innerText())
const patience = { timeout: 15_000 }

const seen = (page: Page, wanted: string) =>
  Effect.promise(() => page.getByText(wanted, { exact: false }).first().waitFor(patience))

Peers.describeWithPeers(["chromium"], "the page", () => {
  it.live("shows sessions, one of them, connections, the relay; on a desk, in the dark, in a hand", () =>
    Effect.gen(function* () {
      const { at, url } = yield* start()
      yield* record(url, "build-agent-017.eu-west-1.compute.example.com", "checkout")
      const opened = yield* browser
      const { page, errors } = yield* tab(opened, 1200)
      yield* Effect.promise(() => page.goto(at("")))
      yield* seen(page, "checkout")
      assert.include(yield* text(page, "a.row.session"), "1.23 k")
      yield* picture(page, "sessions")
      yield* Effect.promise(() => page.locator("a.row.session").click())
      yield* seen(page, "ch_0")
      yield* Effect.promise(() => page.locator("canvas").first().waitFor())
      yield* picture(page, "session")
      yield* Effect.promise(() => page.getByRole("link", { name: "Connections" }).click())
      yield* seen(page, "control")
      yield* picture(page, "connections")
      yield* Effect.promise(() => page.getByRole("link", { name: "Relay", exact: true }).click())
      yield* seen(page, "SEND_INDEX")
      yield* picture(page, "relay")
      for (const [width, scheme] of [
        [1200, "dark"],
        [930, "light"],
        [761, "light"],
        [400, "light"]
      ] as const) {
        const other = yield* tab(opened, width, scheme)
        for (const view of ["sessions", "sessions/1", "connections", "relay"]) {
          yield* Effect.promise(() => other.page.goto(at(`#/${view}`)))
          yield* Effect.promise(() => other.page.locator("main .row, main .fact").first().waitFor())
          const { scrollWidth } = yield* Effect.promise(() =>
            other.page.evaluate("({ scrollWidth: document.documentElement.scrollWidth })")
          ) as Effect.Effect<{ readonly scrollWidth: number }>
          assert.isAtMost(scrollWidth, width, `${view} is wider than the screen`)
          const over =
            "[...document.querySelectorAll('main .row')].filter((e) => e.scrollWidth > e.clientWidth).map((e) => e.className).join()"
          assert.strictEqual(
            yield* Effect.promise(() => other.page.evaluate(over)),
            "",
            `rows are cut in ${view} of ${width}`
          )
          if (width === 400) {
            const cut =
              "[...document.querySelectorAll('.host, .row .name')].filter((e) => e.scrollWidth > e.clientWidth).map((e) => e.textContent).join()"
            assert.strictEqual(yield* Effect.promise(() => other.page.evaluate(cut)), "", `names are cut in ${view}`)
          }
          yield* picture(other.page, `${view.replace("/", "-")}-${width}-${scheme}`)
        }
        assert.deepStrictEqual(other.errors, [])
      }
      assert.deepStrictEqual(errors, [])
    })
  )

  it.live("shows how long a stream was silent when the relay told of it, not since", () =>
    Effect.gen(function* () {
      const { at, url } = yield* start()
      yield* record(url, "web1", "checkout")
      const { page } = yield* tab(yield* browser, 1200)
      let told = 0
      let looks = 0
      yield* Effect.promise(() =>
        page.route("**/api/v1/sessions/1", (route) => (told++ === 0 ? route.continue() : undefined))
      )
      yield* Effect.promise(() =>
        page.route("**/api/v1/overview*", (route) => {
          looks++
          return route.continue()
        })
      )
      yield* Effect.promise(() => page.goto(at("#/sessions/1")))
      yield* seen(page, "ch_0")
      const silent = text(page, ".row.stream:not(.head) > :last-child")
      const before = yield* silent
      const from = looks
      yield* Process.until("the page to be drawn again", () => looks >= from + 2)
      assert.strictEqual(yield* silent, before)
      assert.isAbove(told, 1)
    })
  )

  it.live("tells commands of one name apart, of a target and of a viewer", () =>
    Effect.gen(function* () {
      const { at, url } = yield* start()
      yield* record(url, "web1", "checkout")
      const { page } = yield* tab(yield* browser, 1200)
      yield* Effect.promise(() =>
        page.route("**/api/v1/activity", async (route) => {
          const response = await route.fetch()
          const json = await response.json()
          json.liveCommands.push({ name: "CREATE_SESSION", count: 7, refusedCount: 0 })
          await route.fulfill({ response, json })
        })
      )
      yield* Effect.promise(() => page.goto(at("#/relay")))
      yield* seen(page, "SEND_INDEX")
      const rows = yield* Effect.promise(() => page.locator(".row.command .name").allTextContents())
      assert.deepStrictEqual(
        rows.filter((name) => name.startsWith("CREATE_SESSION")),
        ["CREATE_SESSION (live)", "CREATE_SESSION"]
      )
    })
  )

  it.live("tells a device that does not answer from one that is not mounted any more", () =>
    Effect.gen(function* () {
      const { at } = yield* start()
      const { page } = yield* tab(yield* browser, 1200)
      yield* Effect.promise(() =>
        page.route("**/api/v1/devices*", async (route) => {
          const answer = await route.fetch()
          const [{ freeBytes: _, ...device }] = (await answer.json()).items
          const gone = { ...device, id: 42, mountpoint: "device 42", fileSystem: "?", source: "?" }
          await route.fulfill({ json: { total: 2, items: [device, gone] } })
        })
      )
      yield* Effect.promise(() => page.goto(at("#/relay")))
      yield* seen(page, "device 42")
      const uses = yield* Effect.promise(() => page.locator(".use:not(:has(.bar))").allInnerTexts())
      assert.deepStrictEqual(
        uses.map((use) => use.split(/\s*\n\s*/).at(-1)).filter((use) => /no /.test(use ?? "")),
        ["no answer", "no mount has it"]
      )
    })
  )

  it.live(
    "cuts the name of a session that is too long in a table, not what is marked behind it, and breaks it elsewhere",
    () =>
      Effect.gen(function* () {
        const { at, url } = yield* start()
        yield* record(url, "h".repeat(63), `checkout${"OfEverything".repeat(14)}`)
        const { page } = yield* tab(yield* browser, 1200)
        yield* Effect.promise(() => page.goto(at("")))
        yield* seen(page, "checkout")
        const distance =
          "(() => { const [cell, tag] = ['.row .name', '.row .tag'].map((one) => document.querySelector(one).getBoundingClientRect()); return { left: tag.left - cell.left, right: cell.right - tag.right } })()"
        const { left, right } = (yield* Effect.promise(() => page.evaluate(distance))) as {
          readonly left: number
          readonly right: number
        }
        assert.isAtLeast(left, 100)
        assert.isAtLeast(right, 0)
        for (const width of [1200, 400]) {
          yield* Effect.promise(() => page.setViewportSize({ width, height: 800 }))
          yield* Effect.promise(() => page.goto(at("#/sessions/1")))
          yield* seen(page, "ch_0")
          // No wider than the screen: charts a frame after that has changed.
          const fits = `document.documentElement.scrollWidth === ${width}`
          yield* Effect.promise(() => page.waitForFunction(fits, undefined, patience))
        }
      })
  )

  it.live("shows a live session's events as they come, filtered, and stands still when paused", () =>
    Effect.gen(function* () {
      const { at, url } = yield* start()
      const target = yield* Target.make({ url, hostname: "web1" })
      const session = yield* target.session({ name: "watched", liveTimer: "1 second" })
      const { stream, generator } = yield* streaming(session, 4096, 1000n)
      yield* stream.packet(generator.next(2000n))
      const { errors, page } = yield* tab(yield* browser, 1200)
      yield* Effect.promise(() => page.goto(at("#/sessions/1")))
      yield* Effect.promise(async () => {
        await page.getByLabel("Filter").fill("seq != 749")
        await page.getByRole("button", { name: "Watch" }).click()
      })
      yield* seen(page, "Nothing yet")
      yield* Process.until(
        "the page to be a viewer",
        Effect.promise(() => page.locator(".row.viewer:not(.head)").isVisible())
      )
      for (let end = 3000n; end <= 4000n; end += 1000n) yield* stream.packet(generator.next(end))
      yield* seen(page, "load:tick")
      yield* seen(page, "seq = 748")
      const shown = yield* Effect.promise(() => page.locator(".row.event").allInnerTexts())
      const seqs = shown.map((row) => Number(/seq = (\d+)/.exec(row)?.[1]))
      assert.strictEqual(seqs[0], 748)
      assert.deepStrictEqual(
        seqs,
        seqs.toSorted((a, b) => b - a)
      )
      yield* picture(page, "events")
      yield* Effect.promise(() => page.getByRole("button", { name: "Pause" }).click())
      const saved = yield* Effect.promise(async () => {
        const [download] = await Promise.all([
          page.waitForEvent("download"),
          page.getByRole("button", { name: "Save last 10 s" }).click()
        ])
        assert.strictEqual(download.suggestedFilename(), "watched.trace.json")
        return JSON.parse(readFileSync(await download.path(), "utf8")) as {
          readonly traceEvents: ReadonlyArray<{
            readonly ph: string
            readonly args: { readonly fields?: { seq: number } }
          }>
          readonly otherData: unknown
        }
      })
      const savedSeqs = saved.traceEvents.filter(({ ph }) => ph === "i").map(({ args }) => args.fields?.seq)
      // The table shows the last of them, the newest first.
      assert.deepStrictEqual(savedSeqs.slice(-seqs.length).toReversed(), seqs)
      yield* stream.packet(generator.next(5000n))
      yield* Effect.promise(() => page.waitForTimeout(600))
      assert.notInclude(yield* text(page, ".table.events"), "seq = 900")
      yield* Effect.promise(() => page.getByRole("button", { name: "Pause" }).click())
      yield* Process.until("the newest to be shown", text(page, ".table.events"), (all) =>
        all.includes(`seq = ${Number(generator.eventCount()) - 1}`)
      )
      assert.deepStrictEqual(errors, [])
    })
  )

  it.live("says that a session has ended, and that the relay does not answer", () =>
    Effect.gen(function* () {
      const { at, relay, url } = yield* start()
      yield* Effect.scoped(
        Effect.gen(function* () {
          const session = yield* record(url, "web1", "short")
          const { page } = yield* tab(yield* browser, 1200)
          yield* Effect.promise(() => page.goto(at("#/sessions/1")))
          yield* seen(page, "ch_0")
          yield* session.close()
          yield* seen(page, "This session has ended")
          yield* picture(page, "session-ended")
          yield* Effect.promise(() => page.goto(at("#/sessions")))
          yield* seen(page, "No session streams")
          relay.process.signal("SIGTERM")
          yield* seen(page, "The relay does not answer")
          yield* picture(page, "relay-lost")
        })
      )
    })
  )

  it.live("asks for the token where one is needed, and again when it is wrong", () =>
    Effect.gen(function* () {
      const home = yield* Relays.temporaryDirectory("token")
      writeFileSync(join(home, "token"), "correct horse\n")
      const port = yield* Ports.free
      const args = [`--http-port=tcp://0.0.0.0:${port}`, `--http-token-file=${join(home, "token")}`]
      yield* Relays.start("ours", { args })
      const { page } = yield* tab(yield* browser, 1200)
      yield* Effect.promise(() => page.goto(`http://127.0.0.1:${port}/`))
      const give = (token: string) =>
        Effect.promise(async () => {
          await page.locator("input[type=password]").fill(token)
          await page.getByRole("button", { name: "Show" }).click()
        })
      yield* give("wrong")
      yield* Process.until(
        "the token to be asked for again",
        Effect.promise(() => page.locator("form.token").isVisible())
      )
      yield* picture(page, "token")
      yield* give("correct horse")
      yield* seen(page, "No session streams")
    })
  )

  it.live(
    "keeps what a session is called apart from what the page says of it, and tells times by the relay's clock",
    () =>
      Effect.gen(function* () {
        const { at, url } = yield* start()
        // What is begun in it is not ended.
        const name = "x\u202egnp.exe\u2066 y"
        yield* record(url, "web1", name)
        const { errors, page } = yield* tab(yield* browser, 1200)
        yield* Effect.promise(() => page.clock.install({ time: Date.now() + 7_200_000 }))
        yield* Effect.promise(() => page.goto(at("")))
        yield* seen(page, "exe")
        const places = (yield* Effect.promise(() =>
          page.evaluate(`(() => {
          const range = document.createRange()
          range.selectNodeContents(document.querySelector("a.row.session .name bdi"))
          const tag = document.querySelector("a.row.session .tag")
          return [range.getBoundingClientRect().right, tag.getBoundingClientRect().left]
        })()`)
        )) as readonly [number, number]
        assert.isAtMost(places[0], places[1], "the tag is inside of the name")
        assert.strictEqual(yield* text(page, "a.row.session .name bdi"), "x\\u202egnp.exe\\u2066 y")
        yield* Effect.promise(() => page.goto(at("#/relay")))
        yield* seen(page, "Runs for")
        yield* Process.until("the relay's clock to be known", text(page, ".fact:has-text('Runs for') dd"), (shown) =>
          /^\d.* (ms|s)$/.test(shown)
        )
        yield* Effect.promise(() => page.goto(at("#/sessions/1")))
        yield* seen(page, "ch_0")
        assert.match(yield* text(page, ".row.stream:not(.head):has-text('ch_0')"), /\d (ms|s)$/)
        assert.deepStrictEqual(errors, [])
      })
  )

  it.live(
    "does not take another session for the one it showed, when a relay that was started again gives its number",
    () =>
      Effect.gen(function* () {
        const { at, port, relay, url } = yield* start()
        yield* record(url, "web1", "before")
        const { page } = yield* tab(yield* browser, 1200)
        yield* Effect.promise(() => page.goto(at("#/sessions/1")))
        yield* seen(page, "before")
        relay.process.signal("SIGTERM")
        yield* relay.process.ended
        const again = yield* Relays.start("ours", { args: [`--http-port=tcp://127.0.0.1:${port}`] })
        yield* record(`net://127.0.0.1:${again.controlPort}:${again.dataPort}`, "web1", "after")
        yield* seen(page, "This session has ended")
        assert.include(yield* text(page, "h1"), "before")
        yield* Effect.promise(() => page.goto(at("#/sessions")))
        yield* seen(page, "after")
      })
  )

  it.live("asks for the token where only events need it", () =>
    Effect.gen(function* () {
      const home = yield* Relays.temporaryDirectory("token")
      writeFileSync(join(home, "token"), "correct horse\n")
      writeFileSync(
        join(home, "access.json"),
        JSON.stringify({ principals: [], rules: [{ principals: ["*"], record: [{}], view: [{}] }] })
      )
      const { at, url } = yield* start([
        `--http-token-file=${join(home, "token")}`,
        `--access=${join(home, "access.json")}`
      ])
      yield* record(url, "web1", "watched")
      const { page } = yield* tab(yield* browser, 1200)
      yield* Effect.promise(async () => {
        await page.goto(at("#/sessions"))
        await page.locator("a.row.session").click()
        await page.getByRole("button", { name: "Watch" }).click()
        await page.locator("input[type=password]").fill("correct horse")
        await page.getByRole("button", { name: "Show" }).click()
      })
      yield* seen(page, "Nothing yet")
    })
  )

  it.live("of three hundred sessions only those in sight are in the document", () =>
    Effect.gen(function* () {
      const { at, url } = yield* start()
      yield* Effect.forEach(
        Array.from({ length: 300 }, (_, index) => index),
        (index) => record(url, `host${index % 10}`, `s${index}`),
        { concurrency: 8, discard: true }
      )
      const { page } = yield* tab(yield* browser, 1200)
      yield* Effect.promise(() => page.goto(at("")))
      yield* seen(page, "host0")
      assert.isBelow(yield* Effect.promise(() => page.locator("a.row.session").count()), 60)
      yield* Effect.promise(() => page.mouse.wheel(0, 100_000))
      yield* seen(page, "host9")
      const focused = Effect.promise(() =>
        page.evaluate("document.activeElement.querySelector('.name')?.title ?? ''")
      ) as Effect.Effect<string>
      const press = (key: string, count = 1) =>
        Effect.promise(async () => {
          for (let at = 0; at < count; at++) await page.keyboard.press(key)
        })
      const order = Array.from({ length: 300 }, (_, index) => [index % 10, `s${index}`] as const)
        .toSorted(([hostA, a], [hostB, b]) => hostA - hostB || (a < b ? -1 : 1))
        .map(([, name]) => name)
      const isOn = (at: number) =>
        Process.until(`the focus to be on row ${at}`, focused, (shown) => shown === order[at])
      yield* Effect.promise(() => page.locator("a.row.session").last().focus())
      yield* press("Home")
      yield* isOn(0)
      // As fast as a key that is held down.
      yield* press("ArrowDown", 100)
      yield* isOn(100)
      yield* press("PageUp", 2)
      yield* isOn(80)
      yield* press("End")
      yield* isOn(299)
      yield* press("ArrowUp")
      yield* isOn(298)
      yield* press("Tab")
      yield* isOn(299)
      yield* press("Enter")
      yield* seen(page, "Events discarded by the tracer")
    })
  )
})
