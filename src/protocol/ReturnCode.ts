/** The result codes of the streaming protocol's replies. */

export const OK = 10
/** Anything that has no code of its own. */
export const UNKNOWN = 11
/** The only failure of CREATE_SESSION. */
export const FATAL = 25
/** Out of memory; nothing sends it any more. */
export const NO_MEMORY = 26
/** A member has a value that cannot be meant. */
export const INVALID = 97
/** The bytes are no such message. */
export const INVALID_PROTOCOL = 152
/** A file or directory could not be made. */
export const FILE_CREATION_ERROR = 153

/** DATA_PENDING and END_DATA_PENDING answer with a truth value in place of a code. */
export const NOT_PENDING = 0
/** Bytes or records are still on their way. */
export const PENDING = 1
/** What DATA_PENDING answers for an unknown stream: -1 on the C side. */
export const UNKNOWN_STREAM = 0xffff_ffff

/** The codes by number, for telling an operator what one meant. */
export const names: ReadonlyMap<number, string> = new Map(
  Object.entries({ OK, UNKNOWN, FATAL, NO_MEMORY, INVALID, INVALID_PROTOCOL, FILE_CREATION_ERROR }).map(
    ([name, code]) => [code, name]
  )
)
