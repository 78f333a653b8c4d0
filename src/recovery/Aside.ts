/**
 * Where a repair leaves what stops readers: beside its place, under a name that they pass over, as babeltrace2 passes
 * over all that begin with a dot. Under another it would be data to them. Pure.
 */
const suffix = ".unreadable"

/** The path under which what is at `path` is set aside. */
export const pathOf = (path: string): string => path.replace(/([^/]+)$/, `.$1${suffix}`)

export const is = (name: string): boolean => name.startsWith(".") && name.endsWith(suffix)
