/** The relay's time, estimated from its last answer: the browser's machine may have another. */

let aheadMillis = 0

export const heard = (atMillis: number): void => {
  aheadMillis = atMillis - Date.now()
}

export const nowMillis = (): number => Date.now() + aheadMillis
