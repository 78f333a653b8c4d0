/** Commands about the connection itself (streaming.md §3, §6.12, §6.18): version and configuration. */
import { Result } from "effect"
import * as GetConfiguration from "../../protocol/control/GetConfiguration.ts"
import * as VersionCommand from "../../protocol/control/Version.ts"
import * as GetEdges from "../../protocol/journal/GetEdges.ts"
import * as OpenJournal from "../../protocol/journal/OpenJournal.ts"
import * as ReturnCode from "../../protocol/ReturnCode.ts"
import * as Version from "../../protocol/Version.ts"
import { decline, type Handler, keep, ok, refuse } from "./Command.ts"

export const version: Handler = (state, payload) => {
  state.hasVersion = true
  const request = VersionCommand.request(0).decode(payload)
  if (Result.isFailure(request)) return refuse(undefined, "COMMAND_MALFORMED", request.failure.message)
  const minor = Math.min(Version.own.minor, state.peer.minor ?? Version.own.minor)
  const reply = VersionCommand.reply(0).encode({ ...Version.own, minor })
  // A session keeps the minor it was made with.
  if (state.session === undefined) state.minor = Math.min(minor, Version.negotiate(request.success.minor))
  if (request.success.major !== Version.own.major)
    return refuse(reply, "VERSION_UNKNOWN", `major version ${request.success.major}`)
  return keep(reply)
}

export const getConfiguration: Handler = (state, payload) => {
  const request = GetConfiguration.request(state.minor).decode(payload)
  if (Result.isFailure(request)) return refuse(undefined, "COMMAND_MALFORMED", request.failure.message)
  const encode = GetConfiguration.reply(state.minor).encode
  const { queryFlags } = request.success
  const asksForJournals = queryFlags === OpenJournal.offered
  if (asksForJournals) state.registry.journals.ask()
  if (queryFlags !== 0n && !asksForJournals) {
    const bytes = encode({ returnCode: ReturnCode.INVALID_PROTOCOL, configurationFlags: 0n })
    return decline(bytes, { code: "QUERY_UNKNOWN", detail: `flags ${queryFlags}` })
  }
  const { allowClear, passage } = state.registry.options
  const { offered, tells, unpacks } = OpenJournal
  const forEdges = offered | unpacks | tells | (passage === undefined ? 0n : GetEdges.isEdge)
  const configurationFlags =
    (allowClear && state.peer.clears !== false ? GetConfiguration.clearAllowed : 0n) | (asksForJournals ? forEdges : 0n)
  return keep(encode({ returnCode: ReturnCode.OK, configurationFlags }))
}

/** Today's peers do not send it (§6.12). */
export const startData: Handler = () => ok
