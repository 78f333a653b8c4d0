/** The files of a stream as its decisions see them: identities, not handles. */

/** One data file of a stream: `<channel>` or `<channel>_<number>` in `chunk`. Identity matters, not the name. */
export interface DataFile<C> {
  readonly chunk: C
  readonly number: number
  /** A younger file of the ring has taken over its name: no more index records are written for it. */
  isOverwritten: boolean
}

/** The index of one data file. Open as long as it is current or an in-flight packet still belongs to it. */
export interface IndexFile<C> {
  readonly data: DataFile<C>
  recordCount: number
  userCount: number
}
