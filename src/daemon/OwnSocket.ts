/** The places of the daemon's unix sockets: what can be one, and what is left there by a process that was killed. */
import { lstatSync, unlinkSync } from "node:fs"
import { connect } from "node:net"

/** `sun_path` less its final zero: see unix(7). */
export const pathBytesMax = 107

/** Why no socket can be made under this path, if its directory can be written; undefined: it can, or is replaced. */
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

/** Somebody answers at a socket of this path. */
export const isTaken = async (path: string): Promise<boolean> =>
  lstatSync(path, { throwIfNoEntry: false }) !== undefined && (await isAnswered(path))

/** Removes a socket that nobody answers at; what somebody answers at stays. Rejects with an operator's words. */
export const clear = async (path: string): Promise<void> => {
  const fault = faultOf(path)
  if (fault !== undefined) throw new Error(fault)
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined && !(await isAnswered(path))) unlinkSync(path)
}
