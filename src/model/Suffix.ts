/** Names beside those that are taken: `name`, `name-1`, `name-2`, … Pure. */

/** Longest name of a directory on the usual file systems. */
const nameBytesMax = 255

/** As much of `name` as fits into `bytesMax` bytes, not ending inside a character. */
const cut = (name: string, bytesMax: number): string => {
  let end = name
  while (Buffer.byteLength(end) > bytesMax) end = end.slice(0, -1)
  return end
}

/** The last name of `path` with the number; slashes at its end stay there. */
export const withSuffix = (path: string, number: number): string => {
  if (number === 0) return path
  const [, parent = "", name = "", slashes = ""] = /^(.*\/)?([^/]+)(\/*)$/s.exec(path) ?? []
  const suffix = `-${number}`
  return `${parent}${cut(name, nameBytesMax - suffix.length)}${suffix}${slashes}`
}

/** The number with which `path` becomes `other`; undefined: there is none. */
export const suffixOf = (path: string, other: string): number | undefined => {
  const number = other === path ? 0 : Number(/-([1-9]\d*)\/*$/.exec(other)?.[1])
  return Number.isSafeInteger(number) && withSuffix(path, number) === other ? number : undefined
}

/** The host's directory and one below it: two names, with what means nothing between them. */
const headed = /^((?:\.?\/)*(?!\.\/)[^/]+\/(?:\.?\/)*(?!\.(?:\/|$))[^/]+)(.*)$/s
/** As far as the session's is deeper. */
const doubled = /^((?:\/[^/]+)*)(\/\/.*)$/s

/**
 * A stream's path in the part that may be given another name and the rest. From 2.11 on it lies in a directory of the
 * session's, so all of it may; older peers name the session's themselves, and it goes to the first
 * doubled slash, or is two names long (storage.md §2.3, §2.4). The host's is not renamed: it would be another host's.
 */
export const splitStreamPath = (path: string, hasChunks: boolean): readonly [own: string, rest: string] => {
  if (hasChunks) return [path, ""]
  const [, head = path, below = ""] = headed.exec(path) ?? []
  const [, deeper = "", rest = below] = doubled.exec(below) ?? []
  return [head + deeper, rest]
}
