/** How many journals of edges a relay has open, or an edge on the way: each holds memory, and a file. */

/** For one more of an owner that has `ownedCount` of `openCount`: each may have half of what others leave. */
export const hasRoom = (openCount: number, ownedCount: number, countMax: number): boolean =>
  ownedCount < countMax - openCount
