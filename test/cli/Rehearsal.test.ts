/** What `follow` decodes before anything has come: it must be what comes, or nothing is gained. */
import { assert, it } from "@effect/vitest"
import * as Rehearsal from "../../src/cli/live/Rehearsal.ts"

it("a rehearsal shows event records, and nothing that went wrong", () => {
  const shown = new Set<string>()
  const told: Array<string> = []
  Rehearsal.rehearse({
    on: ({ _tag }) => told.push(_tag),
    visit: ({ item, stream }) => shown.add(`${item} ${stream.current?.eventClass.name}`)
  })
  assert.deepStrictEqual([...shown], ["event load:tick"])
  assert.deepStrictEqual(told.slice(-2), ["Packet", "StreamEnded"])
})
