/**
 * Sockets that a service manager has bound before it started this command (sd_listen_fds(3)): a connection is taken
 * from the first moment on, and starts what serves it.
 */

/** The first one; others follow it. */
const firstDescriptor = 3

/**
 * By name where each has one of `names`, and otherwise in their order. They are taken out of the environment, so that
 * no child looks for them. Empty: nobody has bound any.
 */
export const take = <Name extends string>(
  env: Record<string, string | undefined>,
  pid: number,
  names: ReadonlyArray<Name>
): ReadonlyMap<Name, number> => {
  const { LISTEN_FDNAMES: named = "", LISTEN_FDS: count, LISTEN_PID: owner } = env
  for (const name of ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"]) delete env[name]
  if (Number(owner) !== pid) return new Map()
  const descriptors = Array.from({ length: Number(count) || 0 }, (_, index) => firstDescriptor + index)
  const given = named.split(":")
  const isNamed = descriptors.length > 0 && descriptors.every((_, index) => names.includes(given[index] as Name))
  const known: ReadonlyArray<string> = isNamed ? given : names
  return new Map(
    descriptors.slice(0, names.length).map((descriptor, index) => [known[index] as Name, descriptor] as const)
  )
}
