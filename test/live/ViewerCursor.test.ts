/**
 * What a viewer is told next, by value. Goal: every answer of the decision follows from the state, in every combination
 * of it. Method: a table for the sentences of the specification, and all combinations against its invariants.
 */
import { assert, describe, it } from "@effect/vitest"
import { Runs } from "../../src/model/Runs.ts"
import type { IndexFile } from "../../src/model/StreamFile.ts"
import { atBeginning, atEnd, type Observed, type Surroundings, ViewerCursor } from "../../src/model/ViewerCursor.ts"

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

const stream = (changes: Partial<Observed<string>> = {}): Observed<string> => ({
  indexCount: 0,
  runs: new Runs(),
  beacon: undefined,
  isClosed: false,
  isRotating: false,
  inFlightCount: 0,
  isReceivingPacket: false,
  ...changes
})

const around = (changes: Partial<Surroundings> = {}): Surroundings => ({
  isOngoingRotation: false,
  isConnectionClosed: false,
  hasFailed: false,
  isReadable: () => true,
  ...changes
})

const three = () => ({ indexCount: 3, runs: runsOf([0, 1, 2]) })

describe("the next index", () => {
  const table: ReadonlyArray<
    readonly [
      what: string,
      cursor: number,
      Partial<Observed<string>>,
      Partial<Surroundings>,
      answer: string,
      seq: number
    ]
  > = [
    ["nothing received", 0, {}, {}, "retry", 0],
    ["nothing received but a beacon", 0, { beacon: 5n }, {}, "inactive", 0],
    ["the first record", 0, three(), {}, "ok", 0],
    ["a record in the middle, with a later beacon", 1, { ...three(), beacon: 5n }, {}, "ok", 1],
    ["all answered", 3, three(), {}, "retry", 3],
    ["all answered, then a beacon", 3, { ...three(), beacon: 5n }, {}, "inactive", 3],
    ["a record whose packet cannot be read yet", 1, three(), { isReadable: () => false }, "retry", 1],
    ["the same with a beacon", 1, { ...three(), beacon: 5n }, { isReadable: () => false }, "retry", 1],
    ["the same on a disk that failed", 1, three(), { isReadable: () => false, hasFailed: true }, "hup", 1],
    ["a record that can be read on a disk that failed", 1, three(), { hasFailed: true }, "ok", 1],
    ["overwritten records", 0, { indexCount: 6, runs: runsOf([], [2, 3], [4, 5]) }, {}, "ok", 2],
    ["a hole between files", 3, { indexCount: 8, runs: runsOf([2], [6, 7]) }, {}, "ok", 6],
    ["everything overwritten", 1, { indexCount: 6 }, {}, "retry", 6],
    ["everything cleared, then a beacon", 1, { indexCount: 6, beacon: 5n }, {}, "inactive", 6],
    ["a rotation of the stream", 1, { ...three(), isRotating: true }, {}, "retry", 1],
    ["a rotation of the session", 1, { ...three(), beacon: 5n }, { isOngoingRotation: true }, "retry", 1],
    ["a closed stream with records", 1, { ...three(), isClosed: true }, { isConnectionClosed: true }, "ok", 1],
    ["a closed stream, drained", 3, { ...three(), isClosed: true, beacon: 5n }, {}, "hup", 3],
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

  it("seeking the end skips what was received, not what follows", () => {
    const cursor = atEnd(stream(three()))
    assert.strictEqual(cursor.next(stream(three()), around()), "retry")
    assert.strictEqual(cursor.next(stream({ indexCount: 4, runs: runsOf([0, 1, 2, 3]) }), around()), "ok")
    assert.strictEqual(cursor.seq, 3)
  })
})

describe("every combination of a stream's state", () => {
  const flags = [false, true]
  const combinations = flags.flatMap((isRotating) =>
    flags.flatMap((isOngoingRotation) =>
      flags.flatMap((isClosed) =>
        flags.flatMap((isConnectionClosed) =>
          flags.flatMap((hasFailed) =>
            flags.flatMap((readable) =>
              [undefined, 9n].flatMap((beacon) =>
                [0, 1].flatMap((inFlightCount) =>
                  flags.flatMap((isReceivingPacket) =>
                    [0, 1, 2, 3].map((at) => ({
                      at,
                      of: stream({ ...three(), isRotating, isClosed, beacon, inFlightCount, isReceivingPacket }),
                      circumstances: around({
                        isOngoingRotation,
                        isConnectionClosed,
                        hasFailed,
                        isReadable: () => readable
                      })
                    }))
                  )
                )
              )
            )
          )
        )
      )
    )
  )

  it("keeps the promises of each answer", () => {
    const seen = new Map<string, number>()
    for (const { at, of, circumstances } of combinations) {
      const cursor = new ViewerCursor(at)
      const answer = cursor.next(of, circumstances)
      const told = JSON.stringify({ at, answer, ...of, runs: 0, beacon: String(of.beacon), ...circumstances })
      seen.set(answer, (seen.get(answer) ?? 0) + 1)
      assert.isAtLeast(cursor.seq, at, told)
      if (of.isRotating || circumstances.isOngoingRotation) assert.strictEqual(answer, "retry", told)
      if (answer === "ok") assert.isTrue(at < 3 && circumstances.isReadable(at), told)
      if (answer === "inactive") assert.isTrue(at === 3 && of.beacon !== undefined && !of.isClosed, told)
      if (answer === "hup" && at < 3) assert.isTrue(circumstances.hasFailed && !circumstances.isReadable(at), told)
      if (answer === "hup" && at === 3) assert.isTrue(of.isClosed || circumstances.isConnectionClosed, told)
    }
    assert.deepStrictEqual([...seen.keys()].sort(), ["hup", "inactive", "ok", "retry"])
  })
})
