/**
 * The page's files, made by the build beside the commands and held in memory. They contain nothing of the relay: the
 * page asks for what it shows, with the operator's token.
 */
import { readFileSync } from "node:fs"
import type { Layer } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"

const files = [
  ["/", "index.html", "text/html; charset=utf-8"],
  ["/page.js", "page.js", "text/javascript; charset=utf-8"],
  ["/page.css", "page.css", "text/css; charset=utf-8"]
] as const

/** Where the files are if this runs as a command, as a library, from the sources. */
const places = ["./page/", "../bin/page/", "../../dist/bin/page/"]

const read = (name: string): Uint8Array<ArrayBuffer> | undefined => {
  for (const place of places) {
    try {
      return new Uint8Array(readFileSync(new URL(`${place}${name}`, import.meta.url)))
    } catch {
      // The file was not built there.
    }
  }
  return undefined
}

export const routes = (): ReadonlyArray<Layer.Layer<never, never, HttpRouter.HttpRouter>> =>
  files.flatMap(([path, name, contentType]) => {
    const bytes = read(name)
    return bytes === undefined
      ? []
      : [HttpRouter.add("GET", path, HttpServerResponse.uint8Array(bytes, { contentType }))]
  })
