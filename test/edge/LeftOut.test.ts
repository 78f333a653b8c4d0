/**
 * What is left out of a journal with damage, record by record: a packet as a whole, with its index; of the rest as
 * little as can be.
 */
import { assert, describe, it } from "@effect/vitest"
import { History, type Skipped } from "../../src/edge/journal/History.ts"
import { Kind } from "../../src/protocol/journal/Record.ts"
import * as Commands from "../../src/testing/PeerBytes.ts"
import { record } from "../support/journal.ts"

/** A control connection, and two data connections. */
const [control, data, other] = [1, 2, 3] as const

type Heard = readonly [kind: number, connection: number, payload: Uint8Array]

/** The beginning of a packet of 20 bytes: 8 of them. */
const begun = (seq: number, connection: number = data): Heard => [
  Kind.packet,
  connection,
  Commands.join(Commands.packetHeader(1n, seq, 20, 0), Buffer.alloc(8, seq))
]
const rest = (byteCount = 12, connection: number = data): Heard => [Kind.rest, connection, Buffer.alloc(byteCount, 9)]
const index = (seq: number): Heard => {
  const payload = Commands.sendIndex(13, 1n, { seq })
  return [Kind.command, control, Commands.message(Commands.numbers.SEND_INDEX, payload)]
}
const metadata: Heard = [Kind.command, control, Commands.message(Commands.numbers.SEND_METADATA, Buffer.alloc(12))]
const withdrawn: Heard = [Kind.withdrawn, data, Commands.none]
const handle: Heard = [Kind.handle, control, Commands.u64(1)]

const second: Heard = [Kind.handle, control, Commands.u64(2)]
const asks: Heard = [Kind.command, control, Commands.message(Commands.numbers.ADD_STREAM, Buffer.alloc(8))]
const of2: Heard = [Kind.packet, data, Commands.join(Commands.packetHeader(2n, 0, 20, 0), Buffer.alloc(8))]

/** Records 1, 2, 3, … of one segment; of those that are `damaged` the last byte is not what was written. */
const read = (records: ReadonlyArray<Heard>, damaged: ReadonlyArray<number>, first = 1): History => {
  const history = new History()
  history.begins(first, "j")
  for (const [at, [kind, connection, payload]] of records.entries()) {
    const bytes = record(at + first, kind, payload, connection)
    if (damaged.includes(at + first)) bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1)
    history.see(bytes, 0, "j/1")
  }
  return history
}

const numbersOf = (skipped: Skipped) => [...skipped.keys()].toSorted((one, another) => one - another)

const whole = [begun(0), rest(), index(0)]

/** What is damaged, all records, those that are damaged, those that are left out. */
const cases: ReadonlyArray<
  readonly [what: string, records: ReadonlyArray<Heard>, damaged: ReadonlyArray<number>, left: ReadonlyArray<number>]
> = [
  ["nothing", [...whole, begun(1), rest(), index(1)], [], []],
  ["the rest of a packet, whose index comes later", [...whole, begun(1), rest(), index(1)], [5], [4, 5, 6]],
  ["the rest of a packet, whose index came before", [...whole, index(1), begun(1), rest()], [6], [4, 5, 6]],
  ["the middle of a packet", [begun(1), rest(6), rest(6), index(1)], [2], [1, 2, 3, 4]],
  ["the beginning of a packet", [...whole, begun(1), rest(), index(1), begun(2), rest()], [4], [4, 5, 6]],
  ["the same, and its index comes later", [...whole, begun(1), rest(), begun(2), rest(), index(1)], [4], [4, 5, 8]],
  ["the first packet, of which nobody knows the number", [begun(0), rest(), index(0)], [1], [1, 2]],
  ["one packet of several connections", [begun(1), begun(2, other), rest(), rest(12, other), index(2)], [3], [1, 3]],
  ["an index", [...whole, begun(1), rest(), index(1), begun(2), rest(), index(2)], [6], [6]],
  ["a command, with its rest", [metadata, rest(5, control), metadata, rest(5, control)], [1], [1, 2]],
  ["an answer, and what names its stream", [handle, metadata, rest(5, control)], [1], [1, 2, 3]],
  ["an answer, but nothing of other streams", [handle, second, ...whole, of2, rest(), ...whole], [2], [2, 6, 7]],
  [
    "what asks for a stream, its answer, and what names it",
    [asks, handle, asks, second, ...whole, of2],
    [1],
    [1, 2, 5, 6, 7]
  ],
  ["more than belongs to a packet", [begun(1), rest(), rest(), index(1)], [], [1, 2, 3, 4]],
  ["a packet that is followed before it is whole", [begun(1), rest(6), begun(2), rest(), index(1)], [], [1, 2, 5]],
  ["a packet that was taken back", [begun(1), rest(6), withdrawn, begun(1), rest(), index(1)], [], []]
]

describe("of a journal is left out", () => {
  it.each(cases)("%s", (_, records, damaged, left) => {
    const { skipped } = read(records, damaged)
    assert.deepStrictEqual(numbersOf(skipped), left)
  })

  it("nothing of the rest of a command: its length matters more than its bytes", () => {
    const { damage, skipped } = read([metadata, rest(5, control), index(0)], [2])
    assert.deepStrictEqual([...skipped], [[2, undefined]])
    assert.deepStrictEqual(damage, ["j/1: record 2 is damaged"])
  })

  it("the index of any packet whose number never comes, but of none that is counted from anew", () => {
    const between = [...whole, index(1), index(2), begun(3), rest(), index(3), index(2)]
    assert.deepStrictEqual(numbersOf(read(between, []).skipped), [4, 5, 9])
    const anew = [...whole, index(1), begun(1001), rest(), index(1001)]
    assert.deepStrictEqual(numbersOf(read(anew, []).skipped), [])
  })

  it("of a journal whose beginning was freed nothing of a stream that may be from there", () => {
    assert.deepStrictEqual(numbersOf(read([handle, ...whole], [8], 8).skipped), [8])
    assert.deepStrictEqual(numbersOf(read([...whole, second, ...whole, of2], [11], 8).skipped), [11, 15])
  })

  it("each packet once, by the name that its stream and number give it", () => {
    assert.deepStrictEqual(read([...whole, begun(1), rest(6), rest(6)], [5, 6]).damage, [
      "j/1: record 5 is damaged",
      "j: packet 1/1 is left out",
      "j/1: record 6 is damaged"
    ])
  })
})

describe("of a journal is known", () => {
  it("which connections are open, and whether it is finished", () => {
    const end = (connection: number): Heard => [Kind.end, connection, Commands.u8(0)]
    const finish: Heard = [Kind.finish, 0, Commands.none]
    const connected: Heard = [Kind.control, control, Commands.none]
    const history = read([connected, ...whole, end(data), [Kind.withdrawn, 0, Commands.none]], [])
    assert.deepStrictEqual([[...history.open], history.isFinished, history.last], [[control], false, 6])
    const { isFinished, open } = read([connected, end(control), finish], [])
    assert.deepStrictEqual([[...open], isFinished], [[], true])
  })
})
