/**
 * A session with buffers per process, of which no application runs when its relay is lost: the files of its trace chunk
 * are only names in its history, which was shortened. Goal: they stay where they are, or come back there.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import * as Script from "../../src/testing/Script.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import * as Commands from "../sidebyside/commands.ts"
import { logged } from "../support/logged.ts"
import { Link } from "./Link.ts"
import * as Local from "./Local.ts"
import { noted, notesIn } from "./notes.ts"

/** An edge brings all by the control port. */
const nowhere = 1
/** Their records make a history that is shortened. */
const appCount = 40

type Loss = "none" | "killed" | "without the notes of a rotation"

const recorded = (loss: Loss) => {
  const { codes, layer } = logged()
  return Effect.gen(function* () {
    let scope = yield* Scope.make()
    yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
    let relay = yield* Scope.provide(TestRelay.make(), scope)
    const { memory, output } = relay
    const link = yield* new Link(() => relay.controlPort).open
    const local = yield* Local.start({ controlPort: link.port, dataPort: nowhere })
    const { c, d, session } = yield* Script.make(local, output, () => {}).recording()
    const application = (number: number) =>
      Effect.gen(function* () {
        const stream = yield* c.addStream({ path: `ust/pid/app-${number}` })
        yield* c.streamsSent
        yield* d.packet(stream, 0, 100)
        yield* c.index(stream, { seq: 0, bytes: 100 })
        yield* c.closeStream(stream, 0)
      })
    const rotate = (chunk: number) =>
      Effect.gen(function* () {
        const seconds = Commands.start + 10 * chunk
        yield* c.createChunk(chunk, seconds)
        yield* c.closeChunk(chunk - 1, seconds, 0)
        yield* c.untilChunkGone(chunk - 1)
      })
    yield* application(0)
    yield* rotate(1)
    yield* Local.marked(local)
    const last = yield* c.addStream({ path: "ust/pid/last" })
    yield* c.streamsSent
    // No mark is made while a packet is missing, and once it is there no stream is open.
    yield* c.index(last, { seq: 0, bytes: 100 })
    for (let number = 1; number <= appCount; number++) yield* application(number)
    yield* c.closeStream(last, 0)
    yield* d.packet(last, 0, 100)
    yield* Local.marked(local)
    const notes = notesIn(memory)
    if (loss === "without the notes of a rotation") yield* rotate(2)
    yield* Local.marked(local)
    if (loss !== "none") {
      yield* Scope.close(scope, Exit.void)
      yield* noted(memory, notes)
      scope = yield* Scope.make()
      relay = yield* Scope.provide(TestRelay.make({ memory }), scope)
    }
    if (loss !== "without the notes of a rotation") yield* rotate(2)
    yield* application(appCount + 1)
    yield* c.close
    yield* d.close
    yield* local.forwarded
    yield* Local.quiet({ ...relay, output })
    const isOwn = (path: string) => path.startsWith(`${session.path}/`)
    const files = output.tree().filter(isOwn)
    return { files, beside: output.files().filter((path) => !isOwn(path)), codes }
  }).pipe(Effect.scoped, Effect.provide(layer))
}

describe("the trace chunk of applications that have ended is where it was", () => {
  for (const loss of ["killed", "without the notes of a rotation"] as const) {
    it.live(loss, () =>
      Effect.gen(function* () {
        const expected = yield* recorded("none")
        const { beside, codes, files } = yield* recorded(loss)
        assert.deepStrictEqual(files, expected.files)
        assert.deepStrictEqual(beside, [])
        assert.notInclude(codes, "JOURNAL_CHANGED")
      })
    )
  }
})
