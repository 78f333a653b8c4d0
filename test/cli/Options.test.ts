/**
 * `show` reads plain arguments by itself: loading the command line's library would take longer than a short trace. What
 * it takes for plain must mean the same to that library; everything else is left to it.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Argument, Command } from "effect/cli"
import * as EventOptions from "../../src/cli/EventOptions.ts"
import * as Flags from "../../src/cli/Flags.ts"
import * as Options from "../../src/cli/Options.ts"
import { options } from "../../src/cli/recorded/Showing.ts"

const plain = (args: ReadonlyArray<string>) => {
  const parsed = Options.parse(options, args)
  return parsed && { ...parsed.values, directory: parsed.operands }
}

/** By the library. Undefined: refused. */
const read = (args: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    let seen: unknown
    const command = Command.make(
      "show",
      { directory: Argument.String("dir").pipe(Argument.atLeast(1)), ...Flags.of(options) },
      (input) =>
        Effect.sync(() => {
          seen = input
        })
    )
    yield* Effect.ignore(Command.runWith(command, { version: "1" })(args))
    return seen
  }).pipe(Effect.provide(NodeServices.layer))

const right: ReadonlyArray<ReadonlyArray<string>> = [
  ["a"],
  ["a", "b", "--count"],
  ["--format=ndjson", "a"],
  ["a", "--format", "ndjson", "--where", "x == 1", "--where=y != 'a b'", "--event=a,b", "--event", "c*"],
  ["--no-delta", "--clock-gmt", "--clock-seconds", "--clock-date", "--clock-cycles", "a"],
  ["a", "--names=all", "--fields", "trace,loglevel", "--color=always"],
  ["--begin=17:46", "--end", "2026-11-25 17:47:00", "a", "--histogram", "--clock-force-correlate"],
  ["--where=$ctx.a =~ /^b=c/", "a"],
  ["a", "--stream-intersection"],
  ["-b", "17:46", "-e", "17:47", "a", "-n", "all", "-f", "trace", "-o", "text", "-i", "ctf", "-w", "/tmp/x"],
  ["--timerange=[1,2]", "a", "--output=/tmp/x", "--output-format=text", "--input-format", "ctf"],
  ["--begin=", "a", "--begin=1"],
  ["a", "--names=", "--names=payload", "--names", "ctx,", "--fields=none"]
]

const left: ReadonlyArray<ReadonlyArray<string>> = [
  ["a", "--help"],
  ["-h"],
  ["a", "--bogus"],
  ["a", "--format=xml"],
  ["a", "--format=text", "--format=ndjson"],
  ["a", "--count=true"],
  ["a", "--no-count"],
  ["a", "--begin"],
  ["a", "-b"],
  ["a", "-x"],
  ["--", "a"],
  ["a", "--clock-offset=1", "--clock-offset=2"]
]

describe("plain arguments", () => {
  it.effect.each(right)("%j mean the same to both", (args) =>
    Effect.gen(function* () {
      const own = plain(args)
      assert.isDefined(own)
      assert.deepStrictEqual<unknown>(own, yield* read(args))
    })
  )

  it.each(left)("%j are not plain", (...args) => {
    assert.isUndefined(plain(args.flat()))
  })
})

const usual = ["context", "payload"]

/** What babeltrace2 makes of them. */
const lists: ReadonlyArray<readonly [ReadonlyArray<string>, ReadonlyArray<string>]> = [
  [[], usual],
  [[""], usual],
  [[","], usual],
  [["payload,"], ["payload"]],
  [
    ["payload", "scope"],
    ["payload", "scope"]
  ],
  [["none,payload"], ["payload"]],
  [["arg,ctx"], usual],
  [["args", "payload"], ["payload"]],
  [["none,none"], []],
  [
    ["payload", "all"],
    ["context", "header", "payload", "scope"]
  ]
]

describe("lists of names", () => {
  it.each(lists)("%j are %j", (given, wanted) => {
    const { values } =
      Options.parse(
        options,
        given.map((list) => `--names=${list}`)
      ) ?? assert.fail()
    assert.deepStrictEqual([...EventOptions.textOptions(values, false).names].sort(), wanted)
  })
})
