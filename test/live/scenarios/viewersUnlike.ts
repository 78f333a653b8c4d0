/** Viewers and their rights: where ours is meant to answer something else than lttng-relayd 2.13.9, and why. */
import { Effect } from "effect"
import * as Commands from "../../sidebyside/commands.ts"
import { attached, greeted, type Scenario, scenario } from "../scenario.ts"
import { numbers, request } from "../viewer.ts"
import { recorded } from "./rings.ts"

const { join, u32, u64 } = Commands

/** Where CREATE_SESSION of minor 15 has the trace format; 2 is CTF 2. */
const traceFormatOffset = 59

export const viewersUnlike: ReadonlyArray<Scenario> = [
  scenario(
    "several viewers of one session, each with its own position",
    function* (s) {
      const { stream, meta } = yield* recorded(s, 2)
      const a = yield* s.viewer
      const b = yield* s.viewer
      yield* a.attach(1, "beginning")
      yield* b.attach(1, "last")
      yield* a.metadata(meta.id)
      yield* b.metadata(meta.id)
      yield* a.next(stream.id)
      yield* b.next(stream.id)
      yield* stream.packet(2)
      yield* b.next(stream.id)
      yield* b.packet(stream.id, 32, 16)
      yield* a.next(stream.id)
      yield* a.packet(stream.id, 16, 16)
      yield* a.list
      yield* a.detach(1)
      yield* b.list
      yield* b.packet(stream.id, 32, 16)
      yield* b.detach(1)
      yield* b.list
    },
    {
      oursOnly: {
        reason: "it serves one viewer",
        transcript: [
          ...greeted,
          "V2 CONNECT → id 2, 2.<own minor>, type 0",
          "V2 CREATE → ok",
          "V1 ATTACH 1 beginning → ok; 1 data of trace 1 ust/uid/0/64-bit/ch_0; 2 metadata of trace 1 ust/uid/0/64-bit/metadata",
          "V2 ATTACH 1 last → ok; 1 data of trace 1 ust/uid/0/64-bit/ch_0; 2 metadata of trace 1 ust/uid/0/64-bit/metadata",
          "V1 METADATA 2 → ok 10×41",
          "V2 METADATA 2 → ok 10×41",
          "V1 NEXT 1 → ok at 0, 128/128 bits, 1000..1009, lost 0, class 0 +streams",
          "V2 NEXT 1 → retry +streams",
          "V2 NEXT 1 → ok at 32, 128/128 bits, 1020..1029, lost 0, class 0 +streams",
          "V2 PACKET 1 32+16 → ok 16×03",
          "V1 NEXT 1 → ok at 16, 128/128 bits, 1010..1019, lost 0, class 0 +streams",
          "V1 PACKET 1 16+16 → ok 16×02",
          "V1 LIST → 1 h/s format 0 timer 1000000 clients 1 streams 2",
          "V1 DETACH 1 → ok",
          "V2 LIST → 1 h/s format 0 timer 1000000 clients 1 streams 2",
          "V2 PACKET 1 32+16 → ok 16×03",
          "V2 DETACH 1 → ok",
          "V2 LIST → 1 h/s format 0 timer 1000000 clients 0 streams 2"
        ]
      }
    }
  ),
  scenario(
    "--single-viewer: the second viewer waits for the first to leave",
    function* (s) {
      yield* recorded(s, 0)
      const a = yield* s.viewer
      const b = yield* s.viewer
      yield* a.attach(1, "last")
      yield* b.attach(1, "last")
      yield* a.detach(1)
      yield* b.attach(1, "last")
    },
    {
      args: ["--single-viewer"],
      oursOnly: {
        reason: "its rule, here an option",
        transcript: [
          ...greeted,
          "V2 CONNECT → id 2, 2.<own minor>, type 0",
          "V2 CREATE → ok",
          "V1 ATTACH 1 last → ok; 1 data of trace 1 ust/uid/0/64-bit/ch_0; 2 metadata of trace 1 ust/uid/0/64-bit/metadata",
          "V2 ATTACH 1 last → already",
          "V1 DETACH 1 → ok",
          "V2 ATTACH 1 last → ok; 1 data of trace 1 ust/uid/0/64-bit/ch_0; 2 metadata of trace 1 ust/uid/0/64-bit/metadata"
        ]
      }
    }
  ),
  scenario(
    "a refused seek attaches nothing; a second CREATE_SESSION changes nothing",
    function* (s) {
      const { stream } = yield* recorded(s, 1)
      const viewer = yield* s.viewer
      yield* viewer.attach(1, 7)
      yield* viewer.list
      yield* viewer.attach(1, "beginning")
      yield* viewer.create
      yield* viewer.next(stream.id)
      yield* viewer.detach(1)
      yield* viewer.list
    },
    {
      oursOnly: {
        reason: "it stays attached to what the viewer cannot name",
        transcript: [
          ...greeted,
          "V1 ATTACH 1 7 → seek error",
          "V1 LIST → 1 h/s format 0 timer 1000000 clients 0 streams 2",
          "V1 ATTACH 1 beginning → ok; 1 data of trace 1 ust/uid/0/64-bit/ch_0; 2 metadata of trace 1 ust/uid/0/64-bit/metadata",
          "V1 CREATE → ok",
          "V1 NEXT 1 → ok at 0, 128/128 bits, 1000..1009, lost 0, class 0 +metadata +streams",
          "V1 DETACH 1 → ok",
          "V1 LIST → 1 h/s format 0 timer 1000000 clients 0 streams 2"
        ]
      }
    }
  ),
  scenario(
    "new streams are told of on every answer until they were asked for",
    function* (s) {
      const { tracer, stream, meta } = yield* recorded(s, 0)
      const viewer = yield* s.viewing("last")
      yield* viewer.metadata(meta.id)
      yield* viewer.next(stream.id)
      yield* viewer.newStreams(1)
      yield* viewer.next(stream.id)
      yield* stream.packet(0)
      yield* viewer.next(stream.id)
      yield* viewer.newStreams(1)
      yield* stream.beacon(40)
      yield* viewer.nextUntilKnown(stream.id, 40)
      yield* tracer.stream("ch_1")
      yield* viewer.next(stream.id)
      yield* tracer.c.streamsSent
      yield* viewer.next(stream.id)
      yield* viewer.next(meta.id)
      yield* viewer.next(50)
      yield* viewer.newStreams(1)
      yield* viewer.next(stream.id)
    },
    {
      oursOnly: {
        reason: "only with an index, and once",
        transcript: [
          ...attached("last"),
          "V1 METADATA 2 → ok 10×41",
          "V1 NEXT 1 → retry +streams",
          "V1 NEW_STREAMS 1 → ok",
          "V1 NEXT 1 → retry",
          "V1 NEXT 1 → ok at 0, 128/128 bits, 1000..1009, lost 0, class 0 +streams",
          "V1 NEW_STREAMS 1 → ok",
          "V1 NEXT 1 → inactive until 40, class 0",
          "V1 NEXT 1 → inactive until 40, class 0",
          "V1 NEXT 1 → retry +streams",
          "V1 NEXT 2 → hup",
          "V1 NEXT 50 → error",
          "V1 NEW_STREAMS 1 → ok; 3 data of trace 1 ust/uid/0/64-bit/ch_1",
          "V1 NEXT 1 → inactive until 40, class 0"
        ]
      }
    }
  ),
  scenario(
    "packets of any length asked for before any index, and of metadata",
    function* (s) {
      const { stream, meta } = yield* recorded(s, 1)
      const viewer = yield* s.viewing("beginning")
      yield* viewer.packet(stream.id, 0, 16)
      yield* viewer.packet(stream.id, 0, 0xffffffff)
      yield* viewer.metadata(meta.id)
      yield* viewer.packet(meta.id, 0, 10)
      yield* viewer.next(stream.id)
      yield* viewer.packet(stream.id, 0, 0xfffffff3)
      yield* viewer.packet(stream.id, 0, 16)
    },
    {
      oursOnly: {
        reason: "it aborts when asked for 4 GiB",
        transcript: [
          ...attached("beginning"),
          "V1 PACKET 1 0+16 → ok 16×01",
          "V1 PACKET 1 0+4294967295 → error",
          "V1 METADATA 2 → ok 10×41",
          "V1 PACKET 2 0+10 → ok 10×41",
          "V1 NEXT 1 → ok at 0, 128/128 bits, 1000..1009, lost 0, class 0 +streams",
          "V1 PACKET 1 0+4294967283 → error",
          "V1 PACKET 1 0+16 → ok 16×01"
        ]
      }
    }
  ),
  scenario(
    "another connection's streams are nobody's",
    function* (s) {
      const { stream, meta } = yield* recorded(s, 1)
      const a = yield* s.viewer
      const b = yield* s.viewer
      yield* a.attach(1, "beginning")
      yield* b.next(stream.id)
      yield* b.metadata(meta.id)
      yield* b.packet(stream.id, 0, 16)
      yield* a.next(stream.id)
      yield* b.packet(stream.id, 0, 16)
    },
    {
      oursOnly: {
        reason: "any connection may read what one has attached",
        transcript: [
          ...greeted,
          "V2 CONNECT → id 2, 2.<own minor>, type 0",
          "V2 CREATE → ok",
          "V1 ATTACH 1 beginning → ok; 1 data of trace 1 ust/uid/0/64-bit/ch_0; 2 metadata of trace 1 ust/uid/0/64-bit/metadata",
          "V2 NEXT 1 → error",
          "V2 METADATA 2 → error",
          "V2 PACKET 1 0+16 → error",
          "V1 NEXT 1 → ok at 0, 128/128 bits, 1000..1009, lost 0, class 0 +metadata +streams",
          "V2 PACKET 1 0+16 → error"
        ]
      }
    }
  ),
  scenario(
    "minor 15: names of their own length, trace formats; CTF 2 hidden from older viewers",
    function* (s) {
      const old = yield* s.tracer({ minor: 2, chunk: "none" })
      yield* old.c.addStream({ path: "old" })
      yield* s.tracer({ minor: 15, name: "one", host: "h" })
      const c = yield* s.control
      yield* c.version(15)
      const ctf2 = Buffer.from(Commands.createSession(15, { name: "two", host: "h", liveTimer: 9, sessionId: 77 }))
      ctf2.writeUInt32BE(2, traceFormatOffset)
      yield* c.command("CREATE_SESSION", ctf2, 16 + 22)
      const viewer = yield* s.viewer
      yield* viewer.list
      yield* viewer.attach(3, "last")
      const older = yield* s.stranger
      yield* older.connect(14)
      yield* older.create
      yield* older.list
      yield* older.attach(3, "last")
      yield* older.attach(3, 9)
    },
    {
      oursOnly: {
        reason: "it is older",
        transcript: [
          ...greeted,
          "V1 LIST → 1 unknown/unknown format 0 timer 0 clients 0 streams 1; 2 h/one format 0 timer 1000000 clients 0 streams 0; 3 h/two format 1 timer 9 clients 0 streams 0",
          "V1 ATTACH 3 last → ok",
          "V2 CONNECT → id 2, 2.<own minor>, type 0",
          "V2 CREATE → ok",
          "V2 LIST → 1 / timer 0 clients 0 streams 1; 2 h/one timer 1000000 clients 0 streams 0",
          "V2 ATTACH 3 last → unknown",
          "V2 ATTACH 3 9 → unknown"
        ]
      }
    }
  ),
  scenario(
    "half a request keeps nobody waiting, and a vanished viewer leaves nothing",
    function* (s) {
      const { stream } = yield* recorded(s, 1)
      const half = yield* s.viewing("beginning")
      yield* half.next(stream.id)
      yield* half.send(request(numbers.PACKET, join(u64(stream.id), u64(0), u32(16))).subarray(0, 30))
      const viewer = yield* s.viewer
      yield* viewer.list
      yield* half.close
      yield* Effect.repeat(
        Effect.suspend(() => s.clients(1)),
        { until: (clients) => clients === 0 }
      )
      yield* viewer.list
    },
    {
      oursOnly: {
        reason: "it waits for the other half, and everybody with it",
        transcript: [
          ...attached("beginning"),
          "V1 NEXT 1 → ok at 0, 128/128 bits, 1000..1009, lost 0, class 0 +metadata +streams",
          "V2 CONNECT → id 2, 2.<own minor>, type 0",
          "V2 CREATE → ok",
          "V2 LIST → 1 h/s format 0 timer 1000000 clients 1 streams 2",
          "V2 LIST → 1 h/s format 0 timer 1000000 clients 0 streams 2"
        ]
      }
    }
  )
]
