/** The patches beside this file: each says what it brings back, and which test finds it. */
import { readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

export interface Patch {
  readonly name: string
  readonly path: string
  readonly test: string
  readonly title: string
}

const folder = fileURLToPath(new URL(".", import.meta.url))

export const patches: ReadonlyArray<Patch> = readdirSync(folder)
  .filter((file) => file.endsWith(".patch"))
  .sort()
  .map((file) => {
    const path = `${folder}${file}`
    const [, test = "", title = ""] = /^Test: (\S+) \| (.+)$/m.exec(readFileSync(path, "utf8")) ?? []
    return { name: file.slice(0, -".patch".length), path, test, title }
  })
