/** How streams and sessions end under a viewer. */
import * as Commands from "../../sidebyside/commands.ts"
import { type Scenario, scenario } from "../scenario.ts"
import { recorded } from "./rings.ts"

const { noSeq, start } = Commands

export const endings: ReadonlyArray<Scenario> = [
  scenario("a drained stream hangs up once, then is unknown", function* (s) {
    const { tracer, stream, meta } = yield* recorded(s, 1)
    const viewer = yield* s.viewing("beginning")
    yield* viewer.metadata(meta.id)
    yield* viewer.next(stream.id)
    yield* viewer.packet(stream.id, 0, 16)
    yield* tracer.c.closeStream(stream.id, 0)
    yield* s.untilClosed(stream.id)
    yield* viewer.next(stream.id)
    yield* viewer.next(stream.id)
    yield* viewer.packet(stream.id, 0, 16)
    yield* viewer.newStreams(1)
  }),
  scenario("destroy: what was recorded is still read, then everything hangs up", function* (s) {
    const { tracer, stream, meta } = yield* recorded(s, 3)
    const viewer = yield* s.viewing("beginning")
    yield* viewer.metadata(meta.id)
    yield* viewer.next(stream.id)
    yield* tracer.c.rotate(undefined, [
      [stream.id, 3],
      [meta.id, 0]
    ])
    yield* tracer.c.closeChunk(0, start + 9)
    yield* viewer.next(stream.id)
    yield* viewer.packet(stream.id, 16, 16)
    yield* stream.beacon(900)
    yield* viewer.nextUntilKnown(stream.id, 900)
    yield* viewer.packet(stream.id, 32, 16)
    yield* viewer.nextUntilKnown(stream.id)
    yield* tracer.c.closeStream(stream.id, 2)
    yield* tracer.c.closeStream(meta.id, noSeq)
    yield* s.untilClosed(stream.id)
    yield* s.untilClosed(meta.id)
    yield* viewer.next(stream.id)
    yield* viewer.newStreams(1)
    yield* tracer.c.close
  }),
  scenario("the control connection is gone: the session is not listed, drained streams hang up", function* (s) {
    const { tracer, stream, meta } = yield* recorded(s, 1)
    const viewer = yield* s.viewing("beginning")
    yield* viewer.metadata(meta.id)
    yield* viewer.next(stream.id)
    yield* tracer.c.close
    yield* s.untilClosed(stream.id)
    yield* viewer.list
    yield* viewer.next(stream.id)
    yield* viewer.newStreams(1)
    yield* viewer.detach(1)
    yield* viewer.detach(1)
  })
]
