import { createLog } from '../../../runtime/log.ts';
import { MillraceError, messageOf } from '../../../runtime/errors.ts';
import type { Lease } from '../../bus.ts';
import { connectNats, type NatsBus } from '../connect.ts';
import type { BusProcessAnswer, BusProcessOrder } from './bus-process.ts';

const [, , url = '', node = ''] = process.argv;
const say = (answer: BusProcessAnswer): void => {
  process.send?.(answer);
};

const bus = await connectNats({ url, node, log: createLog({ level: 'silent' }).log });
process.on('message', (order: BusProcessOrder) => {
  run(bus, order).then(
    (done) => say({ done }),
    (error: unknown) => say({ failed: error instanceof MillraceError ? error.code : messageOf(error) }),
  );
});
// Nothing of it stays when the test is gone.
process.on('disconnect', () => process.exit());
say({ done: 'connected' });

async function run(on: NatsBus, order: BusProcessOrder): Promise<unknown> {
  switch (order.do) {
    case 'lease':
      return told(order.resource, await on.lease(order.resource));
    case 'tryLease':
      return told(order.resource, await on.tryLease(order.resource));
    case 'announce':
      return on.announce(order.info);
    case 'present':
      return on.present(order.info);
    case 'put':
      return on.shared.put(order.key, order.value, { fence: order.fence });
    case 'serve':
      on.serve(order.subject, () => order.answer);
      return undefined;
    case 'close':
      await on.close();
      setImmediate(() => process.disconnect?.());
      return undefined;
  }
}

function told(resource: string, lease: Lease | undefined): number | undefined {
  void lease?.lost.then(() => say({ lost: resource }));
  return lease?.fence;
}
