/**
 * Any tree of field classes and any value, written straightforwardly, is read as itself: by generated functions and by
 * closures, from whole packets and through windows of any size; each field by itself, too, and in tests of `--where`.
 */
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { narrowed } from "../../src/ctf/decode/Cursor.ts"
import { DataStream, event, inMemory, over, type Source } from "../../src/ctf/decode/DataStream.ts"
import { field } from "../../src/ctf/decode/Fields.ts"
import { type EventPlan, TracePlan } from "../../src/ctf/decode/Plan.ts"
import { root } from "../../src/ctf/decode/Slots.ts"
import * as Values from "../../src/ctf/decode/Values.ts"
import * as Filters from "../../src/ctf/filter/Filters.ts"
import * as Where from "../../src/ctf/filter/Where.ts"
import type { Structure } from "../../src/ctf/model/FieldClass.ts"
import type { TraceClass } from "../../src/ctf/model/TraceClass.ts"
import { Bytes } from "../../src/ctf/print/Bytes.ts"
import { Json } from "../../src/ctf/print/Json.ts"
import { Text } from "../../src/ctf/print/Text.ts"
import { throughWindows } from "./cuts.ts"
import { BitWriter, type Random, random, structure } from "./encoding.ts"
import * as Queries from "./made/Queries.ts"

const nameless = { namespace: undefined, name: undefined, uid: undefined }

const traceOf = (payload: Structure): TraceClass => {
  const eventClass = { ...nameless, id: 0n, name: "e", logLevel: undefined, emfUri: undefined, payload }
  const streamClass = {
    ...nameless,
    id: 0n,
    clock: undefined,
    packetContext: undefined,
    eventHeader: undefined,
    commonContext: undefined,
    events: new Map([[0n, { ...eventClass, specificContext: undefined }]])
  }
  return {
    ...nameless,
    format: "2",
    uuid: undefined,
    byteOrder: undefined,
    environment: new Map(),
    packetHeader: undefined,
    clocks: new Map(),
    dataStreams: new Map([[0n, streamClass]])
  }
}

const plain = (value: Values.Value): unknown =>
  value !== null && typeof value === "object" && !(value instanceof Uint8Array) && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member as Values.Value)]))
    : Array.isArray(value)
      ? value.map(plain)
      : value instanceof Uint8Array
        ? [...value]
        : value

const scalar = (value: Queries.Leaf | undefined): unknown => {
  const number = typeof value === "object" ? value.value : value
  return typeof number === "bigint" ? narrowed(number) : number
}

/** Each by itself, as filters read them, and tests of them. */
const checkFields = (stream: DataStream, all: ReadonlyArray<Queries.Found>, next: Random) => {
  const plan = stream.current as EventPlan
  for (const { path, value } of all) {
    const found = field(plan, "event-record-payload", path)
    const read = found?.read(stream)
    const told = `${stream.name}, ${path.join(" ")}`
    assert.deepStrictEqual(read, scalar(value), told)
    const labels = read === undefined ? undefined : found?.labelsOf?.(read)
    assert.deepStrictEqual(labels, typeof value === "object" ? value.labels : undefined, told)
  }
  for (let count = all.length === 0 ? 0 : 6; count > 0; count--) {
    const { isTrue, text } = Queries.query(next, all)
    const test = Filters.where(Result.getOrThrow(Where.parse(text)))(plan)
    assert.strictEqual(typeof test === "boolean" ? test : test(stream), isTrue, `${stream.name}: ${text}`)
  }
}

const codes = ["generated", "closures"] as const

describe("a field class tree made up at random", () => {
  const treeCount = 300
  const valueCount = 40
  const queriedCount = 3

  it("decodes what a straightforward writer encoded, by generated functions and closures alike", () => {
    for (let seed = 1; seed <= treeCount; seed++) {
      const next = random(seed)
      const order = next() < 0.5 ? "little-endian" : "big-endian"
      const kind = structure(next, { path: [], depth: 0, order })
      const made = Array.from({ length: valueCount }, () => kind.make(next))
      const writer = new BitWriter()
      const ends = made.map(({ write }) => {
        write(writer)
        return writer.at
      })
      // Records without any bits are none.
      if (ends.some((end, at) => end === (ends[at - 1] ?? 0))) continue
      const bytes = Uint8Array.from(writer.bytes)
      const texts = codes.map((code) => {
        const plan = new TracePlan(traceOf(kind.fieldClass), undefined, code)
        const stream = new DataStream(`seed ${seed}`, plan)
        assert.isTrue(stream.open(next() < 0.5 ? inMemory(bytes) : throughWindows(bytes)))
        const read = Values.value(kind.fieldClass, root("event-record-payload"), plan.stream(undefined)?.slots as never)
        const out = new Bytes()
        const [text, json] = [new Text(), new Json(() => ({ streamId: 0 }))]
        for (const [at, { value }] of made.entries()) {
          assert.strictEqual(stream.next(), event, `seed ${seed}, record ${at}: ${JSON.stringify(stream.failure)}`)
          const { cursor } = stream
          const end = cursor.at
          assert.strictEqual(cursor.base + end, ends[at], `seed ${seed}, record ${at}, ${code}`)
          text.event(stream, out)
          const from = out.at
          json.event(stream, out)
          JSON.parse(Buffer.from(out.written.subarray(from)).toString())
          cursor.at = cursor.payloadAt
          assert.deepStrictEqual(plain(read(cursor)), plain(value), `seed ${seed}, record ${at}, ${code}`)
          assert.strictEqual(cursor.at, end)
          if (at < queriedCount) checkFields(stream, Queries.leaves(value), random(seed * valueCount + at))
        }
        return Buffer.from(out.written).toString()
      })
      assert.strictEqual(texts[0], texts[1])
    }
  })

  it("is over where its packet is", () => {
    const next = random(7)
    const stream = new DataStream(
      "empty",
      new TracePlan(traceOf(structure(next, { path: [], depth: 0, order: "big-endian" }).fieldClass))
    )
    assert.isTrue(stream.open(inMemory(new Uint8Array(0))))
    assert.strictEqual(stream.next(), over)
  })

  it("that was cut asks for more than is there: the same bytes would be read, and be too few, again", () => {
    const text = { kind: "string", encoding: "utf-8", alignment: 8 } as const
    const members = [{ name: "s", declaredName: "s", fieldClass: text }]
    const plan = new TracePlan(traceOf({ kind: "structure", members, alignment: 8 }))
    const recordBytes = 3000
    const bytes = Uint8Array.from({ length: recordBytes * 20 }, (_, at) =>
      at % recordBytes === recordBytes - 1 ? 0 : 97
    )
    const whole = throughWindows(bytes)
    let end = 0
    const useless: Array<number> = []
    const source: Source = {
      ...whole,
      load: (cursor, first, countMin) => {
        if (first + countMin <= end) useless.push(first)
        const count = Math.max(countMin, 10_000)
        whole.load(cursor, first, count)
        end = first + count
      }
    }
    const stream = new DataStream("cut", plan)
    assert.isTrue(stream.open(source))
    let count = 0
    for (; stream.next() === event; count++);
    assert.strictEqual(count, 20)
    assert.deepStrictEqual(useless, [])
  })

  it("is loaded from little before a record that was cut, and little of it", () => {
    const u64 = { kind: "integer", size: 64, alignment: 8, byteOrder: "little-endian", isReversed: false } as const
    const fieldClass = { ...u64, isSigned: false, base: 10, mappings: undefined, roles: [] } as const
    const members = Array.from({ length: 5 }, (_, at) => ({ name: `f${at}`, declaredName: `f${at}`, fieldClass }))
    const plan = new TracePlan(traceOf({ kind: "structure", members, alignment: 8 }))
    const recordBytes = 40
    const bytes = new Uint8Array(recordBytes * 1000)
    const loads: Array<{ readonly first: number; readonly countMin: number; readonly at: number }> = []
    const stream = new DataStream("cut", plan)
    let count = 0
    const whole = throughWindows(bytes)
    const source: Source = {
      ...whole,
      load: (cursor, first, countMin) => {
        loads.push({ first, countMin, at: count * recordBytes })
        whole.load(cursor, first, countMin)
      }
    }
    assert.isTrue(stream.open(source))
    for (; stream.next() === event; count++);
    assert.strictEqual(count, 1000)
    for (const { at, countMin, first } of loads) {
      assert.isBelow(at - first, 64)
      assert.isAtMost(countMin, 1024)
    }
  })
})
