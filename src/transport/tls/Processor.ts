/** Which ciphers this machine's processor is fast at. */
import { readFileSync } from "node:fs"
import { ciphersOf } from "./Tls.ts"

/** Whether /proc/cpuinfo's text names instructions for AES; true if it says nothing of the processor's features. */
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

/** OpenSSL's list of ciphers for this machine, the fastest first. */
export const ciphers = (): string => {
  own ??= ciphersOf(hasAesIn(processors()))
  return own
}
