/** Large memory for parts of files, as viewers share it in a process. */
import { lend, lose } from "../../src/relay/stream/LargePieces.ts"

/** How many large pieces are free. */
export const freePieces = (): number => {
  let count = 0
  while (lend() !== undefined) count++
  for (let each = 0; each < count; each++) lose()
  return count
}
