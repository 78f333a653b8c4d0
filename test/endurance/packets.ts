/** Records of packets in the index files below a directory. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import * as Tree from "../support/tree.ts"

const headerBytes = 16

export const packetCountOf = (directory: string): number =>
  Tree.files(directory)
    .filter((path) => path.endsWith(".idx"))
    .reduce((sum, path) => {
      const file = readFileSync(join(directory, path))
      return sum + (file.length - headerBytes) / file.readUInt32BE(12)
    }, 0)
