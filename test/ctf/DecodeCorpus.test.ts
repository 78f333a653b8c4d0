/** Every trace of the corpus: text and warnings as they should be, failures of those that are meant to fail. */
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { JsonSchema, Result, Schema, SchemaRepresentation } from "effect"
import { defaults, type TextOptions } from "../../src/ctf/print/Text.ts"
import { always, type Interval } from "../../src/ctf/recorded/Interval.ts"
import * as Moment from "../../src/ctf/recorded/Moment.ts"
import * as Printing from "../../src/ctf/recorded/Printing.ts"
import * as Recording from "../../src/ctf/recorded/Recording.ts"
import { answer, type Case, casesOf, describeWithCorpus, expectations } from "../support/corpus.ts"

const own = ["types", "contexts", "levels", "many", "perpid", "channels", "discarded", "discard-begin", "overwrite"]
const more = ["plain", "tracefiles", "rotated", "growth", "live1", "snap", "clock", "bad-emf", "v217", "v217-bad-label"]
const ctf2 = ["ctf2-types", "ctf2-contexts", "ctf2-levels", "ctf2-perpid", "ctf2-discarded", "ctf2-live"]
const others = [
  ...["kernel-big-endian", "kernel-many-threads", "kernel-scp-dest", "ust-hello-lost", "ust-ros2", "ust-exec"],
  ...["ust-context-switches", "ust-cyg-profile", "ust-sequence-empty", "ust-app3", "ust-per-pid-3", "perf-taskset"],
  ...["dpdk", "otf2-allreduce", "otf2-papi", "writer-clock-overflow", "ctf2-vl-ints", "ros-pub-sub", "ust-million"]
]
const collections = ["babeltrace", "barectf", "field-ctf18", "field-ctf2", "yactfr-ctf18", "yactfr-ctf2"]

const schemaPath = join(import.meta.dirname, "../../docs/ndjson.schema.json")

interface Printed {
  readonly stdout: Buffer
  readonly warnings: ReadonlyArray<string>
  readonly isFailed: boolean
}

const show = (
  path: string,
  code: Recording.Options["code"],
  format: Printing.Format = "text",
  options: TextOptions = { ...defaults, isGmt: true },
  interval: Interval = always
): Printed => {
  const parts: Array<Buffer> = []
  const warnings: Array<string> = []
  let isFailed = false
  try {
    const recording = Recording.open([path], { ...Recording.defaults, code, interval: () => interval })
    const { failureCount } = Printing.print(recording, {
      format,
      text: options,
      filter: undefined,
      write: (bytes) => parts.push(Buffer.from(bytes)),
      warn: (line) => warnings.push(line)
    })
    isFailed = failureCount > 0
  } catch (cause) {
    // Anything else is a fault of ours.
    if (!(cause instanceof Recording.RecordingRefused)) throw cause
    isFailed = true
  }
  return { stdout: Buffer.concat(parts), warnings, isFailed }
}

const lossesOf = (lines: ReadonlyArray<string>): ReadonlyArray<string> =>
  lines
    .filter((line) => line.startsWith("WARNING: Tracer"))
    .map((line) => line.replace(/ within stream "[^"]*"| \(U?UID: [^)]*\)| in trace "[^"]*"/g, ""))

/** What differs from the answer; undefined when nothing does. */
const differenceOf = (
  { isFailed, stdout, warnings }: Printed,
  expect: string,
  text: Buffer,
  losses: ReadonlyArray<string>
): string | undefined => {
  if (isFailed !== (expect !== "events")) return `${isFailed ? "failed" : "read"}: ${warnings.slice(0, 1)}`
  const isPrefix = expect === "failure" && stdout.subarray(0, text.length).equals(text)
  if (!isPrefix && !stdout.equals(text)) {
    const [found, wanted] = [stdout.toString().split("\n"), text.toString().split("\n")]
    const at = wanted.findIndex((line, index) => line !== found[index])
    return `line ${at + 1}: ${found[at]} instead of ${wanted[at]}`
  }
  if (expect === "failure" || lossesOf(warnings).join("\n") === lossesOf(losses).join("\n")) return undefined
  return `warnings: ${lossesOf(warnings).join("\n")} instead of ${lossesOf(losses).join("\n")}`
}

const textOfCase = ({ stdout, stdout_base64 }: Case): Buffer =>
  stdout_base64 === undefined ? Buffer.from(stdout ?? "") : Buffer.from(stdout_base64, "base64")

const checkCollection = (root: string, collection: string, code: Recording.Options["code"]) => {
  const wrong: Array<string> = []
  for (const one of casesOf(collection)) {
    if (one.expect === "free") continue
    const printed = show(join(root, collection, one.case), code)
    const difference = differenceOf(printed, one.expect, textOfCase(one), one.warnings ?? [])
    if (difference !== undefined) wrong.push(`${one.case}: ${difference}`)
  }
  assert.deepStrictEqual(wrong, [])
}

const checkTrace = (root: string, name: string, code: Recording.Options["code"]) => {
  const expect = expectations().get(name) ?? assert.fail(`${name} has no expectation`)
  const printed = show(join(root, name), code)
  const text = answer(`${name}.txt`)
  if (text === undefined) {
    const wanted = answer(`${name}.sha256`)?.toString().split(" ")[0]
    assert.strictEqual(createHash("sha256").update(printed.stdout).digest("hex"), wanted)
    return
  }
  const losses = answer(`${name}.warn`)?.toString().split("\n") ?? []
  assert.strictEqual(differenceOf(printed, expect, text, losses), undefined)
}

const codes = ["generated", "closures"] as const

describeWithCorpus("traces recorded for this project", ["synth", ...own, ...more, ...ctf2], (root) => {
  it("has babeltrace2's colours: of names, of labels, of times and values", () => {
    const every: TextOptions = {
      ...{ ...defaults, isGmt: true, isColored: true },
      names: new Set(["scope", "header", "context", "payload"]),
      fields: new Set(["trace", "trace:hostname", "trace:domain", "loglevel"])
    }
    const [line = ""] = show(join(root(), "contexts"), "generated", "text", every).stdout.toString().split("\n")
    // What babeltrace2 2.0.4 writes with --color=always --names=all --fields=all, up to the first context.
    const wanted = [
      "<1>timestamp<0> = <1><1><33>23:43:48.463306997<0>, <1>delta<0> = +?.?????????, <1>trace<0> = vm/ust/uid/0/64-bit, ",
      ", <1>trace:hostname<0> = vm, <1>trace:domain<0> = ust, <1>loglevel<0> = TRACE_DEBUG_LINE (13), <1>name<0> = ",
      "<1><1><35>zoo:tick<0>, <1>stream.packet.context<0> = { <36>cpu_id<0> = <1>1<0> }, "
    ].join("")
    const coded = (text: string) => text.replaceAll(/<(\d+)>/g, "\u001b[$1m")
    assert.strictEqual(line.slice(0, coded(wanted).length), coded(wanted))
    const { stdout } = show(join(root(), "synth/strings"), "generated", "text", { ...defaults, isColored: true })
    assert.include(stdout.toString(), coded('{ <36>a<0> = <1>"plain"<0>, <36>b<0> = <1>""<0> }\n'))
  })

  it("names a trace that has no name, where names are wanted, as babeltrace2 does", () => {
    const named: TextOptions = { ...defaults, names: new Set(["header"]), fields: new Set(["trace"]) }
    const { stdout } = show(join(root(), "synth/no-header-no-context"), "generated", "text", named)
    assert.match(stdout.toString(), /^trace = , name = /)
  })

  it("tells of what was lost partly within an interval as babeltrace2 does: of that part, and not how much", () => {
    const options = { ...defaults, isGmt: true }
    const [begin, end] = ["2026-11-25 23:44:02.3", "2026-11-25 23:44:02.6"].map((at) =>
      Moment.parse(at, true, undefined)
    )
    const interval = { begin, end }
    const { warnings } = show(join(root(), "discarded"), "generated", "text", options, interval)
    const of = "(stream class ID: 0, stream ID: 0)."
    assert.deepStrictEqual(lossesOf(warnings), [
      `WARNING: Tracer may have discarded events between [23:44:02.300000000] and [23:44:02.504925845] ${of}`,
      `WARNING: Tracer may have discarded events between [23:44:02.560189614] and [23:44:02.600000000] ${of}`
    ])
  })

  it("says of a packet with another trace's UUID that it has one, and goes on", () => {
    const { isFailed, warnings } = show(join(root(), "synth/bad-uuid"), "generated")
    assert.isFalse(isFailed)
    assert.lengthOf(warnings, 1)
    assert.match(warnings[0] ?? "", /packet 0 has the UUID of another trace/)
  })

  for (const code of codes) {
    it.each([...own, ...more, ...ctf2])(`%s prints as it should (${code})`, (name) => checkTrace(root(), name, code))
    it(`each rule of the specification has its case (${code})`, () => checkCollection(root(), "synth", code))
  }

  it("as NDJSON have an object for every event, and every object is as the published schema says", () => {
    const document = JsonSchema.fromSchemaDraft2020_12(JSON.parse(readFileSync(schemaPath, "utf8")))
    const schema = SchemaRepresentation.fromJsonSchemaDocument(document, { patterns: "apply" })
    const decode = Schema.decodeUnknownResult(schema as Schema.Codec<unknown>, { onExcessProperty: "error" })
    const isRight = (object: unknown) => Result.isSuccess(decode(object))
    assert.isFalse(isRight({ type: "event", stream: [0, 0], name: "e", id: 0, fields: {}, more: 1 }))
    assert.isFalse(isRight({ type: "event", stream: [0, 0], name: "e", id: 0, fields: { a: { b: undefined } } }))
    const cases = casesOf("synth").map((one) => `synth/${one.case}`)
    for (const name of [...own, ...ctf2, ...cases]) {
      const lines = show(join(root(), name), "generated", "ndjson").stdout.toString().split("\n")
      assert.strictEqual(lines.pop(), "")
      const objects = lines.map((line) => JSON.parse(line))
      for (const object of objects) assert.isTrue(isRight(object), `${name}: ${JSON.stringify(object)}`)
      const events = objects.filter(({ type }) => type === "event")
      if (name.startsWith("synth/")) continue
      const counts = show(join(root(), name), "generated", "count-ndjson").stdout.toString().trimEnd().split("\n")
      const counted = counts.map((line) => JSON.parse(line))
      for (const object of counted) assert.isTrue(isRight(object), JSON.stringify(object))
      const isCount = ({ type }: { readonly type: string }) => type === "count"
      assert.strictEqual(
        counted.filter(isCount).reduce((sum, { count }) => sum + count, 0),
        events.length
      )
      const besides = objects.filter(({ type }) => type !== "event")
      assert.deepStrictEqual(
        counted.filter((object) => !isCount(object)),
        besides
      )
      const expected = answer(`${name}.txt`)?.toString().trimEnd().split("\n") ?? []
      assert.strictEqual(events.length, expected.length, name)
      for (const [at, { name: event }] of events.entries()) assert.include(expected[at], ` ${event}: `)
    }
  })
})

describeWithCorpus("traces of others", [...collections, ...others], (root) => {
  it.each(others)("%s prints as it should", (name) => checkTrace(root(), name, "generated"))
  for (const code of codes) {
    it.each(collections)(`%s prints as it should (${code})`, (name) => checkCollection(root(), name, code), 120_000)
  }
})
