/**
 * The multivariant playlist, asked for before the player's code has arrived: it saves the first picture a round trip and
 * the time of parsing that code. Taken by the first attempt to play; later ones ask anew.
 */
export class EarlyPlaylist {
  #answer: Promise<string> | undefined;
  readonly #url: string;

  /** Takes the multivariant playlist's URL, and asks for it at once. */
  constructor(url: string) {
    this.#url = new URL(url, location.href).href;
    this.#answer = fetch(this.#url).then((response) => {
      if (!response.ok) {
        throw new Error(`HTTP ${response.status}`);
      }
      return response.text();
    });
    // Without a taker nobody would catch it.
    this.#answer.catch(() => undefined);
  }

  /** The playlist's text, once; undefined when it is not this URL's or was taken already. */
  take(url: string): Promise<string> | undefined {
    if (new URL(url, location.href).href !== this.#url) {
      return undefined;
    }
    const answer = this.#answer;
    this.#answer = undefined;
    return answer;
  }
}
