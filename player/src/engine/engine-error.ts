import type { EngineFailure } from './engine.ts';

/** Why a step of an engine failed, for whoever awaits it. */
export class EngineError extends Error {
  readonly failure: EngineFailure;

  constructor(failure: EngineFailure, options?: ErrorOptions) {
    super(failure.detail, options);
    this.name = 'EngineError';
    this.failure = failure;
  }
}

/** The failure that an error stands for; what is none of ours is the network's. */
export function failureOf(error: unknown): EngineFailure {
  return error instanceof EngineError ? error.failure : { kind: 'network', detail: error instanceof Error ? error.message : String(error) };
}
