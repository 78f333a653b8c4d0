import { assert, describe, it } from "@effect/vitest"
import { afterEach, beforeEach, vi } from "vitest"
import { RefusalGrace } from "../../src/connection/control/RefusalGrace.ts"

describe("a refused peer", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setImmediate", "clearImmediate"] }))
  afterEach(() => void vi.useRealTimers())

  const make = () => {
    const peer = { isLetGo: false }
    const grace = new RefusalGrace(() => {
      peer.isLetGo = true
    })
    return { peer, grace }
  }

  it("that was quick and says nothing is let go within 0.2 s", () => {
    const { peer, grace } = make()
    grace.answered(1000)
    grace.heard(1000.4)
    grace.refused()
    vi.advanceTimersByTime(200)
    assert.isTrue(peer.isLetGo)
  })

  it("that was slow has longer, but not for ever", () => {
    const { peer, grace } = make()
    grace.answered(1000)
    grace.heard(1010)
    grace.refused()
    vi.advanceTimersByTime(400)
    assert.isFalse(peer.isLetGo)
    vi.advanceTimersByTime(1000)
    assert.isTrue(peer.isLetGo)
  })

  it("that goes on is never let go, however often it is refused", () => {
    const { peer, grace } = make()
    grace.refused()
    vi.advanceTimersByTime(100)
    grace.heard(1100)
    for (let refusal = 0; refusal < 3; refusal++) {
      grace.refused()
      vi.advanceTimersByTime(10_000)
    }
    assert.isFalse(peer.isLetGo)
  })

  it("that went on in the same read is not let go", () => {
    const { peer, grace } = make()
    grace.refused()
    grace.goOn()
    vi.advanceTimersByTime(10_000)
    assert.isFalse(peer.isLetGo)
  })
})
