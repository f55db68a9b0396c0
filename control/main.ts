import type { StreamName } from '#core/bus/catalog.ts';
import { systemClock } from '#core/media/time.ts';
import { MillraceError } from '#core/runtime/errors.ts';

import { openApi, startApi, type ApiOptions, type ApiStage } from './api-stage.ts';
import { AttemptLimiter } from './policy/attempt-limiter.ts';
import { configuredKeys } from './policy/configured-keys.ts';
import { KeyPolicy } from './policy/key-policy.ts';
import { servePolicy } from './policy/serve-policy.ts';
import { tellKnownStreams } from './policy/tell-known-streams.ts';

export { startApi, type ApiOptions, type ApiStage } from './api-stage.ts';
export type { Capacity } from './api/routes.ts';
export { whipElsewhere, type WhipElsewhereOptions } from './whip-elsewhere.ts';
export { controlOptions, type ControlConfig } from './config.ts';
export { configuredKeys, type ConfiguredKeys } from './policy/configured-keys.ts';

/** What {@link startControl} works with. */
export type ControlOptions = ApiOptions & {
  /**
   * `decides` (default): has the stream keys, decides here and for every process on the bus that has none, and tells them which streams are known. `asks`: as
   * {@link startApi}.
   */
  readonly role?: 'decides' | 'asks';
};

/** The application server: who may publish, what is on air, the API. */
export interface ControlStage extends ApiStage {
  /** Lets a further key publish and makes its stream known. Throws {@link MillraceError} `publish/malformed-key`, `control/no-keys` where this process only asks. */
  addKey(key: string): StreamName;
}

/**
 * Starts the control stage.
 *
 * @throws {MillraceError} `config/invalid` where stream keys are malformed or double, all of them listed;
 *   `control/token-unusable` where the API token can be neither read nor made.
 */
export async function startControl({ role = 'decides', ...options }: ControlOptions): Promise<ControlStage> {
  return role === 'decides' ? startDeciding(options) : { ...(await startApi(options)), addKey: refuseKey };
}

function refuseKey(): never {
  throw new MillraceError('control/no-keys', 'This process has no stream keys: it asks the control role.');
}

async function startDeciding(options: ApiOptions): Promise<ControlStage> {
  const { config, bus, log, clock = systemClock } = options;
  const { keys, problems } = configuredKeys(config);
  if (problems.length > 0) {
    throw new MillraceError('config/invalid', problems.join('\n'), { details: { problems } });
  }
  const limiter = new AttemptLimiter({ perMinute: config.publishAttemptsPerMinute, clock });
  const changes = new Set<(streams: readonly StreamName[]) => void>();
  const { promise: policyMade, resolve: made } = Promise.withResolvers<KeyPolicy>();
  const api = await openApi(options, ({ decisions }) => {
    const policy = new KeyPolicy({ limiter, log, decisions, onStream: () => changes.forEach((listener) => listener(policy.knownStreams())) });
    keys.forEach((key) => policy.addKey(key));
    const telling = tellKnownStreams({ bus, log, streams: () => policy.knownStreams() });
    const unserve = servePolicy(bus, policy);
    made(policy);
    const onChange = (listener: (streams: readonly StreamName[]) => void) => {
      changes.add(listener);
      listener(policy.knownStreams());
      return () => changes.delete(listener);
    };
    onChange(() => telling.changed());
    return {
      policy,
      known: { list: () => policy.knownStreams(), onChange },
      close: () => {
        unserve();
        telling.close();
      },
    };
  });
  const policy = await policyMade;
  return { ...api, addKey: (key) => policy.addKey(key) };
}
