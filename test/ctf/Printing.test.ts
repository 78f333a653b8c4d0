/** Printing goes on step by step: Ctrl-C is heard between two, and what is written is written as it comes. */
import { assert, it } from "@effect/vitest"
import { defaults } from "../../src/ctf/print/Text.ts"
import * as Printing from "../../src/ctf/recorded/Printing.ts"
import * as ByHand from "./byHand.ts"

const place = ByHand.place()
const recordCount = 50_000
const metadata = `/* CTF 1.8 */ trace { major = 1; minor = 8; byte_order = le; };
stream { }; event { name = "e"; fields := struct { integer { size = 8; align = 8; } x; }; };`
const directory = place({ metadata, files: { s: "2a".repeat(recordCount) } })

const printerOf = (request: Pick<Printing.Request, "filter" | "write">) => {
  const recording = ByHand.open(directory, undefined)
  const printer = new Printing.Printer(recording, { format: "text", text: defaults, warn: assert.fail, ...request })
  return { printer, close: () => recording.close() }
}

it("a step that writes nothing reads twenty thousand records at most, and the last one all that are left", () => {
  let count = 0
  const filter = () => () => {
    count++
    return false
  }
  const { close, printer } = printerOf({ filter, write: () => assert.fail() })
  const counts: Array<number> = []
  for (let isMore = true; isMore; ) {
    const before = count
    isMore = printer.step()
    counts.push(count - before)
  }
  close()
  assert.strictEqual(count, recordCount)
  assert.strictEqual(counts.length, 3)
  for (const each of counts) assert.isAtMost(each, 20_000)
})

it("a step ends with the block that it writes", () => {
  let blocks = 0
  let length = 0
  const write = (bytes: Uint8Array) => {
    blocks++
    length += bytes.length
  }
  const { close, printer } = printerOf({ filter: undefined, write })
  for (let isMore = true, before = 0; isMore; before = blocks) {
    const read = printer.eventCount
    isMore = printer.step()
    assert.isAtMost(blocks - before, 1)
    // Nothing is read that the block does not have.
    if (blocks > before) assert.strictEqual(length, printer.eventCount * "e: { x = 42 }\n".length)
    else assert.isAtMost(printer.eventCount - read, 20_000)
  }
  printer.end()
  close()
  assert.isAbove(blocks, 2)
  assert.strictEqual(length, recordCount * "e: { x = 42 }\n".length)
})
