/** What `.ci/mutations.mjs` takes out to see that tests notice is there: of rules that moved it would prove nothing. */
import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { assert, it } from "@effect/vitest"

const root = fileURLToPath(new URL("../..", import.meta.url))

it("every rule that mutations take out is in the sources", () => {
  const { status, stdout } = spawnSync(process.execPath, [".ci/mutations.mjs", "--list"], {
    cwd: root,
    encoding: "utf8"
  })
  assert.deepStrictEqual([stdout, status], ["", 0])
})
