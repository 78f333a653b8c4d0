/** Who may connect to a unix socket. */
import { chmodSync, statSync } from "node:fs"
import type { Server } from "node:net"

const readers = 0o444

/**
 * Whom the umask lets read what the relay makes: to connect, the system asks for the right to write. Of a server that
 * listens; TCP has no such thing.
 */
export const letReadersIn = (server: Server): void => {
  const path = server.address()
  if (typeof path !== "string") return
  const { mode } = statSync(path)
  chmodSync(path, (mode & 0o777) | ((mode & readers) >> 1))
}
