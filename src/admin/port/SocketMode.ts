/** Who may connect to a unix socket. */
import { chmodSync, statSync } from "node:fs"

const readers = 0o444

/** Whom the umask lets read what the relay makes: to connect, the system asks for the right to write. */
export const letReadersIn = (path: string): void => {
  const { mode } = statSync(path)
  chmodSync(path, (mode & 0o777) | ((mode & readers) >> 1))
}
