import { pino } from 'pino';
import { afterEach } from 'vitest';

import { offerText } from '../../sdp/testing/offers.ts';
import { SignallingEndpoint, type SignallingOptions } from '../endpoint.ts';
import { askOverHttp1, type Answer, type Asking, type Question } from './ask.ts';
import { FakeFactory } from './fake-factory.ts';

/** A key that {@link FakeFactory} takes. */
export const KEY = 'on1_0123456789abcdef';
export const SDP = 'application/sdp';
export const FRAGMENT = 'application/trickle-ice-sdpfrag';
/** A fragment that brings a candidate. */
export const TRICKLE = 'a=candidate:1 1 udp 1 192.0.2.9 9 typ host\r\n';

/** A fragment that restarts ICE. */
export function restartWith(ufrag: string): string {
  return `a=ice-ufrag:${ufrag}\r\na=ice-pwd:0123456789abcdef012345\r\n${TRICKLE}`;
}

const open: { asking: Asking; endpoint: SignallingEndpoint }[] = [];

/** Has both closed after the test. */
export function untilTestEnds(asking: Asking, endpoint: SignallingEndpoint): void {
  open.push({ asking, endpoint });
}

afterEach(async () => {
  for (const { asking, endpoint } of open.splice(0)) {
    await endpoint.close();
    await asking.close();
  }
});

/** An endpoint on a server of its own, until the test ends. */
export async function start(options: Partial<SignallingOptions> = {}, serve = askOverHttp1) {
  const factory = new FakeFactory();
  const endpoint = new SignallingEndpoint({ protocol: 'whip', factory, log: pino({ level: 'silent' }), ...options });
  const asking = await serve((request, response) => endpoint.handle(request, response));
  untilTestEnds(asking, endpoint);
  const { ask } = asking;
  const publish = (question: Question = {}, path = '/whip'): Promise<Answer> =>
    ask('POST', path, { body: offerText('obs-30-whip'), ...question, headers: { 'content-type': SDP, 'authorization': `Bearer ${KEY}`, ...question.headers } });
  const patch = (created: Answer, ifMatch: string | undefined, body: string, type = FRAGMENT): Promise<Answer> =>
    ask('PATCH', created.headers.location!, { body, headers: { 'content-type': type, ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }) } });
  return { factory, endpoint, asking, ask, publish, patch };
}

/** The code of an error's body. */
export function codeOf({ body }: Answer): unknown {
  return (JSON.parse(body) as { code: unknown }).code;
}
