/** Who may connect to a unix socket: a file's mode. */
import { chmodSync, statSync } from "node:fs"
import type { Server } from "node:net"

const readers = 0o444

/**
 * Lets those connect whom the umask lets read what the relay makes, by giving them the right to write, which the system
 * asks for. The server must listen; nothing happens if it is not on a unix socket.
 */
export const letReadersIn = (server: Server): void => {
  const path = server.address()
  if (typeof path !== "string") return
  const { mode } = statSync(path)
  chmodSync(path, (mode & 0o777) | ((mode & readers) >> 1))
}
