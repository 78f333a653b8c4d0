/** How much of a file and its index is written. */
export interface FileExtent {
  /** Bytes of complete packets. */
  readonly offset: number
  readonly recordCount: number
}

/**
 * How far packets, indexes and metadata have brought a stream, while none of them is half received and none of its
 * files has changed, but as a ring goes on: what a stream needs to come to the same place without them.
 */
export interface StreamPosition extends FileExtent {
  /** Of a ring: files that were left before the one that is written, in all; and the last of them, the newest last. */
  readonly leftCount: number
  readonly left: ReadonlyArray<FileExtent>
  readonly indexCount: number
  readonly prevDataSeq: bigint
  readonly prevIndexSeq: bigint
  readonly receivedPacketSeqNum: bigint | undefined
  readonly ctfStreamId: bigint | undefined
  /** Of the last beacon, if nothing was heard since. */
  readonly beacon: bigint | undefined
  readonly metadataReceived: number
}
