/** The head of a packet of metadata, in the tracer's byte order (ctf.md §2.2; CTF 1.8.3, 7.1). */
export const magic = 0x75d11d57

/** Bytes of the head: magic, UUID, checksum, both sizes in bits, three schemes, version. */
export const headBytes = 37

export const offsets = { uuid: 4, checksum: 20, contentBits: 24, packetBits: 28, schemes: 32, version: 35 } as const
