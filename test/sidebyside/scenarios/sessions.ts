/** CREATE_SESSION: layouts of every minor, names, output paths in both groupings, joining a chunk. */
import * as Commands from "../commands.ts"
import { type Scenario, scenario } from "../scenario.ts"

const { fixed, join, terminated, u32, u64 } = Commands

/** Requests that are malformed in one way each, for a peer of minor 13. */
const malformed = (): ReadonlyArray<readonly [string, Buffer]> => {
  const good = Commands.createSession(13, { name: "name", host: "host", basePath: "base" })
  const patched = (at: number, bytes: Uint8Array) => {
    const copy = Buffer.from(good)
    copy.set(bytes, at)
    return copy
  }
  return [
    ["short fixed part", good.subarray(0, 40)],
    ["no strings", good.subarray(0, 59)],
    ["strings cut off", good.subarray(0, good.length - 3)],
    ["session name length 0", patched(0, u32(0))],
    ["session name longer than the payload", patched(0, u32(200))],
    ["session name length beyond its limit", patched(0, u32(256))],
    ["host name length beyond its limit", patched(4, u32(257))],
    ["base path length beyond its limit", patched(8, u32(4097))],
    ["lengths near 2^32", patched(0, u32(0xffffffff))],
    ["session name without its NUL", patched(59 + 4, Buffer.from("x"))],
    ["host name without its NUL", patched(59 + 9, Buffer.from("x"))],
    ["base path without its NUL", patched(good.length - 1, Buffer.from("x"))]
  ]
}

const groupedNames: ReadonlyArray<Commands.Session> = [
  { name: "gbs1", host: "vm" },
  { name: "gbs2", host: "vm", basePath: "my/base/path" },
  { name: "gbs2", host: "vm", basePath: "trailing/" },
  { name: "auto-20231114-221320", host: "vm", nameContainsTime: true },
  { name: "dated-20200101-101010", host: "vm" },
  { name: "gbs3", host: "vm", basePath: "gbs3-foo" },
  { name: "gbs4", host: "vm", basePath: "gbs4-19910319-120000/x" },
  { name: "dotted.name", host: "host.example.com" },
  { name: "snapy", host: "vm", snapshot: true },
  // Bytes of Latin-1, and of nothing.
  { name: "caf\xe9", host: "h\xf6st" },
  { name: "\xff\xfe\x80", host: "\xc3\xa9\xc3", basePath: "d\xe9p\xf4t/\xed\xa0\x80" }
]

/** The same sessions as an old peer announces them: the path comes with the stream. */
const oldPaths: ReadonlyArray<readonly [session: string, path: string]> = [
  ["gbs1", "/vm/gbs1-20261121-013228//ust/uid/0/64-bit"],
  ["gbs2", "/vm/my/base/path//ust/uid/0/64-bit"],
  ["auto-20261121-013304", "/vm/auto-20261121-013304//ust/uid/0/64-bit"],
  ["dated-20200101-101010", "/vm/dated-20200101-101010-20261121-013305//ust/uid/0/64-bit"],
  ["gbs3", "/vm/gbs3-foo//ust/uid/0/64-bit"],
  ["gbs4", "/vm/gbs4-19910319-120000/x//ust/uid/0/64-bit"],
  ["plain", "/vm/plain//kernel"],
  ["short", "/vm"],
  ["short", "/vm/short"],
  ["other", "vm/somewhere/else"],
  ["odd", "/vm/odd-20261341-996199/kernel"],
  ["caf\xe9", "/vm/caf\xe9-20261121-013228//ust/\xff"]
]

export const sessions: ReadonlyArray<Scenario> = [
  ...[1, 2, 3].map((minor) =>
    scenario(
      `minor ${minor} has no session name: an anonymous session that records without indexes`,
      function* (s) {
        const { c, d } = yield* s.recording({ minor })
        const stream = yield* c.addStream({ path: "/vm/ancient-20120101-000000/kernel" })
        yield* d.packet(stream, 0, 8, 8)
        yield* s.fileSize("vm/ancient-20120101-000000/kernel/ch_0", 16)
        yield* c.dataPending(stream, 0)
        yield* c.closeStream(stream, 0)
      },
      {
        oursOnly: {
          reason: "2.13.9 refuses the missing name, although nothing else stands in the way",
          transcript: [
            "C1 VERSION → 2.<own minor>",
            "C1 CREATE_SESSION → 00000000000000010000000a",
            "C1 ADD_STREAM → 00000000000000010000000a",
            "C1 DATA_PENDING → 00000000",
            "C1 CLOSE_STREAM → 0000000a"
          ],
          tree: [
            "vm/ 0750",
            "vm/ancient-20120101-000000/ 0750",
            "vm/ancient-20120101-000000/kernel/ 0750",
            "vm/ancient-20120101-000000/kernel/ch_0 0640 16 01010101010101010000000000000000"
          ]
        }
      }
    )
  ),
  ...[4, 7, 8, 10, 11, 12, 13, 14].map((minor) =>
    scenario(`minor ${minor} creates a session and streams into it`, function* (s) {
      const { c, session } = yield* s.recording({ minor, name: "named", host: "vm", liveTimer: 1000 })
      const handle = yield* c.addStream({ path: minor < 11 ? "/vm/named-20200101-000000//ust/uid/0/64-bit" : "kernel" })
      const metadata = yield* c.addStream({ channel: "metadata", path: minor < 11 ? "/vm/named//kernel" : "kernel" })
      yield* c.streamsSent
      yield* c.metadata(metadata, Buffer.from("/* CTF 1.8 */"), 3)
      yield* c.closeStream(metadata, Commands.noSeq)
      yield* c.closeStream(handle, Commands.noSeq)
      yield* c.endPending(session.id)
    })
  ),
  scenario("the peer may retry after a refused CREATE_SESSION; refusals may consume a number", function* (s) {
    const c = yield* s.control
    yield* c.version(13)
    yield* c.insist("CREATE_SESSION", Commands.createSession(13, { name: ".hidden" }), 16)
    yield* c.createSession({ name: "a/b" })
    yield* c.createSession({ host: ".h" })
    yield* c.createSession({ host: "h/h" })
    yield* c.createSession({ name: "" })
    yield* c.createSession({ currentChunk: 5 })
    yield* c.createSession({ name: "ok" })
    yield* c.alive
  }),
  scenario("malformed CREATE_SESSION requests of minor 13", function* (s) {
    for (const [label, payload] of malformed()) {
      s.note(label)
      const c = yield* s.control
      yield* c.version(13)
      yield* c.insist("CREATE_SESSION", payload, 16)
    }
  }),
  scenario("malformed CREATE_SESSION requests of minor 10", function* (s) {
    const good = Commands.createSession(10, { name: "name", host: "host" })
    const requests: ReadonlyArray<readonly [string, Buffer]> = [
      ["short", good.subarray(0, 326)],
      ["session name without NUL", join(Buffer.alloc(255, 0x61), good.subarray(255))],
      ["host name without NUL", join(good.subarray(0, 255), Buffer.alloc(64, 0x61), good.subarray(319))],
      ["empty session name", join(fixed("", 255), good.subarray(255))],
      ["empty host name", join(good.subarray(0, 255), fixed("", 64), good.subarray(319))],
      ["longest names", join(fixed("n".repeat(254), 255), fixed("h".repeat(63), 64), good.subarray(319))]
    ]
    for (const [label, payload] of requests) {
      s.note(label)
      const c = yield* s.control
      yield* c.version(10)
      yield* c.command("CREATE_SESSION", payload, 12)
      yield* c.alive
    }
  }),
  scenario("the longest session and host names of minor 13", function* (s) {
    const c = yield* s.control
    yield* c.version(13)
    yield* c.createSession({ name: "n".repeat(200), host: "h".repeat(255) })
    const other = yield* s.control
    yield* other.version(13)
    yield* other.createSession({ name: "n".repeat(254), host: "h" })
  }),
  scenario("output paths grouped by host", function* (s) {
    for (const [sessionId, session] of groupedNames.entries()) {
      const { c } = yield* s.recording({ ...session, sessionId })
      yield* c.addStream()
    }
  }),
  scenario(
    "output paths grouped by session",
    function* (s) {
      for (const [sessionId, session] of groupedNames.entries()) {
        const { c } = yield* s.recording({ ...session, sessionId })
        yield* c.addStream()
      }
    },
    { args: ["--group-output-by-session"] }
  ),
  scenario("stream paths of minor 10 grouped by host", function* (s) {
    for (const [name, path] of oldPaths) {
      const { c } = yield* s.recording({ minor: 10, name, host: "vm" })
      yield* c.addStream({ path })
    }
  }),
  ...[4, 10].map((minor) =>
    scenario(
      `stream paths of minor ${minor} grouped by session`,
      function* (s) {
        for (const [name, path] of oldPaths) {
          const { c } = yield* s.recording({ minor, name, host: "vm" })
          yield* c.addStream({ path })
        }
      },
      { args: ["-s"] }
    )
  ),
  scenario("a second connection joins the current chunk of the same recording session", function* (s) {
    const first = yield* s.recording({ sessionId: 1, name: "both" })
    yield* first.c.addStream({ path: "ust/uid/0/64-bit" })
    const c = yield* s.control
    yield* c.version(13)
    yield* c.createSession({ sessionId: 1, name: "both", currentChunk: 0 })
    yield* c.addStream({ path: "ust/uid/0/32-bit" })
    yield* first.c.chunkExists(0)
    yield* c.closeChunk(0, Commands.start + 5)
  }),
  scenario("an unknown current chunk is refused: other number, other session, other daemon", function* (s) {
    yield* s.recording({ sessionId: 9 })
    const c = yield* s.control
    yield* c.version(13)
    yield* c.insist("CREATE_SESSION", Commands.createSession(13, { sessionId: 9, currentChunk: 1 }), 16)
    yield* c.createSession({ sessionId: 8, currentChunk: 0 })
    yield* c.createSession({ sessionId: 9, currentChunk: 0, uuid: "00000000000000000000000000000001" })
    yield* c.alive
  }),
  scenario("session numbers count over all connections, stream numbers over all sessions", function* (s) {
    const a = yield* s.recording({ name: "a", sessionId: 1 })
    const b = yield* s.recording({ name: "b", sessionId: 2 })
    yield* a.c.addStream({ channel: "x" })
    yield* b.c.addStream({ channel: "x" })
    yield* a.c.addStream({ channel: "y" })
    const c = yield* s.recording({ name: "c", sessionId: 3 })
    yield* c.c.addStream({ channel: "x" })
  }),
  scenario("VERSION may be repeated; another major is answered and then refused", function* (s) {
    const { c } = yield* s.recording()
    yield* c.addStream()
    yield* c.version(13)
    yield* c.chunkExists(0)
    yield* c.refused("VERSION", join(u32(1), u32(13)))
    const other = yield* s.control
    yield* other.refused("VERSION", join(u32(3), u32(0)))
  }),
  scenario("a base path with an intermediate dot component and a repeated slash", function* (s) {
    const { c } = yield* s.recording({ basePath: "a//b/./.c" })
    yield* c.addStream()
    const other = yield* s.recording({ basePath: "../up", sessionId: 2 })
    yield* other.c.alive
  }),
  scenario("an all-zero daemon identity is refused", function* (s) {
    const c = yield* s.control
    yield* c.version(13)
    yield* c.createSession({ uuid: "0".repeat(32) })
  }),
  scenario(
    "base paths with a dot-dot component are refused",
    function* (s) {
      const c = yield* s.control
      yield* c.version(13)
      for (const basePath of ["a/..", "..", "a/../b", "/..", "a//../"]) yield* c.createSession({ basePath })
      yield* c.createSession({ basePath: "a..b/..c" })
    },
    {
      oursOnly: {
        reason: "2.13.9 refuses only the substring ../; later releases test each component",
        transcript: [
          "C1 VERSION → 2.<own minor>",
          ...Array.from({ length: 5 }, () => "C1 CREATE_SESSION → 00000000000000000000001900000000"),
          `C1 CREATE_SESSION → ${join(u64(1), u32(10), u32(11)).toString("hex")}`,
          `C1 CREATE_SESSION path → ${terminated("h/a..b/..c").toString("hex")}`,
          "C1 CREATE_SESSION path = h/a..b/..c"
        ]
      }
    }
  ),
  scenario(
    "a host name of length 0 is refused",
    function* (s) {
      const good = Commands.createSession(13, { name: "name" })
      const c = yield* s.control
      yield* c.version(13)
      yield* c.insist("CREATE_SESSION", join(good.subarray(0, 4), u32(0), good.subarray(8)), 16)
    },
    {
      oursOnly: {
        reason: "2.13.9 reads before the string",
        transcript: [
          "C1 VERSION → 2.<own minor>",
          "C1 CREATE_SESSION → 00000000000000000000001900000000",
          "C1 START_DATA → 0000000a"
        ]
      }
    }
  ),
  scenario(
    "minor 15 names the trace format; one that is neither CTF 1 nor CTF 2 is refused",
    function* (s) {
      const c = yield* s.control
      yield* c.version(15)
      const good = Commands.createSession(15, { name: "ctf", host: "h", basePath: "b" })
      const withFormat = (format: number) => join(good.subarray(0, 59), u32(format), good.subarray(63))
      yield* c.command("CREATE_SESSION", withFormat(0), 16)
      yield* c.command("CREATE_SESSION", withFormat(3), 16)
      yield* c.command("CREATE_SESSION", withFormat(2), 16 + 4)
    },
    {
      oursOnly: {
        reason: "2.13.9 does not speak minor 15",
        transcript: [
          "C1 VERSION → 2.<own minor>",
          "C1 CREATE_SESSION → 00000000000000000000001900000000",
          "C1 CREATE_SESSION → 00000000000000000000001900000000",
          `C1 CREATE_SESSION → ${join(u64(1), u32(10), u32(4), terminated("h/b")).toString("hex")}`
        ]
      }
    }
  ),
  scenario(
    "a second CREATE_SESSION on one connection does not end the daemon",
    function* (s) {
      const c = yield* s.control
      yield* c.version(13)
      yield* c.createSession({ name: "first", basePath: "b" })
      yield* c.command("CREATE_SESSION", Commands.createSession(13, { name: "second" }), 16)
      const other = yield* s.control
      yield* other.alive
    },
    {
      oursOnly: {
        reason: "2.13.9 aborts the whole process",
        transcript: [
          "C1 VERSION → 2.<own minor>",
          `C1 CREATE_SESSION → ${join(u64(1), u32(10), u32(4)).toString("hex")}`,
          `C1 CREATE_SESSION path → ${terminated("h/b").toString("hex")}`,
          "C1 CREATE_SESSION path = h/b",
          "C1 CREATE_SESSION → 00000000000000000000001900000000",
          "C2 START_DATA → 0000000a"
        ]
      }
    }
  )
]
