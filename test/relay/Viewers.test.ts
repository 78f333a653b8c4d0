/** What a session keeps for its viewers, for as long as there are any. */
import { assert, it } from "@effect/vitest"
import { type Attached, Viewers } from "../../src/relay/session/Viewers.ts"
import type { LiveCache } from "../../src/relay/stream/StreamSession.ts"

const viewer = () => ({ reading: [] }) as unknown as Attached

it("newest packets are kept from the first viewer on until the last one has left", () => {
  const cache = { recent: {}, reads: {} } as LiveCache
  const told: Array<string> = []
  const viewers = new Viewers(cache, (change, count) => told.push(`${change} ${count}`))
  const [one, other, stranger] = [viewer(), viewer(), viewer()]
  assert.deepStrictEqual([viewers.recent, viewers.reads], [undefined, undefined])
  viewers.attach(one)
  viewers.attach(other)
  viewers.detach(one)
  viewers.detach(one)
  viewers.detach(stranger)
  assert.deepStrictEqual([viewers.recent, viewers.reads], [cache.recent, cache.reads])
  viewers.detach(other)
  assert.deepStrictEqual([viewers.recent, viewers.reads], [undefined, undefined])
  assert.deepStrictEqual(told, ["ViewerAttached 1", "ViewerAttached 2", "ViewerLeft 1", "ViewerLeft 0"])
})
