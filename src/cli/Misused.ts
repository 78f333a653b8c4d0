/** Errors about arguments, and exit statuses. Plain, since `show` runs without the command line's library. */

/** Arguments that mean nothing, or nothing together: status 2. */
export class Misused extends Error {
  readonly _tag = "Misused"
}

const tags: ReadonlySet<unknown> = new Set(["Misused", "UrlRefused", "WhereRefused"])

/** Whether an error says that the arguments are wrong: such errors come before anything is done. */
const isMisuse = (error: unknown): boolean =>
  typeof error === "object" && error !== null && "_tag" in error && tags.has(error._tag)

/** Exit statuses of the toolbox. */
export const status = { failed: 1, misused: 2, terminated: 143 } as const

export const statusOf = (error: unknown): number => (isMisuse(error) ? status.misused : status.failed)
