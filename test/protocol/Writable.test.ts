/** The types permit what encodes, and nothing else: checked by the compiler here, and by values of the newest minor. */
import { assert, describe, it } from "@effect/vitest"
import type { Schema } from "effect"
import * as Control from "../../src/protocol/control/index.ts"
import * as Live from "../../src/protocol/live/index.ts"
import { own } from "../../src/protocol/Version.ts"
import { createSession } from "./layouts.ts"

const index = {
  relayStreamId: 1n,
  netSeqNum: 0n,
  packetSize: 8n,
  contentSize: 8n,
  timestampBegin: 0n,
  timestampEnd: 0n,
  eventsDiscarded: 0n,
  streamId: 0n,
  streamInstanceId: 0n,
  packetSeqNum: 0n
}

const stream = { channelName: "c", pathname: "p", tracefileSize: 0n, tracefileCount: 0n, traceChunkId: 0n }

/** Never run: it is the compiler that has to refuse. */
const refusedByTheCompiler = () => {
  const create = Control.CreateSession.request(15)
  // @ts-expect-error no UUID
  create.encode({ ...createSession, sessiondUuid: undefined })
  // @ts-expect-error no number
  create.encode({ ...createSession, sessionId: undefined })
  // @ts-expect-error no time
  create.encode({ ...createSession, creationTime: undefined })
  // @ts-expect-error a third format
  create.encode({ ...createSession, traceFormat: 3 })
  // @ts-expect-error no packet number
  Control.SendIndex.request(8).encode({ ...index, packetSeqNum: undefined })
  // @ts-expect-error no instance
  Control.SendIndex.request(8).encode({ ...index, streamInstanceId: undefined })
  // @ts-expect-error no chunk
  Control.AddStream.request(11).encode({ ...stream, traceChunkId: undefined })
}

describe("what the types permit", () => {
  it("is not less than this", () => assert.isFunction(refusedByTheCompiler))

  it("is written at every minor, and read back as far as the minor has it", () => {
    for (let minor = 0; minor <= own.minor; minor++) {
      assert.doesNotThrow(() => Control.CreateSession.request(minor).encode(createSession))
      assert.doesNotThrow(() => Control.SendIndex.request(minor).encode(index))
      assert.doesNotThrow(() => Control.AddStream.request(minor).encode(stream))
    }
  })

  for (const [protocol, { commands }] of Object.entries({ Control, Live })) {
    for (const { name, request, reply } of commands.values()) {
      for (const [what, layout] of Object.entries({ request, reply })) {
        if (layout === undefined) continue
        const newest = layout(own.minor)
        it.prop(
          `of ${protocol} ${name}, ${what}: what the newest minor says can be written in any`,
          [newest.schema as Schema.Codec<unknown>],
          ([value]) => {
            for (let minor = 0; minor <= own.minor; minor++) layout(minor).encode(value)
          },
          { arbitrary: { runs: 20 } }
        )
      }
    }
  }
})
