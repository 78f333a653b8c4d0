/** A whole site vanishes, and comes back: each session is compared with those of its own name only. */
import { assert, describe, it } from "@effect/vitest"
import { type Mortal, Vanished } from "../../src/relay/session/Vanished.ts"

const make = (id: number, hostname: string, looked: () => void, ended: (id: number) => void): Mortal => {
  const session = {
    id,
    identity: { hostname, sessionName: "demo" } as Mortal["identity"],
    siblings: new Set<never>(),
    createdMillis: id,
    heardMillis: id,
    get isStalled() {
      looked()
      return id < 10_000
    },
    abort: () => ended(id)
  }
  return session
}

/** How many sessions are looked at while `count` hosts vanish, and while they come back. */
const lookCounts = (count: number) => {
  let lookCount = 0
  const ended: Array<number> = []
  const vanished = new Vanished()
  const all = (from: number) =>
    Array.from({ length: count }, (_, index) =>
      make(
        from + index,
        `web${index}`,
        () => lookCount++,
        (id) => ended.push(id)
      )
    )
  const old = all(0)
  for (const session of old) vanished.begun(session)
  for (const session of old) vanished.look(session)
  assert.deepStrictEqual(ended, [])
  for (const session of all(10_000)) vanished.begun(session)
  assert.deepStrictEqual(
    ended,
    old.map(({ createdMillis }) => createdMillis)
  )
  return lookCount
}

describe("sessions of targets that vanished", () => {
  it("end when their host's next session begins; how many others there are does not matter", () => {
    assert.strictEqual(lookCounts(400), 4 * lookCounts(100))
  })

  it("are looked at once each when all of one name fall silent at once", () => {
    const count = 100
    let lookCount = 0
    const vanished = new Vanished()
    const all = Array.from({ length: count }, (_, id) => ({
      id,
      identity: { hostname: "board", sessionName: "demo" } as Mortal["identity"],
      isStalled: false,
      siblings: new Set<never>(),
      get createdMillis() {
        lookCount++
        return id
      },
      heardMillis: count,
      abort: () => assert.fail("nobody has come since")
    }))
    for (const each of all) vanished.begun(each)
    for (const each of all) each.isStalled = true
    for (const each of all) vanished.look(each)
    assert.isAtMost(lookCount, count)
  })

  it("end whatever the ids are: where access rules hold, those are in no order", () => {
    const ended: Array<string> = []
    const session = (id: number, isStalled: boolean, millis: number, name: string) => {
      const identity = { hostname: "web", sessionName: "demo" } as Mortal["identity"]
      const abort = () => void ended.push(name)
      return { id, identity, isStalled, siblings: new Set<never>(), createdMillis: millis, heardMillis: millis, abort }
    }
    for (const [older, younger] of [
      [1, 2],
      [2, 1]
    ] as const) {
      const vanished = new Vanished()
      vanished.begun(session(older, true, 1, `begun before ${younger}`))
      vanished.begun(session(younger, false, 2, "young"))
      const silent = session(older, true, 1, `silent before ${younger}`)
      const other = new Vanished()
      other.begun(silent)
      other.begun({ ...session(younger, false, 2, "young") })
      other.look(silent)
    }
    assert.deepStrictEqual(
      new Set(ended),
      new Set(["begun before 2", "silent before 2", "begun before 1", "silent before 1"])
    )
  })

  it("are forgotten when they end", () => {
    const ended: Array<number> = []
    const vanished = new Vanished()
    const old = make(
      1,
      "web",
      () => undefined,
      (id) => ended.push(id)
    )
    vanished.begun(old)
    vanished.ended(old)
    vanished.begun(
      make(
        10_001,
        "web",
        () => undefined,
        (id) => ended.push(id)
      )
    )
    assert.deepStrictEqual(ended, [])
  })
})
