/** Which directories below what was asked for are traces: the same as for babeltrace2. */
import { spawnSync } from "node:child_process"
import fs, { appendFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { syncBuiltinESMExports } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Text from "../../src/ctf/print/Text.ts"
import * as Events from "../../src/ctf/recorded/Events.ts"
import * as Printing from "../../src/ctf/recorded/Printing.ts"
import * as Recording from "../../src/ctf/recorded/Recording.ts"
import * as TraceDirectories from "../../src/ctf/recorded/TraceDirectories.ts"

const metadata = `/* CTF 1.8 */ trace { major = 1; minor = 8; byte_order = le; };
event { name = "e"; fields := struct { integer { size = 8; } x; }; };`

const root = mkdtempSync(join(tmpdir(), "directories-"))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const path = (...names: ReadonlyArray<string>): string => join(root, ...names)

const trace = (...names: ReadonlyArray<string>): string => {
  mkdirSync(path(...names), { recursive: true })
  writeFileSync(path(...names, "metadata"), metadata)
  writeFileSync(path(...names, "s"), "a")
  return path(...names)
}

const found = (directory: string): ReadonlyArray<string> =>
  TraceDirectories.find(directory).traces.map(({ below }) => below)

const refusal = (directory: string): string => {
  try {
    Recording.open([directory])
    return "opened"
  } catch (cause) {
    return String(cause).replaceAll(root, "ROOT")
  }
}

describe("traces are found", () => {
  it("with metadata that chunks have in common in memory once", () => {
    for (const chunk of ["1", "2", "3"]) trace("chunks", chunk)
    const other = metadata.replace('"e"', '"f"')
    trace("chunks", "5")
    writeFileSync(path("chunks", "5", "metadata"), other)
    const all = TraceDirectories.find(path("chunks")).traces.map(({ metadata }) => metadata)
    assert.deepStrictEqual(all.map(String), [metadata, metadata, metadata, other])
    assert.lengthOf(new Set(all), 2)
  })

  it("as several where nothing says that they are one, also if their metadata is the same", () => {
    const clock = "clock { name = c; freq = 1000000000; }; stream { event.header := struct {"
    const declared = `${metadata} ${clock} integer { size = 8; map = clock.c.value; } t; }; };`
    for (const name of ["1", "2"]) writeFileSync(join(trace("twins", name), "metadata"), declared)
    const { streams, warnings } = Recording.open([path("twins")])
    assert.lengthOf(streams, 2)
    assert.deepStrictEqual(warnings, ["the clocks of several traces are compared although none has an origin"])
  })

  it("in hidden directories", () => {
    trace("hidden", ".tmp_new_chunk", "ust")
    assert.deepStrictEqual(found(path("hidden")), [".tmp_new_chunk/ust"])
  })

  it("behind links, but not again behind one that leads back or nowhere", () => {
    trace("linked", "inner", "a")
    mkdirSync(path("links"))
    symlinkSync(path("linked"), path("links", "there"))
    symlinkSync(".", path("links", "self"))
    symlinkSync("loop", path("links", "loop"))
    symlinkSync("nothing", path("links", "dangling"))
    symlinkSync(path("links"), path("linked", "inner", "back"))
    assert.deepStrictEqual(found(path("links")), ["there/inner/a"])
  })

  it("not below a trace", () => {
    trace("outer")
    trace("outer", "inner")
    assert.deepStrictEqual(found(path("outer")), [""])
  })
})

const more = `event { name = "f"; id = 1; fields := struct { integer { size = 8; } x; }; };`

/** What is found when, before a call to the file system, a tracer declares a class and writes an event of it. */
const foundWhile = (directory: string, before: number): { readonly calls: number; readonly isDeclared: boolean } => {
  const plain = { statSync: fs.statSync, readFileSync: fs.readFileSync, readdirSync: fs.readdirSync }
  let calls = 0
  const watched = <Args extends ReadonlyArray<unknown>, A>(call: (...args: Args) => A) => {
    return (...args: Args): A => {
      if (calls++ === before) {
        appendFileSync(join(directory, "metadata"), more)
        appendFileSync(join(directory, "s"), "b")
      }
      return call(...args)
    }
  }
  for (const [name, call] of Object.entries(plain)) Object.assign(fs, { [name]: watched(call as never) })
  syncBuiltinESMExports()
  try {
    const [one] = TraceDirectories.find(directory).traces
    const hasEvent = one?.files.some(({ byteCount }) => byteCount > 1) === true
    return { calls, isDeclared: !hasEvent || Buffer.from(one.metadata).toString().endsWith(more) }
  } finally {
    Object.assign(fs, plain)
    syncBuiltinESMExports()
  }
}

it("of a trace that is being written, whatever is there of its files is declared", () => {
  const { calls } = foundWhile(trace("written", "never"), -1)
  assert.isAbove(calls, 3)
  for (let before = 0; before < calls; before++) {
    assert.isTrue(foundWhile(trace("written", `${before}`), before).isDeclared, `before call ${before} of ${calls}`)
  }
})

describe("metadata that is no file", () => {
  it("is refused, and not waited for", () => {
    for (const name of ["fifo", "dangling"]) mkdirSync(path(name))
    assert.strictEqual(spawnSync("mkfifo", [path("fifo", "metadata")]).status, 0)
    symlinkSync("nothing", path("dangling", "metadata"))
    symlinkSync("loop", path("loop"))
    assert.deepStrictEqual(
      ["fifo", "dangling", "loop"].map((name) => refusal(path(name))),
      [
        "RecordingRefused: ROOT/fifo/metadata: no regular file",
        "RecordingRefused: ROOT/dangling/metadata: a link that leads nowhere",
        "RecordingRefused: ROOT/loop: Too many levels of symbolic links"
      ]
    )
  })
})

describe("a file that is no stream", () => {
  const header = "integer { size = 32; } magic; integer { size = 8; } uuid[16];"

  it.each(["hello world", "hello world, and more than a packet's header"])("is told of as such: %s", (text) => {
    const directory = trace("strange")
    writeFileSync(path("strange", "metadata"), metadata.replace("le;", `le; packet.header := struct { ${header} };`))
    writeFileSync(path("strange", "s"), text)
    const [item] = Events.items([directory])
    assert(item?._tag === "Failure")
    assert.strictEqual(item.failure.kind, "bad-magic")
    assert.strictEqual(item.failure.message, "the packet begins with 6c6c6568 instead of c1fc1fc1")
  })
})

describe("of several directories", () => {
  const inWords = (text: string) => text.replaceAll(root, "ROOT")
  const open = (paths: ReadonlyArray<string>, isPartial: boolean) => {
    const recording = Recording.open(paths, { ...Recording.defaults, isPartial })
    recording.close()
    return recording
  }

  it("those without a trace are told of, if anybody wants to hear it", () => {
    const one = trace("one")
    mkdirSync(path("empty"))
    const paths = [path("nowhere"), one, path("empty")]
    assert.deepStrictEqual(open(paths, true).warnings.map(inWords), [
      "ROOT/nowhere: No such file or directory",
      "ROOT/empty: no trace here: no file `metadata`"
    ])
    assert.throws(() => open(paths, false), /nowhere: No such file or directory/)
    assert.throws(() => open([path("empty"), path("nowhere")], true), /empty: no trace here/)
  })

  it("the traces that can be read are, and each that cannot is a failure", () => {
    trace("some", "good")
    writeFileSync(join(trace("some", "refused"), "metadata"), "/* CTF 1.8 */ trace {")
    mkdirSync(path("some", "unreadable"))
    symlinkSync("metadata", path("some", "unreadable", "metadata"))
    const messages = [
      "ROOT/some/unreadable/metadata: Too many levels of symbolic links",
      "ROOT/some/refused: metadata, line 1, column 22 (/* CTF 1.8 */ trace {): expected a type and a name, found the end"
    ]
    const recording = open([path("some")], true)
    assert.strictEqual(recording.streams.length, 1)
    assert.deepStrictEqual(
      [recording.warnings, recording.refusals.map(({ message }) => inWords(message))],
      [[], messages]
    )
    const said: Array<string> = []
    const lines: Array<string> = []
    const outcome = Printing.print(Recording.open([path("some")], { ...Recording.defaults, isPartial: true }), {
      format: "ndjson",
      text: Text.defaults,
      filter: undefined,
      write: (bytes) => lines.push(...Buffer.from(bytes).toString().trim().split("\n")),
      warn: (line) => said.push(inWords(line))
    })
    assert.deepStrictEqual(outcome, { eventCount: 1, failureCount: 2 })
    assert.deepStrictEqual(
      said,
      messages.map((message) => `ERROR: ${message}`)
    )
    assert.deepStrictEqual(
      lines
        .map((line) => JSON.parse(line))
        .map(({ kind, message, name, type }) => [type, kind ?? name, inWords(message ?? "")]),
      [...messages.map((message) => ["error", "refused", message]), ["event", "e", ""]]
    )
    assert.throws(() => open([path("some")], false), /symbolic links/)
    assert.throws(() => open([path("some", "refused"), path("some", "unreadable")], true), /refused: metadata, line 1/)
  })
})
