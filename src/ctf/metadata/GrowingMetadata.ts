/**
 * Metadata that arrives piece by piece, of either format: what is complete becomes classes at once.
 *
 * Bytes may be cut anywhere. Classes are only ever added; metadata that starts anew (after a clear, or regenerated)
 * needs a new `GrowingMetadata`. After a refusal it stays refused.
 */
import * as Result from "effect/Result"
import type { TraceClass } from "../model/TraceClass.ts"
import { FragmentEnd } from "./json/FragmentEnd.ts"
import { JsonReader } from "./json/JsonReader.ts"
import { advanced, type Start } from "./Lines.ts"
import { invalid, MetadataRefused, syntax } from "./MetadataRefused.ts"
import { Text } from "./Text.ts"
import { copyOf, halvesOf, joined, Kin } from "./tsdl/Kin.ts"
import { Splitter } from "./tsdl/Splitter.ts"
import { TsdlReader } from "./tsdl/TsdlReader.ts"

interface Reader {
  readonly traceClass: TraceClass | undefined
  append(text: string): void
  end(): void
}

const separator = "\u001e"

const tsdl = (): Reader => {
  const splitter = new Splitter()
  const reader = new TsdlReader()
  return {
    get traceClass() {
      return reader.traceClass
    },
    append(text) {
      const piece = splitter.append(text)
      if (piece !== undefined) reader.read(piece.text, piece.start)
    },
    end() {
      const { text, start } = splitter.end()
      reader.readLast(text, start)
      if (reader.isEmpty) throw syntax(start, "no declaration")
    }
  }
}

/** Reads TSDL only when all of it is there, so it need not find where declarations end. `kin`: traces read before. */
const wholeTsdl = (kin: Kin | undefined): Reader => {
  const reader = new TsdlReader()
  const start = { line: 1, column: 1 }
  let text = ""
  let traceClass: TraceClass | undefined
  return {
    get traceClass() {
      return traceClass
    },
    append(more) {
      text += more
    },
    end() {
      const halves = kin && halvesOf(text)
      const known = halves && kin?.find(halves)
      reader.readLast(halves === undefined || known === undefined ? text : copyOf(halves.head), start)
      if (reader.isEmpty) throw syntax(start, "no declaration")
      traceClass = reader.traceClass
      if (halves === undefined || traceClass === undefined) return
      if (known === undefined) kin?.add(halves, traceClass)
      else traceClass = joined(traceClass, known)
    }
  }
}

const json = (): Reader => {
  const reader = new JsonReader()
  const end = new FragmentEnd()
  /** The text of the last fragment, which may not be complete. */
  let held = ""
  /** Where the text that is taken next begins. */
  let start: Start = { line: 1, column: 1 }
  const take = () => {
    if (held.trim() !== "") reader.read({ text: held, start })
    start = advanced(start, held)
    held = ""
  }
  return {
    get traceClass() {
      return reader.traceClass
    },
    append(text) {
      const [first = "", ...others] = text.split(separator)
      held += first
      end.append(first)
      for (const other of others) {
        take()
        start = advanced(start, separator)
        held = other
        end.begin()
        end.append(other)
      }
      if (!end.isClosed) return
      take()
      end.begin()
    },
    end: take
  }
}

const declared = ({ traceClass }: Reader): TraceClass => {
  if (traceClass === undefined) throw invalid({ line: 1, column: 1 }, "no trace is declared")
  return traceClass
}

const noMetadata = (): MetadataRefused => syntax({ line: 1, column: 1 }, "no metadata")

const attempt = <A>(read: () => A): Result.Result<A, MetadataRefused> => {
  try {
    return Result.succeed(read())
  } catch (cause) {
    if (!(cause instanceof MetadataRefused)) throw cause
    return Result.fail(cause)
  }
}

/** Reads metadata that comes in pieces, as in a live session; TSDL or CTF 2, packetised or plain text. */
export class GrowingMetadata {
  readonly #text = new Text()
  #reader: Reader | undefined
  #refused: MetadataRefused | undefined

  /** The trace class, one object that grows. Undefined while there is too little metadata to decode anything. */
  get traceClass(): TraceClass | undefined {
    return this.#reader?.traceClass
  }

  /**
   * Takes one more piece, cut anywhere; answers `traceClass` as it is now. Fails with `MetadataRefused`.
   */
  append(bytes: Uint8Array): Result.Result<TraceClass | undefined, MetadataRefused> {
    return this.#attempt(() => {
      this.#read(this.#text.append(bytes))
      return this.traceClass
    })
  }

  /** To be called when nothing more comes. Fails with `MetadataRefused` if something is incomplete. */
  end(): Result.Result<TraceClass, MetadataRefused> {
    return this.#attempt(() => {
      this.#read(this.#text.end())
      if (this.#reader === undefined) throw noMetadata()
      this.#reader.end()
      return declared(this.#reader)
    })
  }

  #read(text: string): void {
    if (text === "") return
    this.#reader ??= text.startsWith(separator) ? json() : tsdl()
    this.#reader.append(text)
  }

  #attempt<A>(read: () => A): Result.Result<A, MetadataRefused> {
    if (this.#refused !== undefined) return Result.fail(this.#refused)
    const outcome = attempt(read)
    if (Result.isFailure(outcome)) this.#refused = outcome.failure
    return outcome
  }
}

const whole = (bytes: Uint8Array, kin?: Kin): TraceClass => {
  const text = new Text()
  const first = text.append(bytes)
  const begin = first === "" ? text.end() : first
  if (begin === "") throw noMetadata()
  const reader = begin.startsWith(separator) ? json() : wholeTsdl(kin)
  reader.append(begin)
  if (first !== "") reader.append(text.end())
  reader.end()
  return declared(reader)
}

/** A `parse` for several traces: those that differ only in UUID, environment and clock offset share their classes. */
export const parser = (): ((bytes: Uint8Array) => Result.Result<TraceClass, MetadataRefused>) => {
  const kin = new Kin()
  return (bytes) => attempt(() => whole(bytes, kin))
}

/** Reads all of a trace's metadata: TSDL or CTF 2, packetised or plain text. Fails with `MetadataRefused`. */
export const parse = (bytes: Uint8Array): Result.Result<TraceClass, MetadataRefused> => attempt(() => whole(bytes))
