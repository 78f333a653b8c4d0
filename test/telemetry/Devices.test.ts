/** What is said of devices: where they are mounted, their space, what the relay does to them and what they do to it. */
import { mkdirSync, readFileSync, statfsSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { readiness } from "../../src/admin/Readiness.ts"
import { Devices } from "../../src/telemetry/Devices.ts"
import * as Mounts from "../../src/telemetry/Mounts.ts"
import { Patient } from "../../src/telemetry/Patient.ts"
import * as Script from "../../src/testing/Script.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import * as Local from "../edge/Local.ts"
import { withStore } from "../storage/stores.ts"
import * as Process from "../support/process.ts"
import { temporaryDirectory } from "../support/relays.ts"
import { samplesOf, textOf } from "./readings.ts"

const bytes = (count: number) => Buffer.alloc(count, 1)

describe("mounts", () => {
  const lines = [
    "22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw",
    "30 22 0:25 / /mnt/with\\040space rw - tmpfs some\\040where rw",
    "31 22 259:1048575 /sub /srv/traces rw - xfs /dev/nvme0n1 rw",
    "32 22 259:1048575 / /other rw - xfs /dev/nvme0n1 rw",
    ""
  ].join("\n")
  const mounts = Mounts.parse(lines)

  it("are read with their escapes, and devices as stat numbers them", () => {
    assert.deepStrictEqual(mounts[1], {
      mountpoint: "/mnt/with space",
      device: 25,
      fileSystem: "tmpfs",
      source: "some where"
    })
    assert.strictEqual(mounts[0]?.device, (254 << 8) | 1)
    // makedev(3): the upper bits of the minor number lie above those of the major.
    assert.strictEqual(mounts[2]?.device, 2 ** 20 * 0xfff + (259 << 8) + 0xff)
  })

  it("are found by device, on the way to the path where it goes through one of them", () => {
    const device = mounts[2]?.device ?? 0
    assert.strictEqual(Mounts.find(mounts, device, "/other/x", false)?.mountpoint, "/other")
    assert.strictEqual(Mounts.find(mounts, device, "/srv/traces", false)?.mountpoint, "/srv/traces")
    assert.strictEqual(Mounts.find(mounts, device, "/srv/tracesandmore", false)?.mountpoint, "/srv/traces")
    assert.strictEqual(Mounts.find(mounts, 77, "/mnt/with space/a", true)?.mountpoint, "/mnt/with space")
    assert.isUndefined(Mounts.find(mounts, 77, "/mnt/with space/a", false))
  })

  it("of this machine have the device of each of its directories that is a mount point", () => {
    const all = Mounts.parse(readFileSync("/proc/self/mountinfo", "utf8"))
    for (const path of ["/proc", "/dev", "/sys"]) {
      const own = all.filter(({ mountpoint }) => mountpoint === path)
      if (own.length > 0)
        assert.include(
          own.map(({ device }) => device),
          statSync(path).dev
        )
    }
  })
})

describe("a question to the system", () => {
  it.live("that is not answered is put once, and nobody waits for it long", () =>
    Effect.gen(function* () {
      let askedCount = 0
      const answers: Array<(value: number) => void> = []
      const patient = new Patient(() => {
        askedCount++
        return new Promise<number>((resolve) => answers.push(resolve))
      })
      const several = yield* Effect.all([patient.ask, patient.ask, patient.ask], { concurrency: "unbounded" })
      assert.deepStrictEqual(several, [undefined, undefined, undefined])
      assert.strictEqual(askedCount, 1)
      const again = yield* Effect.forkChild(patient.ask, { startImmediately: true })
      answers[0]?.(7)
      assert.strictEqual(yield* Fiber.join(again), 7)
      assert.strictEqual(askedCount, 1)
    })
  )
})

describe("the devices of a relay", () => {
  it.live("begin with that of the output, which need not be there, with its space as df says it", () =>
    Effect.gen(function* () {
      const devices = new Devices(join(tmpdir(), "not", "yet"))
      const [own] = yield* devices.read({ devices: [], errors: [{ code: "EACCES", count: 2 }] })
      assert.deepInclude(own, { isOutput: true, id: statSync(tmpdir()).dev, operationsInFlight: 0 })
      assert.deepStrictEqual(own?.errors, [{ code: "EACCES", count: 2 }])
      const { stdout } = yield* Process.run("df", ["--output=target,size", "-B1", tmpdir()])
      const [target, size] = stdout.trim().split("\n").at(-1)?.trim().split(/\s+/) ?? []
      assert.strictEqual(own?.mountpoint, target)
      assert.strictEqual(own?.totalBytes, Number(size))
    })
  )

  it.live("count what is written to them by the way it went, and how long that took", () =>
    Effect.gen(function* () {
      const both = [
        [false, "quick"],
        [true, "careful"]
      ] as const
      for (const [isDisk, way] of both) {
        yield* withStore({ isDisk }, ({ faults, store }) =>
          Effect.gen(function* () {
            const file = yield* store.directory("s").create("", "f", false)
            const figures = store.pool.figures.of(file.device)
            if (isDisk) faults.slow("20 millis")
            if (isDisk) yield* file.write([bytes(700), bytes(300)], 0)
            else assert.strictEqual(file.writeNow(bytes(1000), 0, 1000, 0), 1000)
            assert.strictEqual(figures.writtenBytes[way], 1000)
            assert.strictEqual(figures.lastWrite, way)
            assert.strictEqual(figures.micros.write.count, 1)
            if (isDisk) assert.isAtLeast(figures.micros.write.sum, 15_000)
            yield* file.read(bytes(10), 0)
            assert.strictEqual(figures.micros.read.count, 1)
          })
        )
      }
    })
  )

  it.live("are not those of files that an edge's relay keeps nowhere", () =>
    Effect.gen(function* () {
      const relay = yield* TestRelay.make()
      const { edge, ...local } = yield* Local.start(relay)
      const { c, d } = yield* Script.make(local, relay.output, () => {}).recording()
      yield* d.packet(yield* c.addStream(), 0, 16)
      yield* until("the packet to be heard", edge.relay.counters, ({ packetCount }) => packetCount === 1)
      assert.deepStrictEqual((yield* edge.relay.devices).devices, [])
      const { openFileCount, streamCount } = yield* edge.relay.counters
      assert.deepStrictEqual({ openFileCount, streamCount }, { openFileCount: 0, streamCount: 1 })
      yield* c.close
      yield* d.close
    })
  )

  it.live("show what hangs while it hangs: since when, how much, how many wait behind it", () =>
    withStore({ isDisk: true, deviceOperationCountMax: 2 }, ({ faults, store }) =>
      Effect.gen(function* () {
        const file = yield* store.directory("s").create("", "f", false)
        const figures = store.pool.figures.of(file.device)
        const release = yield* Effect.sync(() => faults.stall())
        const writing = yield* Effect.forEach([0, 1, 2, 3, 4], (at) =>
          Effect.forkChild(file.write([bytes(100)], at * 100), { startImmediately: true })
        )
        yield* Effect.sleep("30 millis")
        assert.strictEqual(figures.operationsInFlight, 2)
        assert.strictEqual(store.pool.devices.waitingCount(file.device), 3)
        assert.strictEqual(figures.bytesInFlight, 500)
        assert.isAtLeast(figures.oldestMillis, 25)
        assert.strictEqual(figures.micros.write.count, 0)
        yield* release
        for (const one of writing) yield* Fiber.join(one)
        assert.strictEqual(figures.operationsInFlight, 0)
        assert.strictEqual(figures.bytesInFlight, 0)
        assert.strictEqual(figures.oldestMillis, 0)
        assert.strictEqual(figures.micros.write.count, 5)
      })
    )
  )

  it.live("count failures by code, but not the answers that there is no such file", () =>
    withStore({ isDisk: true }, ({ faults, store }) =>
      Effect.gen(function* () {
        const directory = store.directory("s")
        const file = yield* directory.create("", "f", false)
        const figures = store.pool.figures.of(file.device)
        faults.fail({ code: "EIO", operation: "write" })
        yield* Effect.flip(file.write([bytes(1)], 0))
        yield* Effect.flip(file.write([bytes(1)], 0))
        assert.deepStrictEqual([...figures.errors], [["EIO", 2]])
        assert.strictEqual(figures.bytesInFlight, 0)
        yield* Effect.flip(directory.open("", "absent", "read"))
        faults.fail({ code: "ENOSPC", operation: "mkdir" })
        yield* Effect.flip(store.directory("t").create("u", "f", false))
        assert.deepStrictEqual([...store.pool.figures.errors], [["ENOSPC", 1]])
      })
    )
  )

  it("have a series each, also two that are mounted at one place", () => {
    const count = { counts: [0, 0, 0, 0, 1], sum: 9, count: 1 }
    const none = { counts: [], sum: 0, count: 0 }
    const device = (id: number) => ({
      id,
      mountpoint: "/traces",
      fileSystem: "ext4",
      source: "x",
      isOutput: false,
      writtenBytes: { quick: id, careful: 0 },
      bytesInFlight: 0,
      operationsInFlight: 1,
      operationsWaiting: 2,
      oldestMillis: 1500,
      micros: { write: count, read: none, sync: none },
      errors: [{ code: "EIO", count: 3 }],
      freeBytes: 7
    })
    const text = textOf(samplesOf([], { devices: [device(1), device(2)] }))
    assert.include(text, 'lttng_relay_device_written_bytes_total{mountpoint="/traces",path="quick"} 1\n')
    assert.include(text, 'lttng_relay_device_written_bytes_total{mountpoint="device 2",path="quick"} 2\n')
    assert.include(
      text,
      'lttng_relay_file_latency_seconds_bucket{mountpoint="/traces",operation="write",le="0.000016"} 1'
    )
    assert.notInclude(text, 'operation="read"')
    assert.include(text, 'lttng_relay_file_errors_total{mountpoint="/traces",code="EIO"} 3\n')
    assert.include(text, 'lttng_relay_device_oldest_operation_seconds{mountpoint="/traces"} 1.5\n')
    const series = text
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map((line) => line.replace(/ \S+$/, ""))
    assert.strictEqual(new Set(series).size, series.length)
  })
})

describe("the output directory", () => {
  const facts = { freeBytes: 2 ** 30, openDescriptors: 9, descriptorLimit: 999, isDraining: false, sessionCount: 0 }
  for (const [what, code, make] of [
    ["is there", undefined, (at: string) => mkdirSync(at)],
    ["will be made", undefined, () => undefined],
    ["is a link that leads to itself", "ELOOP", (at: string) => symlinkSync("out", at)],
    ["would be below a file", "ENOTDIR", (at: string) => writeFileSync(at, "")]
  ] as const) {
    it.live(`that ${what} makes the relay ${code === undefined ? "ready" : `not ready: ${code}`}`, () =>
      Effect.gen(function* () {
        const at = join(yield* temporaryDirectory("output"), "out")
        make(at)
        const outputFault = yield* new Devices(join(at, "below")).outputFault
        assert.strictEqual(outputFault, code)
        const { isReady, checks } = readiness({ ...facts, ...(outputFault !== undefined && { outputFault }) }, [])
        assert.strictEqual(isReady, code === undefined)
        assert.match(checks[0]?.detail ?? "", code === undefined ? /bytes free/ : new RegExp(code))
      })
    )
  }
  it("makes the relay not ready where it has room for few more files, or bytes, or descriptors", () => {
    const isReady = (more: Parameters<typeof readiness>[0] | object) => readiness({ ...facts, ...more }, []).isReady
    assert.deepStrictEqual([{}, { freeFileCount: 256 }, { freeFileCount: 255 }, { freeBytes: 0 }].map(isReady), [
      true,
      true,
      false,
      false
    ])
    const descriptors = [984, 985].map((openDescriptors) => ({ openDescriptors, descriptorLimit: 1000 }))
    assert.deepStrictEqual(descriptors.map(isReady), [true, false])
    const [disk] = readiness({ ...facts, freeFileCount: 3 }, []).checks
    assert.match(disk?.detail ?? "", /bytes free, room for 3 more files/)
  })
  it.live("has the count of files that statfs says", () =>
    Effect.gen(function* () {
      const [own] = yield* new Devices("/dev/shm").read({ devices: [], errors: [] })
      const { files } = statfsSync("/dev/shm")
      assert.strictEqual(own?.freeFileCount === undefined, files === 0)
    })
  )
})
