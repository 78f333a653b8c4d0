/** Directories that may have the same packets are found among those that cannot, however many these are. */
import { assert, describe, it } from "@effect/vitest"
import { SessionPackets } from "../../src/recovery/SessionPackets.ts"

type Trace = Parameters<SessionPackets["add"]>[0]

/** Traces of one stream, each with all of the same packets; and how often times were compared. */
const looked = (paths: ReadonlyArray<string>) => {
  let compareCount = 0
  const time = (value: bigint) =>
    Object.freeze({
      valueOf: () => {
        compareCount++
        return value
      }
    })
  const packets = new SessionPackets()
  for (const path of paths) {
    const own = { trace: "uuid", streamId: 0n, streamInstanceId: 0n, packetSeqNum: 1n }
    const scanned = [1n, 2n].map((at) => ({ ...own, timestampBegin: time(at) }))
    packets.add({ path, files: [{ scan: { packets: scanned } }] } as unknown as Trace)
  }
  return { ...packets.look(), compareCount }
}

const trace = "ust/uid/0/64-bit"
const snapshots = (count: number) =>
  Array.from({ length: count }, (_, number) => `host/s/snapshot-1-20260101-000000-${number}/${trace}`)

describe("the same packets in several directories", () => {
  it("are not sought in each two snapshots of a session, which may have them", () => {
    const few = looked(snapshots(200))
    assert.deepStrictEqual([few.findings, few.suspicions], [[], []])
    assert.isBelow(looked(snapshots(1000)).compareCount, 10 * few.compareCount)
  })

  it("are told of a snapshot and a copy, and of what is no snapshot", () => {
    for (const place of ["copy", "acopy"]) {
      const { findings } = looked([...snapshots(3), `${place}/s/${trace}`])
      assert.deepStrictEqual(
        findings.map(({ code }) => code),
        ["packets-twice", "packets-twice", "packets-twice"]
      )
    }
    const chunk = (number: number) => `host/s/archives/20260101T000000+0000-20260101T000001+0000-${number}/${trace}`
    const { findings, suspicions } = looked([chunk(0), chunk(1), chunk(2)])
    assert.deepStrictEqual(findings, [])
    assert.deepStrictEqual([...(suspicions[0]?.traces ?? [])].sort(), [chunk(0), chunk(1), chunk(2)])
  })
})
