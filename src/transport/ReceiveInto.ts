/**
 * Reads an accepted connection into memory owned by the relay (`memory/Landing`) instead of a fresh buffer per read.
 *
 * `net.Socket`'s `onread` is documented; giving it to an *accepted* connection needs the socket's handle, which is not.
 * The use of `_handle` is confined to this file, probed once per process, and replaced by `data` events where it fails.
 */
import * as net from "node:net"
import { queueMicrotask, setImmediate } from "../Machine.ts"
import { Landing } from "../memory/Landing.ts"

/** Called with `length` bytes at the start of `bytes`; false stops reading. */
export type Receive = (bytes: Buffer, length: number) => boolean

export interface Reading {
  readonly socket: net.Socket
  /** Where reads land; undefined where each read has a buffer of its own. */
  readonly landing: Landing | undefined
  /** The socket's, as long as it is open, if others may write to it. */
  readonly descriptor: number | undefined
  /** Called when the socket is about to close its descriptor: whoever writes to that must end first. */
  onClosing: () => void
  /** Bounds a read, from the next but one on. Does nothing where each read has a buffer of its own. */
  readonly readAtMost: (byteCount: number) => void
  readonly resume: () => void
  /** Nothing is received until `resume`. */
  readonly pause: () => void
  /** Calls `then` when the peer sends no more, and all that it sent was received. */
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

const probe = (owner: HandleOwner): boolean =>
  typeof owner._handle === "object" && owner._handle !== null && "readStart" in owner._handle

/** `LTTNG_RELAY_PORTABLE_READS=1` forces the fallback, to compare and to test it. */
export const isInternalAvoided = () => process.env.LTTNG_RELAY_PORTABLE_READS === "1"

/** Of an open socket, where it may be used. */
export const descriptorOf = (socket: net.Socket): number | undefined => {
  const descriptor = isInternalAvoided() ? undefined : (socket as unknown as HandleOwner)._handle?.fd
  return descriptor === undefined || descriptor < 0 ? undefined : descriptor
}

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

/**
 * What a handle that decrypts tells its owner after the handshake: that there is an error; and that there is one more
 * session, of which it waits to hear that nobody keeps it.
 */
const heardFromTls = (socket: net.Socket) => ({
  _tlsOptions: { isServer: true },
  server: { emit: () => false },
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
  const early = secured.readableLength > 0 ? (secured.read() as Buffer) : undefined
  return receiveOwned(secured, owner, receive, early, true)
}

/** What is decrypted comes in records of at most so much. */
const recordBytes = 16 * 1024

/**
 * Records of one turn of the loop, one behind the other, received as one: of packets of a megabyte there would be a
 * call and a write for each 16 KiB. Only where they land in memory that is the connection's own, and only while they
 * are full: what is shorter is the end of something, and somebody may wait for the answer.
 *
 * Where a read lands is decided when the one before it is over, so what comes after a turn's end lands behind what was
 * received then: until it has come the memory stays the connection's.
 */
class Gathered {
  readonly #landing: Landing
  readonly #receive: Receive
  readonly #pause: () => void
  #isAwaited = false
  /** Before it lies what was received already. */
  #from = 0
  /** Where the next read lands. */
  to = 0

  constructor(landing: Landing, receive: Receive, pause: () => void) {
    this.#landing = landing
    this.#receive = receive
    this.#pause = pause
  }

  readonly add = (length: number): boolean => {
    if (this.#from > 0) this.#moveToFront(length)
    else this.to += length
    const { bytes, isOwn } = this.#landing
    if (!isOwn || length < recordBytes || this.to + recordBytes > bytes.length) {
      const goesOn = this.#receive(bytes, this.to)
      this.to = 0
      this.#landing.received()
      return goesOn
    }
    if (!this.#isAwaited) {
      this.#isAwaited = true
      setImmediate(this.#onTurn)
    }
    return true
  }

  readonly #onTurn = (): void => {
    this.#isAwaited = false
    this.give()
  }

  readonly give = (): void => {
    if (this.to === this.#from) return
    this.#from = this.to
    if (!this.#receive(this.#landing.bytes, this.to)) this.#pause()
  }

  #moveToFront(length: number): void {
    const { bytes } = this.#landing
    this.#landing.received()
    bytes.copy(this.#landing.bytes, 0, this.#from, this.#from + length)
    this.#from = 0
    this.to = length
  }
}

/**
 * A handle that decrypts goes on to give what it has read, and the end behind it, after it was told to stop: it is kept
 * until somebody resumes. So is what comes before anybody receives.
 */
class Kept {
  readonly #receive: Receive
  readonly #readOn: () => void
  readonly #pieces: Array<Buffer>
  #isStopped = true
  #isDue = false
  #hasEnded = false
  #then: (() => void) | undefined

  constructor(receive: Receive, readOn: () => void, first: Buffer | undefined) {
    this.#receive = receive
    this.#readOn = readOn
    this.#pieces = first === undefined ? [] : [first]
  }

  readonly receive: Receive = (bytes, length) => {
    if (!this.#isStopped && this.#pieces.length === 0) return this.#give(bytes, length)
    this.#pieces.push(Buffer.from(bytes.subarray(0, length)))
    return false
  }

  readonly resume = (): void => {
    this.#isStopped = false
    if (this.#pieces.length === 0) this.#readOn()
    else if (!this.#isDue) {
      this.#isDue = true
      // In a call of its own, as all that is received.
      queueMicrotask(this.#goOn)
    }
  }

  readonly stop = (): void => {
    this.#isStopped = true
  }

  readonly end = (): void => {
    this.#hasEnded = true
    this.#tellEnd()
  }

  readonly whenEnded = (then: () => void): void => {
    this.#then = then
  }

  #give(bytes: Buffer, length: number): boolean {
    this.#isStopped = !this.#receive(bytes, length)
    return !this.#isStopped
  }

  readonly #goOn = (): void => {
    this.#isDue = false
    while (!this.#isStopped) {
      const piece = this.#pieces.shift()
      if (piece === undefined) break
      this.#give(piece, piece.length)
    }
    if (!this.#isStopped) this.#readOn()
    this.#tellEnd()
  }

  #tellEnd(): void {
    if (!this.#hasEnded || this.#pieces.length > 0) return
    this.#hasEnded = false
    this.#then?.()
  }
}

const receiveOwned = (
  accepted: net.Socket,
  owner: HandleOwner,
  receive: Receive,
  first: Buffer | undefined,
  isSecured = false
): Reading => {
  const handle = owner._handle
  // After its first bytes were looked at (`readFirst`) it goes on to read: not before there is somebody to receive.
  // What a handle that decrypts has read by then is kept.
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
  const kept = isSecured ? new Kept(receive, () => readOn(), first) : undefined
  const gathered = kept === undefined ? undefined : new Gathered(landing, kept.receive, () => pause())
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
  // What is gathered is received before anybody hears of the end.
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
      // In a call of its own, as all that is received. It has not landed: the next read does where the socket was told.
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

/** For sockets whose bytes are not those of the connection: nobody else may write to its descriptor. */
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
