/** Cutting a viewer's bytes into requests: at every point, whatever their headers claim. */
import { assert, it } from "@effect/vitest"
import { LiveFramer } from "../../src/connection/LiveFramer.ts"
import { join, u32, u64 } from "../sidebyside/commands.ts"
import { numbers, request } from "./viewer.ts"

const requests = [
  request(numbers.CONNECT, join(u64(1), u32(2), u32(15), u32(1)), 0),
  request(numbers.LIST, undefined, 999),
  request(numbers.NEXT, u64(7), 20),
  request(numbers.PACKET, join(u64(7), u64(4096), u32(100))),
  request(numbers.CREATE)
]
const all = Buffer.concat(requests)
const expected = [
  `1 ${requests[0]?.toString("hex", 16)}`,
  "2 ",
  `4 ${u64(7).toString("hex")}`,
  `5 ${requests[3]?.toString("hex", 16)}`,
  "8 "
]
const sizes: Record<number, number> = { 1: 20, 2: 0, 4: 8, 5: 20, 8: 0 }

const recorder = (goesOn: () => boolean = () => true) => {
  const seen: Array<string> = []
  const framer = new LiveFramer({
    request: (command, bytes, at) => {
      seen.push(`${command} ${bytes.toString("hex", at, at + (sizes[command] ?? 0))}`)
      return goesOn()
    }
  })
  return { seen, framer }
}

it("requests come out whole wherever the bytes were cut", () => {
  for (let first = 0; first <= all.length; first++) {
    for (let second = first; second <= all.length; second += 7) {
      const { framer, seen } = recorder()
      for (const part of [all.subarray(0, first), all.subarray(first, second), all.subarray(second)]) {
        // Reads land in memory that is used again.
        const landing = Buffer.from(part)
        assert.strictEqual(framer.push(landing, 0, landing.length), landing.length)
        landing.fill(0xee)
      }
      assert.deepStrictEqual(seen, expected)
    }
  }
})

it("byte by byte", () => {
  const { framer, seen } = recorder()
  for (const byte of all) framer.push(Buffer.from([byte]), 0, 1)
  assert.deepStrictEqual(seen, expected)
})

it("a sink that stops is not called again until the rest is pushed", () => {
  const { framer, seen } = recorder(() => false)
  let at = 0
  for (let count = 1; count <= expected.length; count++) {
    at = framer.push(all, at, all.length)
    assert.deepStrictEqual(seen, expected.slice(0, count))
  }
  assert.strictEqual(at, all.length)
})

it("an unknown command is its header", () => {
  const { framer, seen } = recorder()
  framer.push(request(4_000_000_000, undefined, 5000), 0, 16)
  assert.deepStrictEqual(seen, ["4000000000 "])
})
