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
    const [first, ...spare] = await Promise.allSettled(lines.map((name) => openConnection(given, name, true)));
    const spareLines = spare.flatMap((line) => (line.status === 'fulfilled' ? [line.value] : []));
    if (first?.status !== 'fulfilled') {
      await Promise.all(spareLines.map((line) => line.close()));
      throw first?.reason;
    }
    const media = first.value;
    if (spareLines.length < spare.length) {
      options.log.warn({ lines: 1 + spareLines.length, wanted: lines.length }, 'not every line to NATS could be opened; media is read over those that could');
    }
    const bus = new ConnectedBus({ options, control, media, spareLines: new SpareLines(spareLines, options.log), manager });
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
