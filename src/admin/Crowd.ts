/**
 * The connections of the operator's port: no more than a bound, and of those that are too many the one goes that is of
 * the least use. So clients that hold connections, whatever way they do it, lock nobody out.
 */
import type { Server, ServerResponse } from "node:http"
import type { Socket } from "node:net"

interface Guest {
  readonly socket: Socket
  /** Answers that are not sent whole. */
  answerCount: number
}

const isAnswered = ({ answerCount }: Guest): boolean => answerCount > 0
/** The system takes no more of what it is sent. */
const isUnread = ({ socket }: Guest): boolean => socket.writableNeedDrain

/** Oldest first: one that has asked nothing, else one that does not read, else the oldest of all. */
const leastOf = (guests: Iterable<Guest>): Guest | undefined => {
  let [unread, oldest]: Array<Guest | undefined> = []
  for (const guest of guests) {
    if (!isAnswered(guest)) return guest
    if (isUnread(guest)) unread ??= guest
    oldest ??= guest
  }
  return unread ?? oldest
}

/** Sees to it that `server` has no more than `countMax` connections; answers what has to be told of each. */
export const bound = (server: Server, countMax: number): ((socket: Socket) => void) => {
  const guests = new Map<Socket, Guest>()
  const enter = (socket: Socket): void => {
    const least = guests.size < countMax ? undefined : leastOf(guests.values())
    if (least !== undefined) {
      guests.delete(least.socket)
      least.socket.destroy()
    }
    guests.set(socket, { socket, answerCount: 0 })
    socket.once("close", () => guests.delete(socket))
  }
  // Before whoever answers: it may do so at once.
  server.prependListener("request", ({ socket }, answer: ServerResponse) => {
    const guest = guests.get(socket)
    if (guest === undefined) return
    guest.answerCount++
    answer.once("close", () => {
      guest.answerCount--
    })
  })
  return enter
}
