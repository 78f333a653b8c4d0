/** Connections of a principal that owes bytes: who is held, who is let go, and that it can be held again. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { type Debtor, Debtors } from "../../src/relay/party/Debtors.ts"
import { until } from "../../src/testing/Waiting.ts"

const little = 100

const begin = (count: number) => {
  const debtors = new Debtors()
  const story: Array<string> = []
  const members = Array.from({ length: count }, (_, number): Debtor => {
    const debtor: Debtor = {
      owedMillis: 0,
      hold: () => {
        story.push(`held ${number}`)
        debtors.wait(debtor, 1)
      },
      free: () => story.push(`free ${number}`)
    }
    debtors.enter(debtor)
    return debtor
  })
  return { debtors, members, story }
}

describe("connections of who owes", () => {
  it.live("little are let be; of who owes much all are held, once, and go on in their order", () =>
    Effect.gen(function* () {
      const { debtors, story } = begin(7)
      const all = (what: string) => Array.from({ length: 7 }, (_, number) => `${what} ${number}`)
      debtors.owe(little)
      assert.deepStrictEqual(story, [])
      for (let round = 0; round < 2; round++) {
        debtors.owe(little + 1)
        debtors.owe(1000)
        assert.deepStrictEqual(story.splice(0), all("held"), `round ${round}`)
        yield* until("all to go on", () => story.length === 7)
        assert.deepStrictEqual(story.splice(0), all("free"), `round ${round}`)
      }
    })
  )

  it("that leave while they wait are not waited for: those that come are held again", () => {
    const { debtors, members, story } = begin(2)
    debtors.owe(1000)
    assert.deepStrictEqual(
      members.map((member) => debtors.leave(member)),
      [true, true]
    )
    assert.deepStrictEqual(
      members.map((member) => debtors.leave(member)),
      [false, false]
    )
    for (const member of members) debtors.enter(member)
    story.splice(0)
    debtors.owe(1000)
    assert.deepStrictEqual(story, ["held 0", "held 1"])
    for (const member of members) debtors.leave(member)
  })

  it.live("that leave while others wait keep nobody waiting", () =>
    Effect.gen(function* () {
      const { debtors, members, story } = begin(3)
      debtors.owe(1000)
      for (const member of members.slice(0, 2)) debtors.leave(member)
      yield* until("the last to go on", () => story.includes("free 2"))
      assert.deepStrictEqual(story.slice(3), ["free 2"])
    })
  )
})
