/** The newest records of a journal in memory: what is lent to who sends it is used for nothing else meanwhile. */
import { assert, it } from "@effect/vitest"
import { type Chunk, Chunks } from "../../src/edge/journal/Chunks.ts"
import { segmentOf } from "../../src/edge/journal/Segment.ts"
import { Tail } from "../../src/edge/journal/Tail.ts"
import { Kind } from "../../src/protocol/journal/Record.ts"
import type { OpenFile } from "../../src/storage/Files.ts"

const text = (value: string) => ({ bytes: Buffer.from(value), from: 0, to: value.length })

it("what is lent keeps its memory, though nobody follows any more, until it is given back", () => {
  const memory = new Chunks()
  const tail = new Tail(memory)
  const segment = segmentOf(1, {} as OpenFile, 1)
  tail.isFollowed = true
  tail.append(1, Kind.rest, 0, text("of this journal"))
  const chunk = tail.unwritten as Chunk
  chunk.segment = segment
  tail.wrote(chunk, chunk.filled, 1)
  const lent = tail.lend(segment, 0)
  assert.strictEqual(lent, chunk)
  const sent = Buffer.from(chunk.bytes.subarray(0, chunk.written))
  tail.unfollow()
  const other = new Tail(memory)
  other.append(1, Kind.rest, 0, text("of another one"))
  assert.isTrue(chunk.bytes.subarray(0, sent.length).equals(sent))
  assert.notStrictEqual(other.unwritten, chunk)
  tail.release(chunk)
  assert.strictEqual(memory.usedBytes, other.unwritten?.bytes.length)
})

it("memory for the longest record is used again: who makes room asks for it for every segment", () => {
  const memory = new Chunks()
  const longest = memory.take(1024 * 1024, true)
  memory.giveBack(longest)
  assert.strictEqual(memory.take(1024 * 1024, true), longest)
  assert.notStrictEqual(memory.take(1024 * 1024, true), longest)
})
