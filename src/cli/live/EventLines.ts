/** The lines of `lttng-relay follow`: event records as text or NDJSON, and for standard error what went wrong. */
import type { DataStream } from "../../ctf/decode/DataStream.ts"
import type { Failure } from "../../ctf/decode/Fault.ts"
import type { Filter } from "../../ctf/decode/Fields.ts"
import type { Loss } from "../../ctf/decode/Losses.ts"
import { isWanted } from "../../ctf/filter/Filters.ts"
import type { LiveStream } from "../../ctf/live/LiveStream.ts"
import { Bytes } from "../../ctf/print/Bytes.ts"
import { Json } from "../../ctf/print/Json.ts"
import * as LossText from "../../ctf/print/LossText.ts"
import { Text, type TextOptions } from "../../ctf/print/Text.ts"
import type { Trouble } from "../../viewer/LiveDecoder.ts"
import type { Session, ViewedStream } from "../../viewer/LiveViewer.ts"
import type { ViewerEvent } from "../../viewer/ViewerEvent.ts"

const nameOf = ({ channel, path }: ViewedStream): string => `${path}/${channel}`
/** `ch` of `ch_0`, the stream of a processor. */
const channelOf = ({ channel }: ViewedStream): string => channel.replace(/_\d+$/, "")

const troubleLine = (trouble: Trouble): string => {
  switch (trouble.kind) {
    case "metadata":
      return `ERROR: ${nameOf(trouble.stream)}: ${trouble.refused.message}`
    case "packet-lost":
      return `WARNING: ${nameOf(trouble.stream)}: a packet was cleared or overwritten before it could be read`
    case "cut":
      return `ERROR: ${nameOf(trouble.stream)}: the relay cannot read what else it has of this stream`
    case "late":
      return `WARNING: ${nameOf(trouble.stream)}: a packet came too late to be shown in order`
  }
}

const failureLine = ({ bit, event, kind, message, packet, stream }: Failure): string =>
  `ERROR: ${kind}: ${message}; ${stream}, packet ${packet}, bit ${bit}${event === undefined ? "" : `, event ${event}`}`

const lineEnd = 0x0a

export interface Request {
  readonly isJson: boolean
  readonly text: TextOptions
  readonly filter: Filter | undefined
}

/** Makes lines of what is visited. */
export class EventLines {
  /** Lines for standard output. */
  readonly out = new Bytes()
  /** Lines for standard error. */
  notes: Array<string> = []
  failureCount = 0
  readonly #request: Request
  readonly #text: Text
  readonly #json: Json
  readonly #viewed = new WeakMap<DataStream, ViewedStream>()
  /** Names of the sessions that have not ended. */
  readonly #sessionNames = new Map<bigint, string>()
  readonly #sessionOf = new WeakMap<ViewedStream, string>()

  constructor(request: Request) {
    this.#request = request
    this.#text = new Text(request.text)
    this.#json = new Json((stream) => {
      const viewed = this.#viewed.get(stream)
      if (viewed === undefined) return { streamId: stream.streamId ?? 0 }
      const session = this.#sessionOf.get(viewed)
      return { streamId: stream.streamId ?? viewed.id, channel: channelOf(viewed), session }
    })
  }

  attached(sessions: ReadonlyArray<Session>): void {
    this.#sessionNames.clear()
    for (const { id, sessionName } of sessions) this.#sessionNames.set(id, sessionName)
  }

  on(event: ViewerEvent): void {
    if (event._tag === "SessionJoined") this.#sessionNames.set(event.session.id, event.session.sessionName)
    if (event._tag === "StreamAdded") {
      this.#sessionOf.set(event.stream, this.#sessionNames.get(event.stream.sessionId) ?? "")
    }
    if (event._tag === "SessionEnded") this.#sessionNames.delete(event.sessionId)
    if (event._tag === "SessionRefused") {
      this.notes.push(`WARNING: another session ${event.session.sessionName} cannot be watched: ${event.reason}`)
    }
  }

  /** Leaves whole lines only. */
  cut(): void {
    this.out.at = this.out.written.lastIndexOf(lineEnd) + 1
  }

  end(): void {
    if (!this.#request.isJson) this.#text.end(this.out)
  }

  readonly visit = (live: LiveStream, viewed: ViewedStream): void => {
    const { failure, item, loss, stream } = live
    const { filter, isJson } = this.#request
    if (isJson && !this.#viewed.has(stream)) this.#viewed.set(stream, viewed)
    if (item === "event") {
      if (!isWanted(stream, filter)) return
      if (isJson) this.#json.event(stream, this.out)
      else this.#text.event(stream, this.out)
    } else if (item === "loss" && loss !== undefined) {
      this.#loss(stream, viewed, loss)
    } else if (item === "failure" && failure !== undefined) {
      this.failureCount++
      this.notes.push(failureLine(failure))
      if (isJson) this.#json.failure(stream, failure, this.out)
    }
  }

  readonly trouble = (trouble: Trouble): void => {
    if (trouble.kind === "metadata" || trouble.kind === "cut") this.failureCount++
    this.notes.push(troubleLine(trouble))
  }

  #loss(stream: DataStream, viewed: ViewedStream, loss: Loss): void {
    const { isJson, text } = this.#request
    if (isJson) this.#json.loss(stream, loss, this.out)
    this.notes.push(LossText.warning(stream, stream.streamId ?? viewed.id, nameOf(viewed), loss, text))
  }
}
