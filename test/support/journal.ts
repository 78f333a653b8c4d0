/** What an edge says of a journal, byte by byte: docs/extension.md. */
import { Effect, Result } from "effect"
import { JournalConnection } from "../../src/connection/journal/JournalConnection.ts"
import { checksums } from "../../src/edge/journal/Checksums.ts"
import * as OpenJournal from "../../src/protocol/journal/OpenJournal.ts"
import { headBytes, seal } from "../../src/protocol/journal/Record.ts"
import { CommonMemory, Holding } from "../../src/relay/journal/CommonMemory.ts"
import type { Taken } from "../../src/relay/journal/Taken.ts"
import { join, message, none, numbers, u32 } from "../../src/testing/PeerBytes.ts"
import type { Wire } from "../../src/testing/Wire.ts"
import type { Peer } from "../../src/transport/Peer.ts"

export const version = message(numbers.VERSION, join(u32(2), u32(13)))

/** `OPEN_JOURNAL`, by an edge that has the records from `firstKept` on. */
export const opening = (token: string, firstKept = 1, edgeName = "edge"): Buffer =>
  message(OpenJournal.number, OpenJournal.request(0).encode({ token, firstKept: BigInt(firstKept), edgeName }))

/** `VERSION`, which is answered, then the journal. */
export const ask = (wire: Wire, request: Buffer) => Effect.andThen(wire.send(join(version, request)), wire.read(8))

/** What is answered to the journal, too. */
export const opened = (wire: Wire, request: Buffer) =>
  Effect.gen(function* () {
    yield* ask(wire, request)
    return Result.getOrThrow(OpenJournal.reply(0).decode(yield* wire.read(OpenJournal.replyBytes)))
  })

export const record = (number: number, kind: number, payload: Uint8Array = none, connection = 1): Buffer => {
  const bytes = join(Buffer.alloc(headBytes), payload)
  seal(bytes, 0, { number, byteCount: payload.length, kind, connection }, checksums)
  return bytes
}

const room = () => new CommonMemory(1024 ** 2)

/** A connection whose records are all taken: the numbers of those, and what else becomes of it. */
export const taking = (owner = "owner", partial = room(), reads = room()) => {
  const numbers: Array<number> = []
  /** Memory that the records were in. */
  const places: Array<ArrayBufferLike> = []
  const seen = { numbers, places, complaint: "", boundCount: 0, resumeCount: 0 }
  const journal: Taken = {
    received: 0,
    durable: 0,
    outcome: OpenJournal.Outcome.goesOn,
    lost: [],
    isReady: true,
    isOver: false,
    isForgotten: false,
    attach: () => {},
    detach: () => {},
    record: (number, _kind, _connection, { buffer }) => {
      places.push(buffer)
      return numbers.push(number) > 0
    },
    flush: () => {},
    beat: () => {},
    forgotten: Effect.void
  }
  const held = (memory: CommonMemory) => new Holding(memory, () => owner)
  const connection = new JournalConnection({
    background: () => {},
    peer: { name: "edge", send: () => true, resume: () => void seen.resumeCount++ } as unknown as Peer,
    journal,
    partial: held(partial),
    reads: held(reads),
    onEnd: (complaint = "") => {
      seen.complaint = complaint
      connection.release()
    }
  })
  connection.begin(() => void seen.boundCount++)
  return { connection, seen }
}
