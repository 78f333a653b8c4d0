/**
 * Other relays of this machine below the same output directory. Sessions may lie beside theirs, but not what is kept of
 * edges' sessions: a relay that starts would go on with those that another one has open.
 *
 * Each tells of itself by the name of an abstract unix socket, with its process id: across network or process name
 * spaces they do not see each other. The output's disk may hang: it is asked by the runtime's threads.
 */
import { readFileSync, statSync } from "node:fs"
import { realpath, stat } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import { Effect, type Scope } from "effect"
import * as Claim from "../transport/Claim.ts"
import { processName } from "./launch/Handover.ts"

/** The same for all paths that lead there, also if it is not made yet. */
const placeOf = (path: string): Promise<string> =>
  realpath(path).catch(async () => (path === dirname(path) ? path : join(await placeOf(dirname(path)), basename(path))))

/** FNV-1a: such names have room for 107 bytes, and `node:crypto` takes memory. */
const digest = (text: string): string => {
  const mixed = (hash: bigint, byte: number) => BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100_0000_01b3n)
  return Buffer.from(text).reduce(mixed, 0xcbf2_9ce4_8422_2325n).toString(16)
}

const nameOf = async (output: string): Promise<string> => `${processName}/${digest(await placeOf(output))}/`

const ownerOf = (path: string): Promise<number | undefined> =>
  stat(path).then(
    ({ uid }) => uid,
    () => undefined
  )

const journalsOf = (output: string): string => `${output}/.journals`

/** Whether it is a relay of one of the users, who may write there: names can be taken by anybody. */
const isRelay = (pid: string, uids: ReadonlyArray<number | undefined>): boolean => {
  try {
    return (
      readFileSync(`/proc/${pid}/comm`, "utf8").trim() === processName && uids.includes(statSync(`/proc/${pid}`).uid)
    )
  } catch {
    return false
  }
}

/** Tells others of this relay until the scope closes. */
export const announce = (output: string): Effect.Effect<void, never, Scope.Scope> =>
  Effect.flatMap(
    Effect.promise(() => nameOf(output)),
    (name) => Effect.ignore(Claim.claim(`${name}${process.pid}`))
  )

const namesTaken = (): string => {
  try {
    return readFileSync("/proc/net/unix", "utf8")
  } catch {
    return ""
  }
}

/** Process id of another relay that runs there; undefined: there is none. */
export const find = async (output: string): Promise<string | undefined> => {
  const name = ` @${await nameOf(output)}`
  const others = namesTaken()
    .split("\n")
    .flatMap((line) => (line.includes(name) ? [line.slice(line.indexOf(name) + name.length)] : []))
    .filter((pid) => pid !== String(process.pid))
  if (others.length === 0) return undefined
  const uids = [0, process.geteuid?.(), await ownerOf(output), await ownerOf(journalsOf(output))]
  return others.find((pid) => isRelay(pid, uids))
}

/** Why a relay cannot start there; undefined: it can. */
export const complaint = async (output: string): Promise<string | undefined> => {
  if ((await ownerOf(journalsOf(output))) === undefined) return undefined
  const other = await find(output)
  if (other === undefined) return undefined
  return `The output ${output} has sessions of edges, and is that of another relay, process ${other}`
}
