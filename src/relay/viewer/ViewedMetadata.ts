/** What one viewer has of the metadata of a trace, and what it has not (live.md §7.4, §9). */
import type { DataFile } from "../../model/StreamFile.ts"
import type { Range } from "../stream/FileContent.ts"
import type { StreamActor } from "../stream/StreamActor.ts"
import type { TraceChunk } from "../TraceChunk.ts"

/** Metadata to be sent: `head`, then a range of the file. */
export interface Metadata extends Range {
  readonly file: DataFile<TraceChunk>
  readonly head: Buffer
  /** Where the text received so far stands (`model/MetadataText`); undefined: not known. */
  readonly generation: number | undefined
  readonly textCount: number | undefined
}

const noHead = Buffer.alloc(0)

export class ViewedMetadata {
  readonly #stream: StreamActor
  /** Bytes of the file that were sent. */
  #sent = 0
  /** In which generation that was, and how many bytes of text the viewer has. */
  #generation: number | undefined = 0
  #textCount: number | undefined = 0

  constructor(stream: StreamActor) {
    this.#stream = stream
  }

  /** Something was received that the viewer does not have, or the file is just starting again. */
  get hasNew(): boolean {
    const { metadataReceived } = this.#stream.model
    const { metadataText } = this.#stream
    if (metadataReceived === 0) return true
    return this.#isByText ? (metadataText?.byteCount ?? 0) > (this.#textCount ?? 0) : metadataReceived > this.#sent
  }

  /** The viewer has some, and there is more. */
  get isBehind(): boolean {
    return this.#sent > 0 && this.hasNew
  }

  /** A clear took back what the viewer has; it is coming once more, and the viewer will get none of it. */
  get isSentAgain(): boolean {
    return this.#stream.model.metadataReceived === 0 && this.#sent > 0
  }

  /** What can be sent now. `isOver`: nothing follows it. */
  next(nowMillis: number, isOver: boolean): Metadata | undefined {
    const { description, metadataFile, metadataText, model } = this.#stream
    const file = model.file ?? metadataFile
    if (!this.hasNew || file === undefined || file.chunk.isDeleted) return undefined
    const rest = this.#isByText ? metadataText?.after(this.#textCount ?? 0) : { head: noHead, from: this.#sent }
    const byteCount = model.metadataReceived - (rest?.from ?? Number.POSITIVE_INFINITY)
    if (rest === undefined || byteCount <= 0) return undefined
    if (!isOver && description?.isOwing(nowMillis)) return undefined
    return { ...rest, file, byteCount, generation: metadataText?.generation, textCount: metadataText?.byteCount }
  }

  sent({ byteCount, from, generation, textCount }: Metadata): void {
    this.#sent = from + byteCount
    this.#generation = generation
    this.#textCount = textCount
  }

  /** The metadata began anew since, the same text in other packets: what the viewer has counts in text. */
  get #isByText(): boolean {
    const { metadataText } = this.#stream
    if (metadataText === undefined || metadataText.generation === this.#generation) return false
    return metadataText.byteCount !== undefined && this.#textCount !== undefined
  }
}
