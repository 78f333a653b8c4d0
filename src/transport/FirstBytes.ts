/**
 * Looks at what an accepted connection says first, before it is known who will receive it. Afterwards the socket is
 * paused, and what was read goes to the receiver ahead of all else (`receiveInto`).
 */
import type * as net from "node:net"

/** An error closes the socket, and that is heard of by whoever has to know. */
const ignored = () => undefined

/** Calls `then` with what comes first, and leaves the socket paused. A connection that says nothing costs no more. */
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
 * Goes on to read after `first`, at most so many bytes, so that an end or a break is noticed: it closes the socket.
 * What is answered stops that, and answers all that was read.
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
