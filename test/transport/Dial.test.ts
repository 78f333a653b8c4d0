/** An outgoing connection: bytes leave whole and in order, however little the other side takes; reads of any size. */
import { createServer, type Socket } from "node:net"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Dial from "../../src/transport/Dial.ts"
import { listening } from "../support/listening.ts"
import { until } from "../support/process.ts"

const mebi = 1024 * 1024

/** A connection, and the other end of it, of which nothing is read yet. */
const connected = Effect.gen(function* () {
  const sockets: Array<Socket> = []
  const port = yield* listening(createServer({ pauseOnConnect: true }, (socket) => sockets.push(socket)))
  const link = yield* Dial.dial({ host: "127.0.0.1", port })
  yield* until("the other end", () => sockets.length === 1)
  return { link, far: sockets[0] as Socket }
})

/** No two places of it are the same. */
const pattern = (byteCount: number): Buffer => {
  const bytes = Buffer.alloc(byteCount)
  for (let at = 0; at < byteCount; at += 4) bytes.writeUInt32BE(at, at)
  return bytes
}

it.live("what the system takes a part of is followed by its rest, and only then by what was written later", () =>
  Effect.gen(function* () {
    const { far, link } = yield* connected
    const bytes = pattern(32 * mebi)
    let [writtenBytes, sentBytes, heardBytes] = [0, 0, 0]
    const write = (byteCount: number) => {
      const part = bytes.subarray(writtenBytes, writtenBytes + byteCount)
      writtenBytes += part.length
      if (part.length > 0) link.write([part], () => (sentBytes += part.length))
    }
    // More than the two sockets hold.
    write(16 * mebi)
    assert.isFalse(link.isDrained())
    const heard: Array<Buffer> = []
    far.on("data", (part) => {
      heard.push(part as Buffer)
      heardBytes += part.length
      // There may be room just now, which is not for this.
      write(mebi / 4)
    })
    far.resume()
    yield* until("all of it", () => heardBytes >= bytes.length && sentBytes === bytes.length)
    assert.isTrue(Buffer.concat(heard).equals(bytes))
  })
)

it.live("more is read at once than may lie unread, where as much is asked for", () =>
  Effect.gen(function* () {
    const { far, link } = yield* connected
    const bytes = pattern(8 * mebi)
    far.write(bytes)
    yield* link.readable
    assert.isTrue(bytes.equals(yield* link.read(bytes.length)))
  })
)

it.live("what nobody asks for stays with the other side", () =>
  Effect.gen(function* () {
    const [idle, read] = [yield* connected, yield* connected]
    // More than the two sockets hold.
    const bytes = pattern(16 * mebi)
    idle.far.write(bytes)
    // Much more comes meanwhile where it is read.
    for (let count = 0; count < 4; count++) read.far.write(bytes)
    yield* read.link.read(4 * bytes.length)
    assert.isAbove(idle.far.writableLength, 0)
    assert.isTrue(bytes.equals(yield* idle.link.read(bytes.length)))
  })
)
