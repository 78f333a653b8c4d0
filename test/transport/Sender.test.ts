/** What goes out on a connection, with and without the thread beside the loop: whole, in order, told once. */
import * as fs from "node:fs"
import * as net from "node:net"
import { availableParallelism, tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { allocateShared } from "../../src/memory/Piece.ts"
import { unknownBytes } from "../../src/thread/WriterThread.ts"
import { receiveInto } from "../../src/transport/ReceiveInto.ts"
import { Sender, SenderThread } from "../../src/transport/Sender.ts"
import { listening } from "../support/listening.ts"
import { turns, until } from "../support/turns.ts"
import { started } from "../thread/started.ts"

const isThreadUsable = availableParallelism() > 1

/** One connection: what sends on one end, and everything that has arrived at the other. */
interface Line {
  readonly sender: Sender
  readonly near: net.Socket
  readonly far: net.Socket
  readonly arrived: () => Buffer
  readonly isFull: () => boolean
  /** Calls `then` each time when it is told of room. */
  readonly whenRoom: (then: () => void) => void
}

interface Ground {
  readonly thread: SenderThread
  /** Writes that the thread took. */
  readonly besideCount: () => number
  readonly line: Effect.Effect<Line, never, Scope.Scope>
}

const ground: Effect.Effect<Ground, never, Scope.Scope> = Effect.gen(function* () {
  const thread = yield* Effect.acquireRelease(
    Effect.sync(() => new SenderThread()),
    (made) => Effect.sync(() => made.thread.stop())
  )
  if (isThreadUsable) yield* started(thread.thread)
  let besideCount = 0
  const write = thread.thread.write.bind(thread.thread)
  thread.thread.write = (...args) => {
    const taken = write(...args)
    if (taken !== undefined) besideCount++
    return taken
  }
  const server = net.createServer({ pauseOnConnect: true })
  const port = yield* listening(server)
  const pair = Effect.callback<readonly [net.Socket, net.Socket]>((resume) => {
    const far = net.connect(port, "127.0.0.1")
    far.on("error", () => {})
    server.once("connection", (accepted) => resume(Effect.succeed([accepted, far])))
  })
  const line = Effect.gen(function* () {
    const [accepted, far] = yield* Effect.acquireRelease(pair, ([near, other]) =>
      Effect.sync(() => {
        near.destroy()
        other.destroy()
      })
    )
    const chunks: Array<Buffer> = []
    far.on("data", (chunk) => chunks.push(chunk))
    const reading = receiveInto(accepted, () => true)
    const { socket: near, descriptor } = reading
    near.on("error", () => {})
    let full = false
    let tellRoom = () => {}
    const onFull = (isFull: boolean) => {
      full = isFull
      if (!isFull) tellRoom()
    }
    const whenRoom = (then: () => void) => {
      tellRoom = then
    }
    const sender = new Sender({ socket: near, descriptor, thread, onFull })
    reading.onClosing = () => sender.settle()
    yield* Effect.addFinalizer(() => Effect.sync(() => near.destroy()))
    return { sender, near, far, arrived: () => Buffer.concat(chunks), isFull: () => full, whenRoom }
  })
  return { thread, besideCount: () => besideCount, line }
})

const withGround = <E>(body: (ground: Ground) => Effect.Effect<void, E, Scope.Scope>) =>
  Effect.scoped(Effect.flatMap(ground, body))

/** Bytes that tell where they belong, in shared memory if they are many. */
const message = (line: number, at: number, byteCount: number): Buffer => {
  const bytes = byteCount < 1000 ? Buffer.alloc(byteCount) : (allocateShared(byteCount) as Buffer)
  return bytes.fill(1 + ((line * 31 + at * 7) % 250))
}
const sizes = [20, 70_000, 300_000, 5, 65_536, 900_000, 100, 40_000]

describe("a sender", () => {
  it.live("sends what is large and small in order, to many at once, and tells each once", () =>
    withGround((made) =>
      Effect.gen(function* () {
        const lines = yield* Effect.all(Array.from({ length: 12 }, () => made.line))
        const sent = lines.map(() => new Map<number, number>())
        const expected: Array<Array<Buffer>> = lines.map(() => [])
        const count = 40
        for (let at = 0; at < count; at++) {
          for (const [number, { sender, far }] of lines.entries()) {
            const bytes = message(number, at, sizes[(at + number) % sizes.length] as number)
            expected[number]?.push(Buffer.from(bytes))
            sender.send(bytes, () => sent[number]?.set(at, (sent[number]?.get(at) ?? 0) + 1))
            // Some read late.
            if ((at + number) % 5 === 0) far.pause()
            else if ((at + number) % 5 === 3) far.resume()
          }
          if (at % 3 === 0) yield* turns(1)
        }
        for (const { far } of lines) far.resume()
        for (const [number, { arrived }] of lines.entries()) {
          const whole = Buffer.concat(expected[number] ?? [])
          yield* until(`all bytes of line ${number}`, () => arrived().length >= whole.length)
          assert.isTrue(arrived().equals(whole), `line ${number}`)
          yield* until("all to be told", () => sent[number]?.size === count)
          assert.isTrue([...(sent[number]?.values() ?? [])].every((times) => times === 1))
        }
        if (isThreadUsable) assert.isAbove(made.besideCount(), 20)
      })
    )
  )

  it.live("says when too much is unread, and when there is room again", () =>
    withGround((made) =>
      Effect.gen(function* () {
        const lines = yield* Effect.all([made.line, made.line, made.line])
        for (const { far } of lines) far.pause()
        let sentBytes = 0
        for (let isRoom = true; isRoom; ) {
          const answers = lines.map(({ sender }) => sender.send(message(1, 1, 300_000)))
          sentBytes += 300_000
          isRoom = answers.every((each) => each)
          if (isRoom) yield* turns(1)
        }
        assert.isTrue(lines.some(({ isFull }) => isFull()))
        for (const { far } of lines) far.resume()
        yield* until("room", () => !lines.some(({ isFull }) => isFull()))
        for (const { arrived } of lines) yield* until("all bytes", () => arrived().length === sentBytes)
      })
    )
  )

  it.live(
    "a connection that goes in the middle has told everything, and nothing goes where its descriptor goes next",
    () =>
      withGround((made) =>
        Effect.gen(function* () {
          const directory = yield* Effect.acquireRelease(
            Effect.sync(() => fs.mkdtempSync(join(tmpdir(), "sender-"))),
            (path) => Effect.sync(() => fs.rmSync(path, { recursive: true }))
          )
          for (let round = 0; round < 30; round++) {
            const lines = yield* Effect.all([made.line, made.line, made.line, made.line])
            let toldCount = 0
            for (const { sender } of lines) {
              for (const [at, size] of sizes.entries()) sender.send(message(round, at, size), () => toldCount++)
            }
            for (const { near } of lines) near.destroy()
            const files = lines.map((_, at) => fs.openSync(join(directory, `${round}-${at}`), "w"))
            yield* until("all to be told", () => toldCount === lines.length * sizes.length)
            for (const file of files) {
              assert.strictEqual(fs.fstatSync(file).size, 0)
              fs.closeSync(file)
            }
          }
        })
      )
  )

  it.live("a connection of which the thread, which is gone, has sent who knows what is closed", () =>
    withGround((made) =>
      Effect.gen(function* () {
        const { sender, near } = yield* made.line
        made.thread.hasCompany = () => true
        made.thread.thread.write = () => ({ isBegun: true, tookMillis: 0, settle: () => unknownBytes })
        let toldCount = 0
        sender.send(message(1, 1, 300_000), () => toldCount++)
        assert.isFalse(near.destroyed)
        sender.settle()
        assert.isTrue(near.destroyed)
        assert.strictEqual(toldCount, 0)
      })
    )
  )

  it.live("counts what waits for the thread, and tells of room only behind what is being sent", () =>
    withGround((made) =>
      Effect.gen(function* () {
        const { arrived, isFull, sender, whenRoom } = yield* made.line
        made.thread.hasCompany = () => true
        let tell: (() => void) | undefined
        let isDone = false
        made.thread.thread.write = (_descriptor, [piece], _position, onDone) => {
          tell = onDone
          return { isBegun: false, tookMillis: 0, settle: () => (isDone ? (piece?.to ?? 0) : 0) }
        }
        made.thread.thread.reap = () => {
          if (isDone) tell?.()
          isDone = false
        }
        const [first, second] = [message(1, 1, 300_000), message(1, 2, 300_000)]
        assert.isTrue(sender.send(first))
        assert.isFalse(sender.send(second))
        assert.isTrue(isFull())
        whenRoom(() => sender.send(Buffer.from("later")))
        // The thread has sent the first when the next comes, and does nothing with the second.
        isDone = true
        assert.isTrue(sender.send(Buffer.from("now")))
        yield* turns(1)
        assert.isFalse(isFull())
        sender.settle()
        const expected = Buffer.concat([second, Buffer.from("nowlater")])
        yield* until("all bytes", () => arrived().length >= expected.length)
        assert.isTrue(arrived().equals(expected))
      })
    )
  )

  it.live("tells of no room that is gone again before that is heard", () =>
    withGround((made) =>
      Effect.gen(function* () {
        const { far, isFull, near, sender } = yield* made.line
        far.pause()
        while (sender.send(message(1, 1, 300_000))) yield* turns(1)
        let isRoom: boolean | undefined
        near.once("drain", () => {
          far.pause()
          for (let count = 0; count < 100; count++) isRoom = sender.send(message(1, 1, 300_000))
        })
        far.resume()
        yield* until("it to have drained once", () => isRoom !== undefined)
        yield* turns(1)
        assert.deepStrictEqual([isRoom, isFull()], [false, true])
        far.resume()
        yield* until("room", () => !isFull())
      })
    )
  )

  it.live("sends what is alone itself", () =>
    withGround((made) =>
      Effect.gen(function* () {
        const { sender, arrived } = yield* made.line
        for (let at = 1; at <= 5; at++) {
          sender.send(message(0, at, 70_000))
          yield* until("the bytes", () => arrived().length === at * 70_000)
        }
        assert.strictEqual(made.besideCount(), 0)
      })
    )
  )
})
