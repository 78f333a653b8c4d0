/** The portable null relay; see `native/sink.c`. */
import * as net from "node:net"
import { command } from "./wire.ts"

let nextId = 1n

const replyTo = (number: number): Buffer => {
  const id = Buffer.alloc(8)
  const ok = Buffer.from([0, 0, 0, 10])
  if (number === command.version) return Buffer.from([0, 0, 0, 2, 0, 0, 0, 13])
  if (number === command.sendMetadata) return Buffer.alloc(0)
  if (number === command.dataPending) return Buffer.alloc(4)
  if (number !== command.createSession && number !== command.addStream) return ok
  id.writeBigUInt64BE(nextId++)
  return number === command.addStream ? Buffer.concat([id, ok]) : Buffer.concat([id, ok, Buffer.from([0, 0, 0, 1, 0])])
}

const control = (socket: net.Socket) => {
  let pending = Buffer.alloc(0)
  socket.setNoDelay(true).on("error", () => undefined)
  socket.on("data", (bytes) => {
    pending = pending.length === 0 ? bytes : Buffer.concat([pending, bytes])
    const replies: Array<Buffer> = []
    while (pending.length >= 24) {
      const size = 24 + Number(pending.readBigUInt64BE(8))
      if (pending.length < size) break
      replies.push(replyTo(pending.readUInt32BE(16)))
      pending = pending.subarray(size)
    }
    socket.write(Buffer.concat(replies))
  })
}

export const serve = (controlPort: number, dataPort: number) => {
  net.createServer(control).listen(controlPort, "127.0.0.1")
  net.createServer((socket) => socket.resume().on("error", () => undefined)).listen(dataPort, "127.0.0.1")
}
