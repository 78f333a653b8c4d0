/**
 * Keeps the clients of the operator's port from taking the loop away from targets. Connections are bounded; if there
 * are too many, the least useful one is closed, so that clients that only hold connections lock nobody out. Of each
 * connection one request at a time is served; of all together a bounded number in a second, in turn.
 */
import { type IncomingMessage, Server, type ServerOptions, ServerResponse } from "node:http"
import type { Socket } from "node:net"
import { clearTimeout, clockMillis, setTimeout } from "../../Machine.ts"
import { Credit } from "../../model/Credit.ts"

interface Request {
  readonly message: IncomingMessage
  readonly answer: ServerResponse
}

interface Guest {
  readonly socket: Socket
  readonly waiting: Array<Request>
  /** True while an answer to it is being made or sent. */
  isAnswered: boolean
}

export interface Bounds {
  readonly connectionCountMax: number
  /** Requests of one connection that may wait for their turn. */
  readonly waitingCountMax: number
  readonly requestsPerSecond: number
  /** Requests that may be served at once after a quiet time. */
  readonly burstCount: number
}

/** A large answer counts as several requests, one for each so many bytes: they take the loop as long as a small one. */
const requestBytes = 64 * 1024

/** Answers to `HEAD`, which get no body whatever is written. */
const heads = new WeakSet<ServerResponse>()

export const isHead = (answer: ServerResponse): boolean => heads.has(answer)

/** `HEAD` is answered as `GET` is, without the body. */
const asGet = (message: IncomingMessage, answer: ServerResponse): IncomingMessage => {
  if (message.method === "HEAD") {
    message.method = "GET"
    heads.add(answer)
  }
  return message
}

/** Whether there are several `Host` headers: a proxy may go by another than the runtime, which takes the first. */
const isAmbiguous = ({ rawHeaders }: IncomingMessage): boolean =>
  rawHeaders.filter((text, at) => at % 2 === 0 && text.toLowerCase() === "host").length > 1

/** True while the system takes no more of what the connection is sent. */
const isUnread = ({ socket }: Guest): boolean => socket.writableNeedDrain

/** The least useful connection: the oldest that asks nothing now, else that does not read, else the oldest of all. */
const leastOf = (guests: Iterable<Guest>): Guest | undefined => {
  let [unread, oldest]: Array<Guest | undefined> = []
  for (const guest of guests) {
    if (!guest.isAnswered && guest.waiting.length === 0) return guest
    if (isUnread(guest)) unread ??= guest
    oldest ??= guest
  }
  return unread ?? oldest
}

export class CrowdServer extends Server {
  readonly #bounds: Bounds
  readonly #guests = new Map<Socket, Guest>()
  /** Connections whose next request could be answered, the one that has waited longest first. */
  readonly #ready = new Set<Guest>()
  readonly #credit: Credit
  #timer: NodeJS.Timeout | undefined

  constructor(options: ServerOptions, bounds: Bounds) {
    // There is nothing to upgrade to: a request to upgrade is answered like any other.
    super({ ...options, shouldUpgradeCallback: () => false })
    this.#bounds = bounds
    this.#credit = new Credit(bounds.requestsPerSecond, bounds.burstCount, clockMillis())
    this.on("close", () => clearTimeout(this.#timer))
  }

  /** Holds back requests until it is their turn: only then do listeners hear of them. Other events pass. */
  override emit(event: string | symbol, ...values: ReadonlyArray<unknown>): boolean {
    const [message, answer] = values
    const isContinued = event === "checkContinue"
    if ((event !== "request" && !isContinued) || !(answer instanceof ServerResponse))
      return super.emit(event as "request", ...(values as []))
    const asked = message as IncomingMessage
    if (isAmbiguous(asked)) {
      answer.writeHead(400, { connection: "close", "content-length": "0" }).end()
      return true
    }
    if (isContinued) answer.writeContinue()
    this.#ask({ message: asGet(asked, answer), answer })
    return true
  }

  /** Takes note of a connection; must be called before it is served. */
  enter(socket: Socket): void {
    const least = this.#guests.size < this.#bounds.connectionCountMax ? undefined : leastOf(this.#guests.values())
    if (least !== undefined) {
      this.#guests.delete(least.socket)
      least.socket.destroy()
    }
    const guest: Guest = { socket, waiting: [], isAnswered: false }
    this.#guests.set(socket, guest)
    socket.once("close", () => {
      this.#guests.delete(socket)
      this.#ready.delete(guest)
    })
  }

  #ask(request: Request): void {
    const guest = this.#guests.get(request.message.socket)
    if (guest === undefined || guest.socket.destroyed) return
    if (guest.waiting.push(request) > this.#bounds.waitingCountMax) {
      guest.socket.destroy()
      return
    }
    if (!guest.isAnswered) this.#ready.add(guest)
    this.#serve()
  }

  #serve(): void {
    for (const guest of this.#ready) {
      if (!this.#hasCredit()) return
      this.#ready.delete(guest)
      const request = guest.waiting.shift()
      if (request !== undefined && !guest.socket.destroyed) this.#answer(guest, request)
    }
  }

  #answer(guest: Guest, { answer, message }: Request): void {
    const { socket } = guest
    const before = socket.bytesWritten
    guest.isAnswered = true
    this.#credit.spend()
    answer.once("close", () => {
      this.#credit.spend(Math.floor((socket.bytesWritten - before) / requestBytes))
      guest.isAnswered = false
      if (guest.waiting.length > 0) this.#ready.add(guest)
      this.#serve()
    })
    super.emit("request", message, answer)
  }

  /** Whether a request may be served now; if not, `#serve` is called again when one may. */
  #hasCredit(): boolean {
    if (this.#credit.at(clockMillis()) >= 1) return true
    this.#timer ??= setTimeout(
      () => {
        this.#timer = undefined
        this.#serve()
      },
      Math.ceil(this.#credit.millisUntil(1))
    ).unref()
    return false
  }
}
