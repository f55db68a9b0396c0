import type { StreamName } from '../../bus/catalog.ts';
import type { RestartAnswer, SdpFragment } from '../sdp/fragment.ts';
import type { SessionOffer } from '../sdp/session-offer.ts';

/** Who asks for a session, and for what: known before the body has come. */
export type Asker = {
  /** The stream that the URL names; undefined at `/whip` itself and at `/whip/<key>`. */
  readonly stream: StreamName | undefined;
  /** The Bearer token, or the key of `/whip/<key>`. Never logged. */
  readonly bearer: string | undefined;
  /** Remote address without the port. */
  readonly address: string;
  /** The query of the URL; absent where there is none. */
  readonly query?: URLSearchParams;
};

/** A wish for a session, admitted and parsed. */
export type SessionRequest = Asker & {
  /** What {@link SessionFactory.admit} said. */
  readonly stream: StreamName;
  /** Unguessable; it is part of the session's URL. */
  readonly id: string;
  readonly offer: SessionOffer;
  /** Aborts when the client goes away before it was answered. The endpoint closes what is made nevertheless. */
  readonly signal: AbortSignal;
  readonly userAgent: string | undefined;
};

/** A session as signalling sees it. */
export interface SignalledSession {
  readonly id: string;
  /** Takes the peer's new credentials and gives the server's. */
  iceRestart(fragment: SdpFragment): RestartAnswer | Promise<RestartAnswer>;
  /** Takes more candidates; an ICE-lite server needs none. */
  trickle(fragment: SdpFragment): void;
  /** Ends the session. Idempotent. */
  close(): void;
  /** Settles when the session has ended, for whatever reason. Never rejects. */
  readonly closed: Promise<void>;
}

/** Makes sessions. Refuses by throwing a `MillraceError` whose code `statusOf` knows, or a `Refusal`. */
export interface SessionFactory {
  /** Decides on who asks, before its body is read: unknown keys and streams, limits, off air. Tells the stream that it is about. */
  admit(asker: Asker): Promise<StreamName>;
  create(request: SessionRequest): Promise<CreatedSession>;
}

/** A session that was made, and what the 201 says of it. */
export type CreatedSession = {
  readonly answer: string;
  readonly session: SignalledSession;
  /** Further values of `Link`, complete: the protocol extensions that the session has (draft-ietf-wish-whep, 4.9). The factory serves their URLs. */
  readonly links?: readonly string[];
};
