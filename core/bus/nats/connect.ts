import { millis } from '../../media/time.ts';
import { readCredentials } from './connection/credentials.ts';
import { openConnection, openJetStream } from './connection/open.ts';
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
    const media = await openConnection(given, `millrace ${options.node} media`, true);
    const bus = new ConnectedBus({ options, control, media, manager });
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
