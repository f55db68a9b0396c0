/** A playlist that breaks the grammar; `section` is of draft-pantos-hls-rfc8216bis. */
export class PlaylistSyntaxError extends Error {
  readonly line: number;
  readonly section: string;

  constructor(line: number, section: string, message: string) {
    super(`line ${line}: ${message} (rfc8216bis, ${section})`);
    this.name = 'PlaylistSyntaxError';
    this.line = line;
    this.section = section;
  }
}
