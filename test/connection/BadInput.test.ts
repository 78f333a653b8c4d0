/** Input that no peer may send: one log line, by its name and counted; its connection ends, and nobody else notices. */
import { assert, describe } from "@effect/vitest"
import { Effect } from "effect"
import type { Code } from "../../src/errors/Catalogue.ts"
import * as Commands from "../sidebyside/commands.ts"
import { until } from "../support/turns.ts"
import { claim, errorsOf, fileOf, type Scene } from "./bystander.ts"
import { packet } from "./doubles.ts"

const { join, noSeq, u64 } = Commands

describe("bad input", () => {
  /** By what the end of the connection is called. */
  const inputs: Partial<Record<Code, Readonly<Record<string, (scene: Scene) => void>>>> = {
    UNKNOWN_STREAM: {
      "a packet of a stream nobody knows": ({ d }) => d.deliver(packet(4242n, 0)),
      "garbage on the data port": ({ d }) => d.deliver(Buffer.alloc(4096, 0xa5))
    },
    PROTOCOL_ERROR: {
      "garbage on the control port": ({ c }) => c.peer.deliver(Buffer.alloc(4096, 0xa5)),
      "a payload larger than 128 MiB": ({ c }) => c.peer.deliver(Commands.header(5, 128 * 1024 * 1024 + 1)),
      "a packet twice": ({ d, stream }) => d.deliver(join(packet(stream, 9), packet(stream, 9)))
    },
    COMMAND_UNKNOWN: { "an unknown command": ({ c }) => c.peer.deliver(Commands.message(4, Buffer.alloc(10))) },
    METADATA_REFUSED: {
      "metadata for a stream nobody knows": ({ c }) => c.metadata(4242n, Buffer.from("x")),
      "metadata without text": ({ c, metadata }) => c.metadata(metadata, Buffer.alloc(0), 64)
    },
    INDEX_REFUSED: {
      "an index twice": ({ c, stream }) => {
        for (let twice = 0; twice < 2; twice++) c.post("SEND_INDEX", Commands.sendIndex(13, stream, { seq: 9 }))
      },
      "an index that is too short": ({ c, stream }) =>
        c.post("SEND_INDEX", Commands.sendIndex(13, stream, { seq: 9 }).subarray(0, 79))
    },
    STREAM_UNKNOWN: {
      "a close of a stream nobody knows": ({ c }) => c.post("CLOSE_STREAM", join(u64(4242), u64(noSeq)))
    },
    CHUNK_UNKNOWN: {
      "a rotation to a chunk nobody knows": ({ c, stream }) =>
        c.post("ROTATE_STREAMS", Commands.rotateStreams(9, [[stream, 1]]))
    }
  }
  const named = Object.entries(inputs).flatMap(([code, sends]) =>
    Object.entries(sends).map((input) => [code, ...input] as const)
  )
  for (const [code, name, send] of named) {
    claim(`${name}: one line, the connection ends, what was recorded stays`, (scene) =>
      Effect.gen(function* () {
        const { relay, c, d } = scene
        const before = relay.log.length
        send(scene)
        yield* until("a connection to be closed", () => c.peer.isClosed || d.isClosed)
        const warnings = relay.log.slice(before).filter(({ level }) => level === "Warn")
        const codes = Array.from(warnings, (line) => line.code)
        assert.deepStrictEqual(codes, [code], relay.log.map(({ text }) => text).join("\n"))
        const { incidents, tally } = relay.registry
        const isCommand = code !== "UNKNOWN_STREAM" && code !== "PROTOCOL_ERROR"
        assert.deepStrictEqual([...incidents.counts], [[code, 1]])
        assert.lengthOf(
          tally.controlRefusals.filter((count) => count === 1),
          isCommand ? 1 : 0
        )
        assert.deepStrictEqual(errorsOf(relay), [])
        assert.isTrue(fileOf(relay, scene, "ch_0")?.subarray(0, 16).equals(Commands.payload(16, 0)))
      })
    )
  }
})
