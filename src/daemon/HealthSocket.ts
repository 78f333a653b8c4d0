/**
 * The Unix socket that answers health queries: four bytes in, eight bytes out, close.
 *
 * Unlike the reference, a client that says nothing or something else is closed after a deadline and disturbs nobody.
 * An old socket at the path is replaced; any other kind of file there is left alone and refuses the start. It is bound
 * under a name of its own and renamed into place, since the runtime removes what it has bound: that would be another
 * daemon's socket, which was put in its place meanwhile.
 */
import { chmodSync, chownSync, existsSync, renameSync, rmSync } from "node:fs"
import { createServer, type Server, type Socket } from "node:net"
import { endianness } from "node:os"
import { dirname, join } from "node:path"
import { Effect, type Scope } from "effect"
import * as SystemError from "../errors/SystemError.ts"
import { DaemonFailed } from "./DaemonFailed.ts"
import * as OwnSocket from "./OwnSocket.ts"

const queryBytes = 4
const answerBytes = 8
/** The number of the only command. */
const check = 0
/** A client on the same machine sends four bytes at once; a second is patience enough. */
const queryMillisMax = 1000
/** With more clients the oldest is closed: descriptors are for targets. */
const clientCountMax = 32
/** Connections that may wait to be accepted, as in the reference. */
const backlog = 64

const littleEndian = endianness() === "LE"

const answer = (mask: bigint): Buffer => {
  const bytes = Buffer.alloc(answerBytes)
  if (littleEndian) bytes.writeBigUInt64LE(mask)
  else bytes.writeBigUInt64BE(mask)
  return bytes
}

const serveClient = (socket: Socket, query: () => bigint): void => {
  let received = Buffer.alloc(0)
  socket.setTimeout(queryMillisMax, () => socket.destroy())
  socket.on("error", () => socket.destroy())
  socket.on("data", (bytes) => {
    received = Buffer.concat([received, bytes.subarray(0, queryBytes)])
    if (received.length < queryBytes) return
    const command = littleEndian ? received.readUInt32LE() : received.readUInt32BE()
    if (command === check) socket.end(answer(query()))
    else socket.destroy()
    socket.removeAllListeners("data")
    socket.resume()
  })
}

/** The path that is bound and then renamed; if its name would be too long, `path` itself. */
const boundPathOf = (path: string): string => {
  const aside = join(dirname(path), `.health-${process.pid}`)
  return Buffer.byteLength(aside) > OwnSocket.pathBytesMax ? path : aside
}

const failed = (path: string, error: unknown) => {
  // If the directory is missing, the runtime's error says that permission is denied.
  const reason = existsSync(dirname(path)) ? SystemError.reasonOf(error) : "No such file or directory"
  return new DaemonFailed({
    code: "START_FILE",
    message: `Unable to create health check Unix socket ${path}: ${reason}`
  })
}

interface Served {
  readonly query: () => bigint
  readonly clients: Set<Socket>
}

/** Listens at `bound`; errors name `path`. */
const listen = (bound: string, path: string, { clients, query }: Served) =>
  Effect.callback<Server, DaemonFailed>((resume) => {
    const server = createServer((socket) => {
      if (clients.size === clientCountMax) {
        const [oldest = socket] = clients
        clients.delete(oldest)
        oldest.destroy()
      }
      clients.add(socket)
      socket.on("close", () => clients.delete(socket))
      serveClient(socket, query)
    })
    server.once("error", (error) => resume(Effect.fail(failed(path, error))))
    server.listen({ path: bound, backlog }, () => {
      server.removeAllListeners("error")
      server.on("error", () => undefined)
      resume(Effect.succeed(server))
    })
  })

/** Listens until the scope closes. If `groupId` is given, that group may connect. */
export const make = (
  path: string,
  groupId: number | undefined,
  query: () => bigint
): Effect.Effect<void, DaemonFailed, Scope.Scope> =>
  Effect.gen(function* () {
    const attempt = (act: () => void) => Effect.try({ try: act, catch: (error) => failed(path, error) })
    const bound = boundPathOf(path)
    yield* attempt(() => {
      const fault = OwnSocket.faultOf(path)
      if (fault !== undefined) throw new Error(fault)
      rmSync(bound, { force: true })
    })
    const clients = new Set<Socket>()
    yield* Effect.acquireRelease(listen(bound, path, { query, clients }), (server) =>
      Effect.sync(() => {
        server.close()
        for (const client of clients) client.destroy()
      })
    )
    yield* attempt(() => {
      if (groupId !== undefined) {
        chownSync(bound, 0, groupId)
        chmodSync(bound, 0o660)
      }
      if (bound !== path) renameSync(bound, path)
    })
  })
