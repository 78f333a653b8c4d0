/**
 * Which program is the reference: an lttng-relayd that is not ours, which has the same name. What `--version` prints
 * decides: LTTng's say 2.N, ours says the version of this package.
 */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { Misused } from "../src/cli/Misused.ts"
import * as Place from "./Place.ts"

export interface Reference {
  readonly command: string
  readonly version: string
}

const ownVersion = (): string =>
  (JSON.parse(fs.readFileSync(path.join(Place.root, "package.json"), "utf8")) as { readonly version: string }).version

const isExecutable = (file: string): boolean => {
  try {
    fs.accessSync(file, fs.constants.X_OK)
    return fs.statSync(file).isFile()
  } catch {
    return false
  }
}

/** The first line of what it prints, or nothing: then it is no relay daemon. */
const versionOf = (command: string): string => {
  const { status, stdout } = spawnSync(command, ["--version"], { encoding: "utf8", timeout: 10_000 })
  return status === 0 ? (stdout.trim().split("\n")[0] ?? "") : ""
}

const isReference = (version: string): boolean => /^2\.\d+/.test(version) && version !== ownVersion()

/** The program that was named; throws if it is none. */
export const named = (file: string): Reference => {
  const command = path.resolve(file)
  if (!isExecutable(command)) throw new Misused(`${file} is not a program`)
  const version = versionOf(command)
  if (isReference(version)) return { command, version }
  const is = version === ownVersion() ? "our own relay" : "no lttng-relayd of LTTng"
  throw new Misused(`${file} is ${is}: its --version says "${version}", LTTng's say 2.N`)
}

/** The first in `PATH` that is not ours; nothing where there is none at all. Throws where there are only ours. */
export const installed = (searched: string = process.env.PATH ?? ""): Reference | undefined => {
  const commands = searched
    .split(":")
    .map((folder) => path.join(folder, "lttng-relayd"))
    .filter(isExecutable)
  for (const command of commands) {
    const version = versionOf(command)
    if (isReference(version)) return { command, version }
  }
  if (commands.length === 0) return undefined
  const only = `the only lttng-relayd in PATH is ours (${commands[0]}): name LTTng's with --reference PATH, or use --only ours`
  throw new Misused(only)
}
