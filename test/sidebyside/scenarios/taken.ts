/** Names that are taken: what is finished or foreign is never overwritten, what belongs together stays together. */
import * as Commands from "../commands.ts"
import { type Scenario, scenario } from "../scenario.ts"

const { closeCommands, noSeq, start } = Commands

const otherDaemon = "00000000000000000000000000000001"
const reason = "2.13.9 overwrites without a word"

export const taken: ReadonlyArray<Scenario> = [
  scenario(
    "two targets of one host name, session name and second, one after the other: a board that boots in 1970",
    function* (s) {
      for (const uuid of ["00000000000000000000000000000002", otherDaemon]) {
        const { c, d, file } = yield* s.recording({ name: "boot", host: "board", creationTime: 5, sessionId: 1, uuid })
        const stream = yield* c.addStream()
        yield* d.packet(stream, 0, 8)
        yield* s.fileSize(file("ch_0"), 8)
        yield* c.index(stream, { seq: 0, bytes: 8 })
        yield* c.dataPending(stream, 0)
        yield* c.close
        yield* d.close
        yield* s.untilClosed(stream)
      }
    },
    {
      oursOnly: {
        reason,
        tree: [
          "board/ 0750",
          "board/boot-19700101-000005-1/ 0750",
          "board/boot-19700101-000005-1/ust/ 0750",
          "board/boot-19700101-000005-1/ust/uid/ 0750",
          "board/boot-19700101-000005-1/ust/uid/0/ 0750",
          "board/boot-19700101-000005-1/ust/uid/0/64-bit/ 0750",
          "board/boot-19700101-000005-1/ust/uid/0/64-bit/ch_0 0640 8 0101010101010101",
          "board/boot-19700101-000005-1/ust/uid/0/64-bit/index/ 0750",
          "board/boot-19700101-000005-1/ust/uid/0/64-bit/index/ch_0.idx 0640 88 c1f1dcc100000001000000010000004800000000000000000000000000000040000000000000004000000000000003e800000000000003f10000000000000000000000000000000000000000000000070000000000000000",
          "board/boot-19700101-000005/ 0750",
          "board/boot-19700101-000005/ust/ 0750",
          "board/boot-19700101-000005/ust/uid/ 0750",
          "board/boot-19700101-000005/ust/uid/0/ 0750",
          "board/boot-19700101-000005/ust/uid/0/64-bit/ 0750",
          "board/boot-19700101-000005/ust/uid/0/64-bit/ch_0 0640 8 0101010101010101",
          "board/boot-19700101-000005/ust/uid/0/64-bit/index/ 0750",
          "board/boot-19700101-000005/ust/uid/0/64-bit/index/ch_0.idx 0640 88 c1f1dcc100000001000000010000004800000000000000000000000000000040000000000000004000000000000003e800000000000003f10000000000000000000000000000000000000000000000070000000000000000",
          "observer/ 0750",
          "observer/of-1/ 0750",
          "observer/of-2/ 0750"
        ]
      }
    }
  ),
  scenario(
    "two peers older than 2.11 that name one directory: the second is beside the first, its other domain shares",
    function* (s) {
      const path = "/vm/old-19700101-000005//ust/uid/0/64-bit"
      const one = yield* s.recording({ minor: 10, name: "old", host: "vm" })
      yield* one.c.addStream({ path })
      const kernel = yield* s.recording({ minor: 10, name: "old", host: "vm" })
      yield* kernel.c.addStream({ path: "/vm/old-19700101-000005//kernel" })
      const two = yield* s.recording({ minor: 10, name: "old", host: "vm" })
      yield* two.c.addStream({ path })
      yield* two.c.addStream({ path, channel: "ch_1" })
    },
    {
      oursOnly: {
        reason,
        tree: [
          "vm/ 0750",
          "vm/old-19700101-000005-1/ 0750",
          "vm/old-19700101-000005-1/ust/ 0750",
          "vm/old-19700101-000005-1/ust/uid/ 0750",
          "vm/old-19700101-000005-1/ust/uid/0/ 0750",
          "vm/old-19700101-000005-1/ust/uid/0/64-bit/ 0750",
          "vm/old-19700101-000005-1/ust/uid/0/64-bit/ch_0 0640 0 ",
          "vm/old-19700101-000005-1/ust/uid/0/64-bit/ch_1 0640 0 ",
          "vm/old-19700101-000005/ 0750",
          "vm/old-19700101-000005/kernel/ 0750",
          "vm/old-19700101-000005/kernel/ch_0 0640 0 ",
          "vm/old-19700101-000005/ust/ 0750",
          "vm/old-19700101-000005/ust/uid/ 0750",
          "vm/old-19700101-000005/ust/uid/0/ 0750",
          "vm/old-19700101-000005/ust/uid/0/64-bit/ 0750",
          "vm/old-19700101-000005/ust/uid/0/64-bit/ch_0 0640 0 "
        ]
      }
    }
  ),
  scenario(
    "consumers of one tracing session share its directory, at once and later; another session does not",
    function* (s) {
      const session = { name: "shared", host: "vm", creationTime: start, sessionId: 7 }
      const one = yield* s.recording(session)
      yield* one.c.addStream({ path: "ust/uid/0/64-bit" })
      const two = yield* s.recording(session)
      yield* two.c.addStream({ path: "ust/uid/0/32-bit" })
      const other = yield* s.recording({ ...session, sessionId: 8 })
      yield* other.c.addStream({ path: "kernel" })
      for (const { c, d } of [one, two]) {
        yield* c.closeChunk(0, start + 1)
        yield* c.close
        yield* d.close
      }
      yield* s.untilClosed(1n)
      yield* s.untilClosed(2n)
      const late = yield* s.recording(session)
      yield* late.c.addStream({ path: "kernel" })
      yield* late.c.addStream({ path: "ust/uid/0/32-bit" })
    },
    {
      oursOnly: {
        reason,
        tree: [
          "observer/ 0750",
          "observer/of-1/ 0750",
          "observer/of-2/ 0750",
          "vm/ 0750",
          "vm/shared-20231114-221320-1/ 0750",
          "vm/shared-20231114-221320-1/kernel/ 0750",
          "vm/shared-20231114-221320-1/kernel/ch_0 0640 0 ",
          "vm/shared-20231114-221320/ 0750",
          "vm/shared-20231114-221320/kernel/ 0750",
          "vm/shared-20231114-221320/kernel/ch_0 0640 0 ",
          "vm/shared-20231114-221320/ust/ 0750",
          "vm/shared-20231114-221320/ust/uid/ 0750",
          "vm/shared-20231114-221320/ust/uid/0/ 0750",
          "vm/shared-20231114-221320/ust/uid/0/32-bit-1/ 0750",
          "vm/shared-20231114-221320/ust/uid/0/32-bit-1/ch_0 0640 0 ",
          "vm/shared-20231114-221320/ust/uid/0/32-bit/ 0750",
          "vm/shared-20231114-221320/ust/uid/0/32-bit/ch_0 0640 0 ",
          "vm/shared-20231114-221320/ust/uid/0/64-bit/ 0750",
          "vm/shared-20231114-221320/ust/uid/0/64-bit/ch_0 0640 0 "
        ]
      }
    }
  ),
  scenario(
    "a snapshot of a name that is there already is beside it",
    function* (s) {
      const { c, session } = yield* s.recording({ basePath: "r", snapshot: true, chunk: "none" })
      yield* s.write(`${session.path}/snap/ust/uid/0/64-bit/ch_0`, "of an earlier boot")
      yield* c.createChunk(0, start + 1, "snap")
      yield* c.addStream()
      yield* c.closeChunk(0, start + 2)
    },
    {
      oursOnly: {
        reason,
        tree: [
          "h/ 0750",
          "h/r/ 0750",
          "h/r/snap-1/ 0750",
          "h/r/snap-1/ust/ 0750",
          "h/r/snap-1/ust/uid/ 0750",
          "h/r/snap-1/ust/uid/0/ 0750",
          "h/r/snap-1/ust/uid/0/64-bit/ 0750",
          "h/r/snap-1/ust/uid/0/64-bit/ch_0 0640 0 ",
          "h/r/snap/ 0755",
          "h/r/snap/ust/ 0755",
          "h/r/snap/ust/uid/ 0755",
          "h/r/snap/ust/uid/0/ 0755",
          "h/r/snap/ust/uid/0/64-bit/ 0755",
          "h/r/snap/ust/uid/0/64-bit/ch_0 0644 18 6f6620616e206561726c69657220626f6f74"
        ]
      }
    }
  ),
  scenario("snapshots of two tracing sessions in one directory, both still connected", function* (s) {
    for (const [sessionId, name] of [
      [1, "snap1-20231114-221320-0"],
      [2, "snap1-20231114-221321-0"]
    ] as const) {
      const { c } = yield* s.recording({ basePath: "r", snapshot: true, chunk: "none", sessionId })
      yield* c.createChunk(0, start, name)
      const stream = yield* c.addStream()
      yield* c.closeStream(stream, noSeq)
      yield* c.closeChunk(0, start + 5)
    }
  }),
  scenario(
    "a stream is announced again after it was closed: its finished file stays",
    function* (s) {
      const { c, d, file } = yield* s.recording({ basePath: "r" })
      const first = yield* c.addStream()
      yield* d.packet(first, 0, 8)
      yield* s.fileSize(file("ch_0"), 8)
      yield* c.index(first, { seq: 0, bytes: 8 })
      yield* c.closeStream(first, 0)
      yield* s.untilClosed(first)
      yield* c.addStream()
      yield* c.addStream({ channel: "metadata" })
      yield* c.closeChunk(0, start + 5, closeCommands.move)
    },
    {
      oursOnly: {
        reason,
        tree: [
          "h/ 0750",
          "h/r/ 0750",
          "h/r/archives/ 0750",
          "h/r/archives/20231114T221320+0000-20231114T221325+0000-0/ 0750",
          "h/r/archives/20231114T221320+0000-20231114T221325+0000-0/ust/ 0750",
          "h/r/archives/20231114T221320+0000-20231114T221325+0000-0/ust/uid/ 0750",
          "h/r/archives/20231114T221320+0000-20231114T221325+0000-0/ust/uid/0/ 0750",
          "h/r/archives/20231114T221320+0000-20231114T221325+0000-0/ust/uid/0/64-bit-1/ 0750",
          "h/r/archives/20231114T221320+0000-20231114T221325+0000-0/ust/uid/0/64-bit-1/ch_0 0640 0 ",
          "h/r/archives/20231114T221320+0000-20231114T221325+0000-0/ust/uid/0/64-bit-1/metadata 0640 0 ",
          "h/r/archives/20231114T221320+0000-20231114T221325+0000-0/ust/uid/0/64-bit/ 0750",
          "h/r/archives/20231114T221320+0000-20231114T221325+0000-0/ust/uid/0/64-bit/ch_0 0640 8 0101010101010101",
          "h/r/archives/20231114T221320+0000-20231114T221325+0000-0/ust/uid/0/64-bit/index/ 0750",
          "h/r/archives/20231114T221320+0000-20231114T221325+0000-0/ust/uid/0/64-bit/index/ch_0.idx 0640 88 c1f1dcc100000001000000010000004800000000000000000000000000000040000000000000004000000000000003e800000000000003f10000000000000000000000000000000000000000000000070000000000000000",
          "observer/ 0750",
          "observer/of-1/ 0750"
        ]
      }
    }
  )
]
