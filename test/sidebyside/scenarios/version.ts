/** Version negotiation, configuration, framing: everything before and around a session. */
import { Effect } from "effect"
import * as Commands from "../commands.ts"
import type { Scenario } from "../scenario.ts"

const versionOf = (major: number, minor: number) => Commands.join(Commands.u32(major), Commands.u32(minor))

export const version: ReadonlyArray<Scenario> = [
  {
    name: "configuration: clear is allowed, unknown query flags are refused and the connection kept",
    script: (s) =>
      Effect.gen(function* () {
        const c = yield* s.control
        yield* c.configuration()
        yield* c.configuration(1)
        yield* c.configuration(Commands.noSeq)
        yield* c.alive
      })
  },
  {
    name: "configuration under --disallow-clear",
    args: ["--disallow-clear"],
    script: (s) => Effect.flatMap(s.control, (c) => c.configuration())
  },
  {
    name: "configuration under LTTNG_RELAYD_DISALLOW_CLEAR",
    env: { LTTNG_RELAYD_DISALLOW_CLEAR: "1" },
    script: (s) => Effect.flatMap(s.control, (c) => c.configuration())
  },
  {
    name: "a short GET_CONFIGURATION closes without a reply",
    script: (s) => Effect.flatMap(s.control, (c) => c.refused("GET_CONFIGURATION", Commands.u32(0)))
  },
  {
    name: "a short VERSION closes without a reply",
    script: (s) => Effect.flatMap(s.control, (c) => c.refused("VERSION", Commands.u32(2)))
  },
  {
    name: "surplus bytes of a request are ignored, header fields without meaning too",
    script: (s) =>
      Effect.gen(function* () {
        const c = yield* s.control
        const surplus = Commands.join(Commands.u64(0), Commands.u64(42))
        yield* c.command("GET_CONFIGURATION", surplus, 12)
        const head = Commands.join(Commands.u64(99), Commands.u64(8), Commands.u32(22), Commands.u32(77))
        yield* c.raw(Commands.join(head, Commands.u64(0)))
        yield* c.reply("GET_CONFIGURATION", 12)
      })
  },
  {
    name: "START_DATA needs nothing and answers always",
    script: (s) =>
      Effect.gen(function* () {
        const c = yield* s.control
        yield* c.alive
        yield* c.command("START_DATA", Commands.u64(5), 4)
      })
  },
  ...[0, 4, 12, 14, 15, 23, 1000, 0xffffffff].map(
    (number): Scenario => ({
      name: `unknown command ${number} is refused after its payload`,
      script: (s) =>
        Effect.gen(function* () {
          const c = yield* s.control
          yield* c.raw(Commands.message(number, Commands.u64(0)))
          yield* c.closes()
        })
    })
  ),
  {
    name: "commands byte by byte",
    script: (s) =>
      Effect.gen(function* () {
        const c = yield* s.control
        const bytes = Commands.join(
          Commands.message(22, Commands.u64(0)),
          Commands.message(3, Commands.none),
          Commands.message(22, Commands.u64(1))
        )
        for (const byte of bytes) yield* c.raw(Uint8Array.of(byte))
        yield* c.reply("all", 12 + 4 + 12)
      })
  },
  {
    name: "pipelined commands are answered in order",
    script: (s) =>
      Effect.gen(function* () {
        const c = yield* s.control
        const one = Commands.join(Commands.message(22, Commands.u64(0)), Commands.message(3, Commands.none))
        yield* c.raw(Commands.join(...Array.from({ length: 50 }, () => one)))
        yield* c.reply("all", 50 * (12 + 4))
      })
  },
  {
    name: "a payload above 128 MiB closes without a reply",
    script: (s) =>
      Effect.gen(function* () {
        const c = yield* s.control
        yield* c.raw(Commands.header(22, 128 * 1024 * 1024 + 1))
        yield* c.closes()
        const other = yield* s.control
        yield* other.raw(Commands.header(22, Commands.noSeq))
        yield* other.closes()
      })
  },
  {
    name: "a payload of exactly 128 MiB is awaited",
    script: (s) =>
      Effect.gen(function* () {
        const c = yield* s.control
        yield* c.raw(Commands.header(22, 128 * 1024 * 1024))
        const block = Buffer.alloc(8 * 1024 * 1024)
        for (let sent = 0; sent < 16; sent += 1) yield* c.raw(block)
        yield* c.reply("GET_CONFIGURATION", 12)
        yield* c.alive
      })
  },
  {
    name: "commands that need a session close without a reply when there is none",
    script: (s) =>
      Effect.gen(function* () {
        const requests: ReadonlyArray<readonly [Commands.Name, Buffer]> = [
          ["ADD_STREAM", Commands.addStream(13, {})],
          ["STREAMS_SENT", Commands.none],
          ["SEND_METADATA", Commands.join(Commands.u64(1), Commands.u32(0), Commands.u64(0))],
          ["RESET_METADATA", Commands.join(Commands.u64(1), Commands.u64(0))],
          ["SEND_INDEX", Commands.sendIndex(13, 1n, { seq: 0 })],
          ["CLOSE_STREAM", Commands.join(Commands.u64(1), Commands.u64(0))],
          ["DATA_PENDING", Commands.join(Commands.u64(1), Commands.u64(0))],
          ["QUIESCENT_CONTROL", Commands.u64(1)],
          ["BEGIN_DATA_PENDING", Commands.u64(1)],
          ["END_DATA_PENDING", Commands.u64(1)],
          ["ROTATE_STREAMS", Commands.rotateStreams(undefined, [])],
          ["CREATE_TRACE_CHUNK", Commands.createTraceChunk(0, Commands.start)],
          ["CLOSE_TRACE_CHUNK", Commands.closeChunk(0, Commands.start)],
          ["TRACE_CHUNK_EXISTS", Commands.u64(0)]
        ]
        for (const [name, payload] of requests) {
          const c = yield* s.control
          yield* c.command("VERSION", versionOf(2, 13), 8)
          yield* c.refused(name, payload)
        }
      })
  },
  {
    name: "CREATE_SESSION without a VERSION is refused and kept, the next command closes",
    script: (s) =>
      Effect.gen(function* () {
        const c = yield* s.control
        c.minor = 0
        yield* c.command("CREATE_SESSION", Commands.none, 12)
        yield* c.refused("STREAMS_SENT", Commands.none)
      })
  },
  {
    name: "chunk commands close without a reply when the session's minor is below 11",
    script: (s) =>
      Effect.gen(function* () {
        const requests: ReadonlyArray<readonly [Commands.Name, Buffer]> = [
          ["ROTATE_STREAMS", Commands.rotateStreams(undefined, [])],
          ["CREATE_TRACE_CHUNK", Commands.createTraceChunk(0, Commands.start)],
          ["CLOSE_TRACE_CHUNK", Commands.closeChunk(0, Commands.start)],
          ["TRACE_CHUNK_EXISTS", Commands.u64(0)]
        ]
        for (const [name, payload] of requests) {
          const { c } = yield* s.recording({ minor: 10 })
          yield* c.refused(name, payload)
        }
      })
  }
]
