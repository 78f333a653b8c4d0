/** Names to try if a name is taken: `name`, `name-1`, `name-2`, … Pure. */

/** Longest name of a directory on the usual file systems. */
const nameBytesMax = 255

/** As many whole characters of `name` as fit into `bytesMax` bytes. */
export const cut = (name: string, bytesMax: number): string => {
  let end = name
  while (Buffer.byteLength(end) > bytesMax) end = end.slice(0, -1)
  return end
}

/** `path` with the number behind its last name; slashes at its end stay there. */
export const withSuffix = (path: string, number: number): string => {
  if (number === 0) return path
  const [, parent = "", name = "", slashes = ""] = /^(.*\/)?([^/]+)(\/*)$/s.exec(path) ?? []
  const suffix = `-${number}`
  return `${parent}${cut(name, nameBytesMax - suffix.length)}${suffix}${slashes}`
}

/** The number with which `withSuffix` makes `other` of `path`; undefined: there is none. */
export const suffixOf = (path: string, other: string): number | undefined => {
  const number = other === path ? 0 : Number(/-([1-9]\d*)\/*$/.exec(other)?.[1])
  return Number.isSafeInteger(number) && withSuffix(path, number) === other ? number : undefined
}

/** Two names, the host's directory and one below it, with any `/` and `./` between them; and the rest. */
const headed = /^((?:\.?\/)*(?!\.\/)[^/]+\/(?:\.?\/)*(?!\.(?:\/|$))[^/]+)(.*)$/s
/** Further names up to a doubled slash, which old peers write behind the session's directory; and the rest. */
const doubled = /^((?:\/[^/]+)*)(\/\/.*)$/s

/**
 * Splits a stream's path into the part that may be given another name, and the rest. From 2.11 on the path is within
 * the session's directory, so all of it may be renamed. Older peers name the session's directory themselves: it ends at
 * the first doubled slash, or has two names (storage.md §2.3, §2.4). The host's is never renamed: it would be another
 * host's.
 */
export const splitStreamPath = (path: string, hasChunks: boolean): readonly [own: string, rest: string] => {
  if (hasChunks) return [path, ""]
  const [, head = path, below = ""] = headed.exec(path) ?? []
  const [, deeper = "", rest = below] = doubled.exec(below) ?? []
  return [head + deeper, rest]
}
