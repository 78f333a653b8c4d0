/** Streams and their ends: where ours is meant to answer something else than lttng-relayd 2.13.9, and why. */
import * as Commands from "../../sidebyside/commands.ts"
import { attached, begun, greeted, type Scenario, scenario } from "../scenario.ts"
import { recorded } from "./rings.ts"

const { closeCommands, noSeq, start } = Commands

/** Metadata in a packet of 64 bytes. */
const metadataPacket = (text: string): Buffer => {
  const bytes = Buffer.alloc(64)
  bytes.writeUInt32LE(0x75d11d57)
  bytes.writeUInt32LE((37 + text.length) * 8, 24)
  bytes.writeUInt32LE(64 * 8, 28)
  bytes.write(text, 37)
  return bytes
}

export const streamsUnlike: ReadonlyArray<Scenario> = [
  scenario(
    "metadata that comes again in other packets, and then more of it",
    function* (s) {
      const { tracer, stream, meta } = yield* begun(s)
      const viewer = yield* s.viewing("beginning")
      let time = 0
      /** Each text in a packet of its own. */
      const send = function* (...texts: ReadonlyArray<string>) {
        for (const text of texts) yield* tracer.c.metadata(meta.id, metadataPacket(text))
        yield* stream.beacon(++time)
        yield* viewer.metadata(meta.id)
      }
      const moveOn = function* (chunk: number) {
        yield* stream.packet(chunk - 1)
        yield* tracer.c.createChunk(chunk, start + 10 * chunk)
        yield* tracer.c.rotate(chunk, [
          [stream.id, chunk],
          [meta.id, 0]
        ])
        yield* tracer.c.closeChunk(chunk - 1, start + 10 * chunk + 1, closeCommands.delete)
        stream.restart()
      }
      yield* send("AAA", "BB")
      yield* moveOn(1)
      yield* send("AAABB")
      yield* send("C")
      yield* moveOn(2)
      yield* send("AAABBCDDD")
    },
    {
      oursOnly: {
        reason: "it counts bytes of the file, of which there are fewer then, and never sends the rest",
        transcript: [
          ...attached("beginning"),
          "V1 METADATA 2 → ok 1×57 1×1d 1×d1 1×75 20×00 1×40 1×01 3×00 1×02 7×00 3×41 24×00 1×57 1×1d 1×d1 1×75 20×00 1×38 1×01 3×00 1×02 7×00 2×42 25×00",
          "V1 METADATA 2 → no new",
          "V1 METADATA 2 → ok 1×57 1×1d 1×d1 1×75 20×00 1×30 1×01 3×00 1×02 7×00 1×43 26×00",
          "V1 METADATA 2 → ok 1×57 1×1d 1×d1 1×75 20×00 1×40 1×01 2×00 1×d0 1×01 7×00 3×44 18×00"
        ]
      }
    }
  ),
  scenario(
    "a stream without packets, with beacons",
    function* (s) {
      const { stream, meta } = yield* recorded(s, 0)
      const viewer = yield* s.viewing("last")
      yield* viewer.metadata(meta.id)
      yield* viewer.next(stream.id)
      yield* stream.beacon(40)
      yield* viewer.nextUntilKnown(stream.id, 40)
      yield* stream.beacon(50)
      yield* viewer.nextUntilKnown(stream.id, 50)
      yield* viewer.next(stream.id)
    },
    {
      oursOnly: {
        reason: "it ignores beacons before the first packet",
        transcript: [
          ...attached("last"),
          "V1 METADATA 2 → ok 10×41",
          "V1 NEXT 1 → retry +streams",
          "V1 NEXT 1 → inactive until 40, class 5 +streams",
          "V1 NEXT 1 → inactive until 50, class 5 +streams",
          "V1 NEXT 1 → inactive until 50, class 5 +streams"
        ]
      }
    }
  ),
  scenario(
    "packets of a stream that closed are read to the last",
    function* (s) {
      const { tracer, stream, meta } = yield* recorded(s, 3)
      const viewer = yield* s.viewing("beginning")
      yield* viewer.next(stream.id)
      yield* tracer.c.closeStream(stream.id, 2)
      yield* tracer.c.closeStream(meta.id, noSeq)
      yield* tracer.c.close
      yield* s.untilClosed(stream.id)
      for (const offset of [16, 32]) {
        yield* viewer.next(stream.id)
        yield* viewer.packet(stream.id, offset, 16)
      }
      yield* viewer.next(stream.id)
      yield* viewer.next(stream.id)
      yield* viewer.metadata(meta.id)
      yield* viewer.metadata(meta.id)
      yield* viewer.metadata(meta.id)
      yield* viewer.newStreams(1)
    },
    {
      oursOnly: {
        reason: "it hangs up at once, and says nothing new of closed metadata for ever",
        transcript: [
          ...attached("beginning"),
          "V1 NEXT 1 → ok at 0, 128/128 bits, 1000..1009, lost 0, class 0 +metadata +streams",
          "V1 NEXT 1 → ok at 16, 128/128 bits, 1010..1019, lost 0, class 0 +metadata +streams",
          "V1 PACKET 1 16+16 → ok 16×02",
          "V1 NEXT 1 → ok at 32, 128/128 bits, 1020..1029, lost 0, class 0 +metadata +streams",
          "V1 PACKET 1 32+16 → ok 16×03",
          "V1 NEXT 1 → hup +metadata +streams",
          "V1 NEXT 1 → error",
          "V1 METADATA 2 → ok 10×41",
          "V1 METADATA 2 → no new",
          "V1 METADATA 2 → error",
          "V1 NEW_STREAMS 1 → hup"
        ]
      }
    }
  ),
  scenario(
    "streams that came and went between two questions are announced, and read",
    function* (s) {
      const tracer = yield* s.tracer()
      const viewer = yield* s.viewing("last")
      const stream = yield* tracer.stream("ch_0", { path: "ust/pid/short" })
      const meta = yield* tracer.stream("metadata", { path: "ust/pid/short" })
      yield* tracer.c.streamsSent
      yield* tracer.metadata(meta, 0x41, 10, 10, tracer.file("metadata", "", "ust/pid/short"))
      yield* stream.packet(0)
      yield* tracer.c.closeStream(stream.id, 0)
      yield* tracer.c.closeStream(meta.id, noSeq)
      yield* tracer.c.close
      yield* s.untilClosed(meta.id)
      yield* viewer.newStreams(1)
      yield* viewer.next(stream.id)
      yield* viewer.metadata(meta.id)
      yield* viewer.packet(stream.id, 0, 16)
      yield* viewer.next(stream.id)
      yield* viewer.newStreams(1)
      yield* viewer.detach(1)
      yield* viewer.detach(1)
    },
    {
      oursOnly: {
        reason: "it forgets closed streams",
        transcript: [
          ...greeted,
          "V1 ATTACH 1 last → ok",
          "V1 NEW_STREAMS 1 → ok; 1 data of trace 1 ust/pid/short/ch_0; 2 metadata of trace 1 ust/pid/short/metadata",
          "V1 NEXT 1 → ok at 0, 128/128 bits, 1000..1009, lost 0, class 0 +metadata",
          "V1 METADATA 2 → ok 10×41",
          "V1 PACKET 1 0+16 → ok 16×01",
          "V1 NEXT 1 → hup",
          "V1 NEW_STREAMS 1 → hup",
          "V1 DETACH 1 → ok",
          "V1 DETACH 1 → error"
        ]
      }
    }
  ),
  scenario(
    "the control connection is gone with a packet half received: read when it is whole",
    function* (s) {
      const { tracer, stream } = yield* recorded(s, 1)
      const viewer = yield* s.viewing("beginning")
      yield* viewer.next(stream.id)
      yield* tracer.c.index(stream.id, { seq: 1 })
      yield* tracer.c.close
      yield* s.untilClosed(2n)
      yield* viewer.next(stream.id)
      yield* tracer.d.packet(stream.id, 1)
      yield* viewer.nextUntilKnown(stream.id)
      yield* viewer.packet(stream.id, 16, 16)
      yield* viewer.next(stream.id)
    },
    {
      oursOnly: {
        reason: "it hangs up and the packet is lost",
        transcript: [
          ...attached("beginning"),
          "V1 NEXT 1 → ok at 0, 128/128 bits, 1000..1009, lost 0, class 0 +metadata +streams",
          "V1 NEXT 1 → retry +metadata +streams",
          "V1 NEXT 1 → ok at 16, 128/128 bits, 1010..1019, lost 0, class 0 +metadata +streams",
          "V1 PACKET 1 16+16 → ok 16×02",
          "V1 NEXT 1 → hup +metadata +streams"
        ]
      }
    }
  ),
  scenario(
    "attached during a rotation: the streams come afterwards, and are read",
    function* (s) {
      const { tracer, stream, meta } = yield* recorded(s, 1)
      yield* tracer.c.createChunk(1, start + 10)
      const viewer = yield* s.viewing("last")
      yield* viewer.newStreams(1)
      yield* viewer.next(stream.id)
      yield* tracer.c.rotate(1, [
        [stream.id, 1],
        [meta.id, 0]
      ])
      yield* tracer.c.closeChunk(0, start + 11, closeCommands.delete)
      yield* tracer.metadata(meta, 0x41, 10, 10)
      stream.restart()
      yield* stream.packet(1)
      yield* viewer.newStreams(1)
      yield* viewer.metadata(meta.id)
      yield* viewer.next(stream.id)
      yield* viewer.packet(stream.id, 0, 16)
    },
    {
      oursOnly: {
        reason: "it looks for the files where they were, fails, and closes the connection",
        transcript: [
          ...greeted,
          "V1 ATTACH 1 last → ok",
          "V1 NEW_STREAMS 1 → no new",
          "V1 NEXT 1 → error",
          "V1 NEW_STREAMS 1 → ok; 1 data of trace 1 ust/uid/0/64-bit/ch_0; 2 metadata of trace 1 ust/uid/0/64-bit/metadata",
          "V1 METADATA 2 → ok 10×41",
          "V1 NEXT 1 → ok at 0, 128/128 bits, 1010..1019, lost 0, class 0",
          "V1 PACKET 1 0+16 → ok 16×02"
        ]
      }
    }
  ),
  scenario(
    "seek last right after a clear: the next packet is the first",
    function* (s) {
      const { stream, moveOn } = yield* recorded(s, 2)
      yield* moveOn(2, closeCommands.delete)
      const viewer = yield* s.viewing("last")
      yield* viewer.next(stream.id)
      stream.restart()
      yield* stream.packet(2)
      yield* viewer.next(stream.id)
      yield* viewer.packet(stream.id, 0, 16)
      yield* viewer.next(stream.id)
    },
    {
      oursOnly: {
        reason: "it stays one packet late",
        transcript: [
          ...attached("last"),
          "V1 NEXT 1 → retry +metadata +streams",
          "V1 NEXT 1 → ok at 0, 128/128 bits, 1020..1029, lost 0, class 0 +metadata +streams",
          "V1 PACKET 1 0+16 → ok 16×03",
          "V1 NEXT 1 → retry +metadata +streams"
        ]
      }
    }
  ),
  scenario(
    "a ring of one file",
    function* (s) {
      const tracer = yield* s.tracer()
      const id = yield* tracer.c.addStream({ channel: "ring", fileSize: 32, fileCount: 1 })
      yield* tracer.stream("metadata")
      yield* tracer.c.streamsSent
      const viewer = yield* s.viewing("beginning")
      for (const seq of [0, 1, 2]) {
        yield* tracer.d.packet(id, seq, 16)
        yield* s.fileSize(tracer.file("ring_0"), (seq % 2) * 16 + 16)
        yield* tracer.c.index(id, { seq })
      }
      yield* viewer.nextUntilKnown(id)
      yield* viewer.packet(id, 0, 16)
      yield* viewer.next(id)
    },
    {
      oursOnly: {
        reason: "it says retry for ever",
        transcript: [
          ...attached("beginning", "ring"),
          "V1 NEXT 1 → ok at 0, 128/128 bits, 1020..1029, lost 0, class 0 +metadata +streams",
          "V1 PACKET 1 0+16 → ok 16×03",
          "V1 NEXT 1 → retry +metadata +streams"
        ]
      }
    }
  ),
  scenario(
    "stopped and cleared under its viewer, with beacons, then destroyed before its metadata was fetched",
    function* (s) {
      const { tracer, stream, meta } = yield* recorded(s, 1)
      const viewer = yield* s.viewing("beginning")
      yield* tracer.c.rotate(undefined, [
        [stream.id, 1],
        [meta.id, 0]
      ])
      yield* tracer.c.closeChunk(0, start + 9, closeCommands.delete)
      yield* tracer.c.untilChunkGone(0)
      yield* viewer.next(stream.id)
      yield* stream.beacon(700)
      yield* viewer.nextUntilKnown(stream.id, 700)
      yield* viewer.metadata(meta.id)
      yield* viewer.metadata(meta.id)
      yield* viewer.newStreams(1)
      yield* tracer.c.closeStream(stream.id, 0)
      yield* tracer.c.closeStream(meta.id, noSeq)
      yield* tracer.c.close
      yield* s.untilClosed(meta.id)
      yield* viewer.metadata(meta.id)
      yield* viewer.metadata(meta.id)
      yield* viewer.next(stream.id)
      yield* viewer.newStreams(1)
    },
    {
      oursOnly: {
        reason: "it goes on reading deleted metadata, and says nothing of idle streams",
        transcript: [
          ...attached("beginning"),
          "V1 NEXT 1 → retry +metadata +streams",
          "V1 NEXT 1 → inactive until 700, class 0 +metadata +streams",
          "V1 METADATA 2 → no new",
          "V1 METADATA 2 → no new",
          "V1 NEW_STREAMS 1 → ok",
          "V1 METADATA 2 → no new",
          "V1 METADATA 2 → error",
          "V1 NEXT 1 → hup",
          "V1 NEW_STREAMS 1 → hup"
        ]
      }
    }
  ),
  scenario(
    "a stream that closes while its rotation waits hangs up",
    function* (s) {
      const { tracer, stream, moveOn } = yield* recorded(s, 0)
      const viewer = yield* s.viewing("beginning")
      yield* moveOn(0, closeCommands.move)
      yield* viewer.next(stream.id)
      yield* tracer.c.closeStream(stream.id, noSeq)
      yield* viewer.next(stream.id)
    },
    {
      oursOnly: {
        reason: "it says retry for ever",
        transcript: [
          ...attached("beginning"),
          "V1 NEXT 1 → retry +metadata +streams",
          "V1 NEXT 1 → hup +metadata +streams"
        ]
      }
    }
  ),
  scenario(
    "a packet ahead of the metadata that a clear makes the tracer send again",
    function* (s) {
      const { tracer, stream, meta, moveOn } = yield* recorded(s, 1)
      const viewer = yield* s.viewing("beginning")
      yield* viewer.metadata(meta.id)
      yield* viewer.next(stream.id)
      yield* moveOn(1, closeCommands.delete)
      yield* tracer.c.untilChunkGone(0)
      yield* viewer.next(stream.id)
      stream.restart()
      yield* stream.packet(1)
      yield* viewer.next(stream.id)
      yield* tracer.metadata(meta, 0x41, 10, 10)
      yield* tracer.metadata(meta, 0x42, 5, 15)
      yield* stream.packet(2)
      yield* viewer.next(stream.id)
      yield* viewer.metadata(meta.id)
    },
    {
      oursOnly: {
        reason: "it says +metadata with a packet and has none: babeltrace 1.5 then waits for ever",
        transcript: [
          ...attached("beginning"),
          "V1 METADATA 2 → ok 10×41",
          "V1 NEXT 1 → ok at 0, 128/128 bits, 1000..1009, lost 0, class 0 +streams",
          "V1 NEXT 1 → retry +metadata +streams",
          "V1 NEXT 1 → ok at 0, 128/128 bits, 1010..1019, lost 0, class 0 +streams",
          "V1 NEXT 1 → ok at 16, 128/128 bits, 1020..1029, lost 0, class 0 +metadata +streams",
          "V1 METADATA 2 → ok 5×42"
        ]
      }
    }
  )
]
