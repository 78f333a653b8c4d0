/**
 * Progress of long work on standard error, where a person is watching; silent everywhere else.
 *
 * The bar belongs to a scope: it is taken down before anything else is printed, also on interruption.
 */
import * as CliProgress from "cli-progress"
import { Effect, type Scope } from "effect"

export interface Bar {
  readonly update: (value: number, fields: Readonly<Record<string, string>>) => void
}

const barColumnsMax = 40
/** What beside the bar is to be seen in a narrow terminal, too. */
const figureColumns = 60

/** With a total it is a bar, without one a running line of `format`'s fields. */
export const make = (format: string, total: number | undefined): Effect.Effect<Bar, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const shape = total === undefined ? format : `{bar} {percentage}% | ${format} | {eta_formatted} left`
      const { shades_classic: preset } = CliProgress.Presets
      // Interruption is the program's to handle: the scope stops the bar.
      const barsize = Math.max(0, Math.min(barColumnsMax, (process.stderr.columns || 0) - figureColumns))
      const bar = new CliProgress.SingleBar({ format: shape, barsize, hideCursor: true, gracefulExit: false }, preset)
      bar.start(total ?? 1, 0, emptyFields(format))
      return bar
    }),
    (bar) => Effect.sync(() => bar.stop())
  ).pipe(Effect.map((bar) => ({ update: (value, fields) => bar.update(value, fields) })))

const emptyFields = (format: string) =>
  Object.fromEntries([...format.matchAll(/\{(\w+)\}/g)].map(([, name]) => [name as string, "0"]))
