/**
 * Sends what goes out on one connection, in the order in which it was given.
 *
 * Copying a large answer into a socket takes as long as reading a hundred requests. With several of them at hand, as
 * when a hundred viewers follow one session, another thread does it (`SenderThread`); what the socket did not take at
 * once goes on the usual way, behind it what was given meanwhile.
 */
import type * as net from "node:net"
import { queueMicrotask, setImmediate } from "../Machine.ts"
import { type BesideWrite, besideBytesMin, isShared } from "../memory/Piece.ts"
import { unknownBytes, WriterThread } from "../thread/WriterThread.ts"

/** At most this many answers are with the thread; the loop sends others itself meanwhile. */
const besideWriteCountMax = 16

/** The thread that sends for the connections of one listener, started when it is first needed. */
export class SenderThread {
  readonly thread: WriterThread
  #largeCount = 0

  /** `onLost`: see `WriterThread`. */
  constructor(onLost?: () => void) {
    this.thread = new WriterThread({ jobCountMax: besideWriteCountMax, onLost })
  }

  /** Called once per large answer: false for the first in one look at the sockets, unless the thread is at work. */
  hasCompany(): boolean {
    if (this.#largeCount++ === 0) setImmediate(this.#onLooked)
    return this.#largeCount > 1 || this.thread.isBusy
  }

  readonly #onLooked = (): void => {
    this.#largeCount = 0
  }
}

interface Message {
  readonly bytes: Uint8Array
  readonly sent: (() => void) | undefined
}

/** Once this many bytes of answers are unsent, no more commands of the connection are read. */
const unsentBytesMax = 256 * 1024

const nothing = () => {}

export interface Options {
  readonly socket: net.Socket
  /** The socket's descriptor; undefined: only the socket itself may write to it. */
  readonly descriptor: number | undefined
  /** Undefined: the loop sends everything. */
  readonly thread: SenderThread | undefined
  /** Told when the peer leaves too much unread, and, in a call of its own, when it no longer does. */
  readonly onFull: (isFull: boolean) => void
}

export class Sender {
  readonly #socket: net.Socket
  readonly #descriptor: number | undefined
  readonly #thread: SenderThread | undefined
  readonly #onFull: (isFull: boolean) => void
  /** The answer that the thread is sending. */
  #beside: (Message & { readonly write: BesideWrite }) | undefined
  #waiting: Array<Message> = []
  #waitingBytes = 0
  #isFull = false

  constructor(options: Options) {
    this.#socket = options.socket
    this.#descriptor = options.descriptor
    this.#thread = options.thread
    this.#onFull = options.onFull
    this.#socket.on("drain", () => this.#look())
  }

  /** See `Peer.send`. */
  send(bytes: Uint8Array, sent?: () => void): boolean {
    if (this.#beside !== undefined) this.#thread?.thread.reap()
    if (this.#beside !== undefined) {
      this.#waiting.push({ bytes, sent })
      this.#waitingBytes += bytes.length
    } else if (!this.#sendBeside(bytes, sent)) this.#socket.write(bytes, sent)
    this.#look()
    return !this.#isFull
  }

  /** Gives all unsent answers to the socket: its descriptor is about to be closed, after which the thread has none. */
  settle(): void {
    this.#takeBack()
    for (const { bytes, sent } of this.#waiting.splice(0)) this.#socket.write(bytes, sent)
    this.#waitingBytes = 0
  }

  #sendBeside(bytes: Uint8Array, sent: (() => void) | undefined): boolean {
    const sender = this.#thread
    if (sender === undefined || this.#descriptor === undefined || bytes.length < besideBytesMin || !isShared(bytes))
      return false
    const { destroyed, writableLength } = this.#socket
    if (destroyed || writableLength > 0 || !sender.hasCompany()) return false
    const piece = { bytes: bytes as Buffer, from: 0, to: bytes.length, release: nothing }
    const write = sender.thread.write(this.#descriptor, [piece], undefined, this.#onSent)
    if (write !== undefined) this.#beside = { write, bytes, sent }
    return write !== undefined
  }

  /** The thread has sent what the socket took. */
  readonly #onSent = (): void => {
    this.#takeBack()
    while (this.#beside === undefined) {
      const next = this.#waiting.shift()
      if (next === undefined) break
      this.#waitingBytes -= next.bytes.length
      if (!this.#sendBeside(next.bytes, next.sent)) this.#socket.write(next.bytes, next.sent)
    }
    this.#look()
  }

  #takeBack(): void {
    if (this.#beside === undefined) return
    const { write, bytes, sent } = this.#beside
    this.#beside = undefined
    const count = write.settle()
    // Nobody knows how much of the answer the peer has, so nothing can follow it.
    if (count === unknownBytes) this.#socket.destroy()
    else if (count < bytes.length) this.#socket.write(bytes.subarray(count), sent)
    else sent?.()
  }

  #look(): void {
    const isFull = this.#waitingBytes + this.#socket.writableLength >= unsentBytesMax
    if (isFull === this.#isFull) return
    this.#isFull = isFull
    // Room is told in a call of its own: the listener sends more, which must not overtake what is being sent now.
    if (isFull) this.#onFull(true)
    else queueMicrotask(() => this.#onFull(this.#isFull))
  }
}
