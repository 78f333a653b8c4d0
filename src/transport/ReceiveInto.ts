/**
 * Reads an accepted connection into memory owned by the relay instead of a fresh buffer per read.
 *
 * One landing buffer serves every connection: a read fills it and its receiver is called in the same turn, so no two
 * connections ever use it at once, and idle connections own no memory.
 *
 * `net.Socket`'s `onread` is documented; giving it to an *accepted* connection needs the socket's handle, which is not.
 * The use of `_handle` is confined to this file, probed once per process, and replaced by `data` events where it fails.
 */
import * as net from "node:net"

/** One read of a busy connection. Larger reads save system calls, smaller ones stay in the processor's cache. */
export const landingBytes = 512 * 1024

const landing = Buffer.allocUnsafeSlow(landingBytes)

/** Called with `length` bytes at the start of `bytes`; false stops reading. */
export type Receive = (bytes: Buffer, length: number) => boolean

export interface Reading {
  readonly socket: net.Socket
  readonly resume: () => void
}

interface HandleOwner {
  _handle: { reading?: boolean } | null
}

let isOwnedMemoryUsable: boolean | undefined

const probe = (owner: HandleOwner): boolean =>
  typeof owner._handle === "object" && owner._handle !== null && "readStart" in owner._handle

/** `LTTNG_RELAY_PORTABLE_READS=1` forces the fallback, to compare and to test it. */
const isPortableForced = () => process.env.LTTNG_RELAY_PORTABLE_READS === "1"

/** Starts nothing: the first `resume` does. The accepted socket must not be used afterwards. */
export const receiveInto = (accepted: net.Socket, receive: Receive): Reading => {
  const owner = accepted as unknown as HandleOwner
  isOwnedMemoryUsable ??= probe(owner) && !isPortableForced()
  return isOwnedMemoryUsable ? receiveOwned(accepted, owner, receive) : receivePortably(accepted, receive)
}

const receiveOwned = (accepted: net.Socket, owner: HandleOwner, receive: Receive): Reading => {
  const handle = owner._handle
  // `accepted` keeps only its place in the server's connection count.
  owner._handle = null
  const options = {
    handle,
    allowHalfOpen: true,
    // Otherwise the constructor starts to read, before anybody can receive.
    manualStart: true,
    onread: { buffer: landing, callback: (length: number) => receive(landing, length) }
  }
  const socket = new net.Socket(options as unknown as net.SocketConstructorOpts)
  socket.once("close", () => accepted.destroy())
  return {
    socket,
    resume: () => {
      socket.resume()
      socket.read(0)
    }
  }
}

const receivePortably = (socket: net.Socket, receive: Receive): Reading => {
  socket.on("data", (bytes: Buffer) => {
    if (!receive(bytes, bytes.length)) socket.pause()
  })
  socket.pause()
  return { socket, resume: () => void socket.resume() }
}
