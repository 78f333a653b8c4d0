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
  /** From the next read but one on. Where each read has a buffer of its own that is as long as the system says. */
  readonly readAtMost: (byteCount: number) => void
  readonly resume: () => void
}

interface HandleOwner {
  _handle: {
    reading?: boolean
    readonly fd?: number
    readonly readStop: () => void
    close: (closed?: () => void) => void
  } | null
}

let isOwnedMemoryUsable: boolean | undefined

const probe = (owner: HandleOwner): boolean =>
  typeof owner._handle === "object" && owner._handle !== null && "readStart" in owner._handle

/** `LTTNG_RELAY_PORTABLE_READS=1` forces the fallback, to compare and to test it. */
export const isInternalAvoided = () => process.env.LTTNG_RELAY_PORTABLE_READS === "1"

/**
 * Starts nothing: the first `resume` does. The accepted socket must not be used afterwards. `first` was read of it
 * already, and is received before all else.
 */
export const receiveInto = (accepted: net.Socket, receive: Receive, first?: Buffer): Reading => {
  const owner = accepted as unknown as HandleOwner
  isOwnedMemoryUsable ??= probe(owner) && !isInternalAvoided()
  if (isOwnedMemoryUsable) return receiveOwned(accepted, owner, receive, first)
  if (first !== undefined) accepted.unshift(first)
  return receivePortably(accepted, receive)
}

/** Calls `then` with what comes first, and leaves the socket paused. A connection that says nothing costs no more. */
export const readFirst = (accepted: net.Socket, then: (bytes: Buffer) => void): void => {
  accepted.once("data", (bytes: Buffer) => {
    accepted.pause()
    accepted.off("end", onEnd)
    then(bytes)
  })
  const onEnd = () => accepted.destroy()
  accepted.once("end", onEnd)
  accepted.on("error", () => undefined)
  accepted.resume()
}

/** What a handle that decrypts tells its owner after the handshake: that there is an error. */
const heardFromTls = (socket: net.Socket) => ({
  _tlsOptions: { isServer: true },
  _emitTLSError: (cause: Error) => void socket.destroy(cause),
  _finishInit: () => {}
})

/**
 * As `receiveInto`, for a connection whose bytes are decrypted first. The TLS socket keeps its handle, which goes on
 * working by it; and nobody else may write to the descriptor below.
 */
export const receiveSecured = (secured: net.Socket, receive: Receive): Reading => {
  const owner = secured as unknown as HandleOwner
  isOwnedMemoryUsable ??= probe(owner) && !isInternalAvoided()
  if (!isOwnedMemoryUsable || !probe(owner)) return receivePortably(secured, receive)
  return receiveOwned(secured, owner, receive, undefined, true)
}

const receiveOwned = (
  accepted: net.Socket,
  owner: HandleOwner,
  receive: Receive,
  first: Buffer | undefined,
  isSecured = false
): Reading => {
  const handle = owner._handle
  if (first !== undefined && handle?.reading === true) {
    handle.reading = false
    handle.readStop()
  }
  let unread = first
  // `accepted` keeps only its place in the server's connection count.
  if (!isSecured) owner._handle = null
  const landing = new Landing()
  const received = (length: number) => {
    const goesOn = receive(landing.bytes, length)
    landing.received()
    return goesOn
  }
  let readBytesMax = Number.POSITIVE_INFINITY
  const room = () => {
    const { bytes } = landing
    return bytes.length <= readBytesMax ? bytes : bytes.subarray(0, readBytesMax)
  }
  const options = {
    handle,
    allowHalfOpen: true,
    // Otherwise the constructor starts to read, before anybody can receive.
    manualStart: true,
    onread: { buffer: room, callback: received }
  }
  const socket = new net.Socket(options as unknown as net.SocketConstructorOpts)
  if (isSecured) Object.assign(socket, heardFromTls(socket))
  socket.once("close", () => {
    landing.close()
    accepted.destroy()
  })
  const readOn = () => {
    socket.resume()
    socket.read(0)
  }
  const reading: Reading = {
    socket,
    landing,
    descriptor: isSecured ? undefined : handle?.fd,
    onClosing: () => {},
    readAtMost: (byteCount) => {
      readBytesMax = byteCount
    },
    resume: () => {
      const bytes = unread
      if (bytes === undefined) return readOn()
      unread = undefined
      // In a call of its own, as all that is received.
      queueMicrotask(() => {
        if (!socket.destroyed && received(bytes.copy(landing.bytes))) readOn()
      })
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

/** For sockets whose bytes are not those of the connection: nobody else may write to its descriptor. */
export const receivePortably = (socket: net.Socket, receive: Receive): Reading => {
  socket.on("data", (bytes: Buffer) => {
    if (!receive(bytes, bytes.length)) socket.pause()
  })
  socket.pause()
  return {
    socket,
    landing: undefined,
    descriptor: undefined,
    onClosing: () => {},
    readAtMost: () => {},
    resume: () => void socket.resume()
  }
}
