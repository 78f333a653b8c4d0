/** Paths of the daemon's unix sockets: whether a socket can be made there, and removing what a killed process left. */
import { lstatSync, unlinkSync } from "node:fs"
import { connect } from "node:net"

/** Most bytes of a path: `sun_path` without its final zero, see unix(7). */
export const pathBytesMax = 107

/** Why no socket can be made at this path in a writable directory; undefined: it can, maybe in place of an old one. */
export const faultOf = (path: string): string | undefined => {
  if (Buffer.byteLength(path) > pathBytesMax) return `its path is longer than ${pathBytesMax} bytes`
  const there = lstatSync(path, { throwIfNoEntry: false })
  return there === undefined || there.isSocket() ? undefined : "a file that is no socket is in its place"
}

const isAnswered = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy()
      resolve(true)
    })
    socket.once("error", ({ code }: NodeJS.ErrnoException) => resolve(code !== "ECONNREFUSED"))
  })

/** Whether somebody answers at a socket of this path. */
export const isTaken = async (path: string): Promise<boolean> =>
  lstatSync(path, { throwIfNoEntry: false }) !== undefined && (await isAnswered(path))

/** Removes the socket at this path, unless somebody answers at it. Rejects with a message for the operator. */
export const clear = async (path: string): Promise<void> => {
  const fault = faultOf(path)
  if (fault !== undefined) throw new Error(fault)
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined && !(await isAnswered(path))) unlinkSync(path)
}
