/** `--where` and `--event`: what they say, what they match in one event record, and where they are refused. */
import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import * as DataStream from "../../src/ctf/decode/DataStream.ts"
import type { Filter } from "../../src/ctf/decode/Fields.ts"
import { type EventPlan, TracePlan } from "../../src/ctf/decode/Plan.ts"
import * as Chains from "../../src/ctf/filter/Chains.ts"
import type { Expression } from "../../src/ctf/filter/Expression.ts"
import * as Filters from "../../src/ctf/filter/Filters.ts"
import * as Glob from "../../src/ctf/filter/Glob.ts"
import * as Unmatched from "../../src/ctf/filter/Unmatched.ts"
import * as Where from "../../src/ctf/filter/Where.ts"
import { parse } from "../../src/ctf/metadata/GrowingMetadata.ts"

const metadata = `
trace { major = 1; minor = 8; byte_order = le; };
env { hostname = "web1"; vpid = 42; };
clock { name = c; freq = 1000000000; offset_s = 1700000000; };
typealias integer { size = 8; } := u8;
typealias integer { size = 16; signed = true; } := s16;
typealias integer { size = 64; } := u64;
typealias integer { size = 64; map = clock.c.value; } := time;
stream {
  packet.context := struct { u8 cpu_id; };
  event.header := struct { u8 id; time timestamp; };
  event.context := struct { s16 _vtid; u8 shared; };
};
event {
  id = 0; name = "sched:switch"; loglevel = 6;
  fields := struct {
    s16 _prev; u64 big; u8 shared;
    enum : u8 { "READ" = 1, WRITE = 2 ... 3, "ANY" = 0 ... 9 } mode;
    floating_point { exp_dig = 11; mant_dig = 53; align = 8; } ratio;
    string text;
    struct { u8 x; u8 list[3]; } inner;
    enum : u8 { none = 0, small = 1 } tag;
    variant <tag> { string none; u8 small; } v;
    enum : u8 { name = 0, mode = 1 } what;
    variant <what> { string name; enum : u8 { WRITE = 7, "READ" = 8 } mode; } either;
  };
};
event { id = 1; name = "other"; fields := struct { u8 only; }; };`

const bytes = Buffer.alloc(64)
const put = (at: number, write: (at: number) => number): number => write(at)
let end = 0
end = put(end, (at) => bytes.writeUInt8(3, at))
end = put(end, (at) => bytes.writeUInt8(0, at))
end = put(end, (at) => bytes.writeBigUInt64LE(5n, at))
end = put(end, (at) => bytes.writeInt16LE(77, at))
end = put(end, (at) => bytes.writeUInt8(1, at))
end = put(end, (at) => bytes.writeInt16LE(-2, at))
end = put(end, (at) => bytes.writeBigUInt64LE(2n ** 64n - 1n, at))
end = put(end, (at) => bytes.writeUInt8(200, at))
end = put(end, (at) => bytes.writeUInt8(2, at))
end = put(end, (at) => bytes.writeDoubleLE(0.5, at))
end = put(end, (at) => at + bytes.write('a "b"\0', at))
end = put(end, (at) => bytes.writeUInt8(9, at))
for (const element of [10, 20, 30]) end = put(end, (at) => bytes.writeUInt8(element, at))
end = put(end, (at) => bytes.writeUInt8(1, at))
for (const byte of [250, 1, 7]) end = put(end, (at) => bytes.writeUInt8(byte, at))

const open = (text = metadata, packet = bytes.subarray(0, end)): DataStream.DataStream => {
  const trace = new TracePlan(Result.getOrThrow(parse(Buffer.from(text))), undefined)
  const stream = new DataStream.DataStream("s", trace)
  assert.isTrue(stream.open(DataStream.inMemory(packet)))
  assert.strictEqual(stream.next(), DataStream.event, JSON.stringify(stream.failure))
  return stream
}

const passes = (filter: Filter, stream = open()): boolean => {
  const decided = filter(stream.current as EventPlan)
  return typeof decided === "boolean" ? decided : decided(stream)
}

const filterOf = (text: string): Filter => Filters.where(Result.getOrThrow(Where.parse(text)))

const assertRefused = (text: string, column: number, reason: string) => {
  const outcome = Where.parse(text)
  const refused = Result.isFailure(outcome) ? outcome.failure : assert.fail("accepted")
  assert.strictEqual(refused.column, column)
  assert.include(refused.reason, reason)
}

describe("--where", () => {
  it.each([
    "prev == -2",
    "$payload.prev = -0x2",
    "prev < 0 and prev >= -2 and prev != 1",
    "big == 18446744073709551615",
    "big > 18446744073709551614 && big > 9007199254740993",
    "-2 == prev",
    "shared == 200 and $ctx.shared == 1 and shared != $ctx.shared",
    "vtid == 77 and cpu_id == 3 and $pctx.cpu_id == 3 and $cpu == 3",
    "mode == 2 and mode == 'WRITE' and mode == \"ANY\" and mode != 'READ'",
    "mode =~ /^W/ and mode like 'A*'",
    "mode !~ /READ/ and mode not like 'R*' and prev !~ /x/ and prev not like 'x'",
    "ratio == 0.5 and ratio > 0 and ratio <= 5e-1 and not ratio < 0.5",
    "text == 'a \"b\"' and text == \"a \\\"b\\\"\" and text like 'a*' and text =~ /B/i and text !~ 'x'",
    "text == '\\x61\\u0020\\\"b\\x22' and '\\e\\a\\x7F' != text",
    "inner.x == 9 and inner.list[2] == 30 and not exists inner.list[3]",
    "v == 250 and v.small == 250",
    "either == 7 and either == 'WRITE' and either.mode =~ /^W/ and either != 'READ' and either not like 'R*'",
    "mode < either and either != text and either < text and text > either and $ctx.shared < either",
    "$name == 'sched:switch' and $name like 'sched:*' and $id == 0 and $loglevel <= 6",
    "$loglevel == 'INFO' and 'TRACE_INFO' == $loglevel and $loglevel != 'DEBUG' and $loglevel in ('CRIT', 'INFO')",
    "$loglevel =~ /^info$/i and $loglevel not like 'DEBUG*' and $loglevel in (6) and $loglevel not in ('ERR', 7)",
    "$time == 1700000000000000005 and $time > 1700000000000000004 and not $time < 1700000000000000005",
    "1700000000000000005 <= $time",
    "$id < cpu_id and $loglevel > $cpu and $name != text and cpu_id > $id and $env.vpid < vtid",
    "$env.hostname == 'web1' and $env.vpid == 42",
    "prev in (1, -2, 0x10) and prev not in (3, 4)",
    "prev in (3, $ctx.shared, -2) and $env.vpid in (1, 42) and $name in ('x', 'sched:switch')",
    "mode in (5, 'ANY') and mode in (1, 2) and mode not in ('READ', 3) and text in (1, 'a \"b\"')",
    "either in ('x', 'WRITE') and either in (1, 7) and either not in ('READ', 8)",
    "ratio in (1, 0.5) and big in (1, 18446744073709551615) and $time in (1, 1700000000000000005)",
    "not (prev == 1 or prev == 2) and !(prev == 3)",
    "prev == 1 or prev == 2 and prev == 3 or prev == -2",
    "prev != 'x' and 1 != text and text != prev and mode != true and $loglevel != false and v != 'small'",
    "text and prev and exists big and not exists nothing"
  ])("%s", (text) => {
    assert.isTrue(passes(filterOf(text)))
    assert.isFalse(passes(filterOf(`not (${text})`)))
  })

  it.each([
    ["/^.$/", "\u{1f600}", true],
    ["/^[^a]$/", "\u{1f600}", true],
    ["/\\u{1f600}/", "\u{1f600}", true],
    ["/^.$/v", "\u{1f600}", true],
    ["/^..$/", "\u{1f600}", false],
    // Refused by the flag `u`.
    ["/a\\-b{/", "a-b{", true]
  ] as const)("matches whole characters: %s %s", (regex, text, isMatch) => {
    const expression = Result.getOrThrow(Where.parse(`text =~ ${regex}`))
    assert.strictEqual(expression.kind === "match" && expression.matches(text), isMatch)
  })

  it("takes NaN for true, and for no number at all", () => {
    const packet = Buffer.from(bytes.subarray(0, end))
    packet.writeDoubleLE(Number.NaN, packet.indexOf(Buffer.of(0, 0, 0, 0, 0, 0, 0xe0, 0x3f)))
    const isTrue = (text: string) => passes(filterOf(text), open(metadata, packet))
    assert.isTrue(isTrue("ratio and ratio != ratio and ratio != 0"))
    assert.isTrue(isTrue("not (ratio == 0 or ratio < 0 or ratio >= 0)"))
  })

  it("has as many terms as one likes", () => {
    const numbers = Array.from({ length: 20_000 }, (_, number) => number - 20_000)
    assert.isTrue(passes(filterOf(numbers.map((number) => `prev == ${number}`).join(" or "))))
    assert.isTrue(passes(filterOf(numbers.map((number) => `prev >= ${number - 2}`).join(" and "))))
    assert.isTrue(passes(filterOf(`prev in (${numbers})`)))
  })

  it.each([
    "prev == 2",
    "nothing == 1",
    "nothing != 1",
    "nothing not in (1)",
    "nothing in (1, 2)",
    "big in (18446744073709551616, 18446744073709551614, 1e19)",
    "text == 1",
    "prev == 'x'",
    "mode == 'READ'",
    "mode !~ /^W/",
    "mode not like 'W*'",
    "nothing !~ /x/",
    "exists inner or exists inner.list",
    "$emf == ''",
    "$loglevel == '6' or $loglevel == text or $loglevel == 'DEBUG'",
    "$ctx.prev == -2",
    "big == 18446744073709551614",
    "inner == 1",
    "either == 'READ' or either.name == 'WRITE' or exists either.name",
    "$env.vpid == '42'"
  ])("%s does not hold", (text) => {
    assert.isFalse(passes(filterOf(text)))
  })

  it.each([
    ["yes == true and no == false and yes != no", true],
    ["yes and not no and yes != false and no != true", true],
    ["yes == false", false],
    ["no == true", false],
    ["no", false]
  ])("booleans of CTF 2: %s", (text, expected) => {
    const flag = (name: string) => ({
      name,
      "field-class": { type: "fixed-length-boolean", length: 8, "byte-order": "little-endian" }
    })
    const fragments = [
      { type: "preamble", version: 2 },
      { type: "trace-class" },
      { type: "data-stream-class" },
      {
        type: "event-record-class",
        "payload-field-class": { type: "structure", "member-classes": ["yes", "no"].map(flag) }
      }
    ]
    const ctf2 = fragments.map((fragment) => `\u001e${JSON.stringify(fragment)}\n`).join("")
    assert.strictEqual(passes(filterOf(text), open(ctf2, Buffer.from([1, 0]))), expected)
  })

  it("decides for all records of a class where their fields do not matter", () => {
    const plan = open().current as EventPlan
    assert.isFalse(filterOf("only == 1")(plan))
    assert.isFalse(filterOf("$name == 'other' and prev == 1")(plan))
    assert.isTrue(filterOf("$name != 'other' or prev == 1")(plan))
  })

  it.each([
    ["", 1, "a field or a value"],
    ["prev ==", 8, "expected a field or a value, found the end"],
    ["prev == 1 and", 14, "a field or a value"],
    ["(prev == 1", 11, "`)`"],
    ["prev == 1 2", 11, "expected `and`, `or` or the end, found `2`"],
    ["$nmae == 'x'", 1, "`$nmae` is none of"],
    ["text =~ /(/", 9, "Invalid regular expression"],
    ["text like 5", 11, "a pattern in quotes"],
    ["a[x] == 1", 3, "an index"],
    ["prev == 'x", 9, "a text without its closing quote"],
    ["x; y", 2, "no part of an expression"],
    ["prev == 1 and 'odd name' == 5", 15, 'the one of that name is `$payload."odd name"`'],
    ["exists 'odd name'", 1, "a text is no field"],
    ["'odd name' not in ('x', 2)", 1, "a text is no field"],
    ["not 'odd name'", 5, "a text is no field"]
  ])("%s is refused at its column", assertRefused)

  it("what is nested too deep is refused at its column", () => {
    assertRefused("(".repeat(100_000), 257, "nested too deep")
    assertRefused("inner.list[18446744073709551614] == 1", 12, "no array is as long as that")
  })
})

describe("tests of one operand beside many values", () => {
  const chainsOf = (text: string) => {
    const expression = Result.getOrThrow(Where.parse(text)) as Extract<Expression, { kind: "and" | "or" }>
    const { chains, rest } = Chains.of(expression)
    return [chains.map(({ values }) => values.map(({ value }) => value)), rest.length]
  }

  it.each([
    ["a == 1 or a == 2 or 3 == a", [[[1n, 2n, 3n]], 0]],
    [
      "a == 1 or b == 1 or a == 'x' or b == 2 or c == 3",
      [
        [
          [1n, "x"],
          [1n, 2n]
        ],
        1
      ]
    ],
    ["a == 1 or (a == 2 or (a == 3 or b)) or a in (4, c, 5)", [[[1n, 2n, 3n, 4n, 5n]], 2]],
    ["a != 1 and (a != 2 and a < 3)", [[[1n, 2n]], 1]],
    ["a == 1 or (a == 2 and b) or not a == 3 or a != 4 or a > 5", [[], 5]],
    ["a == 1 or $ctx.a == 2 or a.b == 3 or a[0] == 4 or $env.a == 5 or $name == 'a'", [[], 6]],
    ["a == b or b == a or 1 == 1 or 2 == 2", [[], 4]],
    ["a == 1 and a == 2", [[], 2]],
    [
      "$id == 1 or $id == 2 or $env.vpid == 3 or $env.vpid == 4",
      [
        [
          [1n, 2n],
          [3n, 4n]
        ],
        0
      ]
    ]
  ])("%s", (text, expected) => {
    assert.deepStrictEqual(chainsOf(text), expected)
  })

  it.each([
    ["prev != 1 and prev != 'x'", true],
    ["prev != 'x' and prev != -2", false],
    ["prev != 1 and prev != 3", true],
    ["mode != 'READ' and mode != 3 and mode != 'none'", true],
    ["mode != 'READ' and mode != 2", false],
    ["mode != 'READ' and mode != 'ANY'", false],
    ["text != 'x' and text != 1", true],
    ["nothing != 1 and nothing != 2", false],
    ["not (nothing == 1 or nothing == 2)", true],
    ["big != 1e19 and big != 18446744073709551614", true],
    ["either != 'READ' and either != 'WRITE'", false]
  ])("%s: %s", (text, expected) => {
    assert.strictEqual(passes(filterOf(text)), expected)
  })

  const Single = Schema.Struct({
    isNot: Schema.Boolean,
    isSwapped: Schema.Boolean,
    operator: Schema.Literals(["==", "==", "==", "!=", "!=", "!=", "<"]),
    value: Schema.Literals(
      [
        "-2",
        "2",
        "0.5",
        "250",
        "7",
        "1",
        "1e19",
        "18446744073709551615",
        "1700000000000000005",
        "'WRITE'",
        "'ANY'"
      ].concat(["'READ'", "'small'", "'a \"b\"'", "'sched:switch'", "true"])
    )
  })
  const Group = Schema.Struct({
    isNot: Schema.Boolean,
    joint: Schema.Literals(["and", "or"]),
    operand: Schema.Literals([
      "prev",
      "big",
      "mode",
      "ratio",
      "text",
      "v",
      "either",
      "nothing",
      "$time",
      "$name",
      "tag"
    ]),
    terms: Schema.NonEmptyArray(Single)
  })
  const stream = open()

  it.prop(
    "are what each of them is, joined",
    [Schema.Literals(["and", "or"]), Schema.NonEmptyArray(Group)],
    ([joint, groups]) => {
      const join = (kind: string, values: ReadonlyArray<boolean>) =>
        kind === "and" ? values.every(Boolean) : values.some(Boolean)
      const single = (operand: string, { isNot, isSwapped, operator, value }: typeof Single.Type) => {
        const test = isSwapped ? `${value} ${operator} ${operand}` : `${operand} ${operator} ${value}`
        return isNot ? `not ${test}` : test
      }
      const all = groups.slice(0, 4).map(({ isNot, joint, operand, terms }) => {
        // In long ones a mistake about one term hardly ever shows.
        const texts = terms.slice(0, 3).map((term) => single(operand, term))
        const held = join(
          joint,
          texts.map((text) => passes(filterOf(text), stream))
        )
        return { text: `${isNot ? "not " : ""}(${texts.join(` ${joint} `)})`, holds: isNot ? !held : held }
      })
      const text = all.map((group) => group.text).join(` ${joint} `)
      const expected = all.map(({ holds }) => holds)
      assert.strictEqual(passes(filterOf(text), stream), join(joint, expected), text)
    },
    { arbitrary: { runs: 1500, size: 40 } }
  )
})

describe("what no class has", () => {
  const traceClass = Result.getOrThrow(parse(Buffer.from(metadata)))
  const fieldsOf = (...texts: ReadonlyArray<string>) => {
    const expressions = texts.map((text) => Result.getOrThrow(Where.parse(text)))
    return Unmatched.find({ patterns: [], expressions }, [traceClass]).fields
  }

  it.each([
    "prev == 1 or big == 2 and not (only == 3)",
    "inner.list[7] == 1",
    "v.small == 1 or v == 'a'",
    "$ctx.vtid == 1 and $pctx.cpu_id == 1 and $payload.text =~ /a/",
    "$env.vpid == 42 and $cpu == 1 and $time > 5 and exists ratio",
    "1 == 1"
  ])("%s: all is there", (text) => {
    assert.deepStrictEqual(fieldsOf(text), [])
  })

  it("fields are told once, by their names", () => {
    assert.deepStrictEqual(
      fieldsOf("perv == 1 or inner.lits[0] == 2 or exists perv", "$ctx.prev == 1", "inner == 1 or $env.host == 'a'"),
      ["perv", "inner.lits[0]", "$ctx.prev", "inner", "$env.host"]
    )
  })

  it("patterns, and nothing before there are classes", () => {
    const wanted = { patterns: ["shed:*", "other", "sched:?????h"], expressions: [] }
    assert.deepStrictEqual(Unmatched.find(wanted, [traceClass]).patterns, ["shed:*"])
    assert.deepStrictEqual(Unmatched.find(wanted, []).patterns, [])
  })
})

describe("--event", () => {
  it.each([
    [["sched:*"], true],
    [["other", "sched:switc?"], true],
    [["sched"], false],
    [["*switch"], true],
    [["sched:\\*"], false],
    [["*"], true],
    [[], false]
  ])("%j", (patterns, expected) => {
    assert.strictEqual(passes(Filters.named(patterns)), expected)
  })

  it("takes every character as it is, but for stars, question marks and backslashes; escaped, those too", () => {
    for (let code = 0x20; code < 0x3000; code++) {
      const text = `a${String.fromCodePoint(code)}b`
      if (!"*?\\".includes(text.charAt(1))) assert.isTrue(Glob.matcher(text)(text), text)
      assert.isTrue(Glob.matcher(`a\\${text.slice(1)}`)(text), text)
      assert.isFalse(Glob.matcher(`a\\${text.slice(1)}`)("ab"), text)
    }
  })

  it("takes signs of regular expressions as they are, and any number of stars", () => {
    assert.isTrue(Glob.matcher("a.b[c]+")("a.b[c]+"))
    assert.isFalse(Glob.matcher("a.b")("axb"))
    assert.isFalse(Glob.matcher(`${"*".repeat(1000)}b`)("a".repeat(10_000)))
  })

  it("takes whatever is between stars where it is found first, and never for ever", () => {
    const isOne = (pattern: string, text: string): boolean => {
      if (pattern === "") return text === ""
      if (pattern.startsWith("*"))
        return isOne(pattern.slice(1), text) || (text !== "" && isOne(pattern, text.slice(1)))
      return text !== "" && ["?", text.charAt(0)].includes(pattern.charAt(0)) && isOne(pattern.slice(1), text.slice(1))
    }
    const words = (letters: string, length: number): ReadonlyArray<string> =>
      length === 0 ? [""] : words(letters, length - 1).flatMap((word) => ["", ...letters].map((each) => word + each))
    for (const pattern of words("ab*?", 4)) {
      const matches = Glob.matcher(pattern)
      for (const text of words("ab", 3)) assert.strictEqual(matches(text), isOne(pattern, text), `${pattern} ${text}`)
    }
    assert.isFalse(Glob.matcher(`${"*a".repeat(50)}*b`)("a".repeat(10_000)))
  })
})
