/**
 * Keeps a defect inside its connection. Bytes are handled in calls from the socket, outside any fiber: what is thrown
 * there would end the process. Here it becomes the cause that the connection's fiber ends with and that the log shows.
 */
import type { Receiver } from "../transport/Peer.ts"

export type OnDefect = (defect: unknown) => void

/** `act`, with what it throws given to `onDefect`. */
export const containedCall =
  (act: () => void, onDefect: OnDefect): (() => void) =>
  () => {
    try {
      act()
    } catch (defect) {
      onDefect(defect)
    }
  }

export const contained = (receiver: Receiver, onDefect: OnDefect): Receiver => ({
  receive: (bytes, length) => {
    try {
      return receiver.receive(bytes, length)
    } catch (defect) {
      onDefect(defect)
      return false
    }
  },
  withdrawn: containedCall(() => receiver.withdrawn?.(), onDefect),
  ended: containedCall(() => receiver.ended(), onDefect),
  drained: containedCall(() => receiver.drained(), onDefect)
})
