/** Options that people know from babeltrace2: those that mean here what they mean there, and words about the others. */
import { Misused } from "../Misused.ts"
import type * as Options from "../Options.ts"

export const options = {
  output: { kind: "texts", name: "output", short: "w", description: "Write to this file instead of standard output" },
  outputFormat: { kind: "texts", name: "output-format", short: "o", description: "As babeltrace2's: text" },
  inputFormat: { kind: "texts", name: "input-format", short: "i", description: "As babeltrace2's: ctf" }
} as const satisfies Options.Options

type Input = Options.ValuesOf<typeof options> & { readonly format: string }

const formats = new Map([
  ["ctf", "no CTF is written here"],
  ["dummy", "--count reads all and prints how many there are"],
  ["ctf-metadata", "metadata is not printed here"]
])

const inputs = new Map([
  ["lttng-live", "live sessions are for `lttng-relay follow URL`, and `lttng-relay sessions URL` lists them"]
])

/** The file to write, if it is one. Throws what is wrong. */
export const outputOf = ({ format, inputFormat, output, outputFormat }: Input): string | undefined => {
  for (const word of outputFormat) {
    if (word !== "text") throw new Misused(`--output-format=${word}: ${formats.get(word) ?? "only text is known"}`)
    if (format !== "text") throw new Misused(`--output-format=text and --format=${format} exclude each other`)
  }
  for (const word of inputFormat) {
    if (word !== "ctf") throw new Misused(`--input-format=${word}: ${inputs.get(word) ?? "only ctf is known"}`)
  }
  const [path, again] = output
  if (again !== undefined) throw new Misused("--output is given twice")
  if (path === "") throw new Misused("--output: a file without a name")
  return path
}

const graphs = "it is about babeltrace2's own components, of which there are none here"
const symbols = "addresses are not looked up in debugging information here; babeltrace2 does that"
const talk = "there are no log levels here: what is wrong is said on standard error"

/** Other options of babeltrace2, without their values, and why they are not known here. */
const others = new Map([
  ["--debug-info", symbols],
  ["--debug-info-dir", symbols],
  ["--debug-info-full-path", symbols],
  ["--debug-info-target-prefix", symbols],
  ["--retry-duration", "nothing recorded is waited for; live sessions are for `lttng-relay follow URL`"],
  ["--component", graphs],
  ["-c", graphs],
  ["--params", graphs],
  ["-p", graphs],
  ["--plugin-path", graphs],
  ["--run-args", graphs],
  ["--run-args-0", graphs],
  ["--verbose", talk],
  ["--debug", talk],
  ["-d", talk],
  ["--log-level", talk],
  ["-l", talk]
])

/** What to say of the first option of babeltrace2 that is not known here; undefined: there is none in the arguments. */
export const refusal = (args: ReadonlyArray<string>): string | undefined => {
  for (const arg of args) {
    const [name = ""] = arg.split("=", 1)
    const reason = others.get(name)
    if (reason !== undefined) return `${name}: ${reason}`
  }
  return undefined
}
