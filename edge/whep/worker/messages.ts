import type { MessagePort } from 'node:worker_threads';

import { MillraceError } from '#core/runtime/errors.ts';
import { Refusal } from '#core/rtc/signalling/refusal.ts';
import type { CloseReason, IceCredentials, SeatSetup } from '#core/rtc/transport.ts';

import type { EgressFacts, PathSample } from '../egress-facts.ts';
import type { ViewerEvent, ViewerRequest } from '../egress.ts';
import type { LayerWish } from '../layers.ts';

/** What a worker is started with: its ends of the ports to the bus and to the WebRTC port. */
export type EgressWorkerData = { readonly bus: MessagePort; readonly rtc: MessagePort; readonly setup: SeatSetup };

/** What the face asks of a worker. `call` names the question for its answer. */
export type EgressRequest =
  | { readonly do: 'create'; readonly call: number; readonly request: ViewerRequest }
  | { readonly do: 'restart'; readonly call: number; readonly id: string; readonly ice: IceCredentials }
  | { readonly do: 'wish'; readonly call: number; readonly id: string; readonly wish: LayerWish }
  | { readonly do: 'remove'; readonly id: string }
  /** Says goodbye to everybody; the thread ends by itself. */
  | { readonly do: 'close' };

/** What a worker tells. */
export type EgressReport =
  | { readonly tell: 'answer'; readonly call: number; readonly value: unknown }
  | { readonly tell: 'refusal'; readonly call: number; readonly refusal: PostedError }
  | { readonly tell: 'event'; readonly viewer: string; readonly event: ViewerEvent }
  | { readonly tell: 'connected'; readonly viewer: string }
  | { readonly tell: 'ended'; readonly viewer: string; readonly reason: CloseReason }
  | { readonly tell: 'facts'; readonly facts: EgressFacts }
  | { readonly tell: 'samples'; readonly samples: readonly PathSample[] }
  /** A line of the log, as JSON. */
  | { readonly tell: 'log'; readonly line: string };

/** An error as it is posted: only its own class would be lost. */
export type PostedError = {
  readonly code: string;
  readonly message: string;
  /** Of a {@link Refusal}. */
  readonly status?: number;
  readonly retryAfter?: number | undefined;
};

/** Makes an error fit for posting. */
export function postError(thrown: unknown): PostedError {
  if (thrown instanceof Refusal) {
    const { status, code, message, retryAfter } = thrown;
    return { status, code, message, retryAfter };
  }
  return { code: thrown instanceof MillraceError ? thrown.code : 'internal', message: thrown instanceof Error ? thrown.message : String(thrown) };
}

/** The error that was posted. */
export function readError({ code, message, status, retryAfter }: PostedError): MillraceError {
  return status === undefined ? new MillraceError(code, message) : new Refusal(status, code, message, retryAfter === undefined ? {} : { retryAfter });
}
