/**
 * A spool that a long outage has filled: node test/endurance/outage.ts [MEGABYTES] [BYTES OF A PACKET] [forward].
 * 10 GB unless said; with `forward` it takes twice the room.
 */
import { Effect } from "effect"
import { setup } from "../support/bundle.ts"
import { outage } from "./outages.ts"

const [megabytes = "10000", packetBytes = "65536", forward] = process.argv.slice(2)

await setup()
const sizes = { megabytes: Number(megabytes), packetBytes: Number(packetBytes) }
const outcome = await Effect.runPromise(outage({ ...sizes, isForwarded: forward !== undefined }))
process.stdout.write(`${JSON.stringify(outcome, undefined, 1)}\n`)
