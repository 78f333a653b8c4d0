/**
 * An accepted connection as a `Peer`: the socket's reads, answers, deadlines and end, put together.
 *
 * A peer that reads none of its answers, or stops inside a message, is cut off after the stall limit.
 */
import { clearTimeout, setTimeout } from "../Machine.ts"
import { type Arrival, certificateOf, nameOf } from "./Door.ts"
import * as KeepAlive from "./KeepAlive.ts"
import type { Peer, Receive, Receiver, SocketEnd } from "./Peer.ts"
import { type Reading, receiveInto, receiveSecured } from "./ReceiveInto.ts"
import { Sender, type SenderThread } from "./Sender.ts"

export interface Options {
  readonly keepAlive: KeepAlive.KeepAlive | undefined
  /** The stall limit; undefined: never cut off. */
  readonly stallMillis: number | undefined
}

/**
 * After the last reply the peer has this long to read it and close. Closing first, with its bytes unread, would reset
 * the connection and could take the reply with it.
 */
const lingerMillis = 1000

/** Calls `onPassed` when the deadline has been set for `millis` and was not unset meanwhile; undefined: never. */
const makeDeadline = (millis: number | undefined, onPassed: () => void): ((isSet: boolean) => void) => {
  if (millis === undefined) return () => {}
  let timer: NodeJS.Timeout | undefined
  return (isSet) => {
    if (!isSet) {
      clearTimeout(timer)
      timer = undefined
    } else timer ??= setTimeout(onPassed, millis).unref()
  }
}

/** `thread` may send large answers; undefined: the loop sends everything. */
export const make = (arrival: Arrival, options: Options, thread: SenderThread | undefined): Peer => {
  const { accepted, first, secured } = arrival
  const name = nameOf(arrival)
  if (options.keepAlive !== undefined) KeepAlive.apply(accepted, options.keepAlive)
  let receiver: Receiver | undefined
  let outcome: SocketEnd | undefined
  let isClosing = false
  let hasSent = false
  const waiting: Array<(end: SocketEnd) => void> = []
  const settle = (end: SocketEnd) => {
    outcome ??= end
  }
  // It may be closed within the call: then the rest is read, and dropped.
  const receive: Receive = (bytes, length) => receiver?.receive(bytes, length) === true || isClosing
  const reading: Reading =
    secured === undefined ? receiveInto(accepted, receive, first) : receiveSecured(secured.socket, receive)
  const { socket } = reading
  socket.on("error", () => settle("socket error"))
  reading.whenEnded(() => {
    settle("closed by peer")
    if (isClosing) socket.destroy()
    else receiver?.ended()
  })
  socket.on("close", () => {
    settle("closed by peer")
    for (const wake of waiting) wake(outcome as SocketEnd)
    waiting.length = 0
  })
  const unread = makeDeadline(options.stallMillis, () => cutOff())
  const unsaid = makeDeadline(options.stallMillis, () => cutOff())
  const cutOff = () => {
    settle("stalled")
    socket.destroy()
  }
  const onFull = (isFull: boolean) => {
    unread(isFull)
    if (!isFull) receiver?.drained()
  }
  const sender = new Sender({ socket, descriptor: reading.descriptor, thread, onFull })
  reading.onClosing = () => sender.settle()
  socket.on("close", () => {
    unread(false)
    unsaid(false)
  })
  return {
    name,
    certificate: certificateOf(arrival),
    landing: reading.landing,
    start: (to) => {
      receiver = to
      reading.resume()
    },
    resume: reading.resume,
    pause: reading.pause,
    readAtMost: reading.readAtMost,
    send: (bytes, sent) => {
      hasSent = true
      return sender.send(bytes, sent)
    },
    expect: unsaid,
    close: () => {
      settle("closed by relay")
      receiver = undefined
      isClosing = true
      // There is no reply to lose, and who is refused from the start would have a place meanwhile.
      if (!hasSent) return void socket.destroy()
      sender.settle()
      // Once the system has all of it, no process needs to go on for this.
      socket.end(() => {
        for (const each of [accepted, socket]) each.unref()
      })
      reading.resume()
      setTimeout(() => socket.destroy(), lingerMillis).unref()
    },
    destroy: () => {
      settle("closed by relay")
      if (!isClosing) socket.destroy()
    },
    whenGone: (then) => {
      if (socket.destroyed && socket.closed) then(outcome as SocketEnd)
      else waiting.push(then)
    }
  }
}
