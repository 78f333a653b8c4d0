/** What the head of a packet is printed as: the same for all of its event records. */
import type { Piece } from "./Piece.ts"

export interface PacketText {
  /** The printer that made it. */
  readonly by: object
  readonly piece: Piece
}
