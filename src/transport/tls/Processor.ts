/** Which ciphers this machine's processor is fast at. */
import { readFileSync } from "node:fs"
import { ciphersOf } from "./Tls.ts"

/** By the kernel's words for the processor. Where it says nothing there is no reason to think that it has none. */
export const hasAesIn = (processors: string): boolean => {
  const flags = /^(?:flags|Features)\s*:(.*)$/m.exec(processors)?.[1]
  return flags === undefined || /\baes\b/.test(flags)
}

const processors = (): string => {
  try {
    return readFileSync("/proc/cpuinfo", "utf8")
  } catch {
    return ""
  }
}

let own: string | undefined

/** The fastest one first. */
export const ciphers = (): string => {
  own ??= ciphersOf(hasAesIn(processors()))
  return own
}
