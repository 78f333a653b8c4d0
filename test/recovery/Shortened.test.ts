/**
 * A packet in which an event is damaged keeps the events before it: what was recorded, and babeltrace2 could read
 * before a repair, it reads after it, too, and to the end.
 */
import { basename } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Aside from "../../src/recovery/Aside.ts"
import * as Check from "../../src/recovery/Check.ts"
import * as DiskTree from "../../src/recovery/DiskTree.ts"
import * as Repair from "../../src/recovery/Repair.ts"
import * as Process from "../support/process.ts"
import { Random } from "../support/Random.ts"
import * as Relays from "../support/relays.ts"
import * as Trees from "./trees.ts"

const traces = ["tracefiles", "many", "live1", "plain", "channels"] as const
const headBytes = 80

/** Four bytes of the events of one data file are others. */
const damage = (files: Trees.Files, seed: number): void => {
  const random = new Random(seed)
  const paths = [...files.keys()].filter((path) => /_\d+$/.test(basename(path)) && (files.get(path)?.length ?? 0) > 0)
  const path = random.pick(paths.sort())
  const bytes = Uint8Array.from(files.get(path) as Uint8Array)
  const packet = 4096 * random.below(Math.floor(bytes.length / 4096))
  const at = packet + headBytes + 8 + random.below(1000)
  for (let offset = 0; offset < 4; offset++) bytes[at + offset] = random.below(256)
  files.set(path, bytes)
}

/** Lines, and whether it came to the end. */
const read = (directory: string) =>
  Effect.map(Process.attempt("babeltrace2", ["--clock-cycles", "--no-delta", directory]), ({ code, stdout }) => ({
    isWhole: code === 0,
    lines: stdout.split("\n").sort()
  }))

/** Of sorted lines those that are not among the others as often. */
const missing = (wanted: ReadonlyArray<string>, among: ReadonlyArray<string>): ReadonlyArray<string> => {
  let at = 0
  return wanted.filter((line) => {
    while ((among[at] ?? "\uffff") < line) at++
    if (among[at] !== line) return true
    at++
    return false
  })
}

describe("a packet with a damaged event", () => {
  it.live("ends before it; babeltrace2 reads all of the recorded that it read, and more", () =>
    Effect.gen(function* () {
      const home = yield* Relays.temporaryDirectory("shortened")
      let shortened = 0
      const recorded = new Map<string, ReadonlySet<string>>()
      for (const name of traces) {
        Trees.write(Trees.recorded(name), `${home}/${name}`)
        recorded.set(name, new Set((yield* read(`${home}/${name}`)).lines))
      }
      for (let seed = 0; seed < 25; seed++) {
        const name = traces[seed % traces.length] ?? "plain"
        const files = new Map(Trees.recorded(name))
        damage(files, seed)
        const directory = `${home}/${seed}`
        Trees.write(files, directory)
        // Others have times or values that nobody recorded.
        const before = (yield* read(directory)).lines.filter((line) => recorded.get(name)?.has(line))
        const apply = (change: Parameters<typeof DiskTree.apply>[1]) => DiskTree.apply(directory, change)
        const { changes, report } = Repair.repair(DiskTree.make(directory), apply, Repair.optionsOf(true))
        assert.isFalse(Check.isDamaged(report), `seed ${seed}`)
        const after = yield* read(directory)
        assert.isTrue(after.isWhole, `seed ${seed}`)
        assert.deepStrictEqual(missing(before, after.lines), [], `seed ${seed}`)
        shortened += changes.filter(({ kind }) => kind === "shorten").length
      }
      assert.isAbove(shortened, 5)
    })
  )
})

describe("a packet of a time past the last that readers know", () => {
  it.live("is set aside, whole; babeltrace2 reads the others", () =>
    Effect.gen(function* () {
      const home = yield* Relays.temporaryDirectory("overflow")
      const files = new Map(Trees.recorded("tracefiles"))
      const path = [...files.keys()].find((each) => each.endsWith("/c_1_1")) as string
      const bytes = Buffer.from(files.get(path) ?? [])
      // The highest bytes of when the second packet begins and ends.
      for (const at of [39, 47]) bytes[4096 + at] = 0xa0
      files.set(path, bytes)
      Trees.write(files, home)
      assert.isFalse((yield* read(home)).isWhole)
      const { report } = Repair.repair(DiskTree.make(home), (change) => DiskTree.apply(home, change))
      assert.isFalse(Check.isDamaged(report))
      assert.isTrue((yield* read(home)).isWhole)
      assert.deepStrictEqual(Buffer.from(Trees.read(home).get(Aside.pathOf(path)) ?? []), bytes.subarray(4096, 8192))
    })
  )
})

describe("a packet whose head says when it was, and is wrong", () => {
  const [beginAt, endAt] = [32, 40]
  it.each([
    ["begins after its end", (_begin: bigint, end: bigint) => [end + 1n, end]],
    ["ends before it begins", (begin: bigint, _end: bigint) => [begin, begin - 1n]],
    ["begins after events of its own", (_begin: bigint, end: bigint) => [end, end]],
    ["ends before events of its own", (begin: bigint, _end: bigint) => [begin, begin]]
  ] as const)("%s: it says again what its index does, and keeps them", (_, wrong) => {
    const original = Trees.recorded("live1")
    const path = [...original.keys()].find((each) => each.endsWith("/c_0")) as string
    const bytes = Buffer.from(original.get(path) ?? [])
    const [begin = 0n, end = 0n] = wrong(bytes.readBigUInt64LE(beginAt), bytes.readBigUInt64LE(endAt))
    bytes.writeBigUInt64LE(begin, beginAt)
    bytes.writeBigUInt64LE(end, endAt)
    const files = new Map(original).set(path, bytes)
    assert.isTrue(Check.isDamaged(Check.check(Trees.tree(files))))
    const { failures, report } = Repair.repair(Trees.tree(files), Trees.apply(files))
    assert.deepStrictEqual(failures, [])
    assert.isFalse(Check.isDamaged(report))
    for (const [each, left] of original) assert.deepStrictEqual(Buffer.from(files.get(each) ?? []), Buffer.from(left))
    assert.strictEqual(files.size, original.size)
  })
})

it("a packet whose head is no more is set aside from between the others", () => {
  const original = Trees.recorded("live1")
  const path = [...original.keys()].find((each) => each.endsWith("/c_0")) as string
  const bytes = Buffer.from(original.get(path) ?? [])
  // The highest bytes of the second packet's size, and its number: its index alone does not tell what it was.
  bytes.fill(0x7f, 4096 + 60, 4096 + 72)
  const files = new Map(original).set(path, bytes)
  const { report } = Repair.repair(Trees.tree(files), Trees.apply(files))
  assert.isFalse(Check.isDamaged(report))
  assert.deepStrictEqual(Buffer.from(files.get(Aside.pathOf(path)) ?? []), bytes.subarray(4096, 8192))
  const others = Buffer.concat([bytes.subarray(0, 4096), bytes.subarray(8192)])
  assert.deepStrictEqual(Buffer.from(files.get(path) ?? []), others)
})
