/**
 * The least descriptors with which an edge starts, those of a relay. With fewer it would listen, and the runtime would
 * close the connections of tracers without a word.
 */
import { Effect, Schema } from "effect"
import { processLimitMin } from "../../config/Descriptors.ts"

export class DescriptorsShort extends Schema.TaggedError<DescriptorsShort>()("DescriptorsShort", {
  count: Schema.Number
}) {
  override get message(): string {
    return `the limit of open files (ulimit -n) is ${this.count}: an edge needs at least ${processLimitMin} [code=START_OPTION]`
  }
}

export const suffice = (count: number): Effect.Effect<void, DescriptorsShort> =>
  count < processLimitMin ? Effect.fail(new DescriptorsShort({ count })) : Effect.void

/** What `--check` says of it. */
export const complaints = (count: number): ReadonlyArray<string> =>
  count < processLimitMin ? [new DescriptorsShort({ count }).message] : []
