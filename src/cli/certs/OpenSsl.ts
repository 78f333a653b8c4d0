/** The machine's `openssl`: a call of it, with a configuration of its own, and what it says when it fails. */
import { execFile } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Schema } from "effect"
import * as SystemError from "../../errors/SystemError.ts"

/** No certificate was made: `reason` is what openssl or the system says. */
export class CertificateFailed extends Schema.TaggedError<CertificateFailed>()("CertificateFailed", {
  path: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `${this.path}: ${this.reason}`
  }
}

/** A call of the system, which fails with what it throws. */
export const attempt = <A>(
  path: string,
  call: () => A,
  reasonOf: (cause: unknown) => string = SystemError.reasonOf
): Effect.Effect<A, CertificateFailed> =>
  Effect.try({ try: call, catch: (cause) => new CertificateFailed({ path, reason: reasonOf(cause) }) })

/**
 * Why a call failed, of all that openssl says. Where it could not read a file, that is a line of its own, and what the
 * system says of it is inside another.
 */
export const reasonIn = (complaint: string): string => {
  const lines = complaint.trim().split("\n")
  const [unread, unopened] = ["Could not", "Can't open"].map((words) => lines.find((line) => line.includes(words)))
  const system = /:system library:[^:]*:([^:]+):/.exec(complaint)?.[1]
  if (unopened !== undefined || unread === undefined) return unopened ?? lines.at(-1) ?? ""
  return system === undefined ? unread : `${unread}: ${system}`
}

/** That an openssl which has failed is too old, by what it says of its version; an older one may do all the same. */
const ageOf = (version: string): string =>
  version === "" || /^OpenSSL ([3-9]|\d\d)/.test(version)
    ? ""
    : ` (openssl is ${version}: OpenSSL 3.0 or later is needed)`

export const run = (path: string, args: ReadonlyArray<string>): Effect.Effect<void, CertificateFailed> =>
  Effect.callback((resume) => {
    const failed = (reason: string) => resume(Effect.fail(new CertificateFailed({ path, reason })))
    // What is made is its owner's: openssl makes keys so, whatever the umask.
    const child = execFile("openssl", args, (cause, _out, complaint) => {
      if (cause === null) resume(Effect.void)
      else if ((cause as NodeJS.ErrnoException).code === "ENOENT") failed("there is no openssl on this machine")
      else {
        execFile("openssl", ["version"], (_cause, version) =>
          failed(`${reasonIn(complaint) || cause.message}${ageOf(version.trim())}`)
        )
      }
    })
    return Effect.sync(() => child.kill())
  })

/** Runs `use` with a temporary file of that text, in a directory of its own. */
export const withText = <A, E>(
  text: string,
  use: (path: string) => Effect.Effect<A, E>
): Effect.Effect<A, E | CertificateFailed> =>
  Effect.acquireUseRelease(
    attempt(tmpdir(), () => mkdtempSync(join(tmpdir(), "lttng-relay-certs-"))),
    (directory) => {
      const path = join(directory, "openssl.cnf")
      return Effect.andThen(
        attempt(tmpdir(), () => writeFileSync(path, text)),
        use(path)
      )
    },
    (directory) => Effect.sync(() => rmSync(directory, { recursive: true }))
  )
