/**
 * The name of a session that is played once more to a relay which forgot it.
 * Goal: another directory at any relay that is told which one it is, and else what the tracer said.
 */
import { assert, it } from "@effect/vitest"
import { Result } from "effect"
import { command } from "../../src/edge/forwarding/Greeting.ts"
import { beside } from "../../src/edge/forwarding/plain/Beside.ts"
import { sessionPath } from "../../src/model/Path.ts"
import { sessionTime } from "../../src/model/Time.ts"
import * as CreateSession from "../../src/protocol/control/CreateSession.ts"
import * as Header from "../../src/protocol/Header.ts"
import { session } from "./created.ts"

const again = (count: number, more: object = {}, minor = 13) => {
  const said = command(CreateSession.number, CreateSession.request(minor).encode({ ...session, ...more }))
  return beside(Buffer.from(said), minor, count)
}

/** What differs from what the tracer said, and the directory. */
const changed = (more: object, minor = 13) => {
  const { command: bytes, name } = again(2, more, minor) ?? { command: Buffer.alloc(0), name: "" }
  const request = Result.getOrThrow(CreateSession.request(minor).decode(bytes.subarray(Header.size)))
  assert.strictEqual(Number(bytes.readBigUInt64BE(Header.offsets.dataSize)), bytes.length - Header.size)
  const before = Object.entries({ ...session, ...more })
  const others = before.filter(([key, value]) => request[key as keyof typeof request] !== value).map(([key]) => key)
  const groups = (["host", "session"] as const).map((grouping) =>
    sessionPath({ ...request, creationTime: session.creationTime }, grouping)
  )
  return { name, others, groups }
}

it("is the tracer's with the number of attempts before, or its base path is, which takes its place", () => {
  const at = sessionTime(session.creationTime)
  assert.deepStrictEqual(changed({}), {
    name: "s-2",
    others: ["sessionName"],
    groups: [`h/s-2-${at}`, `s-2/h-${at}`]
  })
  const timed = { sessionName: `auto-${at}`, nameContainsCreationTime: true }
  assert.deepStrictEqual(changed(timed, 15).groups, [`h/auto-${at}-2`, `auto-${at}-2/h-${at}`])
  assert.deepStrictEqual(changed({ basePath: "a/b/" }), {
    name: "a/b-2",
    others: ["basePath"],
    groups: ["h/a/b-2", `s/h-${at}/a/b-2`]
  })
})

it("is no longer than one may be", () => {
  const { name } = changed({ sessionName: "ü".repeat(127) })
  assert.strictEqual(name, `${"ü".repeat(126)}-2`)
})

it("is the tracer's the first time, and where that names no directory", () => {
  assert.isUndefined(again(0))
  assert.isUndefined(again(2, {}, 10))
})
