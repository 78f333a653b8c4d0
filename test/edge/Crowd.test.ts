/** Who is read again only after a moment: many that are within large packets, of which little came at once. */
import { assert, it } from "@effect/vitest"
import { Crowd } from "../../src/edge/tap/Crowd.ts"

const little = 64 * 1024
const much = 512 * 1024

/** Each brings something every millisecond; answers who of them had to rest last. */
const play = (memberCount: number, byteCount: number, restBytes: number, millis = 40) => {
  const crowd = new Crowd()
  const members = Array.from({ length: memberCount }, () => ({ window: 0 }))
  let resting: ReadonlyArray<boolean> = []
  for (let now = 0; now < millis; now++) {
    resting = members.map((member) => crowd.rests(member, now, byteCount, restBytes))
  }
  return { crowd, members, resting }
}

it("several rest while little comes and much is to come", () => {
  assert.deepStrictEqual(play(4, little, much).resting, [true, true, true, true])
})

it("few do not: they wait for their answers", () => {
  assert.deepStrictEqual(play(3, little, much).resting, [false, false, false])
})

it("nobody does of whom much came, or whose packet is soon over", () => {
  assert.isFalse(play(6, much, much).resting.includes(true))
  assert.isFalse(play(6, little, little).resting.includes(true))
})

it("who was there a while ago is no company", () => {
  const { crowd, members } = play(8, little, much)
  const [one] = members
  assert.isTrue(one !== undefined && crowd.rests(one, 41, little, much))
  for (const member of members) crowd.rests(member, 42, little, much)
  assert.isFalse(one !== undefined && crowd.rests(one, 1000, little, much))
  assert.isFalse(one !== undefined && crowd.rests(one, 1011, little, much))
})
