/** Edges and relays from seeds; `node test/simulation/edges.ts 10000` lives through more of them. */
import { assert, describe, it } from "@effect/vitest"
import { direct, live, overflowing } from "./edge/EdgeWorld.ts"
import { failingSession, longSession, oneSession, rotatingSession, unpoweredSession, usual } from "./edge/Options.ts"

const batch = 25
/** The script has every byte. */
const byteStep = 61
const operationStep = 7
const oldMinor = 10
const manySteps = 100
const manyStepsSeedCount = 10
/** Its session has rings. */
const ringSeed = 3

describe("an edge, the network and a relay, of which each may be gone at any time", () => {
  const firsts = [1, 26, 51, 76]
  // Twice as many: of some 25 none expires.
  it.each([1, 51, 101, 151])("leave the directory of a relay without them: seeds from %i", (first) => {
    let expiredCount = 0
    for (let seed = first; seed < first + 2 * batch; seed++) {
      try {
        expiredCount += live({ ...usual, seed }).expiredCount
      } catch (cause) {
        throw new Error(`seed ${seed}`, { cause })
      }
    }
    assert.isAbove(expiredCount, 0)
  })

  it.each(firsts)(
    "do so with another edge between, that is gone at any time, too, with its power or without: seeds from %i",
    (first) => {
      let [killCount, powerLossCount] = [0, 0]
      for (let seed = first; seed < first + batch; seed++) {
        try {
          const { middleKillCount, middlePowerLossCount } = live({ ...usual, hasMiddle: true, seed })
          killCount += middleKillCount
          powerLossCount += middlePowerLossCount
        } catch (cause) {
          throw new Error(`seed ${seed}`, { cause })
        }
      }
      assert.isAbove(killCount, 0)
      assert.isAbove(powerLossCount, 0)
    }
  )

  it.each([
    ["a relay and an edge", false],
    ["a relay and edges", true]
  ] as const)("do so where %s are stopped, again and again, and others begin", (_, hasMiddle) => {
    let [relayCount, edgeCount, middleCount] = [0, 0, 0]
    for (let seed = 1; seed <= batch; seed++) {
      try {
        const { edgeStopCount, middleStopCount, relayStopCount } = live({ ...usual, hasMiddle, hasStops: true, seed })
        relayCount += relayStopCount
        edgeCount += edgeStopCount
        middleCount += middleStopCount
      } catch (cause) {
        throw new Error(`seed ${seed}`, { cause })
      }
    }
    assert.isAbove(relayCount, 0)
    assert.isAbove(edgeCount, 0)
    if (hasMiddle) assert.isAbove(middleCount, 0)
  })

  it.each(firsts.slice(0, 2))("do so where the relay syncs, and loses its power, too: seeds from %i", (first) => {
    let count = 0
    for (let seed = first; seed < first + batch; seed++) {
      try {
        const hasStops = seed % 2 === 0
        count += live({ ...usual, hasEdgeKills: false, hasPowerLosses: true, hasStops, seed }).relayPowerLossCount
      } catch (cause) {
        throw new Error(`seed ${seed}`, { cause })
      }
    }
    assert.isAbove(count, 0)
  })

  it("do so for the target beside one whose files cannot be written", () => {
    for (let seed = 1; seed <= batch; seed++) live({ ...usual, hasEdgeKills: false, isFailing: true, seed })
  })

  it("do so whichever operation is the last of an edge between", () => {
    const options = { ...oneSession, tracingCount: 16 }
    const expected = direct(options)
    let killCount = 1
    for (let middleKillAt = 1; killCount > 0; middleKillAt += operationStep) {
      killCount = live({ ...options, hasMiddle: true, middleKillAt }, expected).middleKillCount
      if (killCount === 0) assert.isAbove(middleKillAt, 30)
    }
  })

  it("do so wherever the first connection breaks", () => {
    const expected = direct(oneSession)
    const { passedByteCount } = live(oneSession, expected)
    assert.isAbove(passedByteCount, 4000)
    for (let cutAt = 1; cutAt < passedByteCount; cutAt += byteStep) {
      assert.isAtLeast(live({ ...oneSession, cutAt }, expected).cutCount, 1, `after ${cutAt} bytes`)
    }
  })

  it.each([
    ["a long session", longSession, 300, operationStep],
    ["one that rotates", rotatingSession, 1000, 5 * operationStep],
    ["one that rotates, where its host may lose its power", unpoweredSession, 250, operationStep],
    ["one of two targets, of which one has files that cannot be written", failingSession, 200, operationStep],
    ["one that rotates, of files in rings", { ...rotatingSession, seed: ringSeed }, 1000, 11 * operationStep]
  ] as const)(
    "do so whichever operation is the relay's last while it puts down %s",
    (_, options, operationCountMin, step) => {
      const expected = direct(options)
      let killCount = 1
      for (let killAt = 1; killCount > 0; killAt += step) {
        killCount = live({ ...options, killAt }, expected).relayKillCount
        if (killCount === 0) assert.isAbove(killAt, operationCountMin)
      }
    }
  )

  it("do so with sessions of targets before 2.11, which say where in the output directory", () => {
    let killCount = 0
    // Of relays whose disk is full meanwhile.
    for (const seed of [70, 77, 103]) live({ ...usual, minor: oldMinor, seed })
    for (let seed = 1; seed <= batch; seed++) killCount += live({ ...usual, minor: oldMinor, seed }).relayKillCount
    assert.isAbove(killCount, 0)
    const options = { ...longSession, minor: oldMinor, tracingCount: 30 }
    const expected = direct(options)
    for (let killAt = 1; killCount > 0; killAt += operationStep) {
      killCount = live({ ...options, killAt }, expected).relayKillCount
    }
  })

  it("do so with sessions that are put down anew several times", () => {
    for (let seed = 1; seed <= manyStepsSeedCount; seed++) live({ ...usual, seed, stepCountMax: manySteps })
  })

  it.each([
    ["drop", 8],
    ["stop", 8],
    ["hold", 2]
  ] as const)("lose as many packets of a full spool as they count: %s", (policy, count) => {
    for (let seed = 1; seed <= count; seed++) {
      const { lost, recorded, sent } = overflowing(seed, policy)
      assert.strictEqual(recorded + lost, sent, `seed ${seed}`)
      assert.strictEqual(lost > 0, policy !== "hold", `seed ${seed}`)
    }
  })

  it("are the same again from the same seed", () => {
    for (const seed of [7, 8]) assert.deepStrictEqual(live({ ...usual, seed }), live({ ...usual, seed }))
  })
})
