import type { StreamName } from '../bus/catalog.ts';

/** A publisher's wish, before anything is answered to it. */
export type PublishRequest = {
  /** As it came, query removed. Never logged. */
  readonly key: string;
  /** Remote address without the port. */
  readonly address: string;
  readonly protocol: 'rtmp' | 'rtmps' | 'whip' | 'srt';
};

/** What the control plane decides. `message` is shown to the broadcaster. */
export type PublishDecision =
  | { readonly allowed: true; readonly stream: StreamName }
  | { readonly allowed: false; readonly code: 'publish/malformed-key' | 'publish/unknown-key' | 'publish/too-many-attempts'; readonly message: string };

/** Who may publish. Implemented by the control plane, asked by every ingest protocol. */
export interface PublishPolicy {
  decide(request: PublishRequest): Promise<PublishDecision>;
}
