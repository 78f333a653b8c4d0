/** When bytes and names are synced, so that they survive a power failure (docs/durability.md). */
export type Sync = "none" | "close" | "always" | { readonly intervalMillis: number }

export const isSynced = (sync: Sync = "none"): boolean => sync !== "none"

/** When a stream's log syncs. */
export interface SyncPlan {
  /** True: with everything that is written. */
  readonly isEager: boolean
  /** At most so long after something was written; undefined: not by time. */
  readonly intervalMillis: number | undefined
}

export const planOf = (sync: Sync): SyncPlan | undefined => {
  if (sync === "none") return undefined
  return { isEager: sync === "always", intervalMillis: typeof sync === "object" ? sync.intervalMillis : undefined }
}
