/**
 * How far packets, indexes and metadata have brought a stream, while none of them is half received and none of its
 * files has changed: what a stream that stays with its files needs to come to the same place without them.
 */
export interface StreamPosition {
  /** Bytes of complete packets in the data file. */
  readonly offset: number
  readonly indexCount: number
  readonly prevDataSeq: bigint
  readonly prevIndexSeq: bigint
  readonly receivedPacketSeqNum: bigint | undefined
  readonly ctfStreamId: bigint | undefined
  /** Of the last beacon, if nothing was heard since. */
  readonly beacon: bigint | undefined
  readonly metadataReceived: number
}
