/** An edge's way out, at whose other end the test itself answers: for what is written to a link, and when. */
import { Effect, Queue } from "effect"
import * as Edge from "../../src/edge/Edge.ts"
import * as Pace from "../../src/edge/forwarding/Pace.ts"
import * as OpenJournal from "../../src/protocol/journal/OpenJournal.ts"
import { Files } from "../../src/storage/Files.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import { join, u32, u64 } from "../../src/testing/PeerBytes.ts"
import * as Dial from "../../src/transport/Dial.ts"
import * as Spools from "./spools.ts"

/** VERSION, GET_CONFIGURATION and OPEN_JOURNAL, said before the first record. */
const commandCount = 3

interface Said {
  readonly bytes: Uint8Array
  /** The link has taken it: said once, whoever calls it again. */
  readonly sent: () => void
}

/** Answers that it takes a journal from its beginning, and packed records. */
export const start = ({
  pace = Pace.unlimited,
  compression = "off"
}: Partial<Pick<Edge.Options, "pace" | "compression">>) =>
  Effect.gen(function* () {
    const said: Array<Said> = []
    const answers = yield* Queue.unbounded<Uint8Array>()
    yield* Queue.offerAll(answers, [
      join(u32(2), u32(13)),
      join(u32(10), u64(OpenJournal.offered | OpenJournal.unpacks)),
      join(u32(10), u32(0), u64(0n), u64(0n))
    ])
    const way = { takes: true }
    const lost = new Dial.LinkLost({ address: "relay:5342", reason: "cut" })
    const link: Dial.Link = {
      name: "relay:5342",
      write: (parts, sent) => {
        let then = sent
        const once = () => {
          then?.()
          then = undefined
        }
        said.push({ bytes: Buffer.concat(parts), sent: once })
      },
      read: () => Effect.mapError(Queue.take(answers), () => lost),
      drained: Effect.void,
      isDrained: () => way.takes,
      whenDrained: () => () => {},
      readable: Effect.never,
      ended: Effect.never
    }
    const nobody = { host: "127.0.0.1", port: 1 }
    const to = { control: nobody, data: nobody }
    const options = { ...Spools.options(), to, pace, copy: undefined, compression, name: "here" } as const
    const upstream = Edge.upstream(options, () => Effect.succeed(link))
    const files = new MemoryFiles().service
    const { spool } = yield* Effect.provideService(upstream, Files, files)
    return {
      files,
      spool,
      /** Whether it takes more at once. */
      link: way,
      /** Behind the commands. */
      records: (): ReadonlyArray<Said> => said.slice(commandCount),
      acknowledge: (received: number, outcome: OpenJournal.Outcome) =>
        Queue.offer(answers, join(u64(BigInt(received)), u64(BigInt(received)), u32(outcome))),
      cut: Queue.shutdown(answers)
    }
  })
