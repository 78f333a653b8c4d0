/**
 * What a viewer is told next, by value. Goal: every answer of the decision follows from the state, in every combination
 * of it. Method: a table for the sentences of the specification, and all combinations against its invariants.
 */
import { assert, describe, it } from "@effect/vitest"
import { Inactivity } from "../../src/model/Inactivity.ts"
import { Runs } from "../../src/model/Runs.ts"
import type { IndexFile } from "../../src/model/StreamFile.ts"
import {
  atBeginning,
  atEnd,
  type Knowledge,
  type Observed,
  type Surroundings,
  ViewerCursor
} from "../../src/model/ViewerCursor.ts"

const indexFile = (chunk: string, number = 0): IndexFile<string> => ({
  data: { chunk, number, isOverwritten: false },
  recordCount: 0,
  userCount: 1
})

/** Records of these numbers are retained, those of one list in one file. */
const runsOf = (...files: ReadonlyArray<ReadonlyArray<number>>): Runs<string> => {
  const runs = new Runs<string>()
  for (const [number, seqs] of files.entries()) {
    const index = indexFile("chunk", number)
    for (const seq of seqs) {
      runs.append(index, seq)
      index.recordCount++
    }
  }
  return runs
}

/** A beacon that may be told, and one that is kept back. */
const beacon = (timestamp: bigint) => {
  const inactivity = new Inactivity({ holdMillis: 0, shortHoldMillis: 0 })
  inactivity.hear(timestamp, 0)
  return { inactivity }
}
const heldBeacon = (timestamp: bigint) => {
  const inactivity = new Inactivity({ holdMillis: 100, shortHoldMillis: 20 })
  inactivity.hear(timestamp, 0)
  return { inactivity }
}

const stream = (changes: Partial<Observed<string>> = {}): Observed<string> => ({
  indexCount: 0,
  runs: new Runs(),
  inactivity: new Inactivity({ holdMillis: 0, shortHoldMillis: 0 }),
  isClosed: false,
  isRotating: false,
  inFlightCount: 0,
  isReceivingPacket: false,
  ...changes
})

type Circumstances = Partial<Surroundings & Knowledge>

const around = ({
  unknown = "none",
  heeds = "all",
  announcesFirst = false,
  latestTold,
  ...changes
}: Circumstances = {}): Surroundings => ({
  viewer: { unknown, heeds, announcesFirst, latestTold, latestEnd: 0 },
  nowMillis: 0,
  cyclesPerMilli: undefined,
  isOngoingRotation: false,
  isConnectionClosed: false,
  hasFailed: false,
  described: () => "yes",
  isRipe: () => true,
  isReadable: () => true,
  isMetadataBehind: false,
  ...changes
})

const three = () => ({ indexCount: 3, runs: runsOf([0, 1, 2]) })

describe("the next index", () => {
  const table: ReadonlyArray<
    readonly [what: string, cursor: number, Partial<Observed<string>>, Circumstances, answer: string, seq: number]
  > = [
    ["nothing received", 0, {}, {}, "retry", 0],
    ["nothing received but a beacon", 0, beacon(5n), {}, "inactive", 0],
    ["the first record", 0, three(), {}, "ok", 0],
    ["a record in the middle, with a later beacon", 1, { ...three(), ...beacon(5n) }, {}, "ok", 1],
    ["all answered", 3, three(), {}, "retry", 3],
    ["all answered, then a beacon", 3, { ...three(), ...beacon(5n) }, {}, "inactive", 3],
    ["all answered, then a beacon just now", 3, { ...three(), ...heldBeacon(5n) }, {}, "retry", 3],
    ["the same after a while", 3, { ...three(), ...heldBeacon(5n) }, { nowMillis: 100 }, "inactive", 3],
    ["a beacon, and a stream is being added", 3, { ...three(), ...beacon(5n) }, { unknown: "coming" }, "retry", 3],
    ["a beacon, and a stream is not known", 3, { ...three(), ...beacon(5n) }, { unknown: "due" }, "retry", 3],
    [
      "the same, asked by a viewer that wants an index",
      3,
      { ...three(), ...heldBeacon(5n) },
      { unknown: "due", heeds: "empty" },
      "empty",
      3
    ],
    [
      "no beacon, a stream is not known, asked by such a viewer",
      3,
      three(),
      { unknown: "due", heeds: "empty" },
      "retry",
      3
    ],
    ["a record that cannot be described", 1, three(), { described: () => "never" }, "hup", 1],
    ["a record, and a stream is not known", 1, three(), { unknown: "due", heeds: "empty" }, "ok", 1],
    ["a record, and a stream is being announced", 1, three(), { unknown: "imminent" }, "wait", 1],
    [
      "a packet, and metadata that the viewer does not have, asked by one that would not heed that",
      1,
      three(),
      { isMetadataBehind: true, heeds: "packets" },
      "inactive",
      1
    ],
    ["the same, asked by others", 1, three(), { isMetadataBehind: true, heeds: "empty" }, "ok", 1],
    ["a closed stream, and one is not known", 3, { ...three(), isClosed: true }, { unknown: "due" }, "hup", 3],
    ["a record whose packet cannot be read yet", 1, three(), { isReadable: () => false }, "retry", 1],
    ["the same with a beacon", 1, { ...three(), ...beacon(5n) }, { isReadable: () => false }, "retry", 1],
    ["the same on a disk that failed", 1, three(), { isReadable: () => false, hasFailed: true }, "hup", 1],
    ["a record that can be read on a disk that failed", 1, three(), { hasFailed: true }, "ok", 1],
    ["overwritten records", 0, { indexCount: 6, runs: runsOf([], [2, 3], [4, 5]) }, {}, "ok", 2],
    ["a hole between files", 3, { indexCount: 8, runs: runsOf([2], [6, 7]) }, {}, "ok", 6],
    ["everything overwritten", 1, { indexCount: 6 }, {}, "retry", 6],
    ["everything cleared, then a beacon", 1, { indexCount: 6, ...beacon(5n) }, {}, "inactive", 6],
    ["a rotation of the stream", 1, { ...three(), isRotating: true }, {}, "retry", 1],
    ["a rotation of the session", 1, { ...three(), ...beacon(5n) }, { isOngoingRotation: true }, "retry", 1],
    ["a closed stream with records", 1, { ...three(), isClosed: true }, { isConnectionClosed: true }, "ok", 1],
    ["a closed stream, drained", 3, { ...three(), isClosed: true, ...beacon(5n) }, {}, "hup", 3],
    ["a lost tracer, drained", 3, three(), { isConnectionClosed: true }, "hup", 3],
    [
      "a lost tracer with a packet half received",
      3,
      { ...three(), inFlightCount: 1 },
      { isConnectionClosed: true },
      "retry",
      3
    ],
    [
      "a lost tracer with a packet arriving",
      3,
      { ...three(), isReceivingPacket: true },
      { isConnectionClosed: true },
      "retry",
      3
    ]
  ]
  for (const [what, at, changes, circumstances, answer, seq] of table) {
    it(`${what}: ${answer}`, () => {
      const cursor = new ViewerCursor(at)
      assert.strictEqual(cursor.next(stream(changes), around(circumstances)), answer)
      assert.strictEqual(cursor.seq, seq)
    })
  }

  it("asked again without an advance, it is the same record; after it, the following one", () => {
    const cursor = atBeginning()
    const of = stream(three())
    assert.deepStrictEqual([cursor.next(of, around()), cursor.next(of, around()), cursor.seq], ["ok", "ok", 0])
    cursor.advance()
    assert.deepStrictEqual([cursor.next(of, around()), cursor.seq], ["ok", 1])
  })

  it("of a beacon just now, what lies a hold back is told at once, but nothing before what the viewer may have shown", () => {
    const quiet = stream(heldBeacon(1000n))
    const told = (nowMillis: number, cyclesPerMilli: number | undefined, shownUntil = 0) => {
      const cursor = atBeginning()
      cursor.shownUntil = shownUntil
      const answer = cursor.next(quiet, around({ nowMillis, cyclesPerMilli }))
      return answer === "inactive" ? cursor.inactiveUntil : answer
    }
    assert.deepStrictEqual(
      [told(0, undefined), told(0, 2), told(0, 2, 799), told(0, 2, 800), told(99, 2), told(100, 2, 900)],
      ["retry", 800n, 800n, "retry", 800n, 1000n]
    )
  })

  it("the time that a viewer was told never goes back", () => {
    const cursor = atBeginning()
    const told = (timestamp: bigint) => [cursor.next(stream(beacon(timestamp)), around()), cursor.inactiveUntil]
    assert.deepStrictEqual(
      [told(50n), told(40n), told(60n)],
      [
        ["inactive", 50n],
        ["inactive", 50n],
        ["inactive", 60n]
      ]
    )
  })

  it("where nothing happens before it is announced, it is told with the short hold", () => {
    const quiet = stream(heldBeacon(1000n))
    const told = (circumstances: Circumstances, shownUntil = 0) => {
      const cursor = atBeginning()
      cursor.shownUntil = shownUntil
      const answer = cursor.next(quiet, around({ announcesFirst: true, ...circumstances }))
      return answer === "inactive" ? cursor.inactiveUntil : answer
    }
    assert.deepStrictEqual(
      [told({}), told({ cyclesPerMilli: 2 }), told({ nowMillis: 19, cyclesPerMilli: 2 }), told({ nowMillis: 20 })],
      ["retry", 960n, 960n, 1000n]
    )
    assert.deepStrictEqual([told({ cyclesPerMilli: 2 }, 959), told({ cyclesPerMilli: 2 }, 960)], [960n, "retry"])
    assert.strictEqual(told({ nowMillis: 20, unknown: "due" }), "retry")
  })

  it("a step that is hardly any is not made", () => {
    const { inactivity } = heldBeacon(1000n)
    inactivity.hear(1110n, 100)
    assert.deepStrictEqual([inactivity.early(100, 1), inactivity.until(100)], [undefined, 1000n])
    inactivity.hear(1220n, 210)
    assert.deepStrictEqual([inactivity.early(210, 1), inactivity.until(210)], [undefined, 1110n])
  })

  it("a viewer that heeds packets only is led a step ahead of what it was told while a stream is unknown to it", () => {
    const cursor = atBeginning()
    const unknown = (latestTold?: bigint) => around({ unknown: "due", heeds: "packets", latestTold })
    assert.strictEqual(cursor.next(stream(beacon(50n)), unknown()), "retry")
    assert.strictEqual(cursor.next(stream(beacon(50n)), unknown(9n)), "inactive")
    assert.strictEqual(cursor.inactiveUntil, 10n)
    assert.strictEqual(cursor.next(stream(beacon(50n)), unknown(50n)), "retry")
  })

  it("only the first answer is none, and tells no time that the viewer has not come to", () => {
    const cursor = atBeginning()
    cursor.answeredUntil = 7n
    const isBehind = around({ isMetadataBehind: true, heeds: "packets" })
    const of = stream(three())
    assert.deepStrictEqual([cursor.next(of, isBehind), cursor.inactiveUntil], ["inactive", 7n])
    assert.deepStrictEqual([cursor.next(of, isBehind), cursor.seq], ["ok", 0])
    const answered = atBeginning()
    assert.strictEqual(answered.next(of, around()), "ok")
    answered.advance()
    assert.strictEqual(answered.next(of, isBehind), "ok")
  })

  it("seeking the end skips what was received, not what follows", () => {
    const cursor = atEnd(stream(three()))
    assert.strictEqual(cursor.next(stream(three()), around()), "retry")
    assert.strictEqual(cursor.next(stream({ indexCount: 4, runs: runsOf([0, 1, 2, 3]) }), around()), "ok")
    assert.strictEqual(cursor.seq, 3)
  })
})

describe("every combination of a stream's state", () => {
  const flags = [false, true]
  const choices = {
    isRotating: flags,
    isOngoingRotation: flags,
    isClosed: flags,
    isConnectionClosed: flags,
    hasFailed: flags,
    readable: flags,
    described: ["yes", "not yet", "never"],
    isMetadataBehind: flags,
    beacon: [undefined, 9n],
    unknown: ["none", "imminent", "coming", "due"],
    heeds: ["all", "packets", "empty"],
    inFlightCount: [0, 1],
    isReceivingPacket: flags,
    at: [0, 1, 2, 3]
  } as const
  type Combination = { readonly [Name in keyof typeof choices]: (typeof choices)[Name][number] }
  let combinations: Array<Partial<Combination>> = [{}]
  for (const [name, values] of Object.entries(choices)) {
    combinations = combinations.flatMap((so) => values.map((value) => ({ ...so, [name]: value })))
  }

  it("keeps the promises of each answer", () => {
    const seen = new Map<string, number>()
    for (const combination of combinations as ReadonlyArray<Combination>) {
      const { at, readable, described, ...is } = combination
      const cursor = new ViewerCursor(at)
      const inactivity = is.beacon === undefined ? {} : beacon(is.beacon)
      const answer = cursor.next(
        stream({ ...three(), ...is, ...inactivity }),
        around({ ...is, isReadable: () => readable, described: () => described })
      )
      const told = () => JSON.stringify({ ...combination, beacon: String(is.beacon), answer })
      const must = (holds: boolean) => {
        if (!holds) assert.fail(told())
      }
      seen.set(answer, (seen.get(answer) ?? 0) + 1)
      must(cursor.seq >= at)
      if (is.isRotating || is.isOngoingRotation) must(answer === "retry")
      if (answer === "ok") must(at < 3 && readable && described === "yes" && is.unknown !== "imminent")
      if (answer === "wait")
        must(at < 3 && readable && (is.unknown === "imminent" ? described !== "never" : described === "not yet"))
      const isUnheard = is.isMetadataBehind && is.heeds === "packets"
      if (answer === "ok") must(!isUnheard)
      if (answer === "inactive" && at < 3)
        must(isUnheard && readable && described === "yes" && cursor.inactiveUntil === 0n)
      if (answer === "inactive" && at === 3) must(is.beacon !== undefined && !is.isClosed && is.unknown === "none")
      if (answer === "empty") must(at === 3 && is.beacon !== undefined && is.unknown === "due" && is.heeds === "empty")
      if (answer === "hup" && at < 3) must(readable ? described === "never" : is.hasFailed)
      if (answer === "hup" && at === 3) must(is.isClosed || is.isConnectionClosed)
    }
    assert.deepStrictEqual([...seen.keys()].sort(), ["empty", "hup", "inactive", "ok", "retry", "wait"])
  })
})
