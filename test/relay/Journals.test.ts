/** Which journal a session came by: known for as long as both are there. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { Remembered } from "../../src/model/Remembered.ts"
import { CommonMemory, Holding } from "../../src/relay/journal/CommonMemory.ts"
import { type Journal, Journals } from "../../src/relay/journal/Journals.ts"
import { Random } from "../support/Random.ts"

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
  firsts: new Map(),
  leave: () => false,
  failed: () => undefined,
  records: () => undefined,
  names: () => undefined,
  stop: () => undefined,
  released: Effect.void
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
  for (let count = 0; count < 4096; count++) assert.deepStrictEqual(journals.finish(`${count}`, "one"), [])
  assert.deepStrictEqual(journals.finish("4096", "one"), ["0"])
  assert.deepStrictEqual(
    ["0", "1", "4096"].map((token) => journals.isFinished(token)),
    [false, true, true]
  )
  for (let count = 0; count < 4096; count++) assert.deepStrictEqual(journals.end(`${count}`, "one"), [])
  assert.deepStrictEqual(journals.end("4096", "one"), ["0"])
  assert.deepStrictEqual(
    ["0", "1", "4096"].map((token) => journals.isEnded(token)),
    [false, true, true]
  )
})

it("one that is revived has its place from when its files are open, and until it ends", () => {
  const journals = new Journals()
  const isOneMore = () => journals.room.admits({ standing, isOutside: true }, 2)
  journals.expire("a", "")
  journals.expire("b", "")
  for (const token of ["a", "b"]) journals.reviving.add(token)
  assert.isFalse(isOneMore())
  for (const token of ["a", "b"]) {
    journals.open.set(token, journalOf(token, []))
    journals.revive(token)
    journals.reviving.delete(token)
    assert.isFalse(isOneMore(), token)
  }
  for (const token of ["a", "b"]) journals.close(journalOf(token, []))
  assert.isTrue(isOneMore())
})

it("those whose edges know that they are over take no place from others", () => {
  const journals = new Journals()
  journals.finish("away", "one")
  journals.end("cut", "one")
  for (let count = 0; count < 5000; count++) {
    assert.deepStrictEqual([journals.finish(`${count}`, "one"), journals.end(`${count}`, "one")], [[], []])
    journals.forget(`${count}`)
  }
  assert.isTrue(journals.isFinished("away") && journals.isEnded("cut"))
  assert.isFalse(journals.isFinished("4999") || journals.isEnded("4999"))
})

it("nobody has others' journals forgotten that are over, however many of its own are", () => {
  const journals = new Journals()
  const kept = ["a", "b", "c"]
  for (const token of kept) {
    journals.finish(token, "fair")
    journals.end(token, "fair")
    journals.expire(token, "fair")
  }
  for (let count = 0; count < 6000; count++) {
    journals.finish(`${count}`, "unfair")
    journals.end(`${count}`, "unfair")
    journals.expire(`${count}`, "unfair")
  }
  for (const token of kept) {
    assert.isTrue(journals.isFinished(token) && journals.isEnded(token) && journals.isExpired(token), token)
  }
  assert.isFalse(journals.isFinished("0") || journals.isEnded("0") || journals.isExpired("0"))
  // Who is late is remembered, too.
  assert.notInclude(journals.finish("d", "fair"), "d")
  assert.isTrue(journals.isFinished("d"))
})

it("of journals that are over, at most so many are remembered: of the owner with most the oldest goes", () => {
  const owners = ["one", "two", "three"]
  for (let seed = 1; seed <= 50; seed++) {
    const by = new Random(seed)
    const countMax = by.between(1, 12)
    const remembered = new Remembered(countMax)
    let model: Array<readonly [token: string, owner: string]> = []
    for (let step = 0; step < 200; step++) {
      const token = `${by.below(40)}`
      if (by.chance(0.2)) {
        remembered.delete(token)
        model = model.filter(([each]) => each !== token)
        continue
      }
      const owner = by.pick(["one", ...owners])
      const gone = remembered.add(token, owner)
      if (!model.some(([each]) => each === token)) model.push([token, owner])
      const counts = owners.map((each) => model.filter(([, of]) => of === each).length)
      const most = owners.filter((_, index) => counts[index] === Math.max(...counts))
      const over = model.length > countMax ? model.find(([, of]) => most.includes(of)) : undefined
      model = model.filter((each) => each !== over)
      assert.deepStrictEqual(gone, over === undefined ? [] : [over[0]])
      for (let each = 0; each < 40; each++) {
        assert.strictEqual(
          remembered.has(`${each}`),
          model.some(([known]) => known === `${each}`)
        )
      }
    }
  }
})

it("of memory in common each owner may have half of what others leave, and what it gave back is there", () => {
  const memory = new CommonMemory(1024)
  const [greedy, other, late] = ["greedy", "greedy", "late"].map((owner) => new Holding(memory, () => owner))
  greedy?.set(300)
  assert.isFalse(greedy?.isTooMuch)
  other?.set(300)
  assert.isTrue(greedy?.isTooMuch && other?.isTooMuch)
  late?.set(100)
  assert.isFalse(late?.isTooMuch)
  other?.set(0)
  assert.isFalse(greedy?.isTooMuch || other?.isTooMuch)
  assert.strictEqual(memory.heldBytes, 400)
  // Who has nothing of it has not too much, even if all is taken.
  greedy?.set(1024)
  assert.isTrue(greedy?.isTooMuch)
  assert.isFalse(other?.isTooMuch)
  for (const each of [greedy, late]) each?.set(0)
  assert.strictEqual(memory.heldBytes, 0)
})

it("of those that wait for more than they hold one goes on, whoever they are", () => {
  const memory = new CommonMemory(100)
  const all = Array.from({ length: 4 }, () => new Holding(memory, () => "one"))
  const going = new Set<Holding>()
  const claim = (holding: Holding, count: number) => {
    going.delete(holding)
    if (holding.claim(count, () => going.add(holding))) going.add(holding)
  }
  for (const holding of all) claim(holding, 30)
  assert.strictEqual(going.size, 2)
  // Each behind what it held comes something longer, until all have had their turns.
  return Effect.gen(function* () {
    const had = new Map<Holding, number>()
    for (let round = 0; round < 40; round++) {
      const [next] = going
      assert.isDefined(next, `round ${round}`)
      if (next === undefined) return
      had.set(next, (had.get(next) ?? 0) + 1)
      claim(next, 31 + round)
      yield* Effect.yieldNow
    }
    assert.isAtLeast(Math.min(...all.map((holding) => had.get(holding) ?? 0)), 1)
    for (const holding of all) holding.set(0)
    assert.strictEqual(memory.heldBytes, 0)
  }).pipe(Effect.runPromise)
})

it("memory in common is given back to whom it was taken for, whoever has it then", () => {
  const memory = new CommonMemory(1000)
  let owner = "one"
  const holding = new Holding(memory, () => owner)
  holding.set(600)
  assert.isTrue(memory.isSpentBy("one"))
  owner = "two"
  holding.set(601)
  assert.isFalse(memory.isSpentBy("one"))
  assert.isTrue(memory.isSpentBy("two"))
})
