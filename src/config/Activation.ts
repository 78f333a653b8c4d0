/**
 * Sockets that a service manager bound before it started this command (sd_listen_fds(3)): connections are accepted from
 * the first moment on, and the first one may start what serves it.
 */
import { Result, Schema } from "effect"

/** The sockets that were handed over are not those that the command serves. */
export class SocketsRefused extends Schema.TaggedError<SocketsRefused>()("SocketsRefused", { reason: Schema.String }) {
  override get message(): string {
    return `sockets of the service manager: ${this.reason}`
  }
}

/** The first socket's descriptor; the others follow it. */
const firstDescriptor = 3

/** Whether this is what systemd calls sockets without a name of their own, and systemd-socket-activate all of them. */
const isUnitName = (name: string): boolean => name === "" || name === "unknown" || name.endsWith(".socket")

/**
 * The sockets' descriptors: by name if the sockets have names, otherwise `names` in their order. Takes the sockets out
 * of the environment, so that no child looks for them. Empty: nobody has bound any.
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
