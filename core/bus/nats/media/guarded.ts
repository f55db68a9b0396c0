import type { Msg, MsgCallback } from '@nats-io/transport-node';

import { messageOf } from '../../../runtime/errors.ts';
import type { Logger } from '../../../runtime/log.ts';

/** A callback of a subscription that throws nothing: the client would stop reading its connection for good, without a word. */
export function guarded(log: Logger, handler: (message: Msg) => void): MsgCallback<Msg> {
  return (error, message) => {
    if (error !== null) {
      log.warn({ error: messageOf(error) }, 'NATS refused a subscription');
      return;
    }
    try {
      handler(message);
    } catch (thrown) {
      log.error({ subject: message.subject, error: thrown instanceof Error ? thrown.stack : String(thrown) }, 'a message from NATS was not handled');
    }
  };
}
