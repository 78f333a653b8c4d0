/** The portable generator's viewer: reads every packet of one session, throws it away, notes how old it was. */
import type * as net from "node:net"
import type { Results } from "./results.ts"
import type { Session } from "./session.ts"
import { Connection, words } from "./wire.ts"

const request = { connect: 1, attach: 3, nextIndex: 4, packet: 5, metadata: 6, create: 8 } as const
const streamEntrySize = 4371

const message = (number: number, payload: Uint8Array) => {
  const header = Buffer.alloc(16)
  header.writeBigUInt64BE(BigInt(payload.length), 0)
  header.writeUInt32BE(number, 8)
  return Buffer.concat([header, payload])
}

const attach = async (live: Connection, session: Session) => {
  const ask = (number: number, payload: Uint8Array, size: number) => {
    live.socket.write(message(number, payload))
    return live.read(size)
  }
  await ask(request.connect, Buffer.concat([words(0n, (2n << 32n) | 13n), Buffer.from([0, 0, 0, 1])]), 20)
  await ask(request.create, Buffer.alloc(0), 4)
  const reply = await ask(request.attach, Buffer.concat([words(session.id, 0n), Buffer.from([0, 0, 0, 1])]), 8)
  if (reply.readUInt32BE(0) !== 1) throw new Error(`ATTACH_SESSION answered ${reply.readUInt32BE(0)}`)
  const streams: Array<bigint> = []
  let metadata = 0n
  for (let left = reply.readUInt32BE(4); left > 0; left--) {
    const entry = await live.read(streamEntrySize)
    if (entry.readUInt32BE(16) === 1) metadata = entry.readBigUInt64BE(0)
    else streams.push(entry.readBigUInt64BE(0))
  }
  for (;;) {
    const head = await ask(request.metadata, words(metadata), 12)
    if (head.readUInt32BE(8) !== 1) return streams
    await live.read(Number(head.readBigUInt64BE(0)))
  }
}

export class Viewer {
  packets = 0
  gone = false
  readonly session: Session
  private readonly results: Results
  private readonly socket: net.Socket
  private readonly streams: Array<bigint>
  private turn = 0
  private dry = 0
  private state: "index" | "packet" | "body" = "index"
  private bodyLeft = 0
  private sentAt = 0
  private head = Buffer.alloc(0)

  private constructor(results: Results, session: Session, socket: net.Socket, streams: Array<bigint>) {
    this.results = results
    this.session = session
    this.socket = socket
    this.streams = streams
    socket.on("data", (bytes) => this.arrived(bytes)).on("error", () => undefined)
    socket.on("close", () => this.giveUp("live connection closed by the relay"))
  }

  static async open(results: Results, session: Session, livePort: number) {
    const live = await Connection.open(livePort)
    const streams = await attach(live, session)
    return new Viewer(results, session, live.release(), streams)
  }

  start() {
    this.askIndex()
  }

  close() {
    this.gone = true
    this.socket.destroy()
  }

  private giveUp(reason: string) {
    if (this.gone) return
    this.gone = true
    this.results.fail(reason)
  }

  private current() {
    return this.streams[this.turn % this.streams.length] ?? 0n
  }

  private askIndex() {
    if (this.gone || this.streams.length === 0) return
    this.state = "index"
    this.socket.write(message(request.nextIndex, words(this.current())))
  }

  private arrived(bytes: Buffer) {
    let rest = bytes
    while (rest.length > 0 && !this.gone) {
      if (this.state === "body") {
        const taken = Math.min(rest.length, this.bodyLeft)
        this.bodyLeft -= taken
        rest = rest.subarray(taken)
        if (this.bodyLeft === 0) this.complete()
        continue
      }
      const want = this.state === "index" ? 64 : 12
      const taken = Math.min(rest.length, want - this.head.length)
      this.head = Buffer.concat([this.head, rest.subarray(0, taken)])
      rest = rest.subarray(taken)
      if (this.head.length < want) return
      const head = this.head
      this.head = Buffer.alloc(0)
      if (this.state === "index") this.index(head)
      else if (head.readUInt32BE(0) !== 1) this.giveUp("GET_PACKET did not answer OK")
      else {
        this.bodyLeft = head.readUInt32BE(4)
        this.state = "body"
      }
    }
  }

  private complete() {
    this.packets++
    this.results.count(Math.max(0, performance.now() - this.sentAt))
    this.askIndex()
  }

  private index(head: Buffer) {
    const status = head.readUInt32BE(56)
    if (status === 1) {
      this.dry = 0
      this.sentAt = Number(head.readBigUInt64BE(32)) / 1e6
      const size = Buffer.alloc(4)
      size.writeUInt32BE(Number(head.readBigUInt64BE(8) / 8n))
      this.state = "packet"
      this.socket.write(message(request.packet, Buffer.concat([words(this.current(), head.readBigUInt64BE(0)), size])))
      return
    }
    if (status === 4) return this.giveUp("GET_NEXT_INDEX answered ERR")
    if (status === 3) this.streams.splice(this.turn % this.streams.length, 1)
    else {
      this.turn++
      this.dry++
    }
    if (this.dry < this.streams.length) this.askIndex()
    else {
      this.dry = 0
      setTimeout(() => this.askIndex(), this.results.settings.intervalMs)
    }
  }
}
