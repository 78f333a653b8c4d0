/** What an operator reads on standard error: which lines at which verbosity, and their form. */
import { execFileSync, spawn } from "node:child_process"
import { closeSync, constants, openSync, readFileSync, readSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect } from "effect"
import * as Logging from "../../src/daemon/log/Logging.ts"
import * as LogLine from "../../src/daemon/log/LogLine.ts"
import * as LogOutput from "../../src/daemon/log/LogOutput.ts"
import * as Repeats from "../../src/daemon/log/Repeats.ts"
import { temporaryDirectory } from "../support/relays.ts"

const program = Effect.gen(function* () {
  yield* Effect.logError("broken")
  yield* Effect.logWarning("odd")
  yield* Effect.logInfo("told")
  yield* Effect.logDebug("detail").pipe(Effect.annotateLogs({ session: 3n, stream: 4 }))
  yield* Effect.logTrace("more detail")
})

const linesOf = (
  effect: Effect.Effect<unknown>,
  options: { readonly verbosity: number; readonly logFormat?: "text" | "json" }
) =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    const { layer } = Logging.make({ logFormat: "text", abortOnError: false, ...options }, (line) => lines.push(line))
    yield* effect.pipe(Effect.provide(layer))
    return lines
  })

const withoutClock = (line: string) =>
  line.replace(/[0-9:]{8}\.[0-9]{9} \[[0-9]+\/[0-9]+\]/, "TIME").replace(/fiber=[0-9]+/, "fiber=N")

describe("the log", () => {
  const rows: ReadonlyArray<readonly [number, ReadonlyArray<string>]> = [
    [0, ["Error: broken\n", "Warning: odd\n"]],
    [1, ["Error: broken\n", "Warning: odd\n", "DBG1 - TIME: told\n", "DBG1 - TIME: detail [session=3 stream=4]\n"]],
    [
      2,
      [
        "Error: broken\n",
        "Warning: odd\n",
        "DBG1 - TIME: told\n",
        "DBG1 - TIME: detail [session=3 stream=4]\n",
        "DBG2 - TIME: more detail\n"
      ]
    ],
    [
      3,
      [
        "Error: broken [fiber=N]\n",
        "Warning: odd [fiber=N]\n",
        "DBG1 - TIME: told [fiber=N]\n",
        "DBG1 - TIME: detail [session=3 stream=4 fiber=N]\n",
        "DBG2 - TIME: more detail [fiber=N]\n"
      ]
    ]
  ]
  for (const [verbosity, expected] of rows) {
    it.effect(`at verbosity ${verbosity} has ${expected.length} of five lines`, () =>
      Effect.gen(function* () {
        const lines = yield* linesOf(program, { verbosity })
        assert.deepStrictEqual(lines.map(withoutClock), expected)
      })
    )
  }
  it.effect("is one JSON object a line when asked for", () =>
    Effect.gen(function* () {
      const lines = yield* linesOf(program, { verbosity: 2, logFormat: "json" })
      const objects = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
      assert.deepStrictEqual(
        objects.map(({ level, message, session }) => [level, message, session]),
        [
          ["error", "broken", undefined],
          ["warning", "odd", undefined],
          ["debug1", "told", undefined],
          ["debug1", "detail", "3"],
          ["debug2", "more detail", undefined]
        ]
      )
      assert.ok(objects.every((object) => object.pid === process.pid && !Number.isNaN(Date.parse(String(object.time)))))
    })
  )
  it.effect("keeps a failure with its stack on one line", () =>
    Effect.gen(function* () {
      const failure = Effect.logError("write failed", Cause.die(new Error("no space")))
      const [line = ""] = yield* linesOf(failure, { verbosity: 0 })
      assert.match(line, /^Error: write failed: Error: no space[^\n]*\n$/)
    })
  )
})

describe("colours", () => {
  const rows: ReadonlyArray<readonly [Readonly<Record<string, string>>, boolean, boolean]> = [
    [{}, true, true],
    [{}, false, false],
    [{ LTTNG_TERM_COLOR: "always" }, false, true],
    [{ LTTNG_TERM_COLOR: "never" }, true, false],
    [{ NO_COLOR: "1", LTTNG_TERM_COLOR: "always" }, true, false],
    [{ NO_COLOR: "" }, true, true]
  ]
  for (const [env, isTerminal, expected] of rows) {
    it(`${JSON.stringify(env)} on ${isTerminal ? "a terminal" : "a file"}: ${expected ? "on" : "off"}`, () =>
      assert.strictEqual(LogLine.isColored(env, isTerminal), expected))
  }
})

describe("lines that come again and again", () => {
  it.live("are said a few times, then counted, then told once; others are not held up", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const { layer } = Logging.make({ verbosity: 0, logFormat: "text", abortOnError: false }, (line) =>
        lines.push(line)
      )
      const program = Effect.gen(function* () {
        for (let at = 0; at < 50; at++) {
          yield* Effect.annotateLogs(Effect.logWarning(`refused: peer ${at}`), { code: "COMMAND_REFUSED" })
        }
        yield* Effect.logError("another")
      })
      yield* Effect.provide(program, layer)
      assert.deepStrictEqual(
        lines.map((line) => line.replace(/\d+/, "N").trim()),
        [
          ...Array<string>(Repeats.saidCountMax).fill("Warning: refused: peer N [code=COMMAND_REFUSED]"),
          "Error: another"
        ]
      )
    })
  )

  it("are counted by likeness and interval", () => {
    const repeats = new Repeats.Repeats()
    const { intervalMillis, saidCountMax } = Repeats
    assert.strictEqual(Repeats.likeness("peer 10.0.0.1:12"), Repeats.likeness("peer 192.168.1.77:5"))
    const verdicts = Array.from({ length: saidCountMax + 3 }, (_, at) => repeats.take("a", at))
    assert.deepStrictEqual(verdicts.slice(-3), ["count the first", "count", "count"])
    assert.strictEqual(repeats.take("b", 0), "say")
    assert.strictEqual(repeats.leftOut("a"), 3)
    assert.strictEqual(repeats.take("a", 5), "say")
    assert.strictEqual(repeats.take("b", intervalMillis), "say")
    for (let at = 0; at < 10_000; at++) repeats.take(`kind ${at}`, intervalMillis)
    assert.strictEqual(repeats.take("yet another", intervalMillis), "say")
  })

  it("that are left out are told in full, and an interval after the first, though their interval is over by then", () => {
    const repeats = new Repeats.Repeats()
    const { intervalMillis, saidCountMax } = Repeats
    const every = intervalMillis / (saidCountMax + 1)
    const verdicts = Array.from({ length: 2 * saidCountMax - 1 }, (_, at) => repeats.take("a", at * every))
    assert.deepStrictEqual(new Set(verdicts.slice(0, saidCountMax)), new Set(["say"]))
    assert.deepStrictEqual(verdicts.slice(saidCountMax), [
      "count the first",
      ...Array<string>(saidCountMax - 2).fill("count")
    ])
    assert.strictEqual(repeats.leftOut("a"), saidCountMax - 1)
    assert.strictEqual(repeats.take("a", 2 * intervalMillis), "say")
  })

  it.live("of one code are bounded too, however unlike: peers choose names", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const { layer } = Logging.make({ verbosity: 0, logFormat: "text", abortOnError: false }, (line) =>
        lines.push(line)
      )
      const names = Array.from({ length: 5000 }, (_, at) =>
        [...String(at)].map((digit) => "abcdefghij"[Number(digit)]).join("")
      )
      const program = Effect.gen(function* () {
        for (const name of names) {
          yield* Effect.annotateLogs(Effect.logWarning(`refused: ${name}`), { code: "SESSION_DRAINING" })
        }
        yield* Effect.annotateLogs(Effect.logWarning("another"), { code: "WRITE_FAILED" })
      })
      yield* Effect.provide(program, layer)
      assert.strictEqual(lines.length, Repeats.saidOfCodeCountMax + 1)
      assert.match(lines.at(-1) ?? "", /another/)
    })
  )
})

const hostile: ReadonlyArray<readonly [what: string, text: string]> = [
  ["newlines", "a\nError: forged [code=X]\r\nb"],
  ["escapes", "\x1b[2J\x1b]0;title\x07\x9b31m"],
  ["zeros and deletes", "\0\x7f\x08"],
  ["separators that JSON may hold", "\u2028\u2029\x85"],
  ["marks that turn the writing direction", "web\u202elive\u2066\u200f"],
  ["halves of characters, as names that are no UTF-8 have", "\udcff\ud800x"],
  ["a megabyte", "m".repeat(1024 * 1024)],
  ["quotes", `"'\\{}[]=`]
]

describe("what peers name", () => {
  const circle: { self?: unknown } = {}
  circle.self = circle
  it("that is no UTF-8 is told apart in text, byte by byte", () => {
    const line = (session: string) =>
      LogLine.format({ kind: "error", text: session, annotations: { session } }, "text", false)
    assert.strictEqual(line("caf\udce9"), "Error: caf\\xe9 [session=caf\\xe9]\n")
    assert.strictEqual(line("\u{1f4a9}\udcff"), "Error: \u{1f4a9}\\xff [session=\u{1f4a9}\\xff]\n")
  })
  for (const [what, text] of hostile) {
    it(`with ${what} is one line of text, and one of JSON`, () => {
      const line = {
        kind: "warning",
        text,
        annotations: { session: text, code: "X", id: 3n, all: [1n, text], circle }
      } as const
      const plain = LogLine.format(line, "text", false)
      assert.isTrue(plain.endsWith("\n"))
      // biome-ignore lint/suspicious/noControlCharactersInRegex: none of them may be there
      assert.notMatch(plain.slice(0, -1), /[\x00-\x1f\x7f-\x9f\u200f\u2028-\u202e\u2066-\u2069]/)
      assert.isBelow(plain.length, 50_000)
      const json = LogLine.format(line, "json", false)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: nor here
      assert.notMatch(json.slice(0, -1), /[\x00-\x1f\x7f-\x9f\u200f\u2028-\u202e\u2066-\u2069]/)
      assert.isBelow(json.length, 150_000)
      // As whoever reads the file has it.
      const read = JSON.parse(Buffer.from(json).toString()) as Record<string, unknown>
      assert.deepInclude(read, { level: "warning", code: "X", id: "3" })
      if (text.length < 1000) assert.deepStrictEqual(read.all, ["1", text])
      if (text.length < 1000) assert.deepInclude(read, { message: text, session: text })
    })
  }
})

describe("standard error that nobody reads", () => {
  it.live("costs lines, and no memory", () =>
    Effect.gen(function* () {
      const module = new URL("../../src/daemon/log/LogOutput.ts", import.meta.url)
      const program = `import * as LogOutput from "${module}"
        const output = LogOutput.make()
        for (let line = 0; line < 20_000; line++) output.write("x".repeat(999) + "\\n")
        process.stdout.write(String(process.stderr.writableLength), () => process.exit())`
      const waiting = yield* Effect.callback<number>((resume) => {
        const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
          stdio: ["ignore", "pipe", "pipe"]
        })
        child.stdout.on("data", (text) => resume(Effect.succeed(Number(text))))
        return Effect.sync(() => child.kill())
      })
      assert.isAtLeast(waiting, LogOutput.unreadBytesMax)
      assert.isBelow(waiting, LogOutput.unreadBytesMax + 1000)
    })
  )
})

describe("a log file", () => {
  it.live("is no pipe that nobody reads, and never waits for who reads", () =>
    Effect.gen(function* () {
      const path = join(yield* temporaryDirectory("log"), "pipe")
      execFileSync("mkfifo", [path])
      const output = LogOutput.make()
      assert.throws(() => output.open(path), /pipe cannot be opened: No such device or address$/)
      const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
      output.open(path)
      for (let line = 0; line < 1000; line++) output.write(`${"x".repeat(999)}\n`)
      output.open(undefined)
      const read = Buffer.alloc(2_000_000)
      const count = readSync(reader, read)
      closeSync(reader)
      assert.isAtLeast(count, 4096)
      assert.isBelow(count, 1_000_000)
    })
  )

  it.live("has each line to itself, whatever was cut off before: by a disk that was full, or with its relay", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory("log")
      const pipe = join(directory, "pipe")
      execFileSync("mkfifo", [pipe])
      const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK)
      const output = LogOutput.make()
      output.open(pipe)
      output.write(`${"x".repeat(1_000_000)}\n`)
      const read = Buffer.alloc(1_000_000)
      assert.isBelow(readSync(reader, read), 1_000_000)
      for (const line of ["one\n", "two\n"]) output.write(line)
      assert.strictEqual(read.toString("utf8", 0, readSync(reader, read)), "\none\ntwo\n")
      closeSync(reader)
      for (const [there, after] of [
        ["ha", "ha\nnext\n"],
        ["whole\n", "whole\nnext\n"],
        ["", "next\n"]
      ] as const) {
        const path = join(directory, "log")
        writeFileSync(path, there)
        output.open(path)
        output.write("next\n")
        assert.strictEqual(readFileSync(path, "utf8"), after)
      }
      output.open(undefined)
    })
  )
})
