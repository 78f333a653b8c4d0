/**
 * A relay without `--sync`, whose disk has kept the latest names of files when its power failed, and not the notes of
 * them. Goal: a session by an edge that rotated just before goes on in its directory, which becomes what it would have
 * been; what the edge brings once more was put beside it.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import type { Sync } from "../../src/model/Sync.ts"
import { FaultyFiles } from "../../src/storage/FaultyFiles.ts"
import type { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import * as Script from "../../src/testing/Script.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import * as Commands from "../sidebyside/commands.ts"
import { logged } from "../support/logged.ts"
import { Link } from "./Link.ts"
import * as Local from "./Local.ts"
import { noted, notesIn } from "./notes.ts"

/** An edge brings all by the control port. */
const nowhere = 1

type Step = "created" | "rotated" | "closed" | "archived" | "went on" | "rotated twice"

/** `CLOSE_TRACE_CHUNK` with what follows. */
const [archive, remove] = [0, 2]

interface How {
  readonly closeCommand?: number
  /** The notes from then on are lost. */
  readonly notedAt?: Step
  /** Of the relay that comes after. */
  readonly sync?: Sync
  /** Its disk is full when it begins, and has room later. */
  readonly isFull?: boolean
}

/** The power fails once the session `isAt` a step, and takes all notes since `notedAt`; undefined: it does not. */
const recorded = (
  isAt: Step | undefined,
  { closeCommand = archive, isFull = false, notedAt, sync = "none" }: How = {}
) => {
  const { codes, layer } = logged()
  return Effect.gen(function* () {
    let scope = yield* Scope.make()
    yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
    let relay = yield* Scope.provide(TestRelay.make(), scope)
    const { memory, output } = relay
    const link = yield* new Link(() => relay.controlPort).open
    const local = yield* Local.start({ controlPort: link.port, dataPort: nowhere })
    const { c, d, session } = yield* Script.make(local, output, () => {}).recording()
    const stream = yield* c.addStream()
    const metadata = yield* c.addStream({ channel: "metadata" })
    const declare = c.metadata(metadata, Buffer.alloc(64, "m"))
    const packet = (seq: number) => Effect.andThen(d.packet(stream, seq, 100), c.index(stream, { seq, bytes: 100 }))
    yield* declare
    yield* packet(0)
    yield* Local.marked(local)
    let notes = notesIn(memory)
    let hasFailed = false
    const at = (step: Step) =>
      Effect.gen(function* () {
        if (step === notedAt) yield* Local.marked(local)
        if (step === notedAt) notes = notesIn(memory)
        if (step !== isAt || hasFailed) return
        hasFailed = true
        yield* Local.marked(local)
        yield* Scope.close(scope, Exit.void)
        yield* noted(memory, notes)
        scope = yield* Scope.make()
        const faults = new FaultyFiles(memory.service)
        const mend = isFull ? faults.fail({ code: "EDQUOT", operation: "truncate", path: ".history" }) : () => {}
        const files: MemoryFiles = Object.create(memory, { service: { value: faults.service } })
        relay = yield* Scope.provide(TestRelay.make({ memory: isFull ? files : memory, sync }), scope)
        if (isFull) yield* until("it to wait", () => codes.includes("JOURNAL_WAITS"))
        mend()
      })
    const rotate = (chunk: number) =>
      Effect.gen(function* () {
        const seconds = Commands.start + 10 * chunk
        yield* c.createChunk(chunk, seconds)
        yield* at("created")
        const positions = [
          [stream, chunk],
          [metadata, 0]
        ] as const
        yield* c.rotate(chunk, positions)
        yield* declare
        yield* at("rotated")
        yield* c.closeChunk(chunk - 1, seconds, closeCommand)
        yield* at("closed")
        yield* c.untilChunkGone(chunk - 1)
        yield* at("archived")
      })
    yield* rotate(1)
    yield* packet(1)
    yield* at("went on")
    yield* rotate(2)
    yield* packet(2)
    yield* at("rotated twice")
    yield* packet(3)
    yield* c.close
    yield* d.close
    yield* local.forwarded
    yield* Local.quiet({ ...relay, output })
    const isOwn = (line: string) => line.startsWith(`${session.path}/`)
    return {
      isLost: codes.includes("JOURNAL_LOST"),
      isTold: codes.includes("JOURNAL_CHANGED"),
      own: output.tree().filter(isOwn),
      beside: output.files().filter((path) => !isOwn(path))
    }
  }).pipe(Effect.scoped, Effect.provide(layer))
}

const ways = { rotated: archive, cleared: remove }

describe("a session by an edge goes on where it was when its relay's power failed just after it", () => {
  for (const [way, command] of Object.entries(ways)) {
    for (const step of ["created", "rotated", "closed", "archived", "went on", "rotated twice"] as const) {
      it.live(`${way}: ${step}`, () =>
        Effect.gen(function* () {
          const how = { closeCommand: command }
          const expected = yield* recorded(undefined, how)
          const { beside, isLost, isTold, own } = yield* recorded(step, how)
          assert.deepStrictEqual(own, expected.own)
          assert.isFalse(isLost)
          // A trace chunk that was only created has no file yet; one after a clear is where the first was.
          const isAside = step === "rotated" || (step !== "created" && command === archive)
          assert.deepStrictEqual([isTold, beside.length > 0], [isAside, isAside])
        })
      )
    }
  }
  it.live("rotated; the next relay's disk is full at first", () =>
    Effect.gen(function* () {
      const expected = yield* recorded(undefined)
      const { beside, isLost, isTold, own } = yield* recorded("rotated", { isFull: true })
      assert.deepStrictEqual(own, expected.own)
      assert.deepStrictEqual([isLost, isTold, beside.length > 0], [false, true, true])
    })
  )
  it.live.each(["none", "always"] as const)(
    "rotated twice, and the first time noted; the next relay has --sync=%s",
    (sync) =>
      Effect.gen(function* () {
        const expected = yield* recorded(undefined)
        const { beside, isLost, isTold, own } = yield* recorded("rotated twice", { notedAt: "went on", sync })
        assert.deepStrictEqual(own, expected.own)
        assert.deepStrictEqual([isLost, isTold, beside.length > 0], [false, true, true])
      })
  )
})
