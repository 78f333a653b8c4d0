/**
 * Reads an accepted connection into memory owned by the relay (`memory/Landing`) instead of a fresh buffer per read.
 *
 * `net.Socket`'s `onread` is documented; giving it to an *accepted* connection needs the socket's handle, which is not.
 * The use of `_handle` is confined to this file, probed once per process, and replaced by `data` events where it fails.
 */
import * as net from "node:net"
import { queueMicrotask } from "../Machine.ts"
import { Landing } from "../memory/Landing.ts"
import type { Receive } from "./Peer.ts"
import { GatheredRecords, KeptBytes } from "./tls/DecryptedReads.ts"

export interface Reading {
  readonly socket: net.Socket
  /** Where reads land; undefined where each read has a buffer of its own. */
  readonly landing: Landing | undefined
  /** The socket's descriptor, valid while it is open; undefined where only the socket may write to it. */
  readonly descriptor: number | undefined
  /** Called when the socket is about to close its descriptor: whoever else writes to that must stop before. */
  onClosing: () => void
  /** Bounds the bytes of a read, from the next but one on. No effect where each read has a buffer of its own. */
  readonly readAtMost: (byteCount: number) => void
  readonly resume: () => void
  /** Stops: nothing more is received until `resume`. */
  readonly pause: () => void
  /** Calls `then` when the peer has ended its side and all that it sent has been received. */
  readonly whenEnded: (then: () => void) => void
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

/** Of a socket that is closed it says no, which says nothing of others. */
const isUsable = ({ _handle: handle }: HandleOwner): boolean => {
  if (handle === null) return false
  isOwnedMemoryUsable ??= typeof handle === "object" && "readStart" in handle && !isInternalAvoided()
  return isOwnedMemoryUsable
}

/** `LTTNG_RELAY_PORTABLE_READS=1` forces the fallback, to compare and to test it. */
export const isInternalAvoided = () => process.env.LTTNG_RELAY_PORTABLE_READS === "1"

/** The descriptor of an open socket; undefined if its handle is unknown or may not be used. */
export const descriptorOf = (socket: net.Socket): number | undefined => {
  const descriptor = isInternalAvoided() ? undefined : (socket as unknown as HandleOwner)._handle?.fd
  return descriptor === undefined || descriptor < 0 ? undefined : descriptor
}

/**
 * Takes over `accepted`, which must not be used any more; reading starts with the first `resume`. `first`: bytes that
 * were read from it before, which are received ahead of all else.
 */
export const receiveInto = (accepted: net.Socket, receive: Receive, first?: Buffer): Reading => {
  const owner = accepted as unknown as HandleOwner
  if (isUsable(owner)) return receiveOwned(accepted, owner, receive, first)
  if (first !== undefined) accepted.unshift(first)
  return receivePortably(accepted, receive)
}

/**
 * The members that a TLS handle calls on its owner after the handshake: on an error, and with each new session, for
 * which it waits until it is told (`emit` answers false) that nobody stores sessions.
 */
const heardFromTls = (socket: net.Socket) => ({
  _tlsOptions: { isServer: true },
  server: { emit: () => false },
  _emitTLSError: (cause: Error) => void socket.destroy(cause),
  _finishInit: () => {}
})

/**
 * As `receiveInto`, for a TLS connection: the receiver gets decrypted bytes. The TLS socket keeps its handle, which
 * calls back into it, and nobody else may write to the descriptor underneath.
 */
export const receiveSecured = (secured: net.Socket, receive: Receive): Reading => {
  const owner = secured as unknown as HandleOwner
  if (!isUsable(owner)) return receivePortably(secured, receive)
  const early = secured.readableLength > 0 ? (secured.read() as Buffer) : undefined
  return receiveOwned(secured, owner, receive, early, true)
}

const receiveOwned = (
  accepted: net.Socket,
  owner: HandleOwner,
  receive: Receive,
  first: Buffer | undefined,
  isSecured = false
): Reading => {
  const handle = owner._handle
  // `readFirst` left the handle reading; it shall not read before there is a receiver. (A handle that decrypts goes on:
  // what it has read by then is kept.)
  if ((first !== undefined || !isSecured) && handle?.reading === true) {
    handle.reading = false
    handle.readStop()
  }
  let unread = isSecured ? undefined : first
  // `accepted` keeps only its place in the server's connection count.
  if (!isSecured) owner._handle = null
  const landing = new Landing()
  const received = (length: number) => {
    const goesOn = receive(landing.bytes, length)
    landing.received()
    return goesOn
  }
  const kept = isSecured ? new KeptBytes(receive, () => readOn(), first) : undefined
  const gathered = kept === undefined ? undefined : new GatheredRecords(landing, kept.receive, () => pause())
  let readBytesMax = Number.POSITIVE_INFINITY
  const room = () => {
    const { bytes } = landing
    const from = gathered?.to ?? 0
    return from === 0 && bytes.length <= readBytesMax ? bytes : bytes.subarray(from, from + readBytesMax)
  }
  const options = {
    handle,
    allowHalfOpen: true,
    // Otherwise the constructor starts to read, before anybody can receive.
    manualStart: true,
    onread: { buffer: room, callback: gathered?.add ?? received }
  }
  const socket = new net.Socket(options as unknown as net.SocketConstructorOpts)
  const pause = () => socket.pause()
  if (isSecured) Object.assign(socket, heardFromTls(socket))
  // Gathered bytes are received before anybody hears of the end.
  if (gathered !== undefined) socket.once("end", gathered.give)
  if (kept !== undefined) socket.once("end", kept.end)
  socket.once("close", () => {
    gathered?.give()
    landing.close()
    accepted.destroy()
  })
  const readOn = () => {
    if (socket.destroyed) return
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
    pause: () => {
      kept?.stop()
      pause()
    },
    whenEnded: kept?.whenEnded ?? ((then) => void socket.on("end", then)),
    resume: () => {
      if (kept !== undefined) return kept.resume()
      const bytes = unread
      if (bytes === undefined) return readOn()
      unread = undefined
      // In a call of its own, as for all reads. These bytes are not in the landing, so it need not be told of them.
      queueMicrotask(() => {
        if (!socket.destroyed && receive(bytes, bytes.length)) readOn()
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

/** By `data` events, for any socket: each read has a buffer of its own, and only the socket writes. */
const receivePortably = (socket: net.Socket, receive: Receive): Reading => {
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
    resume: () => void socket.resume(),
    pause: () => void socket.pause(),
    whenEnded: (then) => void socket.on("end", then)
  }
}
