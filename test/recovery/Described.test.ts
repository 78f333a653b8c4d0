/** What a repair says it will do is what it will do. */
import { assert, it } from "@effect/vitest"
import { type Change, described, type Range } from "../../src/recovery/Finding.ts"

const keep = (...ranges: ReadonlyArray<Range>) => ({ kind: "keep", path: "f", ranges }) as const
const bytes = Buffer.alloc(8)
const inHead = { path: "f", offset: 40, at: 44, bytes }

it.each<readonly [string, Change]>([
  ["empty f", keep()],
  ["cut f to 10 bytes", keep({ from: 0, to: 10 })],
  ["keep 5–10 of f", keep({ from: 5, to: 10 })],
  ["keep 0–10, 20–30 of f", keep({ from: 0, to: 10 }, { from: 20, to: 30 })],
  ["keep 20–30, 0–10 of f", keep({ from: 20, to: 30 }, { from: 0, to: 10 })],
  ["set 15 bytes of f aside, in g", { ...keep({ from: 0, to: 5 }, { from: 20, to: 30 }), kind: "aside", to: "g" }],
  ["end the packet at 40 of f after 7 bits", { ...inHead, kind: "shorten", contentSize: 7n }],
  ["say in the packet at 40 of f that it is of trace t", { ...inHead, kind: "name-trace", trace: "t" }],
  ["say in the packet at 40 of f when it begins and ends, as its index does", { ...inHead, kind: "set-time" }],
  [
    "say in the packet at 40 of f its packetSize, as its index does",
    { ...inHead, kind: "set-member", member: "packetSize" }
  ],
  ["write f, 8 bytes", { kind: "write", path: "f", bytes }],
  ["write f, 8 bytes, as g has them", { kind: "write", path: "f", bytes, from: "g" }],
  ["rename f to g", { kind: "rename", path: "f", to: "g" }],
  ["remove f", { kind: "remove", path: "f" }],
  ["remove the directory d", { kind: "remove-directory", path: "d" }]
])("%s", (text, change) => {
  assert.strictEqual(described(change), text)
})
