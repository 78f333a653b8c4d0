/** Asks for the bearer token, once the relay has said that it needs one. */
import { html } from "htm/preact"
import { useState } from "preact/hooks"
import { setToken } from "./Server.ts"

export const Token = ({ onGiven, what = "itself" }: { readonly onGiven: () => void; readonly what?: string }) => {
  const [text, setText] = useState("")
  const give = (event: Event) => {
    event.preventDefault()
    setToken(text)
    onGiven()
  }
  return html`<form class="token" onSubmit=${give}>
    <h1>Token</h1>
    <p>
      This relay shows ${what} to who has its token: the first line of the file that${" "}
      <code>--http-token-file</code> names.
    </p>
    <label>Token <input type="password" autocomplete="current-password" autofocus value=${text}
      onInput=${(event: Event) => setText((event.target as HTMLInputElement).value)} /></label>
    <button type="submit">Show</button>
    <p class="soft">It is kept in this tab, and goes with it.</p>
  </form>`
}
