/** Which journal a session came by: known for as long as both are there. */
import { assert, it } from "@effect/vitest"
import { type Journal, Journals } from "../../src/relay/journal/Journals.ts"

const standing = { owner: "", waiting: undefined }
const journalOf = (token: string, sessionIds: ReadonlyArray<number>): Journal => ({
  token,
  edgeName: "here",
  peer: undefined,
  suspendedAt: undefined,
  received: 0,
  report: undefined,
  sessionIds: new Set(sessionIds),
  standing,
  isOutside: false,
  places: undefined,
  leave: () => false,
  records: () => undefined,
  stop: () => undefined
})

it("a session is its journal's until it ends, and no other session then", () => {
  const journals = new Journals()
  const journal = journalOf("a", [1, 2])
  journals.open.set("a", journal)
  for (const id of journal.sessionIds) journals.made(id, journal)
  assert.deepStrictEqual(
    [1, 2, 3].map((id) => journals.ofSession(id)?.token),
    ["a", "a", undefined]
  )
  journals.unmade(1)
  assert.deepStrictEqual(
    [1, 2].map((id) => journals.ofSession(id)?.token),
    [undefined, "a"]
  )
  journals.close(journal)
  assert.isUndefined(journals.ofSession(2))
})

it("what is over is known as such among the last 4096", () => {
  const journals = new Journals()
  for (let count = 0; count < 4096; count++) assert.deepStrictEqual(journals.finish(`${count}`), [])
  assert.deepStrictEqual(journals.finish("4096"), ["0"])
  assert.deepStrictEqual(
    ["0", "1", "4096"].map((token) => journals.isFinished(token)),
    [false, true, true]
  )
  for (let count = 0; count < 4096; count++) assert.deepStrictEqual(journals.end(`${count}`), [])
  assert.deepStrictEqual(journals.end("4096"), ["0"])
  assert.deepStrictEqual(
    ["0", "1", "4096"].map((token) => journals.isEnded(token)),
    [false, true, true]
  )
})

it("those whose edges know that they are over take no place from others", () => {
  const journals = new Journals()
  journals.finish("away")
  journals.end("cut")
  for (let count = 0; count < 5000; count++) {
    assert.deepStrictEqual([journals.finish(`${count}`), journals.end(`${count}`)], [[], []])
    journals.forget(`${count}`)
  }
  assert.isTrue(journals.isFinished("away") && journals.isEnded("cut"))
  assert.isFalse(journals.isFinished("4999") || journals.isEnded("4999"))
})
