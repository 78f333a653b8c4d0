/** Where the streams of a journal are at a mark, if little but that has changed since the mark before. */
import type { DataFile } from "../../model/StreamFile.ts"
import type { Handles } from "../../protocol/journal/Handles.ts"
import type { Advance as Position } from "../../relay/journal/HistoryRecord.ts"
import type { SessionActor } from "../../relay/session/SessionActor.ts"
import * as PositionBytes from "../../relay/stream/PositionBytes.ts"
import type { StreamActor } from "../../relay/stream/StreamActor.ts"
import type { TraceChunk } from "../../relay/TraceChunk.ts"

export class Positions {
  readonly #handles: Handles
  /** Streams, and the files they were in, when it was marked last. */
  #files = new Map<StreamActor, DataFile<TraceChunk> | undefined>()

  constructor(handles: Handles) {
    this.#handles = handles
  }

  /** Undefined: there are other streams than at the last mark, or one is in another file, not of its ring. */
  of(sessions: ReadonlyArray<SessionActor>): ReadonlyArray<Position> | undefined {
    const before = this.#files
    this.#files = new Map()
    const positions: Array<Position> = []
    let isSame = true
    for (const { streams } of sessions) {
      for (const stream of streams.values()) {
        const handle = this.#handles.edgesOf(BigInt(stream.handle))
        const { file } = stream.model
        this.#files.set(stream, file)
        const isInRing = stream.model.left.isFew && stream.model.tracefileSize > 0 && file !== undefined
        isSame &&= handle !== undefined && before.has(stream) && (isInRing || before.get(stream) === file)
        if (handle !== undefined && file !== undefined)
          positions.push({ stream: handle, position: PositionBytes.of(stream) })
      }
    }
    return isSame && this.#files.size === before.size ? positions : undefined
  }
}
