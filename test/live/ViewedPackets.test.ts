/** The files that one viewer has open of one stream: whatever it is told of next, each is given back once. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import type { ViewerCursor } from "../../src/model/ViewerCursor.ts"
import type { StreamActor } from "../../src/relay/stream/StreamActor.ts"
import { ViewedPackets } from "../../src/relay/viewer/ViewedPackets.ts"

type Data = Parameters<ViewedPackets["readerOf"]>[0]

it("a file is given back when another takes its place, answered or not, and the last ones when the viewer leaves", () => {
  const [one, two, three, four] = [1, 2, 3, 4].map((number) => ({ number }) as Data) as [Data, Data, Data, Data]
  const open: Array<number> = []
  const readers = {
    acquire: (data: Data) => {
      open.push(data.number)
      return { data }
    },
    release: ({ data }: { readonly data: Data }) => Effect.sync(() => open.splice(open.indexOf(data.number), 1))
  }
  const stream = { readers } as unknown as StreamActor
  const packets = new ViewedPackets(stream, {} as ViewerCursor, Effect.runSync, () => false)
  packets.hold(0, packets.readerOf(one), 0)
  packets.hold(1, packets.readerOf(one), 16)
  assert.deepStrictEqual(open, [1])
  packets.readerOf(two)
  assert.deepStrictEqual(open, [1, 2], "its packet can still be asked for")
  packets.readerOf(three)
  assert.deepStrictEqual(open, [1, 3], "the second was overwritten before it was answered")
  packets.hold(2, packets.readerOf(three), 0)
  assert.deepStrictEqual(open, [3])
  packets.readerOf(four)
  packets.release()
  packets.release()
  assert.deepStrictEqual(open, [])
})
