/** Where a trace lies in its session, by its path alone; and what of a session is no trace. */
import { assert, it } from "@effect/vitest"
import * as Repair from "../../src/recovery/Repair.ts"
import { placeOf } from "../../src/recovery/SessionLayout.ts"
import * as Trees from "./trees.ts"

const [begun, ended] = ["20260102T030405+0000", "20260102T030406+0000"]

it.each([
  ["h/s/ust/uid/0/64-bit", "h/s", { behind: 1 }],
  ["h/s/kernel", "h/s", { behind: 1 }],
  ["h/s/.tmp_old_chunk/ust", "h/s", { behind: 1 }],
  ["h/s/.tmp_new_chunk/ust", "h/s", { behind: 2 }],
  [`h/s/${begun}-4/ust`, "h/s", 4],
  [`h/s/archives/${begun}-${ended}-3/ust`, "h/s", 3],
  ["h/s/archives/before/ust", "h/s", undefined],
  // One that was taken out of its session's archives.
  [`${begun}-${ended}-12/ust`, "", 12]
] as const)("%s is of the session %o, and its number is %o", (path, session, number) => {
  assert.deepStrictEqual(placeOf(path), { session, number })
})

it.each(["h/s", "h/s/archives", "h/s/custom/uid"])("%s does not tell", (path) => {
  assert.isUndefined(placeOf(path))
})

it("the empty chunk that an interrupted clear left is removed, not archived", () => {
  const files = Trees.recorded("rotated")
  const paths = [...files.keys()]
  const session = paths.find((path) => path.includes("/archives/"))?.split("/archives/")[0]
  files.set(`${session}/.tmp_old_chunk/ust/uid/`, new Uint8Array())
  const { failures } = Repair.repair(Trees.tree(files), Trees.apply(files))
  assert.deepStrictEqual([failures, [...files.keys()]], [[], paths])
})
