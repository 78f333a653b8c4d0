import { Duplex } from "node:stream"
import * as tls from "node:tls"

/** The ClientHello that a client of this platform begins with. */
export const helloOf = (options: tls.ConnectionOptions): Promise<Buffer> =>
  new Promise((resolve) => {
    const wire = new Duplex({ read: () => {}, write: (bytes: Buffer) => resolve(bytes) })
    tls.connect({ ...options, socket: wire }).on("error", () => undefined)
  })
