/**
 * TCP's congestion control on loopback: the system's, or another, in a network namespace that all of the bench begins
 * again in.
 *
 * BBR sends by a timer for every 64 KiB. Between two machines nobody notices; on loopback a sender of large packets
 * spends more of its processor on timers than on the bytes, and there is less left for the relay beside it.
 */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as Process from "./Process.ts"

/** In the namespace: what was asked for. */
const variable = "BENCH_TCP"

const system = (name: string): string => {
  try {
    return fs.readFileSync(`/proc/sys/net/ipv4/${name}`, "utf8").trim()
  } catch {
    return "unknown"
  }
}

export const current = (): string => process.env[variable] ?? system("tcp_congestion_control")

/** The reason it cannot be that one, if there is one. */
export const missing = (name: string): string | undefined => {
  const known = system("tcp_available_congestion_control").split(" ")
  if (!known.includes(name)) return `this kernel has ${known.join(", ")}`
  const absent = ["ip", "unshare"].filter((tool) => !Process.has(tool))
  if (absent.length > 0) return `${absent.join(", ")} not installed`
  return spawnSync("unshare", ["--net", "true"]).status === 0 ? undefined : "a network namespace needs root"
}

/** Namespaces have no setting for what the system does not let everybody use: it is a property of the routes. */
const script = `set -e
ip link set lo up
for net in 127.0.0.0/8 127.0.0.1; do
  ip route change local $net dev lo table local proto kernel scope host src 127.0.0.1 congctl "$${variable}"
done
exec "$@"`

/** Begins this program again where it is that one; returns if it is already. */
export const enter = (name: string): void => {
  if (process.env[variable] === name) return
  const again = [process.execPath, ...process.execArgv, ...process.argv.slice(1)]
  const args = ["sh", "-c", 'exec unshare --net sh -c "$0" sh "$@"', script, ...again]
  process.execve?.("/bin/sh", args, { ...process.env, [variable]: name })
}
