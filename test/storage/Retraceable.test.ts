/**
 * Changes of names that are taken back.
 * Goal: whoever is killed at any operation meanwhile, and as often, comes to the names of before, with what they named.
 */
import { relative } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { FaultyFiles } from "../../src/storage/FaultyFiles.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import { isReadable, Retraceable, Watch } from "../../src/storage/Retraceable.ts"
import { MortalFiles } from "../simulation/edge/MortalFiles.ts"
import { Random } from "../support/Random.ts"

const [session, changes] = ["/session", "/changes"]
const marked = 7
const now = `${session}/.tmp_new_chunk`
const before = `${session}/.tmp_old_chunk`

const named = (memory: MemoryFiles) =>
  memory.paths(session).map((path) => `${path} ${Buffer.from(memory.read(path) ?? []).toString()}`)

/** Files whose changes are noted from now on. */
const watched = (memory: MemoryFiles) =>
  Effect.gen(function* () {
    const retraceable = new Retraceable(memory.service)
    const watch = new Watch(yield* memory.service.open(changes, "create"), { isSynced: false, base: session })
    watch.after = marked
    watch.prefixes.add(session)
    retraceable.watches.add(watch)
    return retraceable.service
  })

/** One rotation is half done when it is marked; it is ended, and another one begun. */
const rotated = Effect.gen(function* () {
  const memory = new MemoryFiles()
  memory.write(`${now}/ust/ch_0`, Buffer.from("second"))
  memory.write(`${before}/ust/ch_0`, Buffer.from("first"))
  const { makeDirectory, open, rename } = yield* watched(memory)
  const marks = named(memory)
  yield* rename(now, `${session}/chunk-2`)
  yield* makeDirectory(`${session}/archives`)
  yield* rename(before, `${session}/archives/chunk-1`)
  yield* rename(`${session}/chunk-2`, before)
  yield* makeDirectory(`${now}/ust/uid/0`)
  yield* open(`${now}/ust/uid/0/ch_0`, "new")
  assert.notDeepEqual(named(memory), marks)
  return { memory, marks }
})

const own = { within: session, kept: new Set([session]) }

interface Line {
  readonly after: number
  readonly base: string
  readonly from?: string
  readonly path: string
}

const linesOf = (text: string): ReadonlyArray<Line> =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line.slice(9)) as Line)

/** As earlier versions wrote them: without `base`, and without checksums. */
const earlier = (text: string, nameOf: (path: string) => string) =>
  linesOf(text)
    .map(({ after, from, path }) => ({ after, ...(from !== undefined && { from: nameOf(from) }), path: nameOf(path) }))
    .map((line) => `${JSON.stringify(line)}\n`)
    .join("")

const takenBack = ({ memory, service }: Pick<MortalFiles, "memory" | "service">) =>
  Effect.suspend(() =>
    new Retraceable(service).takeBack(changes, Buffer.from(memory.read(changes) ?? []).toString(), marked, own)
  )

describe("changes of names", () => {
  it.live("are taken back, whoever is killed meanwhile", () =>
    Effect.gen(function* () {
      const { marks, memory } = yield* rotated
      let killCount = 0
      for (let seed = 1; seed <= 200; seed++) {
        const random = new Random(seed)
        let files = new MortalFiles(random, memory)
        for (let isDone = false; !isDone; files = files.next) {
          files.left = random.between(1, 25)
          const fiber = yield* Effect.forkDetach(takenBack(files))
          while (!files.isDead && fiber.pollUnsafe() === undefined) yield* Effect.yieldNow
          isDone = !files.isDead
          if (files.isDead) killCount++
        }
        // Somebody was killed behind the last of them.
        yield* takenBack(files)
        assert.deepStrictEqual(named(files.memory), marks, `seed ${seed}`)
      }
      assert.isAbove(killCount, 100)
    })
  )

  for (const operation of ["rename", "unlink"] as const) {
    it.live(`are kept where a ${operation} is denied, and taken back once it is not`, () =>
      Effect.gen(function* () {
        const { marks, memory } = yield* rotated
        const faults = new FaultyFiles(memory.service)
        const mend = faults.fail({ operation, path: session, code: "EACCES" })
        const { code } = yield* Effect.flip(takenBack({ memory, service: faults.service }))
        assert.strictEqual(code, "EACCES")
        mend()
        yield* takenBack({ memory, service: faults.service })
        assert.deepStrictEqual(named(memory), marks)
      })
    )
  }

  it.live("are taken back where all has been moved meanwhile", () =>
    Effect.gen(function* () {
      const { marks, memory } = yield* rotated
      yield* memory.service.rename(session, "/elsewhere")
      const text = Buffer.from(memory.read(changes) ?? []).toString()
      const elsewhere = { within: "/elsewhere", kept: new Set(["/elsewhere"]) }
      yield* new Retraceable(memory.service).takeBack(changes, text, marked, elsewhere)
      yield* memory.service.rename("/elsewhere", session)
      assert.deepStrictEqual(named(memory), marks)
    })
  )

  const writings = [
    ["absolute", (path: string) => path],
    ["as seen from the output directory", (path: string) => relative(session, path)]
  ] as const
  for (const [how, nameOf] of writings) {
    it.live(`are taken back where an earlier version has noted them, ${how}`, () =>
      Effect.gen(function* () {
        const { marks, memory } = yield* rotated
        memory.write(changes, Buffer.from(earlier(Buffer.from(memory.read(changes) ?? []).toString(), nameOf)))
        yield* takenBack({ memory, service: memory.service })
        assert.deepStrictEqual(named(memory), marks)
      })
    )
  }

  it.live("are noted as earlier versions take them: by absolute names", () =>
    Effect.gen(function* () {
      const { memory } = yield* rotated
      const lines = linesOf(Buffer.from(memory.read(changes) ?? []).toString())
      assert.deepStrictEqual(lines[0], { after: marked, path: `${session}/chunk-2`, from: now, base: session } as Line)
      const names = lines.flatMap(({ from, path }) => (from === undefined ? [path] : [from, path]))
      assert.deepStrictEqual(
        names.filter((name) => !name.startsWith(`${session}/`)),
        []
      )
    })
  )

  it.live("are taken back where the last of them was not done to its end", () =>
    Effect.gen(function* () {
      const { marks, memory } = yield* rotated
      // Of a directory that is made with its parents some are there: to none of them could another be renamed.
      yield* memory.service.unlink(`${now}/ust/uid/0/ch_0`)
      yield* memory.service.removeDirectory(`${now}/ust/uid/0`)
      const text = Buffer.from(memory.read(changes) ?? []).toString()
      yield* new Retraceable(memory.service).takeBack(changes, text, marked, own)
      assert.deepStrictEqual(named(memory), marks)
    })
  )

  it.live("are taken back where directories are left of which the note is lost", () =>
    Effect.gen(function* () {
      const { marks, memory } = yield* rotated
      yield* memory.service.unlink(`${now}/ust/uid/0/ch_0`)
      const lines = Buffer.from(memory.read(changes) ?? [])
        .toString()
        .split("\n")
      const text = lines.filter((line) => !line.includes("ust/uid/0")).join("\n")
      memory.write(changes, Buffer.from(text))
      yield* takenBack({ memory, service: memory.service })
      assert.deepStrictEqual(named(memory), marks)
    })
  )

  it.live("are taken back behind one that was never written, where there are zeros", () =>
    Effect.gen(function* () {
      const { memory } = yield* rotated
      const bytes = Buffer.from(memory.read(changes) ?? [])
      const end = bytes.indexOf("\n") + 1
      memory.write(changes, bytes.fill(0, 0, end))
      assert.isTrue(isReadable(bytes.toString(), marked))
      const files = new MortalFiles(new Random(1), memory)
      yield* takenBack(files)
      assert.include(named(files.memory), `${before}/ust/ch_0 first`)
      assert.strictEqual(files.memory.read(changes)?.length, 0)
    })
  )

  it.live("leave the directory of a session where all that was in it has been cleared since", () =>
    Effect.gen(function* () {
      const memory = new MemoryFiles()
      memory.write(`${session}/ust/ch_0`, Buffer.from("first"))
      const { makeDirectory, removeDirectory, rename, unlink } = yield* watched(memory)
      yield* makeDirectory(before)
      yield* rename(`${session}/ust`, `${before}/ust`)
      yield* makeDirectory(now)
      yield* unlink(`${before}/ust/ch_0`)
      yield* removeDirectory(`${before}/ust`)
      yield* removeDirectory(before)
      yield* takenBack({ memory, service: memory.service })
      // Were it gone, the next relay would take it for removed by somebody, and end the session.
      assert.deepStrictEqual(named(memory), [`${session}/ `])
    })
  )
})
