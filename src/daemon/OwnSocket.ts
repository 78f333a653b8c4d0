/** The place of a unix socket: what a process that was killed left there is removed, what somebody answers at stays. */
import { lstatSync, unlinkSync } from "node:fs"
import { connect } from "node:net"

const isAnswered = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy()
      resolve(true)
    })
    socket.once("error", ({ code }: NodeJS.ErrnoException) => resolve(code !== "ECONNREFUSED"))
  })

export const clear = async (path: string): Promise<void> => {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() !== true || (await isAnswered(path))) return
  unlinkSync(path)
}
