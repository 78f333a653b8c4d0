/**
 * A scripted peer: a TCP connection that sends exactly what it is told and reads exactly what it asks for.
 *
 * Every wait has a limit. How a connection ended is part of what a test observes: an orderly end and a reset
 * both count as "closed", and bytes that arrived before are kept for the reader.
 */
import { connect as dial, type Socket } from "node:net"
import { Duration, Effect, Schema, type Scope } from "effect"
import * as Waits from "../transport/Waits.ts"
import * as Waiting from "./Waiting.ts"

/** The other side closed before all that was wanted had come; `received` are hexadecimal digits. */
export class WireClosed extends Schema.TaggedError<WireClosed>()("WireClosed", {
  wanted: Schema.Int,
  received: Schema.String
}) {
  override get message() {
    return `closed after ${this.received.length / 2} of ${this.wanted} bytes: ${this.received}`
  }
}

/** Nothing more came in time. */
export class WireSilent extends Schema.TaggedError<WireSilent>()("WireSilent", {
  wanted: Schema.Int,
  received: Schema.String
}) {
  override get message() {
    return `silent after ${this.received.length / 2} of ${this.wanted} bytes: ${this.received}`
  }
}

/** Nobody listens there. */
export class ConnectFailed extends Schema.TaggedError<ConnectFailed>()("ConnectFailed", { detail: Schema.String }) {
  override get message(): string {
    return `cannot connect: ${this.detail}`
  }
}

/** One connection, from the peer's end. */
export interface Wire {
  /** Resolves once the kernel took the bytes; a peer that is gone is noticed by the next read. */
  readonly send: (bytes: Uint8Array) => Effect.Effect<void>
  /** Reads exactly `count` bytes. */
  readonly read: (count: number) => Effect.Effect<Buffer, WireClosed | WireSilent>
  /** Reads everything up to the end of the connection. */
  readonly readToEnd: Effect.Effect<Buffer, WireSilent>
  /** Half-closes: the peer sees the end of the stream after what was sent. */
  readonly end: Effect.Effect<void>
  /** Closes both ways and waits until the local socket is gone. */
  readonly close: Effect.Effect<void>
  /** Closes with a reset. */
  readonly reset: Effect.Effect<void>
  /** Whether the other side has ended the connection. */
  readonly isClosed: () => boolean
}

const usualLimit = Duration.seconds(20)

const make = (socket: Socket, limit: Duration.Duration): Wire => {
  let received: Buffer = Buffer.alloc(0)
  let closed = false
  const { changed, when } = Waits.make()
  socket.setNoDelay(true)
  socket.on("data", (chunk) => {
    received = Buffer.concat([received, chunk as Buffer])
    changed()
  })
  const finished = () => {
    closed = true
    changed()
  }
  socket.on("error", finished)
  socket.on("end", finished)
  socket.on("close", finished)

  const within = (ready: () => boolean, wanted: number) =>
    Waiting.within(when(ready), limit).pipe(
      Effect.flatMap((found) =>
        found._tag === "Some"
          ? Effect.void
          : Effect.fail(new WireSilent({ wanted, received: received.toString("hex") }))
      ),
      Waiting.inRealTime
    )
  const take = (count: number) => {
    const taken = received.subarray(0, count)
    received = received.subarray(count)
    return taken
  }
  return {
    send: (bytes) =>
      Effect.callback<void>((resume) => {
        if (closed || socket.destroyed) return resume(Effect.void)
        socket.write(bytes, () => resume(Effect.void))
      }),
    read: (count) =>
      Effect.gen(function* () {
        yield* within(() => received.length >= count || closed, count)
        if (received.length >= count) return take(count)
        return yield* new WireClosed({ wanted: count, received: take(received.length).toString("hex") })
      }),
    readToEnd: Effect.gen(function* () {
      yield* within(() => closed, 0)
      return take(received.length)
    }),
    end: Effect.callback<void>((resume) => {
      if (socket.destroyed) return resume(Effect.void)
      socket.end(() => resume(Effect.void))
    }),
    close: Effect.callback<void>((resume) => {
      if (socket.closed) return resume(Effect.void)
      socket.once("close", () => resume(Effect.void))
      socket.end(() => socket.destroy())
    }),
    reset: Effect.callback<void>((resume) => {
      if (socket.closed) return resume(Effect.void)
      socket.once("close", () => resume(Effect.void))
      socket.resetAndDestroy()
    }),
    isClosed: () => closed
  }
}

/** Connects. A read fails if what it waits for has not come within `limit`. */
export const connect = (
  port: number,
  host = "127.0.0.1",
  limit: Duration.Duration = usualLimit
): Effect.Effect<Wire, ConnectFailed, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<Socket, ConnectFailed>((resume) => {
      const socket = dial({ port, host })
      socket.once("error", (cause) => resume(Effect.fail(new ConnectFailed({ detail: cause.message }))))
      socket.once("connect", () => resume(Effect.succeed(socket)))
    }),
    (socket) => Effect.sync(() => socket.destroy())
  ).pipe(Effect.map((socket) => make(socket, limit)))
