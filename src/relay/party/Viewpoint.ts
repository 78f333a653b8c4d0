/** From where somebody looks at the relay's sessions. */

/** A session's names, as its target gave them. */
export interface Names {
  readonly hostname: string
  readonly sessionName: string
}

/** What a certificate lets its owner see over HTTP. */
export interface Viewpoint {
  /** Whether a session of these names is shown. */
  readonly mayView: (names: Names) => boolean
  /** Nothing is hidden. */
  readonly mayViewAll: boolean
}
