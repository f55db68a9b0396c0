import { millis, type Millis } from '#core/media/time.ts';

/** Silence after which a stranger with the right key may take a stream over (ADR 0001, rule 11). */
export const TAKEOVER: Millis = millis(2000);

/** A backup is there to take over: it waits less, so that all is done within {@link TAKEOVER} (ADR 0013). */
export const BACKUP_PATIENCE: Millis = millis(1500);

/** What a process tells of a stream that it looks after; the answer to `ingest/<stream>`. */
export type Present = {
  /** Whether somebody is publishing. */
  readonly publisher: boolean;
  /** Whether that is a backup. */
  readonly backup: boolean;
  /** How long ago anything was heard of it; 0 where nobody is publishing. */
  readonly heardAgo: Millis;
};

/** A publisher that would like to be live. */
export type Candidate = {
  readonly backup: boolean;
  /** It has been sending for so long, without a pause, that viewers may be given to it. */
  readonly steady: boolean;
};

/** Nobody publishes. */
export const VACANT: Present = { publisher: false, backup: false, heardAgo: millis(0) };

/** See {@link verdict}. */
export type Decision = 'take' | 'wait' | 'leave';

/** True where viewers have to be taken from who is live, whatever it will do. */
export function hasFailed(present: Present): boolean {
  return present.publisher && present.heardAgo >= BACKUP_PATIENCE;
}

/** What a candidate may do: `take` the stream, `wait` as stand-by, or `leave`, because somebody else is its stream's main. */
export function verdict(candidate: Candidate, present: Present): Decision {
  if (!present.publisher) {
    return 'take';
  }
  const patience = present.backup || candidate.backup ? BACKUP_PATIENCE : TAKEOVER;
  if (present.heardAgo >= patience) {
    return 'take';
  }
  if (candidate.backup) {
    return 'wait';
  }
  if (!present.backup) {
    return 'leave';
  }
  return candidate.steady ? 'take' : 'wait';
}
