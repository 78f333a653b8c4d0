/** The package as it is published, unpacked into a project of its own beside its dependencies. */
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Effect } from "effect"
import * as Process from "./process.ts"
import * as Relays from "./relays.ts"

const root = fileURLToPath(new URL("../..", import.meta.url))
const tsc = join(root, "node_modules/typescript/bin/tsc")

/** What a program around the relay has besides it. */
const dependencies = ["effect", "@effect/platform-node", "@types/node"]

/** Answers the project's directory. */
export const install = Effect.gen(function* () {
  const home = yield* Relays.temporaryDirectory("package")
  const [source, project] = [join(home, "source"), join(home, "project")]
  const modules = join(project, "node_modules")
  mkdirSync(source)
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
  writeFileSync(join(source, "package.json"), JSON.stringify(manifest))
  for (const name of ["src", "docs", "examples", "packaging"]) {
    cpSync(join(root, name), join(source, name), { recursive: true, filter: (path) => !path.includes("node_modules") })
  }
  const build = ["-p", join(root, "tsconfig.build.json"), "--outDir", join(source, "dist")]
  yield* Process.run(process.execPath, [tsc, ...build], { timeoutSeconds: 300 })
  const pack = ["pack", "--ignore-scripts", "--silent", "--pack-destination", home]
  const { stdout } = yield* Process.run("npm", pack, { cwd: source, timeoutSeconds: 120 })
  mkdirSync(join(modules, "@effect"), { recursive: true })
  mkdirSync(join(modules, "@types"))
  mkdirSync(join(modules, "lttng-relay"))
  const tarball = join(home, stdout.trim().split("\n").at(-1) ?? "")
  yield* Process.run("tar", ["-xzf", tarball, "--strip-components=1", "-C", join(modules, "lttng-relay")])
  for (const name of dependencies) symlinkSync(join(root, "node_modules", name), join(modules, name))
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "project", private: true, type: "module" }))
  cpSync(join(root, "examples"), join(project, "examples"), { recursive: true })
  rmSync(source, { recursive: true })
  return project
})
