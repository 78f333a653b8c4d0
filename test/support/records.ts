/**
 * Records of TLS 1.3 that no library makes: of any length, empty, with keys that change, made by hand from the secret
 * that a client tells of itself (RFC 8446, §5.2, §7.2, §7.3). For TLS_AES_128_GCM_SHA256.
 */
import { createCipheriv, createHmac } from "node:crypto"
import * as net from "node:net"
import * as tls from "node:tls"
import { Effect, type Scope } from "effect"

const types = { alert: 21, handshake: 22, data: 23 } as const

const expand = (secret: Buffer, label: string, length: number): Buffer => {
  const name = Buffer.from(`tls13 ${label}`, "latin1")
  const info = Buffer.concat([Buffer.of(0, length, name.length), name, Buffer.of(0, 1)])
  return createHmac("sha256", secret).update(info).digest().subarray(0, length)
}

/** Everything that a client says after its handshake. */
export class Records {
  #secret: Buffer
  #seq = 0n

  constructor(secret: Buffer) {
    this.#secret = secret
  }

  readonly data = (bytes: Uint8Array, paddingBytes = 0): Buffer => this.#seal(types.data, bytes, paddingBytes)

  /** With it the other side is told that there is no more. */
  readonly closeNotify = (): Buffer => this.#seal(types.alert, Buffer.of(1, 0))

  /** `isAnswered`: the other side has to change its own, too. */
  readonly keyUpdate = (isAnswered: boolean): Buffer => {
    const record = this.#seal(types.handshake, Buffer.of(24, 0, 0, 1, isAnswered ? 1 : 0))
    this.#secret = expand(this.#secret, "traffic upd", 32)
    this.#seq = 0n
    return record
  }

  #seal(type: number, bytes: Uint8Array, paddingBytes = 0): Buffer {
    const inner = Buffer.concat([bytes, Buffer.of(type), Buffer.alloc(paddingBytes)])
    const header = Buffer.of(types.data, 3, 3, (inner.length + 16) >> 8, (inner.length + 16) & 255)
    const nonce = expand(this.#secret, "iv", 12)
    nonce.writeBigUInt64BE(nonce.readBigUInt64BE(4) ^ this.#seq++, 4)
    const cipher = createCipheriv("aes-128-gcm", expand(this.#secret, "key", 16), nonce).setAAD(header)
    return Buffer.concat([header, cipher.update(inner), cipher.final(), cipher.getAuthTag()])
  }
}

export interface Client {
  /** Reads what is answered. */
  readonly socket: tls.TLSSocket
  /** Takes what `records` makes, in this order. */
  readonly wire: net.Socket
  readonly records: Records
}

/** A client whose handshake is over. */
export const connect = (port: number, options: tls.ConnectionOptions): Effect.Effect<Client, Error, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<Client, Error>((resume) => {
      const wire = net.connect({ host: "127.0.0.1", port, noDelay: true, allowHalfOpen: true })
      const socket = tls.connect({ ...options, socket: wire, ciphers: "TLS_AES_128_GCM_SHA256", minVersion: "TLSv1.3" })
      let secret = Buffer.alloc(0)
      socket.on("keylog", (line: Buffer) => {
        const [label, , value = ""] = line.toString("latin1").trim().split(" ")
        if (label === "CLIENT_TRAFFIC_SECRET_0") secret = Buffer.from(value, "hex")
      })
      socket.on("error", (cause) => resume(Effect.fail(cause)))
      // The handshake's last message leaves after this call.
      socket.once("secureConnect", () =>
        setImmediate(() => resume(Effect.succeed({ socket, wire, records: new Records(secret) })))
      )
    }),
    ({ wire }) => Effect.sync(() => wire.destroy())
  )
