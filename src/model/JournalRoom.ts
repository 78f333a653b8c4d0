/** Bounds the journals that a relay, or an edge on the way, has open: each holds memory, and a file. */

/** Whether an owner of `ownedCount` of the `openCount` journals may have one more, up to half of what others leave. */
export const hasRoom = (openCount: number, ownedCount: number, countMax: number): boolean =>
  ownedCount < countMax - openCount
