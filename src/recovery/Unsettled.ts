/** Which traces are being recorded while they are read: what cannot be read of them is no damage. */
import { basename, dirname } from "node:path"
import { attempt, realOf, writtenBelow } from "./OpenFiles.ts"
import { maybeWrittenBelow } from "./Recorders.ts"

/** As `CtfIndex.directory`, whose codecs would be loaded for nothing. */
const indexName = "index"

/**
 * Directories of traces below `root` of which somebody has a file open for writing, or may write one. What belongs to
 * another user than a relay is a copy: damage in it must not pass for what is recorded.
 */
const writtenIn = (root: string): ReadonlyArray<string> => {
  const files = [...writtenBelow(root), ...maybeWrittenBelow(root, true)]
  const directories = new Set(files.map((path) => dirname(`${root}/${path}`)))
  return [...directories].map((path) => (basename(path) === indexName ? dirname(path) : path))
}

/**
 * Whether somebody may be writing to the trace in a directory below one of `roots`. Processes are looked at when it is
 * asked first, which must be after the files were listed: whoever writes later changes what was listed.
 */
export const isWrittenBelow = (roots: ReadonlyArray<string>): ((directory: string) => boolean) => {
  let written: ReadonlySet<string> | undefined
  return (directory) => {
    written ??= new Set(roots.flatMap((root) => attempt(() => writtenIn(realOf(root))) ?? []))
    return written.has(attempt(() => realOf(directory)) ?? directory)
  }
}
