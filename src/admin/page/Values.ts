/** Numbers as people read them: a few figures and a unit, of nearly constant width. */

const steps = ["", "k", "M", "G", "T", "P"]

/** Three figures: 0, 7, 1.24 k, 33.1 M. */
const scaled = (value: number): readonly [text: string, step: string] => {
  let [rest, step] = [Math.abs(value), 0]
  while (rest >= 999.5 && step < steps.length - 1) {
    rest /= 1000
    step++
  }
  const isWhole = step === 0 && Number.isInteger(value)
  const digits = isWhole ? 0 : rest >= 99.95 ? 0 : rest >= 9.995 ? 1 : 2
  return [`${value < 0 ? "−" : ""}${rest.toFixed(digits)}`, steps[step] ?? ""]
}

export const count = (value: number): string => {
  const [text, step] = scaled(value)
  return step === "" ? text : `${text} ${step}`
}

export const bytes = (value: number): string => {
  const [text, step] = scaled(value)
  return `${text} ${step}B`
}

export const byteRate = (value: number | undefined): string => (value === undefined ? "–" : `${bytes(value)}/s`)

export const rate = (value: number | undefined): string => (value === undefined ? "–" : `${count(value)}/s`)

export const duration = (seconds: number): string => {
  if (seconds < 0.0005) return "0 s"
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h`
  return `${Math.floor(seconds / 86_400)} d`
}

export const clock = (millis: number): string => new Date(millis).toLocaleTimeString([], { hour12: false })
