/**
 * A session that a relay forgot with its connections, and that is played to it again from its beginning: under another
 * name, since the relay would write over files of the old one, and cannot move a trace chunk to where one is. Pure.
 */
import { Result } from "effect"
import { cut } from "../../../model/Suffix.ts"
import * as CreateSession from "../../../protocol/control/CreateSession.ts"
import * as Header from "../../../protocol/Header.ts"
import { features } from "../../../protocol/Version.ts"

/** The protocol's, in bytes, without the NUL. */
const nameBytesMax = 254

export interface Beside {
  readonly command: Buffer
  /** What its directory is named by now. */
  readonly name: string
}

/**
 * CREATE_SESSION of a session that was begun `count` times before. Undefined: as it is; before 2.11 it names no
 * directory, and there are no trace chunks.
 */
export const beside = (command: Buffer, minor: number, count: number): Beside | undefined => {
  if (count === 0 || !features(minor).dynamicLayouts) return undefined
  const layout = CreateSession.request(minor)
  const decoded = layout.decode(command.subarray(Header.size))
  if (Result.isFailure(decoded)) return undefined
  const request = decoded.success as CreateSession.Writable
  const { basePath, sessionName } = request
  const suffix = `-${count}`
  // A base path takes the place of the session's name.
  const changed =
    basePath === ""
      ? { sessionName: `${cut(sessionName, nameBytesMax - suffix.length)}${suffix}` }
      : { basePath: `${basePath.replace(/\/+$/, "")}${suffix}` }
  const payload = layout.encode({ ...request, ...changed })
  const name = changed.basePath ?? changed.sessionName ?? ""
  return { command: Buffer.concat(Header.message(CreateSession.number, payload)), name }
}
