/** The faults that were fixed can still be brought back; `prove.ts` does, and sees the suite go red with each. */
import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, it } from "@effect/vitest"
import { patches } from "./patches.ts"

const root = fileURLToPath(new URL("../..", import.meta.url))

it.each(patches)("$name still says where the fault was, and names a test", ({ path, test, title }) => {
  const { status, stderr } = spawnSync("git", ["apply", "--check", path], { cwd: root, encoding: "utf8" })
  assert.strictEqual(status, 0, stderr)
  assert.isTrue(existsSync(join(root, test)), test)
  assert.isNotEmpty(title)
})
