/** When bytes and names are made to outlive the machine's power (docs/durability.md). */
export type Sync = "none" | "close" | "always" | { readonly intervalMillis: number }

export const isSynced = (sync: Sync = "none"): boolean => sync !== "none"

/** How a stream's log goes about it; undefined: not at all. */
export interface SyncPlan {
  /** With everything that is written. */
  readonly isEager: boolean
  /** So long after something was written at the latest. */
  readonly intervalMillis: number | undefined
}

export const planOf = (sync: Sync): SyncPlan | undefined => {
  if (sync === "none") return undefined
  return { isEager: sync === "always", intervalMillis: typeof sync === "object" ? sync.intervalMillis : undefined }
}
