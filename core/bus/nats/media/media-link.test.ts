import { connect } from '@nats-io/transport-node';
import { afterAll, beforeAll } from 'vitest';

import { createLog } from '../../../runtime/log.ts';
import type { Bus } from '../../bus.ts';
import { describeLink } from '../../link.suite.ts';
import { createLocalBus } from '../../local/local-bus.ts';
import { startNatsServer, type TestNatsServer } from '../testing/nats-server.ts';
import { createNatsMedia, type NatsMedia } from './media.ts';

let server: TestNatsServer;

beforeAll(async () => {
  server = await startNatsServer({ jetstream: false });
});

afterAll(() => server.stop());

/** A bus of which the frames alone go over NATS. */
function withFramesOver(media: NatsMedia, control: Bus): Bus {
  control.onBroadcast(({ broadcast, state }) => (state === 'ended' ? media.end(broadcast) : undefined));
  return {
    announce: (info) => control.announce(info),
    onBroadcast: (listener) => control.onBroadcast(listener),
    produce: (broadcast, track, options) => media.produce(broadcast, track, options),
    consume: (broadcast, track, options) => media.consume(broadcast, track, options),
    putCatalog: (broadcast, section, value) => control.putCatalog(broadcast, section, value),
    onCatalog: (broadcast, section, listener) => control.onCatalog(broadcast, section, listener),
    lease: (resource) => control.lease(resource),
    tryLease: (resource) => control.tryLease(resource),
    serve: (subject, handler) => control.serve(subject, handler),
    request: (subject, payload, options) => control.request(subject, payload, options),
    shared: control.shared,
    present: (info) => control.present(info),
    onNode: (listener) => control.onNode(listener),
    close: () => media.close(),
  };
}

describeLink('NATS media', async () => {
  const connections = await Promise.all(['near', 'far'].map((name) => connect({ servers: server.url, name, noEcho: true })));
  const control = createLocalBus();
  const { log } = createLog({ level: 'silent' });
  const [near, far] = connections.map((connection, at) => withFramesOver(createNatsMedia({ connection, node: `node-${at}`, log }), control));
  if (near === undefined || far === undefined) {
    throw new Error('no connection');
  }
  return {
    near,
    far,
    close: async () => {
      await Promise.all([near.close(), far.close(), control.close()]);
      await Promise.all(connections.map((connection) => connection.close()));
    },
  };
});
