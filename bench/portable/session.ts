/** The portable generator's recording session; the same behaviour as `native/session.c`, at Node's price. */
import type * as net from "node:net"
import type { Results } from "./results.ts"
import { Connection, command, controlMessage, expectOk, words } from "./wire.ts"

const headerSize = 32
const retryMs = 2
const none = 2n ** 64n - 1n

const setUp = async (control: Connection, results: Results, number: number) => {
  const { label, host, streams, ringSize, ringCount, liveMicros } = results.settings
  await control.request(command.version, Buffer.from([0, 0, 0, 2, 0, 0, 0, 13]), 8)
  const names = Buffer.from(`${label}-${number}\0${host}\0`)
  const fixed = Buffer.alloc(59)
  fixed.writeUInt32BE(label.length + String(number).length + 2, 0)
  fixed.writeUInt32BE(host.length + 1, 4)
  fixed.writeUInt32BE(liveMicros, 12)
  fixed.fill(0x5a, 18, 34)
  // Distinct in the session daemon's numbering, or the relay would share trace chunks between them.
  fixed.writeUInt32BE(
    [...label].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 2 ** 31, 7),
    34
  )
  fixed.writeUInt32BE(number, 38)
  fixed.writeBigUInt64BE(1_700_000_000n, 42)
  const created = await control.request(command.createSession, Buffer.concat([fixed, names]), 16)
  expectOk(created, 8, "CREATE_SESSION")
  await control.read(created.readUInt32BE(12))
  const chunk = Buffer.concat([words(0n, 1_700_000_000n), Buffer.alloc(4)])
  expectOk(await control.request(command.createTraceChunk, chunk, 4), 0, "CREATE_TRACE_CHUNK")
  const addStream = async (channel: string, size: number, count: number) => {
    const path = "ust/uid/0/64-bit"
    const lengths = Buffer.alloc(8)
    lengths.writeUInt32BE(channel.length + 1, 0)
    lengths.writeUInt32BE(path.length + 1, 4)
    const payload = [lengths, words(BigInt(size), BigInt(count), 0n), Buffer.from(`${channel}\0${path}\0`)]
    const reply = await control.request(command.addStream, Buffer.concat(payload), 12)
    expectOk(reply, 8, "ADD_STREAM")
    return reply.readBigUInt64BE(0)
  }
  const handles: Array<bigint> = []
  for (let index = 0; index < streams; index++) handles.push(await addStream(`channel0_${index}`, ringSize, ringCount))
  const metadata = await addStream("metadata", 0, 0)
  await control.request(command.streamsSent, Buffer.alloc(0), 4)
  const text = Buffer.concat([words(metadata), Buffer.alloc(4), Buffer.alloc(64, " ")])
  control.socket.write(controlMessage(command.sendMetadata, text))
  return { id: created.readBigUInt64BE(0), handles, metadata }
}

export class Session {
  packetsSent = 0
  id = 0n
  private phase: "run" | "drain" | "done" = "run"
  private handles: ReadonlyArray<bigint> = []
  private metadata = 0n
  private seqs: Array<bigint> = []
  private readonly asked: Array<number> = []
  private partial: Buffer = Buffer.alloc(0)
  private turn = 0
  private drainTurn = 0
  private blocked = false
  private due = 0
  private bytesSent = 0
  private readonly payload: Buffer
  private readonly control: net.Socket
  private readonly data: net.Socket
  readonly results: Results

  private constructor(results: Results, control: net.Socket, data: net.Socket) {
    this.results = results
    this.control = control
    this.data = data
    this.payload = Buffer.alloc(results.settings.packetSize, 0x5a)
    control.on("data", (bytes) => this.answers(bytes)).on("error", () => undefined)
    control.on("close", () => this.lost("control connection closed by the relay"))
    data.on("drain", () => {
      this.blocked = false
      this.pump()
    })
    data.on("error", () => undefined).on("close", () => this.lost("data connection closed by the relay"))
  }

  static async open(results: Results, number: number, controlPort: number, dataPort: number) {
    const control = await Connection.open(controlPort)
    const { id, handles, metadata } = await setUp(control, results, number)
    const data = await Connection.open(dataPort)
    const session = new Session(results, control.release(), data.release())
    Object.assign(session, { id, handles, metadata, seqs: handles.map(() => 0n) })
    session.due = (results.settings.intervalMs * number) / results.settings.sessions
    return session
  }

  private lost(reason: string) {
    if (this.phase === "done") return
    this.results.fail(reason)
    this.end()
  }

  private end(drained = false) {
    this.phase = "done"
    this.results.finished++
    this.results.endedAt = performance.now()
    if (drained) this.results.drained++
  }

  close() {
    this.phase = "done"
    this.control.destroy()
    this.data.destroy()
  }

  private ask(number: number, payload: Uint8Array, since: number) {
    this.asked.push(since)
    this.control.write(controlMessage(number, payload))
  }

  private sendPacket(now: number) {
    const { packetSize, streams, rate } = this.results.settings
    const stream = this.turn++ % streams
    const seq = this.seqs[stream] ?? 0n
    const handle = this.handles[stream] ?? 0n
    const header = Buffer.alloc(headerSize)
    header.writeBigUInt64BE(handle, 8)
    header.writeBigUInt64BE(seq, 16)
    header.writeUInt32BE(packetSize, 24)
    this.data.cork()
    this.data.write(header)
    this.blocked = !this.data.write(this.payload)
    this.data.uncork()
    this.seqs[stream] = seq + 1n
    this.packetsSent++
    this.bytesSent += headerSize + packetSize
    const bits = BigInt(packetSize) * 8n
    const stamp = BigInt(Math.round(now * 1e6))
    const scheduled = rate > 0 ? (this.results.run.goAt ?? 0) + (this.bytesSent / rate) * 1000 : now
    this.ask(command.sendIndex, words(handle, seq, bits, bits, stamp, stamp, 0n, 0n, 0n, seq), scheduled)
  }

  private pump() {
    const { packetLimit, inFlight, rate } = this.results.settings
    const { goAt, stopping } = this.results.run
    if (this.phase !== "run" || goAt === undefined) return
    for (;;) {
      const spent = stopping || (packetLimit > 0 && this.packetsSent >= packetLimit)
      const now = performance.now()
      // A whole packet at a time: Node gives no way to stop inside a write, so pacing here is by packet.
      const early = rate > 0 && ((now - goAt) / 1000) * rate < this.bytesSent
      if (spent || early || this.blocked || this.asked.length >= inFlight) {
        if (spent && this.asked.length === 0) this.drain()
        return
      }
      this.sendPacket(now)
    }
  }

  private drain() {
    this.phase = "drain"
    while (this.drainTurn < this.seqs.length && this.seqs[this.drainTurn] === 0n) this.drainTurn++
    const seq = this.seqs[this.drainTurn]
    if (seq === undefined) this.end(true)
    else this.ask(command.dataPending, words(this.handles[this.drainTurn] ?? 0n, seq - 1n), performance.now())
  }

  private answers(bytes: Buffer) {
    const whole = this.partial.length === 0 ? bytes : Buffer.concat([this.partial, bytes])
    let at = 0
    for (; at + 4 <= whole.length && this.phase !== "done"; at += 4) this.answer(whole.readUInt32BE(at))
    this.partial = whole.subarray(at)
    if (this.results.settings.role === "produce") this.pump()
  }

  private answer(code: number) {
    const { role } = this.results.settings
    const since = this.asked.shift() ?? performance.now()
    if (this.phase === "drain") {
      if (code === 0) this.drainTurn++
      if (code === 0) this.drain()
      else if (code === 1) setTimeout(() => this.drain(), retryMs)
      else this.lost("DATA_PENDING refused")
      return
    }
    if (role !== "poll" && code !== 10) return this.lost("command refused")
    this.results.count(Math.max(0, performance.now() - since))
    if (role === "poll") this.poll()
  }

  private poll() {
    if (this.results.run.stopping) this.end()
    else this.ask(command.dataPending, words(this.handles[0] ?? 0n, none - 1n), performance.now())
  }

  private beat(now: number, goAt: number) {
    const { role, intervalMs } = this.results.settings
    if (this.results.run.stopping) {
      if (this.asked.length === 0) this.end()
      return
    }
    if (now < goAt + this.due) return
    if (role === "beacon") {
      const stamp = BigInt(Math.round(now * 1e6))
      for (const handle of this.handles) {
        this.ask(command.sendIndex, words(handle, 0n, 0n, 0n, 0n, stamp, 0n, 0n, 0n, 0n), goAt + this.due)
      }
    } else {
      const text = Buffer.concat([words(this.metadata), Buffer.alloc(4), Buffer.alloc(4096, " ")])
      this.control.write(controlMessage(command.sendMetadata, text))
      this.ask(command.quiescentControl, words(this.metadata), goAt + this.due)
    }
    this.due += intervalMs
  }

  tick(now: number, goAt: number) {
    if (this.phase === "done") return
    const { role } = this.results.settings
    if (role === "produce") this.pump()
    else if (role !== "poll") this.beat(now, goAt)
    else if (this.asked.length === 0) this.poll()
  }
}
