/**
 * Files where they do not belong: of another chunk, session or trace, or twice; and metadata that another directory
 * has. Of what the reference recorded, by copies and moves that people make.
 */
import { dirname, join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Aside from "../../src/recovery/Aside.ts"
import * as Check from "../../src/recovery/Check.ts"
import * as Repair from "../../src/recovery/Repair.ts"
import * as Babeltrace from "../support/babeltrace.ts"
import * as Relays from "../support/relays.ts"
import * as Trees from "./trees.ts"

const rotated = Trees.recorded("rotated")
const live = Trees.recorded("live1")

/** Data files of the chunk with this number. */
const chunk = (number: number, name: string): string =>
  [...rotated.keys()].find((path) => path.includes(`-${number}/`) && path.endsWith(`/64-bit/${name}`)) as string
const liveFile = (name: string) => [...live.keys()].find((path) => path.endsWith(`/64-bit/${name}`)) as string

const severe = (files: Trees.Files) =>
  Check.check(Trees.tree(files)).findings.filter(({ severity }) => severity === "damage")
const codes = (files: Trees.Files) => [...new Set(severe(files).map(({ code }) => code))]
const repaired = (files: Trees.Files): Trees.Files => {
  const copy = new Map(files)
  assert.deepStrictEqual(Repair.repair(Trees.tree(copy), Trees.apply(copy)).failures, [])
  return copy
}
const copied = (files: Trees.Files, from: string, to: string, own = files): void => {
  files.set(to, own.get(from) as Uint8Array)
  files.set(Trees.indexOf(to), own.get(Trees.indexOf(from)) as Uint8Array)
}

describe("a packet file in another chunk", () => {
  it.each([
    [0, 1],
    [0, 2],
    [1, 2],
    [1, 0],
    [2, 0],
    [2, 1]
  ])(
    "copied from chunk %i to %i, under another name, with its index or without: found, and taken out again",
    (from, to) => {
      for (const hasIndex of [true, false]) {
        const files = new Map(rotated)
        const place = join(dirname(chunk(to, "c_0")), "c_9")
        copied(files, chunk(from, "c_0"), place)
        if (!hasIndex) files.delete(Trees.indexOf(place))
        assert.include(codes(files), "packets-twice")
        const kinds = Repair.plan(Check.check(Trees.tree(files)).findings).map(({ kind }) => kind)
        assert.deepStrictEqual([...new Set(kinds)], ["remove"])
        assert.isTrue(Trees.isEqual(repaired(files), rotated))
      }
    }
  )

  it.each([
    [0, 2],
    [2, 0]
  ])("copied from chunk %i over that of %i: found, and the copy emptied", (from, to) => {
    const files = new Map(rotated)
    copied(files, chunk(from, "c_0"), chunk(to, "c_0"))
    assert.deepStrictEqual(codes(files), ["packets-twice"])
    const after = repaired(files)
    assert.deepStrictEqual(severe(after), [])
    assert.strictEqual(after.get(chunk(to, "c_0"))?.length, 0)
    assert.isTrue(
      Buffer.from(after.get(chunk(from, "c_0")) ?? []).equals(rotated.get(chunk(from, "c_0")) as Uint8Array)
    )
  })

  it("moved there: it has packets that are older than those of the chunk before", () => {
    const files = new Map(rotated)
    copied(files, chunk(0, "c_0"), join(dirname(chunk(2, "c_0")), "c_9"))
    files.delete(chunk(0, "c_0"))
    files.delete(Trees.indexOf(chunk(0, "c_0")))
    assert.deepStrictEqual(codes(files), ["chunk-order"])
    assert.isTrue(Trees.isEqual(repaired(files), files), "where it came from is not known")
  })

  it("with other bytes behind the same heads: said, and left", () => {
    const files = new Map(rotated)
    const place = join(dirname(chunk(2, "c_0")), "c_9")
    copied(files, chunk(0, "c_0"), place)
    const bytes = Uint8Array.from(files.get(place) as Uint8Array)
    // An event's payload: what it says, and not how long it is.
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
    files.set(place, bytes)
    const [found] = severe(files).filter(({ code }) => code === "packets-twice")
    assert.match(found?.detail ?? "", /with other bytes/)
    assert.deepStrictEqual(found?.changes, [])
  })

  it("is no damage in two snapshots, nor in a copy of a session", () => {
    const files: Trees.Files = new Map()
    for (const [path, bytes] of rotated) for (const home of ["one", "two"]) files.set(`${home}/${path}`, bytes)
    const { findings } = Check.check(Trees.tree(files))
    assert.deepStrictEqual(
      [...new Set(findings.map(({ code, severity }) => `${severity} ${code}`))],
      ["note packets-twice"]
    )
    assert.deepStrictEqual(Check.check(Trees.tree(Trees.recorded("snap"))).findings, [])
  })

  it("is told of some times, of many copies", () => {
    const files: Trees.Files = new Map()
    for (const [path, bytes] of live) for (let home = 0; home < 7; home++) files.set(`${home}/${path}`, bytes)
    const { findings } = Check.check(Trees.tree(files))
    assert.strictEqual(findings.length, 9)
    assert.match(findings.at(-1)?.detail ?? "", /and 12 more of the same$/)
  })

  it("a chunk of whose packets some are nowhere says so", () => {
    const files = new Map(
      [...rotated].filter(([path]) => path !== chunk(1, "c_0") && path !== Trees.indexOf(chunk(1, "c_0")))
    )
    assert.deepStrictEqual(Check.check(Trees.tree(files)).findings, [])
    for (const [path, bytes] of rotated) if (path.includes("-2/")) files.set(path.replace(/-2\//, "-1/"), bytes)
    for (const path of [...files.keys()].filter((each) => each.includes("-2/"))) files.delete(path)
    assert.include(
      Check.check(Trees.tree(files)).findings.map(({ code, severity }) => `${severity} ${code}`),
      "note sequence-gap"
    )
  })
})

describe("the end of a file that a rotation was moving when everything stopped", () => {
  it("is cut off where it came from, byte by byte", () => {
    const files = new Map(rotated)
    const [before, after] = [chunk(0, "c_0"), chunk(1, "c_0")]
    const joined = (path: (name: string) => string, skip: number) =>
      Buffer.concat([
        rotated.get(path(before)) ?? [],
        (rotated.get(path(after)) ?? new Uint8Array()).subarray(skip)
      ] as Array<Uint8Array>)
    files.set(
      before,
      joined((path) => path, 0)
    )
    files.delete(Trees.indexOf(before))
    assert.include(codes(files), "packets-twice")
    assert.isTrue(Trees.isEqual(repaired(files), rotated))
  })
})

describe("of another trace", () => {
  it("a stream file is found, and set aside; the rest stays", () => {
    const files = new Map(live)
    const place = join(dirname(liveFile("c_0")), "d_0")
    copied(files, chunk(0, "c_0"), place, new Map([...live, ...rotated]))
    assert.deepStrictEqual(codes(files), ["trace-mismatch"])
    const after = repaired(files)
    assert.deepStrictEqual(severe(after), [])
    const aside = join(dirname(place), ".d_0.unreadable")
    assert.isTrue(Buffer.from(after.get(aside) ?? []).equals(rotated.get(chunk(0, "c_0")) as Uint8Array))
    for (const [path, bytes] of live) assert.strictEqual(Buffer.compare(after.get(path) ?? Buffer.alloc(0), bytes), 0)
  })

  it("by one damaged byte a packet is given its own UUID again", () => {
    const files = new Map(live)
    const path = liveFile("c_0")
    const uuidAt = 4
    const damaged = Uint8Array.from(files.get(path) as Uint8Array)
    damaged[uuidAt + 7] = (damaged[uuidAt + 7] ?? 0) ^ 0x10
    files.set(path, damaged)
    assert.deepStrictEqual(codes(files), ["trace-mismatch"])
    assert.isTrue(Trees.isEqual(repaired(files), live))
    // With two it may be any other's.
    damaged[uuidAt] = (damaged[uuidAt] ?? 0) ^ 0x10
    assert.isAbove([...repaired(files).keys()].filter((each) => each.endsWith(".unreadable")).length, 0)
  })

  it("what cannot be set aside, on a full disk, stays where it is", () => {
    const files = new Map(live)
    const place = join(dirname(liveFile("c_0")), "d_0")
    copied(files, chunk(0, "c_0"), place, new Map([...live, ...rotated]))
    const before = new Map(files)
    const apply = Trees.apply(files)
    const { changes, failures } = Repair.repair(Trees.tree(files), (change) => {
      if (change.kind === "aside") throw Object.assign(new Error("write"), { code: "ENOSPC" })
      apply(change)
    })
    assert.deepStrictEqual(changes, [])
    assert.deepStrictEqual(
      failures.map(({ reason }) => reason),
      ["No space left on device"]
    )
    assert.isTrue(Trees.isEqual(files, before))
  })

  it("metadata is found, and goes out of the way", () => {
    const files = new Map(live)
    files.set(liveFile("metadata"), rotated.get(chunk(0, "metadata")) as Uint8Array)
    assert.deepStrictEqual(codes(files), ["trace-mismatch"])
    const after = repaired(files)
    assert.deepStrictEqual(severe(after), [])
    assert.isFalse(after.has(liveFile("metadata")))
    assert.isTrue(after.has(Aside.pathOf(liveFile("metadata"))))
    assert.strictEqual(
      Buffer.compare(after.get(liveFile("c_0")) ?? Buffer.alloc(0), live.get(liveFile("c_0")) as Buffer),
      0
    )
  })
})

describe("a copy of a file beside it", () => {
  it.each([
    ["d_0", true],
    ["d_0", false],
    ["a copy of c_0", false]
  ])("%s, with an index: %s, is removed", (name, hasIndex) => {
    const files = new Map(live)
    const place = join(dirname(liveFile("c_0")), name)
    copied(files, liveFile("c_0"), place)
    if (!hasIndex) files.delete(Trees.indexOf(place))
    assert.deepStrictEqual(codes(files), ["packets-twice"])
    assert.isTrue(Trees.isEqual(repaired(files), live))
  })

  it("of an earlier state is, too", () => {
    const files = new Map(live)
    const data = live.get(liveFile("c_0")) as Uint8Array
    files.set(join(dirname(liveFile("c_0")), "c_0.bak"), data.subarray(0, 8192))
    assert.deepStrictEqual(codes(files), ["packets-twice"])
    assert.isTrue(Trees.isEqual(repaired(files), live))
  })
})

describe("metadata that another directory has of the same trace", () => {
  it.each(["missing", "empty", "cut", "of another trace", "without an index"])("%s: is as it was", (kind) => {
    const files = new Map(rotated)
    const path = chunk(1, "metadata")
    const whole = files.get(path) as Uint8Array
    if (kind === "empty") files.set(path, Buffer.alloc(0))
    else if (kind === "cut") files.set(path, whole.subarray(0, 1500))
    else if (kind === "of another trace") files.set(path, live.get(liveFile("metadata")) as Uint8Array)
    else files.delete(path)
    if (kind === "without an index") {
      for (const name of [...files.keys()]) if (name.includes("-1/") && name.endsWith(".idx")) files.delete(name)
    }
    assert.isAbove(severe(files).length, 0)
    const after = repaired(files)
    assert.deepStrictEqual(severe(after), [])
    const others = [0, 2].map((number) => Buffer.from(rotated.get(chunk(number, "metadata")) as Uint8Array))
    assert.isTrue(others.some((other) => other.equals(after.get(path) ?? Buffer.alloc(0))))
  })

  it.each([
    ["in the padding of its first packet", 3948],
    ["between its packets", 4096],
    ["in the head of its second packet", 4100],
    ["in its second packet", 6000]
  ] as const)("cut %s: packets that need the rest stay as they are", (_, byteCount) => {
    const files = new Map(rotated)
    const path = chunk(1, "metadata")
    files.set(path, (files.get(path) as Uint8Array).subarray(0, byteCount))
    assert.include(codes(files), "metadata-torn")
    const after = repaired(files)
    assert.deepStrictEqual(severe(after), [])
    // A later chunk's says all of it, and more.
    const expected = new Map(rotated).set(path, rotated.get(chunk(2, "metadata")) as Uint8Array)
    assert.isTrue(Trees.isEqual(after, expected))
  })

  it("without the end of its padding gets that", () => {
    const files = new Map(live)
    const path = liveFile("metadata")
    files.set(path, (files.get(path) as Uint8Array).subarray(0, -20))
    assert.deepStrictEqual(codes(files), ["metadata-torn"])
    const first = new Map(rotated)
    const small = chunk(0, "metadata")
    for (const number of [1, 2]) first.delete(chunk(number, "metadata"))
    first.set(small, (first.get(small) as Uint8Array).subarray(0, -20))
    assert.include(
      severe(first).map((each) => each.path),
      small
    )
    assert.strictEqual(repaired(first).get(small)?.length, 4096)
  })

  it("of another trace is not taken", () => {
    const files = new Map([...live].map(([path, bytes]) => [`a/${path}`, bytes]))
    for (const [path, bytes] of rotated) if (!path.endsWith("metadata")) files.set(`b/${path}`, bytes)
    assert.deepStrictEqual([...new Set(severe(files).map(({ code }) => code))], ["metadata-missing"])
    assert.isTrue(Trees.isEqual(repaired(files), files))
  })

  it("that says less takes the packets that need more aside", () => {
    const files = new Map(rotated)
    files.delete(chunk(2, "metadata"))
    const after = repaired(files)
    assert.deepStrictEqual(severe(after), [])
    assert.isAbove([...after.keys()].filter((path) => path.endsWith(".unreadable")).length, 0)
  })

  it.live.each(["missing", "empty", "cut", "of another trace", "no metadata", "a directory"])(
    "%s: babeltrace2 reads the repaired session as it was",
    (kind) =>
      Effect.gen(function* () {
        const home = yield* Relays.temporaryDirectory("metadata")
        const files = new Map(rotated)
        const path = chunk(0, "metadata")
        const whole = files.get(path) as Uint8Array
        files.delete(path)
        if (kind === "empty") files.set(path, Buffer.alloc(0))
        else if (kind === "cut") files.set(path, whole.subarray(0, 1500))
        else if (kind === "of another trace") files.set(path, live.get(liveFile("metadata")) as Uint8Array)
        else if (kind === "no metadata") files.set(path, Buffer.from("something else\n"))
        else if (kind === "a directory") files.set(`${path}/inside`, Buffer.from("in the way"))
        Trees.write(rotated, join(home, "whole"))
        Trees.write(repaired(files), join(home, "repaired"))
        const [left, right] = [
          yield* Babeltrace.linesOf(join(home, "repaired")),
          yield* Babeltrace.linesOf(join(home, "whole"))
        ]
        assert.isTrue(left === right, `${left.length} of ${right.length}`)
      })
  )
})
