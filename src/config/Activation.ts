/**
 * Sockets that a service manager has bound before it started this command (sd_listen_fds(3)): a connection is taken
 * from the first moment on, and starts what serves it.
 */
import { Result, Schema } from "effect"

/** The sockets that were handed over are not those that are served. */
export class SocketsRefused extends Schema.TaggedError<SocketsRefused>()("SocketsRefused", { reason: Schema.String }) {
  override get message(): string {
    return `sockets of the service manager: ${this.reason}`
  }
}

/** The first one; others follow it. */
const firstDescriptor = 3

/** What systemd calls those that have no name of their own, and systemd-socket-activate all. */
const isUnitName = (name: string): boolean => name === "" || name === "unknown" || name.endsWith(".socket")

/**
 * By name where they have `names`, and otherwise in their order. They are taken out of the environment, so that no
 * child looks for them. Empty: nobody has bound any.
 */
export const take = <Name extends string>(
  env: Record<string, string | undefined>,
  pid: number,
  names: ReadonlyArray<Name>
): Result.Result<ReadonlyMap<Name, number>, SocketsRefused> => {
  const { LISTEN_FDNAMES: named = "", LISTEN_FDS: count = "0", LISTEN_PID: owner } = env
  for (const name of ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"]) delete env[name]
  if (Number(owner) !== pid) return Result.succeed(new Map())
  const refuse = (reason: string) => Result.fail(new SocketsRefused({ reason }))
  const given = named.split(":")
  const isOurs = (name: string): name is Name => (names as ReadonlyArray<string>).includes(name)
  const isNamed = !given.every(isUnitName)
  const most = names.length
  if (!/^\d+$/.test(count) || Number(count) > most) return refuse(`there are ${count}, of at most ${most}`)
  const wrong = isNamed ? given.find((name, index) => !isOurs(name) || given.indexOf(name) !== index) : undefined
  if (wrong !== undefined)
    return refuse(`${wrong || "one without a name"} is not one of ${names.join(", ")}, each once`)
  if (isNamed && given.length !== Number(count)) return refuse(`${count} have ${given.length} names`)
  const known = isNamed ? given.filter(isOurs) : names.slice(0, Number(count))
  return Result.succeed(new Map(known.map((name, index) => [name, firstDescriptor + index] as const)))
}
