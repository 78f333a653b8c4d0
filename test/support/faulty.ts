/** Calls on files that fail on request, in any process (`faulty.c`): ours and the installed one alike. */
import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

export type Operation =
  | "open"
  | "look"
  | "write"
  | "read"
  | "mkdir"
  | "rename"
  | "unlink"
  | "rmdir"
  | "truncate"
  | "fsync"

/** Below the output directory: where it is said what fails. */
export const orders = "../fault"

/** Built once per version of its source. */
const library = (): string => {
  const source = fileURLToPath(new URL("./faulty.c", import.meta.url))
  const digest = createHash("sha256").update(readFileSync(source)).digest("hex").slice(0, 12)
  const folder = join(tmpdir(), `lttng-relay-faulty-${digest}`)
  const path = join(folder, "faulty.so")
  if (existsSync(path)) return path
  mkdirSync(folder, { recursive: true })
  const fresh = `${path}.${process.pid}`
  const { status, stderr } = spawnSync("gcc", ["-shared", "-fPIC", "-O2", "-o", fresh, source, "-ldl"])
  if (status !== 0) throw new Error(String(stderr))
  renameSync(fresh, path)
  return path
}

/** Of a process whose calls may fail. */
export const env = (): Readonly<Record<string, string>> => ({ LD_PRELOAD: library() })
