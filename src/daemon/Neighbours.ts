/**
 * Other relays of this machine below the same output directory. Sessions may lie beside theirs, but not what is kept of
 * edges' sessions: a relay that starts would go on with those that another one has open.
 *
 * Each tells of itself by the name of an abstract unix socket, with its process id: across network or process name
 * spaces they do not see each other.
 */
import { existsSync, readFileSync, realpathSync, statSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { Effect, type Scope } from "effect"
import * as Claim from "../transport/Claim.ts"
import { processName } from "./launch/Handover.ts"

/** The same for all paths that lead there, also if it is not made yet. */
const placeOf = (path: string): string => {
  try {
    return realpathSync(path)
  } catch {
    return path === dirname(path) ? path : join(placeOf(dirname(path)), basename(path))
  }
}

/** FNV-1a: such names have room for 107 bytes, and `node:crypto` takes memory. */
const digest = (text: string): string => {
  const mixed = (hash: bigint, byte: number) => BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100_0000_01b3n)
  return Buffer.from(text).reduce(mixed, 0xcbf2_9ce4_8422_2325n).toString(16)
}

const nameOf = (output: string): string => `${processName}/${digest(placeOf(output))}/`

const ownerOf = (path: string): number | undefined => {
  try {
    return statSync(path).uid
  } catch {
    return undefined
  }
}

const journalsOf = (output: string): string => `${output}/.journals`

/** Whether it is a relay that may write there: names can be taken by anybody. */
const isRelay = (pid: string, output: string): boolean => {
  try {
    const uids = [0, process.geteuid?.(), ownerOf(output), ownerOf(journalsOf(output))]
    return (
      readFileSync(`/proc/${pid}/comm`, "utf8").trim() === processName && uids.includes(statSync(`/proc/${pid}`).uid)
    )
  } catch {
    return false
  }
}

/** Tells others of this relay until the scope closes. */
export const announce = (output: string): Effect.Effect<void, never, Scope.Scope> =>
  Effect.ignore(Claim.claim(`${nameOf(output)}${process.pid}`))

const namesTaken = (): string => {
  try {
    return readFileSync("/proc/net/unix", "utf8")
  } catch {
    return ""
  }
}

/** Process id of another relay that runs there; undefined: there is none. */
export const find = (output: string): string | undefined => {
  const name = ` @${nameOf(output)}`
  return namesTaken()
    .split("\n")
    .flatMap((line) => (line.includes(name) ? [line.slice(line.indexOf(name) + name.length)] : []))
    .find((pid) => pid !== String(process.pid) && isRelay(pid, output))
}

/** Why a relay cannot start there; undefined: it can. */
export const complaint = (output: string): string | undefined => {
  if (!existsSync(journalsOf(output))) return undefined
  const other = find(output)
  if (other === undefined) return undefined
  return `The output ${output} has sessions of edges, and is that of another relay, process ${other}`
}
