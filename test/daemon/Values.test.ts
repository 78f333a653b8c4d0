/** The grammars below the options: values, listener URLs, INI text, getopt's habits. Tables of text and meaning. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Getopt from "../../src/config/Getopt.ts"
import * as Ini from "../../src/config/Ini.ts"
import * as TextFile from "../../src/config/TextFile.ts"
import * as Url from "../../src/config/Url.ts"
import * as Value from "../../src/config/Value.ts"
import { temporaryDirectory } from "../support/relays.ts"

const table = <A>(name: string, read: (text: string) => A, rows: ReadonlyArray<readonly [string, A]>) =>
  describe(name, () => {
    for (const [text, expected] of rows) {
      it(`${JSON.stringify(text)} is ${JSON.stringify(expected) ?? "refused"}`, () => {
        assert.deepStrictEqual(read(text), expected)
      })
    }
  })

table("a C integer", Value.cInteger, [
  ["0", 0],
  ["120", 120],
  ["0x80", 128],
  ["010000", 4096],
  ["1e3", 1],
  ["-1", -1],
  [" +7 tail", 7],
  ["089", 0],
  ["18446744073709551615", 2 ** 64],
  ["0x10000000000000000", Number.POSITIVE_INFINITY],
  ["-18446744073709551616", Number.NEGATIVE_INFINITY],
  ["abc", undefined],
  ["", undefined]
])

table("a switch", Value.switchValue, [
  ["yes", 1],
  ["TRUE", 1],
  ["on", 1],
  ["No", 0],
  ["false", 0],
  ["off", 0],
  ["3", 3],
  ["7up", 7],
  ["", undefined],
  ["-1", undefined],
  ["maybe", undefined]
])

table("a size", Value.sizeBytes, [
  ["4096", 4096],
  ["64k", 65536],
  ["64M", 67108864],
  ["1g", 1073741824],
  ["2MiB", 2097152],
  ["-1", undefined],
  ["1.5M", undefined],
  ["99999999999G", undefined]
])

table("a duration", Value.durationMillis, [
  ["5", 5000],
  ["0.25", 250],
  ["300ms", 300],
  ["2m", 120000],
  ["1h", 3600000],
  ["7d", 604800000],
  ["0", 0],
  ["99999999", 2 ** 30],
  ["-1", undefined],
  ["soon", undefined]
])

const url = (host: string, port: number, family: 4 | 6, isZero = false): Url.ParsedUrl => ({
  _tag: "Url",
  url: { host, port, isZero, family }
})
const refused = (message: string): Url.ParsedUrl => ({ _tag: "Refused", message })

table("a listener URL", Url.parse, [
  ["tcp://0.0.0.0:5342", url("0.0.0.0", 5342, 4)],
  ["TCP4://Host", url("Host", 0, 4)],
  ["tcp://h:", url("h", 0, 4)],
  ["tcp://h:0", url("h", 0, 4, true)],
  ["tcp://h:abc", refused("Invalid port number 0")],
  ["tcp://h:0x10", refused("Invalid port number 0")],
  ["tcp://h:12x", url("h", 12, 4)],
  ["tcp://h:5/ignored:1", url("h", 5, 4)],
  ["tcp6://[::1]:5342", url("::1", 5342, 6)],
  ["tcp6://localhost:1", url("localhost", 1, 6)],
  ["tcp://[::1]:5342", url("::1", 5342, 6)],
  ["tcp://[127.0.0.1]:5", url("127.0.0.1", 5, 4)],
  ["net://h:1:2", url("h", 1, 4)],
  ["net6://[::]:1", url("::", 1, 6)],
  ["udp://h", refused("URI parse unknown protocol udp://h")],
  ["localhost:5342", refused("URI parse unknown protocol localhost:5342")],
  ["file:///tmp", refused("Not an address to listen on file:///tmp")],
  ["tcp://", refused("No address or hostname detected.")],
  ["tcp://:5342", refused("No address or hostname detected.")],
  ["tcp://h:65536", refused("Invalid port number 65536")],
  ["tcp://h:-1", refused("Invalid port number -1")],
  ["tcp://[::1", refused("Broken IPv6 address ::1")],
  ["tcp://[::1]x", refused("Unknown symbol after IPv6 address: x")],
  ["tcp://h:1:2", refused("Trailing characters not recognized: :2")],
  ["net://h:1:2:3", refused("Trailing characters not recognized: :3")]
])

describe("the INI format", () => {
  it("gives the entries of one section in order, and nothing of the others", () => {
    const text = "stray = 1\n[sessiond]\na = 1\n[relayd]\nb = 2\nc=3\n[other]\nd = 4\n[relayd]\nb = 5\n"
    assert.deepStrictEqual(Ini.entries(text, "relayd"), [
      { key: "b", value: "2" },
      { key: "c", value: "3" },
      { key: "b", value: "5" }
    ])
  })
  const one = (line: string) => Ini.entries(`\uFEFF[relayd]\r\n${line}\r\n`, "relayd")
  const long = "x".repeat(1000)
  const rows: ReadonlyArray<readonly [string, string, string]> = [
    ["a URL after an equals sign", "control-port = tcp://h:1", "tcp://h:1"],
    ["a colon as separator", "control-port: h", "h"],
    ["quotes as they are", 'control-port = "x"', '"x"'],
    ["an inline comment", "control-port = x ; why", "x"],
    ["a semicolon without white space", "control-port = x;y", "x;y"],
    ["an indented key as a key", "\tcontrol-port = x", "x"],
    ["an empty value", "control-port =", ""],
    ["a value that begins like a comment", "control-port = ; why", "; why"],
    ["a line of any length", `control-port = ${long}`, long]
  ]
  for (const [name, line, value] of rows) {
    it(`takes ${name}`, () => assert.deepStrictEqual(one(line), [{ key: "control-port", value }]))
  }
  for (const line of ["; control-port = x", "# control-port = x", "control-port", "no separator", ""]) {
    it(`ignores ${JSON.stringify(line)}`, () => assert.deepStrictEqual(one(line), []))
  }
})

describe("the command line", () => {
  const settings = (...args: ReadonlyArray<string>) => {
    const parsed = Getopt.parse(args)
    return parsed._tag === "Settings"
      ? parsed.settings.map(({ name, value }) => (value === "" ? name : `${name}=${value}`)).join(" ")
      : parsed.message
  }
  const rows: ReadonlyArray<readonly [ReadonlyArray<string>, string]> = [
    [["-vvv"], "verbose verbose verbose"],
    [["-sVo/x"], "group-output-by-session version output=/x"],
    [["-vo", "/x"], "verbose output=/x"],
    [["--output=/x"], "output=/x"],
    [["--output", "/x"], "output=/x"],
    [["--output="], "output"],
    [["-o", "--verbose"], "output=--verbose"],
    [["--working-dir", "/x"], "working-directory=/x"],
    [["--vers"], "version"],
    [["--li", "u"], "live-port=u"],
    [["--live", "u"], "live-port=u"],
    [["--live-c", "1M"], "live-cache=1M"],
    [["--s"], "sig-parent"],
    [["operand", "-v", "another"], "verbose"],
    [["-"], ""],
    [["-v", "--", "-Z"], "verbose"],
    [["--verb=3"], "option '--verbose' doesn't allow an argument"]
  ]
  for (const [args, expected] of rows) {
    it(`${args.join(" ")} sets ${expected || "nothing"}`, () => assert.strictEqual(settings(...args), expected))
  }
})

describe("the secret of a file", () => {
  const fileOf = (content: string) =>
    Effect.map(temporaryDirectory("secret"), (directory) => {
      writeFileSync(join(directory, "token"), content)
      return join(directory, "token")
    })

  it.live("is its first line, without white space around it", () =>
    Effect.gen(function* () {
      assert.strictEqual(TextFile.secretOf(yield* fileOf("\ufeff\n token 1 \r\n# until May\n")), "token 1")
    })
  )

  it("is none where there is no end", () => assert.throws(() => TextFile.secretOf("/dev/zero"), /it is larger than/))

  for (const [content, reason] of [
    ["\n \n", /^it is empty$/],
    ["ключ\n", /^it has characters that no header carries/],
    ["a\tb", /^it has characters that no header carries/]
  ] as const) {
    it.live(`is none in ${JSON.stringify(content)}`, () =>
      Effect.map(fileOf(content), (path) => assert.throws(() => TextFile.secretOf(path), reason))
    )
  }
})
