/**
 * The thread that has the connections of the operator's port, so that no packet waits while clients connect, send half
 * requests or do not read. The relay's loop gets whole requests only, and no more than `Bounds` lets through.
 *
 * It loads nothing but Node's own modules, and yields the processor to the relay.
 */
import { readlinkSync } from "node:fs"
import type { IncomingMessage, ServerResponse } from "node:http"
import { setPriority } from "node:os"
import { parentPort, workerData } from "node:worker_threads"
import { clockMillis } from "../../Machine.ts"
import { Credit } from "../../model/Credit.ts"
import { bodyBytesMax, server as makeServer } from "./Bounds.ts"
import { isHead } from "./Crowd.ts"
import type { Answered, Headers, Start, Told } from "./PortMessages.ts"
import { keyOf, Recent } from "./Recent.ts"
import { letReadersIn } from "./SocketMode.ts"

type Head = Extract<Answered, { readonly _tag: "Head" }>
type Part = Extract<Answered, { readonly _tag: "Part" }>

/** The thread's niceness: it gets a tenth of what an ordinary thread gets if both want the same processor. */
const priority = 10
/** Further connections wait in the system's queue: to accept one and cut it off costs as much as a small answer. */
const connectionsPerSecond = 500
const methods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"])

const yieldToOthers = (): void => {
  try {
    const [, , id] = readlinkSync("/proc/thread-self").split("/")
    setPriority(Number(id), priority)
  } catch {
    // Not permitted, or not Linux.
  }
}

const tell = (told: Told, transferred: ReadonlyArray<ArrayBuffer> = []): void =>
  parentPort?.postMessage(told, [...transferred])

/** Stops the thread for a time: clients that are connected wait as well. */
const pause = (millis: number): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, millis)
}

/** Bounds connections to `connectionsPerSecond`, with a second's worth at once after a quiet time. */
const turnstile = (): (() => void) => {
  const credit = new Credit(connectionsPerSecond, connectionsPerSecond, clockMillis())
  return () => {
    credit.at(clockMillis())
    credit.spend()
    const millis = credit.millisUntil(0)
    if (millis > 0) pause(millis)
  }
}

/** Path and query of a request's target; undefined: it is not for this server. */
const targetOf = (url: string): string | undefined => {
  if (url.startsWith("/")) return url
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  return parsed !== undefined && /^https?:$/.test(parsed.protocol) ? `${parsed.pathname}${parsed.search}` : undefined
}

const headersOf = ({ headers }: IncomingMessage): Headers =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") : (value ?? "")])
  )

const refuse = (response: ServerResponse, status: number): void => {
  const allowed = status === 405 ? { allow: [...methods].join(", ") } : {}
  response.writeHead(status, { connection: "close", "content-length": "0", ...allowed }).end()
}

/** Calls `take` with the whole body, or undefined if it is too large; not at all if it breaks off. */
const bodyOf = (request: IncomingMessage, take: (body: Uint8Array<ArrayBuffer> | undefined) => void): void => {
  const parts: Array<Buffer> = []
  let byteCount = 0
  request.on("data", (part: Buffer) => {
    byteCount += part.length
    if (byteCount <= bodyBytesMax) parts.push(part)
  })
  request.once("end", () => take(byteCount <= bodyBytesMax ? Uint8Array.from(Buffer.concat(parts)) : undefined))
}

/** A request that the relay's loop has, and the answer as far as it came. */
interface Asking {
  readonly response: ServerResponse
  /** The answer's status and headers, once they came. */
  head: Head | undefined
  readonly parts: Array<Uint8Array>
  /** The request changes what others are told, until it is answered. */
  readonly isAction: boolean
  /** The key under which the answer is to be kept; undefined: it is not to be kept. */
  key: string | undefined
}

const { connectionCountMax, listen } = workerData as Start
const server = makeServer(connectionCountMax)
const recent = new Recent()
const asked = new Map<number, Asking>()
let lastId = 0

/** Drops kept answers, and keeps none that is on its way: it may be from before a change. */
const forget = (): void => {
  recent.clear()
  for (const asking of asked.values()) asking.key = undefined
}

const statusRefused = (request: IncomingMessage, target: string | undefined): number | undefined => {
  if (!methods.has(request.method ?? "")) return 405
  if (target === undefined) return 400
  return Number(request.headers["content-length"] ?? 0) > bodyBytesMax ? 413 : undefined
}

const forward = (
  request: IncomingMessage,
  response: ServerResponse,
  target: string,
  body: Uint8Array<ArrayBuffer>
): void => {
  const { method = "" } = request
  const headers = headersOf(request)
  const key = method === "GET" ? keyOf(target, headers) : undefined
  const known = key === undefined ? undefined : recent.find(key, clockMillis())
  if (known !== undefined) {
    response.writeHead(known.status, known.headers).end(known.bytes)
    return
  }
  const isAction = method !== "GET" && method !== "OPTIONS"
  if (isAction) forget()
  const id = ++lastId
  asked.set(id, { response, head: undefined, parts: [], isAction, key: isHead(response) ? undefined : key })
  response.once("close", () => {
    if (asked.delete(id)) tell({ _tag: "Gone", id })
  })
  const hasBody = body.length > 0 && method !== "GET"
  tell({ _tag: "Asked", id, method, target, headers, body: hasBody ? body : undefined }, hasBody ? [body.buffer] : [])
}

const ask = (request: IncomingMessage, response: ServerResponse): void => {
  const target = targetOf(request.url ?? "")
  const refused = statusRefused(request, target)
  if (refused !== undefined || target === undefined) {
    refuse(response, refused ?? 400)
    return
  }
  bodyOf(request, (body) => {
    if (body === undefined) {
      refuse(response, 413)
      return
    }
    forward(request, response, target, body)
  })
}

/** Whether answers with this status have no body, nor a length. */
const isBare = (status: number): boolean => status === 204 || status === 304

/** The head's headers, with the length if the first part tells it by being the last. */
const headersWith = ({ headers, status }: Head, { bytes, isLast }: Part): Headers => {
  const { "content-length": told, ...rest } = headers
  const length = told ?? (isLast ? String(bytes.length) : undefined)
  return length === undefined || isBare(status) ? rest : { ...rest, "content-length": length }
}

/** Keeps the answer once it is whole. One without a length is not kept: it may have no end. */
const collect = (asking: Asking, { bytes, isLast }: Part, headers: Headers): void => {
  const { head, key, parts } = asking
  if (key === undefined || head === undefined || headers["content-length"] === undefined) return
  parts.push(bytes)
  if (!isLast) return
  recent.keep(key, { status: head.status, headers, bytes: Buffer.concat(parts) }, clockMillis())
}

const send = (asking: Asking, part: Part): void => {
  const { head, response } = asking
  const { bytes, id, isLast } = part
  if (head === undefined) return
  const headers = headersWith(head, part)
  if (!response.headersSent) response.writeHead(head.status, headers)
  collect(asking, part, headers)
  if (isLast) {
    asked.delete(id)
    response.end(bytes)
  } else if (isHead(response)) response.end()
  else if (response.write(bytes)) tell({ _tag: "More", id })
  else response.once("drain", () => tell({ _tag: "More", id }))
}

const answer = (answered: Answered): void => {
  if (answered._tag === "Close") {
    server.close(() => parentPort?.close())
    server.closeIdleConnections()
    return
  }
  const asking = asked.get(answered.id)
  if (asking === undefined) return
  if (answered._tag === "Head") {
    asking.head = answered
    if (asking.isAction) forget()
  } else send(asking, answered)
}

yieldToOthers()
const enter = turnstile()
server.on("connection", (socket) => {
  server.enter(socket)
  enter()
})
server.on("request", ask)
server.on("error", ({ code, message }: NodeJS.ErrnoException) => tell({ _tag: "Refused", code, message }))
server.listen(listen, () => {
  letReadersIn(server)
  const address = server.address()
  if (address !== null) tell({ _tag: "Listening", address })
})
parentPort?.on("message", answer)
