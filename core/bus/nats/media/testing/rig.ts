import { connect, type NatsConnection } from '@nats-io/transport-node';
import { Registry } from 'prom-client';

import { createLog } from '../../../../runtime/log.ts';
import type { TrackConsumer } from '../../../bus.ts';
import { placeOf } from '../../../testing/frames.ts';
import type { TestNatsServer } from '../../testing/nats-server.ts';
import { createNatsMedia, type NatsMedia } from '../media.ts';

/** A process of a test: its frames over its own connection. */
export type Party = {
  readonly media: NatsMedia;
  /** The connection itself, without what the test does to it. */
  readonly connection: NatsConnection;
  /** How often its connection was lost. */
  outages(): number;
  /** The value of a metric, with its label's value where it has one. */
  metric(name: string, label?: string): Promise<number>;
  close(): Promise<void>;
};

/** What a test does to messages that a process sends: sends them elsewhere, or, with undefined, nowhere. */
export type Tamper = (subject: string, payload: Uint8Array | string | undefined) => string | undefined;

/** Opens a process. It is told of the connection's loss and return as `connectNats` tells it. */
export async function openParty(server: Pick<TestNatsServer, 'url'>, name: string, tamper: Tamper = (subject) => subject): Promise<Party> {
  const connection = await connect({ servers: server.url, name, noRandomize: true, noEcho: true, maxReconnectAttempts: -1, reconnectTimeWait: 20, reconnectJitter: 0 });
  const metrics = new Registry();
  const { log } = createLog({ level: 'silent' });
  const media = createNatsMedia({ connection: tampered(connection, tamper), node: name, log, metrics });
  let outages = 0;
  const watch = async (): Promise<void> => {
    for await (const { type } of connection.status()) {
      if (type === 'disconnect') {
        outages += 1;
        media.disconnected();
      } else if (type === 'reconnect') {
        media.reconnected();
      }
    }
  };
  void watch();
  return {
    media,
    connection,
    outages: () => outages,
    metric: async (metric, label) => {
      const found = await metrics.getSingleMetric(metric)?.get();
      return found?.values.find(({ labels }) => label === undefined || Object.values(labels).includes(label))?.value ?? 0;
    },
    close: async () => {
      await media.close();
      await connection.close();
    },
  };
}

/** Reads the places of so many frames. */
export async function readPlaces(consumer: TrackConsumer, count: number): Promise<(string | undefined)[]> {
  const places: (string | undefined)[] = [];
  for (let i = 0; i < count; i += 1) {
    places.push(placeOf(await consumer.next()));
  }
  return places;
}

function tampered(connection: NatsConnection, tamper: Tamper): NatsConnection {
  return new Proxy(connection, {
    get: (target, name) => {
      if (name === 'publish') {
        const publish: NatsConnection['publish'] = (subject, payload, options) => {
          const to = tamper(subject, payload);
          if (to !== undefined) {
            target.publish(to, payload, options);
          }
        };
        return publish;
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
