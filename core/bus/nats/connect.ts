import type { NatsConnection } from '@nats-io/transport-node';

import { millis } from '../../media/time.ts';
import { readCredentials } from './connection/credentials.ts';
import { openConnection, openJetStream } from './connection/open.ts';
import { SpareLines } from './connection/spare-lines.ts';
import type { NatsBus, NatsOptions } from './contract.ts';
import { ConnectedBus } from './nats-bus.ts';

export type { NatsBus, NatsOptions } from './contract.ts';

/** JetStream of a cluster that has just started needs a while to choose who leads. */
const START = millis(15_000);

/**
 * Joins the processes on NATS. Once connected it stays so by itself: a server that is lost is dialled for ever.
 *
 * @throws {MillraceError} `nats/unreachable`, `nats/unauthorized`, `nats/tls`, `nats/no-jetstream`, `nats/credentials`, `nats/address`, each with a sentence
 * for the operator.
 */
export async function connectNats(options: NatsOptions): Promise<NatsBus> {
  const given = readCredentials(options);
  const control = await openConnection(given, `millrace ${options.node} control`, false);
  try {
    const manager = await openJetStream(control, START);
    const lines = Array.from({ length: options.mediaLines ?? 1 }, (_, at) => `millrace ${options.node} media${at === 0 ? '' : ` ${at + 1}`}`);
    const [media, ...spare] = await openAll(lines.map((name) => openConnection(given, name, true)));
    const bus = new ConnectedBus({ options, control, media, spareLines: new SpareLines(spare, options.log), manager });
    try {
      await bus.start(START);
    } catch (error) {
      await bus.close();
      throw error;
    }
    return bus;
  } catch (error) {
    await control.close();
    throw error;
  }
}

/** All, or none. */
async function openAll(dialled: readonly Promise<NatsConnection>[]): Promise<[NatsConnection, ...NatsConnection[]]> {
  try {
    return (await Promise.all(dialled)) as [NatsConnection, ...NatsConnection[]];
  } catch (error) {
    await Promise.allSettled(dialled.map(async (one) => (await one).close()));
    throw error;
  }
}
