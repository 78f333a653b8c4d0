/** Connecting, listing, attaching, detaching; what is announced when. */
import * as Commands from "../../sidebyside/commands.ts"
import { begun, type Scenario, scenario } from "../scenario.ts"
import { numbers, request } from "../viewer.ts"

const { join, u32, u64 } = Commands

const connectPayload = (major: number, minor: number, type: number) => join(u64(0), u32(major), u32(minor), u32(type))

export const sessions: ReadonlyArray<Scenario> = [
  scenario("connecting: every minor, both types, again on the same connection", function* (s) {
    for (const minor of [0, 4, 13, 15, 400]) {
      const viewer = yield* s.stranger
      yield* viewer.connect(minor)
      yield* viewer.connect(minor, 2)
      yield* viewer.connect(s.viewerMinor)
      yield* viewer.list
      yield* viewer.create
    }
  }),
  ...(
    [
      ["another major", numbers.CONNECT, connectPayload(3, 4, 1)],
      ["type 0", numbers.CONNECT, connectPayload(2, 4, 0)],
      ["type 3", numbers.CONNECT, connectPayload(2, 4, 3)],
      ["a command before CONNECT", numbers.LIST, Commands.none]
    ] as const
  ).map(([name, command, payload]) =>
    scenario(`${name} closes without an answer`, function* (s) {
      const viewer = yield* s.stranger
      yield* viewer.send(request(command, payload))
      yield* viewer.closes(name)
    })
  ),
  scenario("an unknown command is answered, then the connection closed", function* (s) {
    for (const command of [0, 10, 4_000_000_000]) {
      const viewer = yield* s.viewer
      yield* viewer.send(request(command))
      yield* viewer.closes(String(command))
    }
  }),
  scenario("the size in a header means nothing", function* (s) {
    const tracer = yield* s.tracer()
    const viewer = yield* s.stranger
    yield* viewer.send(request(numbers.CONNECT, connectPayload(2, s.viewerMinor, 1), 0))
    yield* viewer.reply("CONNECT")
    yield* viewer.send(request(numbers.CREATE, Commands.none, 999))
    yield* viewer.reply("CREATE")
    yield* viewer.send(request(numbers.NEXT, u64(7), 20))
    yield* viewer.reply("NEXT")
    yield* viewer.send(request(numbers.ATTACH, join(u64(tracer.session.id), u64(123), u32(1)), 0))
    yield* viewer.reply("ATTACH")
  }),
  scenario("requests in one piece, and byte by byte, are answered in order", function* (s) {
    const { stream } = yield* begun(s)
    yield* stream.packet(0)
    const viewer = yield* s.stranger
    const all = join(
      request(numbers.CONNECT, connectPayload(2, s.viewerMinor, 1)),
      request(numbers.CREATE),
      request(numbers.LIST),
      request(numbers.ATTACH, join(u64(1), u64(0), u32(1))),
      request(numbers.NEXT, u64(1)),
      request(numbers.PACKET, join(u64(1), u64(0), u32(16))),
      request(numbers.NEXT, u64(1))
    )
    const replies = ["CONNECT", "CREATE", "LIST", "ATTACH", "NEXT", "PACKET", "NEXT"] as const
    yield* viewer.send(all)
    for (const name of replies) yield* viewer.reply(name)
    yield* viewer.close
    const slow = yield* s.stranger
    for (const byte of all) yield* slow.send(Buffer.from([byte]))
    for (const name of replies) yield* slow.reply(name)
  }),
  scenario("sessions listed: live or not, with and without streams, gone with their connection", function* (s) {
    const viewer = yield* s.viewer
    yield* viewer.list
    const live = yield* s.tracer({ name: "live", host: "host-a" })
    yield* viewer.list
    yield* live.stream("ch_0")
    yield* live.stream("metadata")
    yield* viewer.list
    yield* live.c.streamsSent
    const plain = yield* s.tracer({ name: "plain", host: "host-b", liveTimer: 0 })
    yield* plain.stream("ch_0")
    const empty = yield* s.tracer({ name: "empty", liveTimer: 5, chunk: "none" })
    const longest = yield* s.tracer({ name: "n".repeat(200), host: "h".repeat(63) })
    yield* viewer.list
    yield* viewer.attach(1, "last")
    yield* viewer.list
    yield* plain.c.close
    yield* empty.c.close
    yield* longest.c.close
    yield* s.untilClosed(3n)
    yield* viewer.list
    yield* viewer.detach(1)
    yield* viewer.list
  }),
  scenario("a peer of minor 10: whole paths", function* (s) {
    const tracer = yield* s.tracer({ minor: 10, name: "ten", host: "vm" })
    const path = "/vm/ten-20200101-000000/ust/uid/0/64-bit"
    const stream = yield* tracer.stream("ch_0", { path })
    const meta = yield* tracer.stream("metadata", { path })
    yield* tracer.c.streamsSent
    yield* tracer.metadata(meta, 0x6d, 20, 20, `${path.slice(1)}/metadata`)
    yield* stream.packet(0)
    const viewer = yield* s.viewer
    yield* viewer.list
    yield* viewer.attach(1, "beginning")
    yield* viewer.metadata(meta.id)
    yield* viewer.next(stream.id)
    yield* viewer.packet(stream.id, 0, 16)
  }),
  scenario("a peer of minor 4: index records without numbers", function* (s) {
    const tracer = yield* s.tracer({ minor: 4, name: "four", host: "vm" })
    const path = "/vm/four/kernel"
    const stream = yield* tracer.stream("ch_0", { path })
    yield* tracer.stream("metadata", { path })
    yield* tracer.c.streamsSent
    yield* stream.packet(0)
    yield* stream.packet(1)
    const viewer = yield* s.viewing("beginning")
    yield* viewer.next(stream.id)
    yield* viewer.next(stream.id)
    yield* viewer.packet(stream.id, 16, 16)
    yield* viewer.next(stream.id)
  }),
  scenario("refused attaches, in every order of reasons", function* (s) {
    yield* s.tracer()
    yield* s.tracer({ liveTimer: 0 })
    const early = yield* s.stranger
    yield* early.connect(s.viewerMinor)
    yield* early.attach(1, "last")
    yield* early.detach(1)
    const viewer = yield* s.viewer
    yield* viewer.attach(99, 7)
    yield* viewer.attach(2, 7)
    yield* viewer.detach(99)
    yield* viewer.detach(1)
    yield* viewer.newStreams(1)
    yield* viewer.newStreams(99)
    yield* viewer.attach(1, "last")
    yield* viewer.attach(1, "last")
    yield* viewer.detach(1)
    yield* viewer.detach(1)
    yield* viewer.attach(1, "beginning")
  }),
  scenario("streams are announced when they were all sent, a trace with its metadata", function* (s) {
    const tracer = yield* s.tracer()
    const viewer = yield* s.viewing("beginning")
    yield* viewer.newStreams(1)
    const first = yield* tracer.stream("ch_0")
    yield* viewer.newStreams(1)
    yield* viewer.next(first.id)
    yield* tracer.c.streamsSent
    yield* viewer.newStreams(1)
    yield* tracer.stream("metadata", { path: "other/path" })
    yield* tracer.stream("ch_9", { path: "other/path" })
    yield* tracer.stream("metadata")
    yield* viewer.newStreams(1)
    yield* tracer.c.streamsSent
    yield* viewer.newStreams(1)
    yield* viewer.newStreams(1)
    yield* tracer.stream("ch_1")
    yield* tracer.c.streamsSent
    yield* viewer.newStreams(1)
    const late = yield* s.viewer
    yield* viewer.detach(1)
    yield* late.attach(1, "last")
  }),
  scenario("detach forgets the streams; a new attach starts over", function* (s) {
    const { tracer, stream, meta } = yield* begun(s)
    yield* tracer.metadata(meta, 0x41, 10, 10)
    for (const seq of [0, 1]) yield* stream.packet(seq)
    const viewer = yield* s.viewing("beginning")
    yield* viewer.metadata(meta.id)
    yield* viewer.next(stream.id)
    yield* viewer.detach(1)
    yield* viewer.next(stream.id)
    yield* viewer.metadata(meta.id)
    yield* viewer.packet(stream.id, 0, 16)
    yield* viewer.newStreams(1)
    yield* viewer.list
    yield* viewer.attach(1, "beginning")
    yield* viewer.metadata(meta.id)
    yield* viewer.next(stream.id)
    yield* viewer.close
    const other = yield* s.viewing("last")
    yield* other.next(stream.id)
  }),
  scenario("one viewer, two sessions", function* (s) {
    const a = yield* s.tracer({ name: "a" })
    const inA = yield* a.stream("ch_0")
    yield* a.stream("metadata")
    yield* a.c.streamsSent
    const b = yield* s.tracer({ name: "b" })
    const inB = yield* b.stream("ch_0")
    yield* b.stream("metadata")
    yield* b.c.streamsSent
    yield* inA.packet(0)
    yield* inB.packet(0, { bytes: 24 })
    const viewer = yield* s.viewing("beginning")
    yield* viewer.attach(2, "beginning")
    yield* viewer.next(inB.id)
    yield* viewer.next(inA.id)
    yield* viewer.detach(1)
    yield* viewer.next(inA.id)
    yield* viewer.packet(inB.id, 0, 24)
    yield* viewer.next(inB.id)
  })
]
