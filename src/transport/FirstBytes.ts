/**
 * Looks at what an accepted connection says first, before it is known who will receive it. Afterwards the socket is
 * paused, and what was read goes to the receiver ahead of all else (`receiveInto`).
 */
import type * as net from "node:net"

/** An error also closes the socket, and whoever has to know listens for that. */
const ignored = () => undefined

/** Calls `then` with the first bytes, and leaves the socket paused. A peer that ends without a word is closed. */
export const readFirst = (accepted: net.Socket, then: (bytes: Buffer) => void): void => {
  accepted.once("data", (bytes: Buffer) => {
    accepted.pause()
    accepted.off("end", onEnd)
    then(bytes)
  })
  const onEnd = () => accepted.destroy()
  accepted.once("end", onEnd)
  accepted.off("error", ignored)
  accepted.on("error", ignored)
  accepted.resume()
}

/**
 * Goes on reading after `first`, until more than `bytesMax` bytes have come, so that an end or a break is noticed: it
 * closes the socket. The answered function stops that, and answers all that was read, with `first`.
 */
export const readMeanwhile = (accepted: net.Socket, first: Buffer, bytesMax: number): (() => Buffer) => {
  const parts = [first]
  let byteCount = first.length
  const onData = (more: Buffer) => {
    parts.push(more)
    byteCount += more.length
    if (byteCount > bytesMax) accepted.pause()
  }
  const onEnd = () => accepted.destroy()
  accepted.on("data", onData).once("end", onEnd).resume()
  return () => {
    accepted.off("data", onData).off("end", onEnd).pause()
    return parts.length === 1 ? first : Buffer.concat(parts, byteCount)
  }
}
