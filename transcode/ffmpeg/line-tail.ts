/** Cuts text into lines and keeps the last few; a line that never ends is cut too. */
export class LineTail {
  readonly #keep: number;
  readonly #lines: string[] = [];
  #rest = '';

  constructor(keep: number) {
    this.#keep = keep;
  }

  /** The last lines, oldest first. */
  get lines(): readonly string[] {
    return this.#rest === '' ? [...this.#lines] : [...this.#lines, this.#rest];
  }

  /** Takes text and gives the lines that it completes. */
  push(text: string): string[] {
    const parts = (this.#rest + text).split(/[\r\n]+/);
    this.#rest = (parts.pop() ?? '').slice(0, MAX_LINE);
    const complete = parts.filter((line) => line !== '').map((line) => line.slice(0, MAX_LINE));
    this.#lines.push(...complete);
    this.#lines.splice(0, Math.max(0, this.#lines.length - this.#keep));
    return complete;
  }
}

const MAX_LINE = 500;
