/** Sockets and bytes for the portable generator: requests answered in order, and the handful of commands it sends. */
import { once } from "node:events"
import * as net from "node:net"

const setupLimitMs = 5_000

/** Reads fixed sizes while a session is set up; afterwards the socket's events belong to the session. */
export class Connection {
  readonly socket: net.Socket
  private buffered = Buffer.alloc(0)
  private wake: () => void = () => undefined
  private readonly collect = (bytes: Buffer) => {
    this.buffered = Buffer.concat([this.buffered, bytes])
    this.wake()
  }

  constructor(socket: net.Socket) {
    this.socket = socket
    socket.setNoDelay(true).on("data", this.collect)
  }

  /** Where every connection is dialled. */
  static address = "127.0.0.1"

  static async open(port: number) {
    const socket = net.connect(port, Connection.address)
    await once(socket, "connect")
    return new Connection(socket)
  }

  async read(size: number): Promise<Buffer> {
    const until = performance.now() + setupLimitMs
    while (this.buffered.length < size) {
      if (this.socket.destroyed || performance.now() > until) throw new Error("set-up: no answer")
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 100)
        this.wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    const bytes = this.buffered.subarray(0, size)
    this.buffered = this.buffered.subarray(size)
    return bytes
  }

  async request(command: number, payload: Uint8Array, replySize: number) {
    this.socket.write(controlMessage(command, payload))
    return this.read(replySize)
  }

  release() {
    this.socket.off("data", this.collect)
    return this.socket
  }
}

export const command = {
  addStream: 1,
  createSession: 2,
  version: 5,
  sendMetadata: 6,
  dataPending: 8,
  quiescentControl: 9,
  sendIndex: 13,
  streamsSent: 16,
  createTraceChunk: 19
} as const

export const controlMessage = (number: number, payload: Uint8Array) => {
  const bytes = Buffer.alloc(24 + payload.length)
  bytes.writeBigUInt64BE(BigInt(payload.length), 8)
  bytes.writeUInt32BE(number, 16)
  bytes.set(payload, 24)
  return bytes
}

/** Words of 64 bits, big-endian: most payloads of both protocols are nothing else. */
export const words = (...values: ReadonlyArray<bigint>) => {
  const bytes = Buffer.alloc(values.length * 8)
  values.forEach((value, index) => {
    bytes.writeBigUInt64BE(value, index * 8)
  })
  return bytes
}

export const expectOk = (reply: Buffer, offset: number, what: string) => {
  const code = reply.readUInt32BE(offset)
  if (code !== 10) throw new Error(`${what} answered ${code}`)
}
