/**
 * Check and repair of traces that the reference recorded, after damage of every kind at generated places. What must be
 * left is known from the index that was there before: the whole packets in front of the damage, byte by byte.
 */
import { closeSync, mkdirSync, openSync, renameSync, symlinkSync } from "node:fs"
import { dirname, join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { packets } from "../../src/ctf/metadata/Text.ts"
import { CtfIndex } from "../../src/protocol/index.ts"
import { headBytes } from "../../src/protocol/MetadataPacket.ts"
import * as Aside from "../../src/recovery/Aside.ts"
import * as Check from "../../src/recovery/Check.ts"
import * as DiskCopy from "../../src/recovery/DiskCopy.ts"
import * as DiskTree from "../../src/recovery/DiskTree.ts"
import * as Repair from "../../src/recovery/Repair.ts"
import * as Babeltrace from "../support/babeltrace.ts"
import * as Relays from "../support/relays.ts"
import * as Trees from "./trees.ts"

const names = ["tracefiles", "rotated", "live1", "ctf2-live", "overwrite", "perpid"]
const originals = new Map(names.map((name) => [name, Trees.recorded(name)]))

const share = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))
const Damage = Schema.Struct({
  trace: Schema.Literals(names),
  kind: Schema.Literals(["cut", "zeros", "garbage", "index-cut", "index-gone", "index-header", "index-byte"]),
  /** Which of the data files, and where in it or its index. */
  file: share,
  at: share
})
type Damage = typeof Damage.Type

const dataFiles = (files: Trees.Files): ReadonlyArray<string> =>
  [...files.keys()].filter((path) => files.has(Trees.indexOf(path)) && (files.get(path)?.length ?? 0) > 0).sort()

const pick = <A>(all: ReadonlyArray<A>, at: number): A =>
  all[Math.min(all.length - 1, Math.floor(at * all.length))] as A

const endsOf = (index: Uint8Array): ReadonlyArray<number> => {
  const view = Buffer.from(index)
  const size = view.readUInt32BE(12)
  const count = (view.length - CtfIndex.headerSize) / size
  return Array.from({ length: count }, (_, number) => {
    const at = CtfIndex.headerSize + number * size
    return Number(view.readBigUInt64BE(at)) + Number(view.readBigUInt64BE(at + 8)) / 8
  })
}

/** What a file and its index are once what does not lie before `end` is gone. */
const upTo = (data: Uint8Array, index: Uint8Array, end: number) => {
  const whole = endsOf(index).filter((packetEnd) => packetEnd <= end)
  const size = Buffer.from(index).readUInt32BE(12)
  return {
    data: data.subarray(0, whole.at(-1) ?? 0),
    index: index.subarray(0, CtfIndex.headerSize + whole.length * size)
  }
}

/** Damages `files`; answers what a repair must make of them. */
const damage = (files: Trees.Files, { at, file, kind }: Damage): Trees.Files => {
  const path = pick(dataFiles(files), file)
  const [data, index] = [files.get(path) as Uint8Array, files.get(Trees.indexOf(path)) as Uint8Array]
  const expected = new Map(files)
  const place = Math.floor(at * data.length)
  const expect = (end: number) => {
    const left = upTo(data, index, end)
    expected.set(path, left.data)
    expected.set(Trees.indexOf(path), left.index)
  }
  const inIndex = Math.floor(at * index.length)
  const ends = [0, ...endsOf(index)]
  switch (kind) {
    case "cut":
      files.set(path, data.subarray(0, place))
      expect(place)
      break
    case "zeros": {
      // The file system had given the file its length, and not yet its bytes.
      const from = pick(ends, at)
      files.set(path, Buffer.concat([data.subarray(0, from), Buffer.alloc(data.length - from)]))
      expect(from)
      break
    }
    case "garbage":
      files.set(path, Buffer.concat([data, Buffer.alloc(1 + place, 0xa5)]))
      break
    case "index-cut":
      files.set(Trees.indexOf(path), index.subarray(0, inIndex))
      break
    case "index-gone":
      files.delete(Trees.indexOf(path))
      break
    case "index-header":
      files.set(Trees.indexOf(path), index.subarray(CtfIndex.headerSize))
      break
    case "index-byte": {
      const bytes = Buffer.from(index)
      const target = Math.min(inIndex, index.length - 1)
      bytes[target] = (bytes[target] ?? 0) ^ 0x55
      files.set(Trees.indexOf(path), bytes)
      break
    }
  }
  return expected
}

/** Paths, and sizes: bytes would say too much. */
const shown = (files: Trees.Files) => [...files].map(([path, bytes]) => `${path} ${bytes.length}`).sort()

describe("a trace as the reference left it", () => {
  it.each(names)("%s: nothing is damaged, and there is nothing to repair", (name) => {
    const { findings, packetCount } = Check.check(Trees.tree(originals.get(name) as Trees.Files))
    assert.deepStrictEqual(
      findings.filter(({ code }) => name !== "overwrite" || code !== "sequence-gap"),
      []
    )
    assert.isAbove(packetCount, 3)
  })
})

describe("a damaged trace", () => {
  it.prop(
    "has the whole packets before the damage after a repair, and their index as it was",
    [Damage],
    ([step]) => {
      const files = new Map(originals.get(step.trace))
      const expected = damage(files, step)
      const before = new Map(files)
      const { findings } = Check.check(Trees.tree(files))
      assert.isTrue(Trees.isEqual(files, before), "a check changes nothing")
      // A cut between two packets takes their records with it only where there are any: the index tells.
      if (!Trees.isEqual(files, expected))
        assert.isTrue(
          findings.some(({ severity }) => severity === "damage"),
          "found"
        )
      const { failures, report } = Repair.repair(Trees.tree(files), Trees.apply(files))
      assert.deepStrictEqual(failures, [])
      assert.deepStrictEqual(
        report.findings.filter(({ severity }) => severity === "damage"),
        []
      )
      assert.deepStrictEqual(shown(files), shown(expected))
      assert.isTrue(Trees.isEqual(files, expected), "byte by byte")
    },
    { arbitrary: { runs: 300 } }
  )

  it.prop(
    "has its packets in order, and each once, whatever order they were in",
    [Schema.Literals(names), share, Schema.Array(Schema.Int).check(Schema.isMinLength(1), Schema.isMaxLength(30))],
    ([name, file, order]) => {
      const original = originals.get(name) as Trees.Files
      const files = new Map(original)
      const path = pick(dataFiles(files), file)
      const data = files.get(path) as Uint8Array
      const ends = [0, ...endsOf(files.get(Trees.indexOf(path)) as Uint8Array)]
      const packets = ends.slice(1).map((end, at) => data.subarray(ends[at], end))
      const count = packets.length
      // All of them, and some twice, dealt out anew.
      const dealt = [...packets.keys(), ...order.map((number) => Math.abs(number) % count)]
      const shuffled = dealt.toSorted((a, b) => ((a * 7919 + order.length) % 13) - ((b * 7919 + order.length) % 13))
      files.set(path, Buffer.concat(shuffled.map((number) => packets[number] as Uint8Array)))
      const { failures } = Repair.repair(Trees.tree(files), Trees.apply(files))
      assert.deepStrictEqual(failures, [])
      assert.isTrue(Trees.isEqual(files, original), `${path}: ${shuffled}`)
    },
    { arbitrary: { runs: 100 } }
  )

  it("keeps packets of another stream out of a file", () => {
    const original = originals.get("tracefiles") as Trees.Files
    const files = new Map(original)
    const [one = "", other = ""] = dataFiles(files).filter((path) => /_0$/.test(path))
    files.set(other, Buffer.concat([files.get(other) ?? Buffer.alloc(0), files.get(one) ?? Buffer.alloc(0)]))
    Repair.repair(Trees.tree(files), Trees.apply(files))
    assert.deepStrictEqual(Buffer.from(files.get(Aside.pathOf(other)) ?? []), Buffer.from(original.get(one) ?? []))
    files.delete(Aside.pathOf(other))
    assert.isTrue(Trees.isEqual(files, original))
  })

  it("keeps events before a damaged one, but none of another stream", () => {
    const files = new Map(originals.get("tracefiles"))
    const bytesOf = (path: string) => Buffer.from(files.get(path) ?? [])
    const [one = "", other = ""] = dataFiles(files)
    const [own, stranger] = [bytesOf(other), bytesOf(one).subarray(0, 4096)]
    for (const packet of [own, stranger]) packet.fill(0xff, 120, 200)
    files.set(other, Buffer.concat([own, stranger]))
    Repair.repair(Trees.tree(files), Trees.apply(files))
    assert.isTrue(bytesOf(Aside.pathOf(other)).equals(Buffer.concat([own.subarray(0, 4096), stranger])))
    assert.lengthOf(bytesOf(other), own.length)
  })

  it.prop(
    "whose metadata is cut has the declarations that are whole, or is out of the way",
    [Schema.Literals(["plain", "ctf2-live", "rotated"]), share, Schema.Literals([0, 1, 700])],
    ([name, at, zeroCount]) => {
      const files = new Map(name === "plain" ? Trees.recorded(name) : originals.get(name))
      const path = pick([...files.keys()].filter((path) => path.endsWith("metadata")).sort(), at)
      const metadata = files.get(path) as Uint8Array
      const cut = Math.floor(at * metadata.length)
      files.set(path, Buffer.concat([metadata.subarray(0, cut), Buffer.alloc(zeroCount)]))
      const { failures, report } = Repair.repair(Trees.tree(files), Trees.apply(files))
      assert.deepStrictEqual(failures, [])
      const left = report.findings.filter(({ severity }) => severity === "damage").map(({ code }) => code)
      assert.deepStrictEqual(
        left.filter((code) => code.startsWith("metadata")),
        []
      )
      const kept = files.get(path)
      const others = [...(originals.get(name) ?? [])].flatMap(([at, bytes]) =>
        at !== path && at.endsWith("metadata") ? [Buffer.from(bytes)] : []
      )
      if (kept === undefined || others.some((other) => other.equals(kept))) return
      // Nothing but the sizes of a packet is written that was not there, and zeros for what is missing of the last one.
      assert.isTrue(kept.subarray(cut).every((byte) => byte === 0))
    },
    { arbitrary: { runs: 60 } }
  )
})

/** What the packets of metadata say, or it without any. */
const textIn = (metadata: Uint8Array): string => {
  const found = packets(metadata).packets.map(({ content }) => content.subarray(headBytes))
  return Buffer.concat(found.length > 0 ? found : [metadata]).toString()
}

/** Where it may be cut without anybody seeing that there was more. */
const seams = (text: string): ReadonlyArray<number> => {
  const end = text.startsWith("\u001e") ? "\u001e" : "};\n"
  const pieces = text.split(end).slice(1, -1)
  let at = text.indexOf(end)
  return pieces.map((piece) => {
    const place = end === "\u001e" ? at : at + end.length
    at += end.length + piece.length
    return place
  })
}

describe("a crash that took most of what there was", () => {
  it.each(["plain", "ctf2-live"])("%s: metadata that ends between two declarations stops no reader", (name) => {
    const original = Trees.recorded(name)
    const path = [...original.keys()].find((key) => key.endsWith("metadata")) as string
    const text = textIn(original.get(path) as Uint8Array)
    const places = seams(text)
    assert.isAbove(places.length, 3)
    for (const place of places.filter((at) => at > 0)) {
      const files = new Map(original)
      files.set(path, Buffer.from(text.slice(0, place)))
      const { failures, report } = Repair.repair(Trees.tree(files), Trees.apply(files))
      assert.deepStrictEqual(failures, [])
      assert.isFalse(
        Check.isDamaged(report),
        `${place} of ${text.length}: ${JSON.stringify(report.findings[0]?.detail)}`
      )
      const bytes = [...files.values()].reduce((sum, { length }) => sum + length, 0)
      const before = [...original.values()].reduce((sum, { length }) => sum + length, 0)
      assert.isAtLeast(bytes, before - (original.get(path)?.length ?? 0), "no packet is thrown away")
    }
  })

  it.each([0, 1, 3, 4, 18, 79])("no metadata, and %i bytes of a packet's head: nothing of it is left", (count) => {
    const original = Trees.recorded("plain")
    const paths = dataFiles(original)
    const files: Trees.Files = new Map()
    for (const path of paths) {
      files.set(path, original.get(path)?.subarray(0, count) ?? Buffer.alloc(0))
      files.set(path.replace(/[^/]+$/, "metadata"), Buffer.alloc(0))
    }
    const { report } = Repair.repair(Trees.tree(files), Trees.apply(files))
    assert.isFalse(Check.isDamaged(report))
    for (const path of paths) assert.strictEqual(files.get(path)?.length, 0)
  })
})

describe("a stream that the metadata does not declare", () => {
  it.live("is set aside, whole; babeltrace2 reads the others", () =>
    Effect.gen(function* () {
      const home = yield* Relays.temporaryDirectory("undeclared")
      const original = originals.get("live1") as Trees.Files
      const files = new Map(original)
      const path = dataFiles(files)[0] as string
      const data = Buffer.from(files.get(path) ?? [])
      // As a tracer would have written it whose metadata was cut before the second stream.
      for (const end of [0, ...endsOf(files.get(Trees.indexOf(path)) as Uint8Array)].slice(0, -1))
        data.writeUInt32LE(1, end + 20)
      files.set(path, data)
      Trees.write(files, home)
      Repair.repair(DiskTree.make(home), (change) => DiskTree.apply(home, change))
      assert.isFalse(Check.isDamaged(Check.check(DiskTree.make(home))))
      const left = Trees.read(home)
      assert.deepStrictEqual(Buffer.from(left.get(Aside.pathOf(path)) ?? []), data)
      files.delete(path)
      files.delete(Trees.indexOf(path))
      const right = join(yield* Relays.temporaryDirectory("declared"), "right")
      Trees.write(files, right)
      assert.strictEqual(yield* Babeltrace.linesOf(home), yield* Babeltrace.linesOf(right))
    })
  )
})

describe("a directory in the place", () => {
  it("of an index goes out of the way, and the index is there again", () => {
    const original = Trees.recorded("plain")
    const files = new Map(original)
    const path = Trees.indexOf(dataFiles(original)[0] as string)
    files.delete(path)
    files.set(`${path}/inside`, Buffer.from("in the way"))
    const { failures, report } = Repair.repair(Trees.tree(files), Trees.apply(files))
    assert.deepStrictEqual([failures, Check.isDamaged(report)], [[], false])
    assert.strictEqual(Buffer.from(files.get(`${Aside.pathOf(path)}/inside`) ?? []).toString(), "in the way")
    files.delete(`${Aside.pathOf(path)}/inside`)
    assert.isTrue(Trees.isEqual(files, original))
  })

  it.live("of metadata goes out of the way of those who read what lies beside it", () =>
    Effect.gen(function* () {
      const home = yield* Relays.temporaryDirectory("directory")
      const files: Trees.Files = new Map()
      for (const [path, bytes] of Trees.recorded("plain")) {
        files.set(`bad/${path.replace(/metadata$/, "metadata/inside")}`, bytes)
      }
      for (const [path, bytes] of originals.get("live1") as Trees.Files) files.set(`good/${path}`, bytes)
      Trees.write(files, home)
      Repair.repair(DiskTree.make(home), (change) => DiskTree.apply(home, change))
      assert.isFalse(Check.isDamaged(Check.check(DiskTree.make(home))))
      assert.strictEqual(yield* Babeltrace.linesOf(home), yield* Babeltrace.linesOf(join(home, "good")))
    })
  )
})

describe("events", () => {
  const damageOf = (files: Trees.Files, readsEvents: "all" | "small") =>
    Check.check(Trees.tree(files), { readsEvents }).findings.filter(({ severity }) => severity === "damage")

  it("of every trace decode; one that does not is found where all are looked at, its packet set aside, and ended before it", () => {
    for (const [name, original] of originals) {
      assert.deepStrictEqual(damageOf(original, "all"), [], name)
      const files = new Map(original)
      const path = [...files.keys()].filter((each) => /\/channel0_\d+(_\d+)?$|\/c_\d/.test(each)).sort()[0]
      if (path === undefined) continue
      const bytes = Uint8Array.from(files.get(path) as Uint8Array)
      // Behind the packet's head: an event of a class that nobody declared.
      bytes.fill(0xff, 120, 200)
      files.set(path, bytes)
      if (damageOf(files, "all").length === 0) continue
      assert.deepStrictEqual([...new Set(damageOf(files, "all").map(({ code }) => code))], ["event-unreadable"])
      assert.deepStrictEqual(damageOf(files, "small"), damageOf(files, "all"))
      Repair.repair(Trees.tree(files), Trees.apply(files))
      assert.deepStrictEqual(damageOf(files, "all"), [])
      const [end = 0] = endsOf(original.get(Trees.indexOf(path)) as Uint8Array)
      assert.deepStrictEqual(Buffer.from(files.get(Aside.pathOf(path)) ?? []), Buffer.from(bytes.subarray(0, end)))
      // The packet is there with the events before it: of its content only the length is another.
      const [left, expected] = [Buffer.from(files.get(path) ?? []), Buffer.from(bytes)]
      const contentSizeAt = 48
      assert.isBelow(Number(left.readBigUInt64LE(contentSizeAt)), 200 * 8)
      left.copy(expected, contentSizeAt, contentSizeAt, contentSizeAt + 8)
      assert.deepStrictEqual(left, expected)
      return
    }
    assert.fail("no trace was damaged")
  })
})

describe("a directory that somebody writes", () => {
  it.live("is not judged, and left alone", () =>
    Effect.gen(function* () {
      const home = yield* Relays.temporaryDirectory("written")
      const files = new Map(originals.get("tracefiles"))
      const path = [...files.keys()].filter((each) => each.endsWith(".idx")).sort()[0] as string
      files.set(path, (files.get(path) as Uint8Array).subarray(0, 50))
      Trees.write(files, home)
      const codes = () => Check.check(DiskTree.make(home)).findings.map(({ code }) => code)
      assert.notInclude(codes(), "being-written")
      const descriptor = openSync(join(home, path), "r+")
      assert.deepStrictEqual(codes(), ["being-written"])
      Repair.repair(DiskTree.make(home), (change) => DiskTree.apply(home, change))
      assert.isTrue(Trees.isEqual(Trees.read(home), files))
      closeSync(descriptor)
      assert.include(codes(), "index-torn")
    })
  )
})

describe("a data file that lies on another disk, with a link in its place", () => {
  it.live("is not judged, and its index stays", () =>
    Effect.gen(function* () {
      const home = yield* Relays.temporaryDirectory("linked")
      const elsewhere = join(yield* Relays.temporaryDirectory("elsewhere"), "data")
      const files = new Map(originals.get("tracefiles"))
      Trees.write(files, home)
      const index = [...files.keys()].filter((each) => each.endsWith(".idx")).sort()[0] as string
      const data = join(home, index.replace(/index\/([^/]*)\.idx$/, "$1"))
      renameSync(data, elsewhere)
      symlinkSync(elsewhere, data)
      symlinkSync(dirname(data), join(home, "near"))
      const { changes, report } = Repair.repair(DiskTree.make(home), (each) => DiskTree.apply(home, each))
      assert.deepStrictEqual(changes, [])
      // It is said: nobody should take what was not looked at for whole.
      const notes = report.findings.filter(({ code }) => code === "linked").map(({ path }) => join(home, path))
      assert.deepStrictEqual(notes, [data])
    })
  )
})

const linesOf = (text: string): ReadonlySet<string> =>
  new Set(text.split("\n").map((line) => line.replace(/ \(\+[^)]*\)/, "")))

describe("babeltrace2 reads of a repaired trace nothing that was not recorded", () => {
  it.live.each([
    ["many", 0.5],
    ["many", 0.67],
    ["many", 0.9],
    ["live1", 0.6]
  ] as const)("metadata of %s cut at %d, where declarations of events end", ([name, share]) =>
    Effect.gen(function* () {
      const home = yield* Relays.temporaryDirectory("declared")
      const original = Trees.recorded(name)
      const files = new Map(original)
      const path = [...files.keys()].find((each) => each.endsWith("metadata")) as string
      const metadata = files.get(path) as Uint8Array
      // Packets of metadata are whole: nothing in it says that there was more.
      files.set(path, metadata.subarray(0, Math.floor((share * metadata.length) / 4096) * 4096))
      const [whole, repaired] = [join(home, "whole"), join(home, "repaired")]
      Trees.write(original, whole)
      Trees.write(files, repaired)
      assert.notDeepEqual(Repair.plan(Check.check(DiskTree.make(repaired)).findings), [], "found")
      Repair.repair(DiskTree.make(repaired), (change) => DiskTree.apply(repaired, change))
      const recorded = linesOf(yield* Babeltrace.linesOf(whole))
      // It ends with status 0.
      const left = linesOf(yield* Babeltrace.linesOf(repaired))
      assert.deepStrictEqual(
        [...left].filter((line) => !recorded.has(line)),
        []
      )
      const [sum, kept] = [original, Trees.read(repaired)].map((tree) =>
        [...tree].reduce(
          (bytes, [at, { length }]) => (at.endsWith("metadata") || at.includes("index/") ? bytes : bytes + length),
          0
        )
      )
      assert.isAtLeast(kept ?? 0, sum ?? 0, "what nobody can read is aside, and not gone")
    })
  )
})

describe("babeltrace2 reads a repaired trace as", () => {
  it.live.each<Damage>([
    { trace: "tracefiles", kind: "cut", file: 0.3, at: 0.6 },
    { trace: "tracefiles", kind: "index-header", file: 0.9, at: 0 },
    { trace: "rotated", kind: "zeros", file: 0.5, at: 0.5 },
    { trace: "live1", kind: "cut", file: 0, at: 0.97 },
    { trace: "live1", kind: "index-byte", file: 0.9, at: 0.5 }
  ])("the whole packets that are left: $kind in $trace", (step) =>
    Effect.gen(function* () {
      const home = yield* Relays.temporaryDirectory("repaired")
      const files = new Map(originals.get(step.trace))
      const expected = damage(files, step)
      const [damaged, repaired, right] = ["damaged", "repaired", "right"].map((name) => join(home, name)) as [
        string,
        string,
        string
      ]
      mkdirSync(damaged)
      Trees.write(files, damaged)
      Trees.write(expected, right)
      DiskCopy.copy(damaged, repaired)
      Repair.repair(DiskTree.make(repaired), (change) => DiskTree.apply(repaired, change))
      assert.isTrue(Trees.isEqual(Trees.read(damaged), files), "the original stays as it was")
      assert.isTrue(Trees.isEqual(Trees.read(repaired), expected))
      const text = yield* Babeltrace.linesOf(repaired)
      assert.strictEqual(text, yield* Babeltrace.linesOf(right))
      assert.isAbove(text.length, 0)
    })
  )
})
