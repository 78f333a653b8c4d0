/** What is sent lies in memory that other journals use, too: theirs again once the link has it, and not before. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Pace from "../../src/edge/forwarding/Pace.ts"
import type { Journal } from "../../src/edge/journal/Journal.ts"
import { Kind } from "../../src/protocol/journal/Record.ts"
import { until } from "../../src/testing/Waiting.ts"
import * as Outward from "./outward.ts"
import * as Spools from "./spools.ts"

const packetBytes = 32 * 1024
const pieceBytes = 4096

const packet = (journal: Journal) => {
  journal.append(Kind.packet, 1, { bytes: Buffer.alloc(packetBytes), from: 0, to: packetBytes })
  journal.writing.flush()
}

const inPieces: Pace.Pace = { ...Pace.unlimited, isUnlimited: false, pieceBytes: Effect.succeed(pieceBytes) }

describe("memory of a packet that is sent", () => {
  for (const [how, options, recordCount] of [
    ["as it is", {}, 1],
    ["packed", { compression: "on" }, 1],
    ["in pieces", { pace: inPieces }, 1 + packetBytes / pieceBytes],
    ["packed, where there is a limit", { pace: inPieces, compression: "on" }, 1]
  ] as const) {
    it.live(`${how}, is not used for others before the link has it`, () =>
      Effect.gen(function* () {
        const { records, spool } = yield* Outward.start(options)
        const journal = Spools.open(spool)
        // The first of a segment is read by another way than what follows; the edge's report comes before it.
        for (const count of [1, 2]) {
          packet(journal)
          yield* until("it to be sent", () => records().length > count * recordCount)
          assert.isAbove(spool.memory.usedBytes, 0)
          for (const { sent } of records()) sent()
          yield* until("it to be free", () => spool.memory.usedBytes === 0)
        }
      })
    )
  }

  it.live("is free when the link is lost on which it waited", () =>
    Effect.gen(function* () {
      const { cut, link, records, spool } = yield* Outward.start({})
      const journal = Spools.open(spool)
      packet(journal)
      yield* until("it to be sent", () => records().length > 1)
      for (const { sent } of records()) sent()
      link.takes = false
      packet(journal)
      assert.isAbove(spool.memory.usedBytes, 0)
      yield* cut
      yield* until("it to be free", () => spool.memory.usedBytes === 0)
    })
  )
})
