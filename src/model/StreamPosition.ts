/** How much of a data file and its index is written. */
export interface FileExtent {
  /** Bytes of complete packets. */
  readonly offset: number
  readonly recordCount: number
}

/**
 * How far packets, indexes and metadata have brought a stream: what it needs to come to the same place without them.
 * None is half received, and files have only changed as a ring goes on.
 */
export interface StreamPosition extends FileExtent {
  /** Number of files of a ring that were left before the current one; and the last of them, the newest last. */
  readonly leftCount: number
  readonly left: ReadonlyArray<FileExtent>
  readonly indexCount: number
  readonly prevDataSeq: bigint
  readonly prevIndexSeq: bigint
  readonly receivedPacketSeqNum: bigint | undefined
  readonly ctfStreamId: bigint | undefined
  /** Timestamp of the last beacon, if nothing else was heard since. */
  readonly beacon: bigint | undefined
  readonly metadataReceived: number
}
