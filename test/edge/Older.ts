/**
 * Before a relay: makes it one of an older protocol, since each side speaks what the lower of the two can; or one that
 * takes no journals, or tells of no lost parts.
 */
import * as net from "node:net"
import type { Effect, Scope } from "effect"
import { listening } from "../support/listening.ts"

/** Of VERSION, which is said first: where its minor ends, and that of its answer. */
const askedEnd = 32
const answeredEnd = 8

/** Bytes pass as they are, but for the minor that ends at `end` of what passes. */
const lowered = (end: number, minor: number) => {
  let passed = 0
  return (bytes: Buffer): Buffer => {
    for (let at = Math.max(passed, end - 4); at < Math.min(end, passed + bytes.length); at++) {
      bytes[at - passed] = at === end - 1 ? minor : 0
    }
    passed += bytes.length
    return bytes
  }
}

type Way = (bytes: Buffer) => Buffer

/** Of VERSION and GET_CONFIGURATION, where the flags of the answer begin. */
const flagsAt = answeredEnd + 4
const journalFlags = 0xc0
const tellsFlag = 0x10

const without = (flags: number): Way => {
  let passed = 0
  return (bytes) => {
    const at = flagsAt - passed
    passed += bytes.length
    if (at >= 0 && at < bytes.length) bytes[at] = (bytes[at] ?? 0) & ~flags
    return bytes
  }
}

/** A port that leads to the relay's control port. */
export const open = (minor: number, controlPort: number): Effect.Effect<number, never, Scope.Scope> =>
  between(controlPort, () => [lowered(askedEnd, minor), lowered(answeredEnd, minor)])

/** The same, where no journals are taken. */
export const withoutJournals = (controlPort: number): Effect.Effect<number, never, Scope.Scope> =>
  between(controlPort, () => [(bytes) => bytes, without(journalFlags)])

/** The same, where nobody is told what is lost of one. */
export const silent = (controlPort: number): Effect.Effect<number, never, Scope.Scope> =>
  between(controlPort, () => [(bytes) => bytes, without(tellsFlag)])

const between = (
  controlPort: number,
  ways: () => readonly [asked: Way, answered: Way]
): Effect.Effect<number, never, Scope.Scope> => {
  const server = net.createServer((near) => {
    const far = net.connect(controlPort, "127.0.0.1")
    const [asked, answered] = ways()
    near.on("data", (bytes: Buffer) => far.write(asked(bytes)))
    far.on("data", (bytes: Buffer) => near.write(answered(bytes)))
    near.on("end", () => far.end())
    far.on("end", () => near.end())
    for (const socket of [near, far]) {
      socket.on("error", () => {
        near.destroy()
        far.destroy()
      })
    }
    near.on("close", () => far.destroy())
  })
  return listening(server)
}
