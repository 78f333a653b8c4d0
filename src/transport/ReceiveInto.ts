/**
 * Reads an accepted connection into memory owned by the relay (`memory/Landing`) instead of a fresh buffer per read.
 *
 * `net.Socket`'s `onread` is documented; giving it to an *accepted* connection needs the socket's handle, which is not.
 * The use of `_handle` is confined to this file, probed once per process, and replaced by `data` events where it fails.
 */
import * as net from "node:net"
import { Landing } from "../memory/Landing.ts"

/** Called with `length` bytes at the start of `bytes`; false stops reading. */
export type Receive = (bytes: Buffer, length: number) => boolean

export interface Reading {
  readonly socket: net.Socket
  /** Where reads land; undefined where each read has a buffer of its own. */
  readonly landing: Landing | undefined
  /** The socket's, as long as it is open, if others may write to it. */
  readonly descriptor: number | undefined
  /** Called when the socket is about to close its descriptor. */
  onClosing: () => void
  readonly resume: () => void
}

interface HandleOwner {
  _handle: { reading?: boolean; readonly fd?: number; close: (closed?: () => void) => void } | null
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
  const landing = new Landing()
  const received = (length: number) => {
    const goesOn = receive(landing.bytes, length)
    landing.received()
    return goesOn
  }
  const options = {
    handle,
    allowHalfOpen: true,
    // Otherwise the constructor starts to read, before anybody can receive.
    manualStart: true,
    onread: { buffer: () => landing.bytes, callback: received }
  }
  const socket = new net.Socket(options as unknown as net.SocketConstructorOpts)
  socket.once("close", () => {
    landing.close()
    accepted.destroy()
  })
  const reading: Reading = {
    socket,
    landing,
    descriptor: handle?.fd,
    onClosing: () => {},
    resume: () => {
      socket.resume()
      socket.read(0)
    }
  }
  if (handle !== null) {
    const close = handle.close.bind(handle)
    handle.close = (closed) => {
      reading.onClosing()
      close(closed)
    }
  }
  return reading
}

const receivePortably = (socket: net.Socket, receive: Receive): Reading => {
  socket.on("data", (bytes: Buffer) => {
    if (!receive(bytes, bytes.length)) socket.pause()
  })
  socket.pause()
  return { socket, landing: undefined, descriptor: undefined, onClosing: () => {}, resume: () => void socket.resume() }
}
