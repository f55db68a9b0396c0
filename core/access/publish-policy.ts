import type { StreamName } from '../bus/catalog.ts';

/** A publisher's wish, before anything is answered to it. */
export type PublishRequest = {
  /** As it came, query removed. Never logged. */
  readonly key: string;
  /** Remote address without the port. */
  readonly address: string;
  readonly protocol: 'rtmp' | 'rtmps' | 'whip' | 'srt';
};

/** Why somebody may not publish. `publish/unavailable`: nobody could tell now, the key may be right. */
export type PublishRefusalCode = 'publish/malformed-key' | 'publish/unknown-key' | 'publish/too-many-attempts' | 'publish/unavailable';

/** What the control plane decides. `message` is shown to the broadcaster. */
export type PublishDecision =
  | { readonly allowed: true; readonly stream: StreamName }
  | { readonly allowed: false; readonly code: PublishRefusalCode; readonly message: string };

/** Who may publish. Implemented by the control plane, asked by every ingest protocol. */
export interface PublishPolicy {
  decide(request: PublishRequest): Promise<PublishDecision>;
}

/** Who may publish, and who may see what only a stream's broadcaster sees. */
export interface AccessPolicy extends PublishPolicy {
  /**
   * Tells whether a key is one of this stream. Wrong ones count as failed attempts to publish it: they are guesses all the same.
   *
   * @throws {MillraceError} `publish/unavailable` where nobody can tell now.
   */
  opens(key: string, stream: StreamName, address: string): Promise<boolean>;
}
