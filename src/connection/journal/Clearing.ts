/**
 * A session that comes by a journal is cleared where `--disallow-clear` is in force. Its tracer has had its answer,
 * from an edge that did not know; so what would be deleted is kept, as what was rotated is.
 */
import { Result } from "effect"
import * as CloseTraceChunk from "../../protocol/control/CloseTraceChunk.ts"
import * as Header from "../../protocol/Header.ts"
import type { Registry } from "../../relay/Registry.ts"

const { decode, encode } = CloseTraceChunk.request(0)
const { delete: deleted, moveToCompleted } = CloseTraceChunk.CloseCommand

/** Changes the command `bytes[from, to)`, before it is put down, if it would delete something. */
export const keepCleared = (
  { background, incidents, options }: Registry["Service"],
  edgeName: string,
  bytes: Buffer,
  from: number,
  to: number
): void => {
  if (options.allowClear || bytes.readUInt32BE(from + Header.offsets.command) !== CloseTraceChunk.number) return
  const request = decode(bytes.subarray(from + Header.size, to))
  if (Result.isFailure(request) || request.success.closeCommand !== deleted) return
  bytes.set(encode({ ...request.success, closeCommand: moveToCompleted }), from + Header.size)
  const detail = `${edgeName}: chunk ${request.success.chunkId} is kept, as one that was rotated`
  background(incidents.report("CLEAR_DISALLOWED", detail))
}
