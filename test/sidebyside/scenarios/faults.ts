/** Calls on files that fail while everything else goes on: which answers, whose connection, what is left. */
import { rmSync } from "node:fs"
import { join as joinPath } from "node:path"
import { Effect } from "effect"
import * as Faulty from "../../support/faulty.ts"
import * as Commands from "../commands.ts"
import { opened, type Scenario, scenario } from "../scenario.ts"
import type * as Script from "../script.ts"

const { closeCommands, sendIndex, start } = Commands

/** By the numbers of the system. */
export const codes = { EIO: 5, EACCES: 13, EMFILE: 24, ENOSPC: 28, EDQUOT: 122, EROFS: 30, ENOENT: 2 } as const
export type Code = keyof typeof codes

/** From now on every such call on paths with this text fails. */
const fail = (s: Script.Script, operation: Faulty.Operation, code: Code, text: string) =>
  s.write(Faulty.orders, `${operation} ${codes[code]} ${text}`)
const heal = (s: Script.Script) => Effect.sync(() => rmSync(joinPath(s.output, Faulty.orders), { force: true }))

interface Steps {
  readonly name: string
  readonly oursOnly?: Scenario["oursOnly"]
  readonly steps: (s: Script.Script, code: Code) => Effect.gen.Return<void, never, import("effect").Scope.Scope>
}

/** A stream with one packet, in its files. */
const streaming = function* (s: Script.Script) {
  const { c, d, file, session, recorded } = yield* s.recording()
  const stream = yield* c.addStream()
  const metadata = yield* c.addStream({ channel: "metadata" })
  yield* recorded(stream, 0, file("ch_0"), 16)
  yield* c.dataPending(stream, 0)
  return { c, d, file, recorded, session, stream, metadata }
}

const alive = function* (s: Script.Script) {
  yield* heal(s)
  const again = yield* s.control
  yield* again.alive
}

const begun = [
  ...opened("h/s-20231114-221320"),
  "C1 ADD_STREAM → 00000000000000010000000a",
  "C1 ADD_STREAM → 00000000000000020000000a",
  "C1 SEND_INDEX → 0000000a",
  "C1 DATA_PENDING → 00000000"
]

const kinds: ReadonlyArray<Steps> = [
  {
    name: "a packet cannot be written",
    *steps(s, code) {
      const { c, d, stream } = yield* streaming(s)
      yield* fail(s, "write", code, "64-bit/ch_0")
      yield* d.packet(stream, 1)
      yield* d.closes()
      yield* s.untilClosed(stream)
      yield* c.refused("SEND_INDEX", sendIndex(13, stream, { seq: 1 }))
      yield* alive(s)
    }
  },
  {
    name: "an index record cannot be written",
    oursOnly: {
      reason: "2.13.9 notices a record that is short, and takes one that failed for written",
      transcript: [...begun, "C1 SEND_INDEX → 0000000b closed", "C2 START_DATA → 0000000a"]
    },
    *steps(s, code) {
      const { c, d, file, stream } = yield* streaming(s)
      yield* fail(s, "write", code, "index/ch_0.idx")
      yield* d.packet(stream, 1)
      yield* s.fileSize(file("ch_0"), 32)
      yield* c.refused("SEND_INDEX", sendIndex(13, stream, { seq: 1 }))
      yield* alive(s)
    }
  },
  {
    name: "metadata cannot be written",
    *steps(s, code) {
      const { c, metadata } = yield* streaming(s)
      yield* fail(s, "write", code, "64-bit/metadata")
      yield* c.metadata(metadata, Buffer.from("text"))
      yield* c.closes()
      yield* alive(s)
    }
  },
  {
    name: "the file of a stream cannot be made",
    *steps(s, code) {
      const { c } = yield* streaming(s)
      yield* fail(s, "open", code, "64-bit/other")
      yield* c.addStream({ channel: "other" })
      yield* heal(s)
      yield* c.addStream({ channel: "other" })
      yield* c.alive
    }
  },
  {
    name: "the directory of a stream cannot be made",
    *steps(s, code) {
      const { c } = yield* streaming(s)
      yield* fail(s, "mkdir", code, "uid/1")
      yield* c.addStream({ channel: "other", path: "ust/uid/1/64-bit" })
      yield* heal(s)
      yield* c.alive
    }
  },
  {
    name: "an index file cannot be made",
    *steps(s, code) {
      const { c, d } = yield* streaming(s)
      const stream = yield* c.addStream({ channel: "other" })
      yield* fail(s, "open", code, "index/other")
      yield* d.packet(stream, 0)
      yield* d.closes()
      yield* s.untilClosed(stream)
      yield* c.refused("SEND_INDEX", sendIndex(13, stream, { seq: 0 }))
      yield* alive(s)
    }
  },
  {
    name: "the directory of indexes cannot be made",
    *steps(s, code) {
      const { c, d } = yield* s.recording()
      const stream = yield* c.addStream()
      yield* fail(s, "mkdir", code, "64-bit/index")
      yield* d.packet(stream, 0)
      yield* d.closes()
      yield* s.untilClosed(stream)
      yield* c.refused("SEND_INDEX", sendIndex(13, stream, { seq: 0 }))
      yield* alive(s)
    }
  },
  {
    name: "the directory of a session cannot be made",
    *steps(s, code) {
      yield* fail(s, "mkdir", code, "traces/h/")
      const c = yield* s.control
      yield* c.version(13)
      yield* c.createSession()
      yield* heal(s)
      yield* c.createSession()
    }
  },
  {
    name: "the directory of a chunk cannot be made",
    *steps(s, code) {
      const { c } = yield* streaming(s)
      yield* fail(s, "mkdir", code, ".tmp_new_chunk")
      yield* c.refused("CREATE_TRACE_CHUNK", Commands.createTraceChunk(1, start + 10))
      yield* alive(s)
    }
  },
  {
    name: "a chunk cannot be put aside for the next one",
    *steps(s, code) {
      const { c } = yield* streaming(s)
      yield* fail(s, "rename", code, "/ust")
      yield* c.refused("CREATE_TRACE_CHUNK", Commands.createTraceChunk(1, start + 10))
      yield* alive(s)
    }
  },
  {
    name: "a rotation cannot make its file",
    *steps(s, code) {
      const { c, metadata, stream } = yield* streaming(s)
      yield* c.createChunk(1, start + 10)
      yield* fail(s, "open", code, ".tmp_new_chunk/ust/uid/0/64-bit/ch_0")
      yield* c.refused(
        "ROTATE_STREAMS",
        Commands.rotateStreams(1, [
          [stream, 1],
          [metadata, 0]
        ])
      )
      yield* alive(s)
    }
  },
  {
    name: "a rotated chunk cannot be archived",
    *steps(s, code) {
      const { c, metadata, stream } = yield* streaming(s)
      yield* c.createChunk(1, start + 10)
      yield* c.rotate(1, [
        [stream, 1],
        [metadata, 0]
      ])
      yield* fail(s, "rename", code, ".tmp_old_chunk")
      yield* c.closeChunk(0, start + 20, closeCommands.move)
      yield* c.untilChunkGone(0)
      yield* c.alive
    }
  },
  {
    name: "a new chunk cannot be named",
    oursOnly: {
      reason: "2.13.9 says that all is well, and closes the connection",
      transcript: [
        ...begun,
        "C1 CREATE_TRACE_CHUNK → 0000000a",
        "C1 ROTATE_STREAMS → 0000000a",
        "C1 CLOSE_TRACE_CHUNK → 0000000b00000000 closed"
      ]
    },
    *steps(s, code) {
      const { c, metadata, stream } = yield* streaming(s)
      yield* c.createChunk(1, start + 10)
      yield* c.rotate(1, [
        [stream, 1],
        [metadata, 0]
      ])
      yield* fail(s, "rename", code, ".tmp_new_chunk")
      yield* c.refused("CLOSE_TRACE_CHUNK", Commands.closeChunk(0, start + 20, closeCommands.move))
    }
  },
  {
    name: "a cleared chunk's file cannot be removed",
    oursOnly: {
      reason: "2.13.9 stops at the first file that it cannot remove",
      transcript: [
        ...begun,
        "C1 CREATE_TRACE_CHUNK → 0000000a",
        "C1 ROTATE_STREAMS → 0000000a",
        "C1 CLOSE_TRACE_CHUNK → 0000000a00000014",
        `C1 CLOSE_TRACE_CHUNK path → ${Buffer.from("h/s-20231114-221320\0").toString("hex")}`,
        "C1 CLOSE_TRACE_CHUNK path = h/s-20231114-221320",
        "C1 chunk 0 is gone",
        "C1 START_DATA → 0000000a"
      ]
    },
    *steps(s, code) {
      const { c, metadata, stream } = yield* streaming(s)
      yield* c.createChunk(1, start + 10)
      yield* c.rotate(1, [
        [stream, 1],
        [metadata, 0]
      ])
      yield* fail(s, "unlink", code, "ch_0")
      yield* c.closeChunk(0, start + 20, closeCommands.delete)
      yield* c.untilChunkGone(0)
      yield* s.gone("h/s-20231114-221320/.tmp_old_chunk/ust/uid/0/64-bit/metadata")
      yield* s.exists("h/s-20231114-221320/.tmp_old_chunk/ust/uid/0/64-bit/ch_0")
      yield* c.alive
    }
  },
  {
    name: "metadata cannot be emptied",
    *steps(s, code) {
      const { c, file, metadata } = yield* streaming(s)
      yield* c.metadata(metadata, Buffer.from("text"))
      yield* s.fileSize(file("metadata"), 4)
      yield* fail(s, "open", code, "64-bit/metadata")
      yield* c.resetMetadata(metadata)
      yield* heal(s)
      yield* c.metadata(metadata, Buffer.from("again"))
      yield* c.alive
      yield* c.dataPending(metadata, 0)
    }
  },
  {
    name: "the next file of a ring cannot be made",
    *steps(s, code) {
      const { c, d, file, recorded } = yield* s.recording()
      const stream = yield* c.addStream({ fileSize: 32, fileCount: 3 })
      for (const seq of [0, 1]) yield* recorded(stream, seq, file("ch_0_0"), 16 * (seq + 1))
      yield* fail(s, "open", code, "ch_0_1")
      yield* d.packet(stream, 2)
      yield* d.closes()
      yield* s.untilClosed(stream)
      yield* c.refused("SEND_INDEX", sendIndex(13, stream, { seq: 2 }))
      yield* alive(s)
    }
  }
]

const order = Object.keys(codes) as ReadonlyArray<Code>

/** What is no failure: a call is made again, or for the rest. */
const interrupted = 4
const interruptions = [
  ["interrupted", interrupted, "write"],
  ["written by halves", 0, "write"]
] as const

const whole = function* (s: Script.Script) {
  const { c, file, metadata, recorded, stream } = yield* streaming(s)
  for (const seq of [1, 2]) yield* recorded(stream, seq, file("ch_0"), 16 * (seq + 1))
  yield* c.metadata(metadata, Buffer.from("text of metadata"))
  yield* s.fileSize(file("metadata"), 16)
  yield* c.resetMetadata(metadata)
  yield* c.metadata(metadata, Buffer.from("again"))
  yield* s.fileSize(file("metadata"), 5)
  yield* c.createChunk(1, start + 10)
  yield* c.rotate(1, [
    [stream, 3],
    [metadata, 0]
  ])
  yield* c.closeChunk(0, start + 20, closeCommands.move)
  yield* c.untilChunkGone(0)
  yield* c.alive
}

const chunkPath = "h/s-20231114-221320"
const wholeTranscript = [
  ...begun,
  "C1 SEND_INDEX → 0000000a",
  "C1 SEND_INDEX → 0000000a",
  "C1 RESET_METADATA → 0000000a",
  "C1 CREATE_TRACE_CHUNK → 0000000a",
  "C1 ROTATE_STREAMS → 0000000a",
  "C1 CLOSE_TRACE_CHUNK → 0000000a00000014",
  `C1 CLOSE_TRACE_CHUNK path → ${Buffer.from(`${chunkPath}\0`).toString("hex")}`,
  `C1 CLOSE_TRACE_CHUNK path = ${chunkPath}`,
  "C1 chunk 0 is gone",
  "C1 START_DATA → 0000000a"
]

export const interruptedOnes: ReadonlyArray<Scenario> = interruptions.map(([name, code, operation]) =>
  scenario(
    `calls are ${name}`,
    function* (s) {
      yield* s.write(Faulty.orders, `${operation} ${code} traces/h`)
      yield* whole(s)
    },
    {
      env: Faulty.env(),
      ...(code === interrupted && {
        oursOnly: {
          reason: "2.13.9 takes a write that was interrupted for one that failed",
          transcript: wholeTranscript
        }
      })
    }
  )
)

/** Each kind with one of the codes; `everyCode` for all of them. */
export const faultsOf = (everyCode: boolean): ReadonlyArray<Scenario> =>
  kinds.flatMap(({ name, oursOnly, steps }, at) =>
    order
      .filter((_, number) => everyCode || number === at % order.length)
      .map((code) =>
        scenario(`${name}: ${code}`, (s) => steps(s, code), {
          env: Faulty.env(),
          ...(oursOnly && { oursOnly })
        })
      )
  )
