/** What a repair says it will do is what it will do. */
import { assert, it } from "@effect/vitest"
import { described } from "../../src/recovery/Finding.ts"

for (const [text, ...ranges] of [
  ["empty f"],
  ["cut f to 10 bytes", { from: 0, to: 10 }],
  ["keep 5–10 of f", { from: 5, to: 10 }],
  ["keep 0–10, 20–30 of f", { from: 0, to: 10 }, { from: 20, to: 30 }],
  ["keep 20–30, 0–10 of f", { from: 20, to: 30 }, { from: 0, to: 10 }]
] as const) {
  it(text, () => {
    assert.strictEqual(described({ kind: "keep", path: "f", ranges }), text)
  })
}
