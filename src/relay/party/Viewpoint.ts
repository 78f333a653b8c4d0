/** Which of the relay's sessions somebody sees. */

/** A session's names, as its target gave them. */
export interface Names {
  readonly hostname: string
  readonly sessionName: string
}

/** Over HTTP, by the certificate. */
export interface Viewpoint {
  /** Whether a session of these names is shown. */
  readonly mayView: (names: Names) => boolean
  /** Nothing is hidden. */
  readonly mayViewAll: boolean
}
