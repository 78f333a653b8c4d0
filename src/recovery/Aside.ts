/**
 * Where a repair puts what stops readers: beside its place, under a name that begins with a dot. Readers pass over such
 * names, as babeltrace2 does; under any other name it would be data to them. Pure.
 */
const suffix = ".unreadable"

/** The path under which what is at `path` is set aside. */
export const pathOf = (path: string): string => path.replace(/([^/]+)$/, `.$1${suffix}`)

export const is = (name: string): boolean => name.startsWith(".") && name.endsWith(suffix)
