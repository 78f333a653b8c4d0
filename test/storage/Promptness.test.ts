import { assert, describe, it } from "@effect/vitest"
import { Devices, kindOf, slowMillis } from "../../src/storage/Promptness.ts"

const ext4 = 0xef53
const overlay = 0x794c7630
const fuse = 0x65735546

describe("devices written to in the turn that received the bytes", () => {
  it("are known by their file system", () => {
    assert.deepStrictEqual([0x01021994, ext4, overlay].map(kindOf), ["memory", "disk", "disk"])
    assert.deepStrictEqual([fuse, 0x6969].map(kindOf), ["far", "far"])
  })

  it("are memory, always, and a local disk, while no other disk or far device has files open for writing", () => {
    const devices = new Devices()
    const [memory, disk, far] = [
      devices.add(1, "memory"),
      devices.add(2, kindOf(ext4)),
      devices.add(3, kindOf(fuse))
    ] as const
    const prompt = () => [memory, disk, far].map((device) => device.isPrompt(() => 0))
    disk.opened()
    memory.opened()
    assert.deepStrictEqual(prompt(), [true, true, false])
    far.opened()
    far.opened()
    assert.deepStrictEqual(prompt(), [true, false, false])
    far.closed()
    assert.deepStrictEqual(prompt(), [true, false, false])
    far.closed()
    assert.deepStrictEqual(prompt(), [true, true, false])
  })

  it("are the same device however often they are asked for", () => {
    const devices = new Devices()
    assert.strictEqual(devices.add(2, "disk"), devices.add(2, "far"))
    assert.strictEqual(devices.find(2)?.kind, "disk")
    assert.isUndefined(devices.find(3))
  })

  it("rest after a slow write, for longer when it happens again soon, and come back", () => {
    const disk = new Devices().add(1, "disk")
    disk.opened()
    /** How long it rests after a slow write at `now`. */
    const restAfter = (now: number) => {
      assert.isTrue(disk.isPrompt(() => now))
      disk.took(slowMillis, now)
      for (let later = now; ; later++) if (disk.isPrompt(() => later)) return later - now
    }
    disk.took(slowMillis - 1, 1)
    assert.isTrue(disk.isPrompt(() => 1))
    let now = 1000
    const rests = Array.from({ length: 8 }, () => {
      const rest = restAfter(now)
      now += rest + 1
      return rest
    })
    assert.deepStrictEqual(rests, [250, 500, 1000, 2000, 4000, 8000, 8000, 8000])
    assert.strictEqual(restAfter(now + 100_000), 250)
  })

  it("are near although they rest, while no other disk has files open for writing; what is far never is", () => {
    const devices = new Devices()
    const [memory, disk, far] = [devices.add(1, "memory"), devices.add(2, "disk"), devices.add(3, "far")] as const
    const near = () => [memory, disk, far].map((device) => device.isNear)
    disk.opened()
    disk.took(slowMillis, 1000)
    assert.deepStrictEqual([disk.isPrompt(() => 1000), ...near()], [false, true, true, false])
    far.opened()
    assert.deepStrictEqual(near(), [true, false, false])
  })

  it("do not rest when they are memory: a slow write there waits for the machine", () => {
    const memory = new Devices().add(1, "memory")
    memory.opened()
    memory.took(1000, 1000)
    assert.isTrue(memory.isPrompt(() => 1000))
  })
})
