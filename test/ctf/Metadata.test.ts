/** Metadata as bytes: packets in either byte order, padding, text of both formats that arrives in any pieces. */
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { GrowingMetadata, parse, parser } from "../../src/ctf/metadata/GrowingMetadata.ts"
import { parts } from "../../src/ctf/metadata/Parts.ts"
import { fromCycles } from "../../src/ctf/model/Nanoseconds.ts"
import type { TraceClass } from "../../src/ctf/model/TraceClass.ts"

const packetOf = (text: string, packetBytes: number, order: "le" | "be"): Buffer => {
  const bytes = Buffer.alloc(packetBytes)
  const u32 = (value: number, at: number) =>
    order === "le" ? bytes.writeUInt32LE(value, at) : bytes.writeUInt32BE(value, at)
  u32(0x75d11d57, 0)
  u32((37 + text.length) * 8, 24)
  u32(packetBytes * 8, 28)
  bytes[35] = 1
  bytes[36] = 8
  bytes.write(text, 37)
  return bytes
}

const accepted = (bytes: Uint8Array): TraceClass => Result.getOrThrow(parse(bytes))
const refusal = (text: string) => {
  const outcome = parse(Buffer.from(text))
  assert.isTrue(Result.isFailure(outcome), text.slice(0, 1000))
  return Result.isFailure(outcome) ? outcome.failure : assert.fail()
}

const preamble = '\u001e{"type":"preamble","version":2}\n'
const trace = "trace { major = 1; minor = 8; byte_order = le; };\n"

describe("stored metadata", () => {
  it.each(["le", "be"] as const)("splits packets and tells their padding apart (%s)", (order) => {
    const [one, two] = [trace.slice(0, 20), trace.slice(20)]
    const bytes = Buffer.concat([packetOf(one, 4096, order), packetOf(two, 80, order)])
    assert.deepStrictEqual(
      parts(bytes).map((part) => [part.bytes.length, part.paddingBytes]),
      [
        [37 + one.length, 4096 - 37 - one.length],
        [37 + two.length, 80 - 37 - two.length]
      ]
    )
    assert.strictEqual(accepted(bytes).byteOrder, "little-endian")
  })

  it("sends a padding that is not zero as it is", () => {
    const bytes = packetOf("x", 50, "le")
    bytes[49] = 7
    assert.deepStrictEqual(parts(bytes), [{ bytes, paddingBytes: 0 }])
  })

  it("text without packets is one part", () => {
    const bytes = Buffer.from("/* CTF 1.8 */\n")
    assert.deepStrictEqual(parts(bytes), [{ bytes, paddingBytes: 0 }])
  })

  it("a packet cut short is kept as a rest, not lost", () => {
    const whole = packetOf("one", 64, "le")
    const cut = packetOf("two", 64, "le").subarray(0, 50)
    assert.deepStrictEqual(
      parts(Buffer.concat([whole, cut])).map((part) => part.bytes.length + part.paddingBytes),
      [64, 50]
    )
  })
})

describe("a metadata packet cut short", () => {
  it("is whole as long as only padding is missing", () => {
    const [one, two] = [trace.slice(0, 20), trace.slice(20)]
    const bytes = Buffer.concat([packetOf(one, 64, "le"), packetOf(two, 128, "le")])
    const contentBytes = 64 + 37 + two.length
    for (const length of [contentBytes, contentBytes + 1, bytes.length - 1]) accepted(bytes.subarray(0, length))
    const outcome = parse(bytes.subarray(0, contentBytes - 1))
    assert.include(String(Result.isFailure(outcome) && outcome.failure), "a metadata packet cut short")
  })
})

describe("a metadata packet of another trace", () => {
  it("is refused where it begins", () => {
    const [one, two] = [packetOf(trace.slice(0, 20), 64, "le"), packetOf(trace.slice(20), 128, "le")]
    two[4] = 0xff
    const outcome = parse(Buffer.concat([one, two]))
    assert.include(String(Result.isFailure(outcome) && outcome.failure), "byte 64: a metadata packet of another trace")
  })
})

describe("clocks", () => {
  const again = (offset: number) => `clock { name = c; freq = 1000; offset = ${offset}; absolute = true; };`

  it("that are declared again alike are one, as babeltrace2 writes them; otherwise they are refused", () => {
    assert.strictEqual(accepted(Buffer.from(`${trace}${again(5)}${again(5)}`)).clocks.size, 1)
    const outcome = parse(Buffer.from(`${trace}${again(5)}${again(6)}`))
    assert.include(String(Result.isFailure(outcome) && outcome.failure), "clock `c` is declared twice, differently")
  })

  const tsdl = `${trace}clock {
  name = "monotonic";
  freq = 1000000000; /* Hz */
  offset = 1795231200000000007;
};`
  const ctf2 =
    '\u001e{"type":"preamble","version":2}\u001e{"type":"clock-class","id":"c","frequency":2000000000,' +
    '"offset-from-origin":{"seconds":3,"cycles":4}}\u001e{"type":"data-stream-class","default-clock-class-id":"c"}'

  it.each([
    ["TSDL", tsdl, 1_795_231_200_000_000_107n],
    ["CTF 2", ctf2, 3_000_000_052n]
  ])("of %s turn cycles into nanoseconds from their origin", (_, text, nanos) => {
    const [clock] = accepted(Buffer.from(text)).clocks.values()
    assert.isDefined(clock)
    assert.strictEqual(fromCycles(clock, 100n), nanos)
    assert.strictEqual(fromCycles(undefined, 100n), 100n)
  })
})

describe("fragments of CTF 2", () => {
  const bytes = Array.from({ length: 16 }, (_, at) => 16 * at + at)
  const preamble = (uuid: ReadonlyArray<number>) => `\u001e${JSON.stringify({ type: "preamble", version: 2, uuid })}`
  const text = "00112233-4455-6677-8899-aabbccddeeff"

  it("the preamble's UUID is the trace's, by which it is known unless it says another name for that", () => {
    const { uid, uuid } = accepted(Buffer.from(`${preamble(bytes)}\u001e{"type":"data-stream-class"}`))
    assert.deepStrictEqual([uid, uuid], [text, Uint8Array.from(bytes)])
    const named = accepted(
      Buffer.from(`${preamble(bytes)}\u001e{"type":"trace-class","uid":"own"}\u001e{"type":"data-stream-class"}`)
    )
    assert.deepStrictEqual([named.uid, named.uuid], ["own", Uint8Array.from(bytes)])
    for (const wrong of [bytes.slice(1), [...bytes, 0], []]) {
      assert.include(refusal(preamble(wrong)).message, "(fragment 0, /uuid): expected 16 integers")
    }
    assert.include(refusal(preamble(bytes.fill(256, 3, 4))).message, "/uuid/3): expected an integer from 0 to 255")
  })

  it("of what tracers say about an event babeltrace's own word counts before LTTng's, and texts alone", () => {
    const event = (attributes: object) => {
      const fragments = [
        { type: "preamble", version: 2 },
        { type: "data-stream-class" },
        { type: "event-record-class", attributes }
      ]
      const written = fragments.map((fragment) => `\u001e${JSON.stringify(fragment)}`).join("")
      const found = accepted(Buffer.from(written)).dataStreams.get(0n)?.events.get(0n)
      return [found?.logLevel, found?.emfUri]
    }
    const lttng = { "log-level": "warning", "emf-uri": "lttng" }
    assert.deepStrictEqual(event({ "lttng.org,2009": lttng }), [4n, "lttng"])
    const both = { "lttng.org,2009": lttng, "babeltrace.org,2020": { "log-level": "alert" } }
    assert.deepStrictEqual(event(both), [1n, "lttng"])
    assert.deepStrictEqual(event({ "lttng.org,2009": { "log-level": 4, "emf-uri": ["x"] } }), [undefined, undefined])
    assert.deepStrictEqual(event({ "lttng.org,2009": { "log-level": "no level" } }), [undefined, undefined])
    assert.deepStrictEqual(event({ "somebody.else,2026": lttng }), [undefined, undefined])
  })
})

describe("refusals of metadata", () => {
  it("say line, column, what was found and the line itself", () => {
    const { kind, message } = refusal(`${trace}event { name = "a" id = 3; };`)
    assert.strictEqual(kind, "metadata-syntax")
    assert.strictEqual(message, 'metadata, line 2, column 20 (event { name = "a" id = 3; };): expected `;`, found "id"')
    // Words are read as they are needed: what is wrong first is told.
    assert.deepInclude(refusal(`${trace}event { name = "a" id = 3; };\n"a text without end`).place, { line: 2 })
  })

  it.each(["event", "7", "[2]", '"text"'])("say that a field is not named %s", (name) => {
    const fields = (field: string) => `${trace}event { name = a; fields := struct { string ${field}; }; };`
    accepted(Buffer.from(fields("event_7")))
    assert.match(refusal(fields(name)).reason, /^expected a name/)
  })

  it.each(["string", "integer { size = 8; }", "struct { string s; }", "enum : integer { size = 8; } { A }"])(
    "say that a field has no name: %s",
    (type) => {
      const fields = (name: string) => `${trace}event { name = a; fields := struct { ${type}${name}; string b; }; };`
      accepted(Buffer.from(fields(" a")))
      assert.strictEqual(refusal(fields("")).reason, "a member without a name")
    }
  )

  it("are no longer than people read, whatever is in them", () => {
    const many = "9".repeat(1_000_000)
    for (const text of [
      `${trace}event { name = e; fields := struct { integer { size = 8; } a[${many}]; }; };`,
      `${trace}typedef integer { size = 8; } ${"x".repeat(100_000)}; typedef string ${"x".repeat(100_000)};`,
      `${preamble}\u001e{"type":"field-class-alias","name":"a","field-class":{"type":"static-length-blob","length":${many}}}`,
      `${preamble}\u001e{"type":"field-class-alias","name":"a","field-class":{"type":"fixed-length-bit-map","length":8,
        "byte-order":"little-endian","flags":{"${"x".repeat(100_000)}":[[0,8]]}}}`
    ]) {
      assert.isBelow(refusal(text).message.length, 1500)
    }
  })

  it("count lines over pieces", () => {
    const metadata = new GrowingMetadata()
    assert.isTrue(Result.isSuccess(metadata.append(Buffer.from(`${trace}\n\n`))))
    const outcome = metadata.append(Buffer.from("  clock { freq = 0; name = c; };"))
    assert.deepInclude(Result.isFailure(outcome) ? outcome.failure.place : {}, { line: 4, column: 18 })
  })

  it("say at once that a quote is one too many, as LTTng writes them, although a text may go on on the next line", () => {
    const event = (more: string) =>
      `event {\n\tname = "e";\n\t${more}\n\tfields := struct {\n\t\tstring _s;\n\t};\n};\n`
    const metadata = new GrowingMetadata()
    const append = (text: string) => metadata.append(Buffer.from(text))
    assert.isTrue(Result.isSuccess(append(trace + event('model.emf.uri = "two\nlines";'))))
    assert.strictEqual(metadata.traceClass?.dataStreams.get(0n)?.events.get(0n)?.emfUri, "two\nlines")
    assert.isTrue(Result.isFailure(append(event('model.emf.uri = "a "quote";'))))
  })

  it("say line, column and fragment of CTF 2, the place in it, and what is there", () => {
    const written = `\u001e{"type":"field-class-alias","name":"a",\n "field-class":{"type":"structure","member-classes":[
      {"field-class":"b","name":"a/b"},{"name":"x","field-class":{"byte-order":"little-endian","type":
      "fixed-length-boolean", "length" : 65 }}]}}`
    const { message, place } = refusal(`${preamble}${written.replace('"b"', '{"type":"null-terminated-string"}')}`)
    const pointer = "/field-class/member-classes/1/field-class/length"
    assert.deepStrictEqual(place, { fragment: 1, pointer, line: 5, column: 42 })
    const told = `metadata, line 5, column 42 (fragment 1, ${pointer}): expected an integer from 1 to 64, found 65`
    assert.strictEqual(message, told)
    assert.deepInclude(refusal(preamble + written).place, { line: 4, column: 22 })
  })

  it.each([
    ['{"type":"trace-class","foo":1}', "line 2, column 30 (fragment 1, /foo): no property `foo` is known here"],
    ['{"type":"clock-class","id":"c"}', "line 2, column 2 (fragment 1): `frequency` is missing"],
    ['{"type":"clock-class","id":7}', "line 2, column 29 (fragment 1, /id): expected a string, found 7"],
    ['{"type":"event-record-class" "id":7}', 'line 2, column 31 (fragment 1): expected `,` or `}`, found "\\""'],
    ["[1,2]", "line 2, column 2 (fragment 1): expected an object, found an array"],
    [
      '{"type":"clock-class","id":"\\ud83d"}',
      "line 2, column 29 (fragment 1): half of a surrogate pair alone is no character"
    ],
    [
      '{"type":"clock-class","id":"a\tb"}',
      'line 2, column 31 (fragment 1): expected a character of a string or its end, found "\\t"'
    ]
  ])("say of %s what was expected", (fragment, told) => {
    assert.strictEqual(refusal(`${preamble}\u001e${fragment}`).message, `metadata, ${told}`)
  })

  it.each([
    ["unsigned-integer", '"length":8.0', "length", "an integer, found 8.0"],
    ["unsigned-integer", '"length":8,"preferred-display-base":7', "preferred-display-base", "2, 8, 10, 16, found 7"],
    ["floating-point-number", '"length":16', "length", "32, 64, found 16"],
    ["floating-point-number", '"length":128', "length", "32, 64, found 128"]
  ])("say of a fixed-length-%s with %s what it may be", (type, property, name, expected) => {
    const text = `${preamble}\u001e{"type":"field-class-alias","name":"a","field-class":{
      "type":"fixed-length-${type}","byte-order":"big-endian",\n${property}}}`
    const { message } = refusal(text)
    assert.include(message, "metadata, line 4, column ")
    assert.include(message, `(fragment 1, /field-class/${name}): expected ${expected}`)
  })

  it("say where in an alias it is what shows only in its use, in whatever pieces both come", () => {
    const location = '{"type":"dynamic-length-string","length-field-location":\n{"path":["n"]}}'
    const members = '[{"name":"x","field-class":"a"}]'
    const text = `${preamble}\u001e{"type":"field-class-alias","name":"a","field-class":${location}}\u001e
      {"type":"data-stream-class"}\u001e{"type":"event-record-class",
      "payload-field-class":{"type":"structure","member-classes":${members}}}`
    const message =
      "metadata, line 3, column 1 (fragment 1, /field-class/length-field-location): no field `n` before this one"
    assert.strictEqual(refusal(text).message, message)
    for (const size of [1, 7, 100]) {
      const metadata = new GrowingMetadata()
      for (let at = 0; at < text.length; at += size) metadata.append(Buffer.from(text.slice(at, at + size)))
      assert.strictEqual(Result.getOrThrow(Result.flip(metadata.end())).message, message, `in pieces of ${size}`)
    }
  })

  it("say where JSON ends to be JSON", () => {
    const { message } = refusal('\u001e{"type":"preamble",\n "version" 2}')
    assert.match(message, /^metadata, line 2, column 12 \(fragment 0\): expected `:`/)
  })

  it.each([
    [
      "deep structures",
      `${trace}event { name = a; fields := ${"struct { ".repeat(600)} string s; ${"} x;".repeat(600)} };`
    ],
    ["structures without end", `${trace}event { name = a; fields := ${"struct {".repeat(100_000)}`],
    [
      "deep arrays",
      `${trace}typealias integer { size = 8; } := u; event { name = a; fields := struct { u a${"[2]".repeat(100_000)}; }; };`
    ],
    ["deep JSON", `\u001e${"[".repeat(100_000)}`],
    [
      "an option's many ranges",
      '\u001e{"type":"preamble","version":2}\u001e{"type":"field-class-alias","name":"a","field-class":{"type":"variant",' +
        '"selector-field-location":{"path":["k"]},"options":[{"field-class":{"type":"null-terminated-string"},' +
        `"selector-field-ranges":[${"[1,1],".repeat(200_000)}[1,1]]}]}}`
    ]
  ])("%s are an answer, not an overflow", (_, text) => {
    refusal(text)
  })

  it("types that double with each use are shared, or refused when they hold references", () => {
    const doubled = (last: string) => {
      const aliases = Array.from({ length: 60 }, (_, at) => `struct s${at + 1} { struct s${at} a; struct s${at} b; };`)
      return `${trace}typealias integer { size = 8; } := u; struct s0 { ${last} }; ${aliases.join("\n")}
        event { name = a; fields := struct { struct s60 x; }; };`
    }
    assert.isTrue(Result.isSuccess(parse(Buffer.from(doubled("u n;")))))
    assert.match(refusal(doubled("u n; u t[n];")).reason, /too many/)
  })
})

describe("metadata in ten thousand pieces", () => {
  // If each piece made the reader begin anew, each of these would take many minutes.
  it.each([
    ["a comment", `${trace}/*`, "*".repeat(1000), "*/"],
    ["a text", `${trace}env { a = "`, '\\"\\\\'.repeat(250), ""],
    ["objects of CTF 2", `${preamble}\u001e{"type":"field-class-alias","name":"a","x":`, '{"}":{}},'.repeat(111), ""],
    ["a text of CTF 2", `${preamble}\u001e{"x":"`, '\\"}'.repeat(333), ""]
  ])("%s is looked at once", (_, begin, piece, end) => {
    const metadata = new GrowingMetadata()
    const append = (text: string) => assert.isTrue(Result.isSuccess(metadata.append(Buffer.from(text))))
    append(begin)
    for (let index = 0; index < 10_000; index++) append(piece)
    if (end !== "") append(end)
  })
})

describe("metadata of millions of characters", () => {
  // Enough of them to run a pattern with a repeated group out of stack.
  it.each([
    ["a text", () => `${trace}env { a = "${'\\"'.repeat(4_000_000)}"; };`],
    ["a word", () => `${trace}env { ${"x\\u0041".repeat(1_000_000)} = 1; };`],
    ["an environment", () => `${trace}env {\n\ta = "${"x".repeat(20_000_000)}";\n};\nclock {\n\tname = c;\n};\n`],
    ["a text of CTF 2", () => `${preamble}\u001e{"type":"trace-class","name":"${"\\u0041".repeat(1_000_000)}"}`]
  ])("is read: %s", (_, text) => {
    const more = text().startsWith(preamble) ? '\u001e{"type":"data-stream-class"}' : "stream {};"
    assert.isTrue(Result.isSuccess(parser()(Buffer.from(text() + more))))
  })
})
