import { once } from 'node:events';
import { connect } from 'node:net';

import { describe, expect, test } from 'vitest';

import { MillraceError } from '../../runtime/errors.ts';
import { offerText } from '../sdp/testing/offers.ts';
import type { FakeSession } from './testing/fake-factory.ts';
import { codeOf, FRAGMENT, KEY, restartWith, SDP, start, TRICKLE } from './testing/started.ts';

describe('PATCH', () => {
  test('needs the type and the entity tag of the ICE session', async () => {
    const { publish, patch } = await start();
    const created = await publish();
    const wrongType = await patch(created, created.headers.etag, TRICKLE, SDP);
    expect([wrongType.status, wrongType.headers['accept-patch']]).toEqual([415, FRAGMENT]);
    expect((await patch(created, undefined, TRICKLE)).status).toBe(428);
    expect((await patch(created, '"other"', TRICKLE)).status).toBe(412);
    expect((await patch(created, `W/${created.headers.etag}`, TRICKLE)).status).toBe(412);
    expect((await patch(created, `"other", ${created.headers.etag}`, TRICKLE)).status).toBe(204);
    expect((await patch(created, created.headers.etag, 'nonsense')).status).toBe(400);
  });

  test('is of one session alone', async () => {
    const { ask, publish } = await start();
    const created = await publish();
    const elsewhere = created.headers.location!.replace('/on1/', '/on2/');
    expect((await ask('PATCH', elsewhere, { body: TRICKLE, headers: { 'content-type': FRAGMENT, 'if-match': '*' } })).status).toBe(404);
    expect((await ask('DELETE', elsewhere)).status).toBe(404);
  });

  test('with the credentials of the offer is trickling, whatever the tag says', async () => {
    const { factory, publish, patch } = await start();
    const created = await publish();
    expect((await patch(created, '*', `a=ice-ufrag:oGMC\r\na=ice-pwd:lr1+kRnzhqdgyTUTAF6k4v\r\n${TRICKLE}`)).status).toBe(204);
    expect(factory.sessions[0]?.trickled).toHaveLength(1);
    expect((await patch(created, '*', restartWith('oGMC'))).status).toBe(400);
  });

  test('of the ICE session before a restart is stale', async () => {
    const { publish, patch } = await start();
    const created = await publish();
    const restarted = await patch(created, '*', restartWith('gen2'));
    expect((await patch(created, created.headers.etag, TRICKLE)).status).toBe(412);
    expect((await patch(created, '*', `a=ice-ufrag:oGMC\r\na=ice-pwd:lr1+kRnzhqdgyTUTAF6k4v\r\n${TRICKLE}`)).status).toBe(412);
    expect((await patch(created, restarted.headers.etag, TRICKLE)).status).toBe(204);
  });

  test('of a restart whose answer was lost gets the same answer', async () => {
    const { factory, publish, patch } = await start();
    const created = await publish();
    const first = await patch(created, '*', restartWith('gen2'));
    const again = await patch(created, '*', restartWith('gen2'));
    expect([again.status, again.headers.etag, again.body]).toEqual([200, first.headers.etag, first.body]);
    expect(factory.sessions[0]?.restarts).toHaveLength(1);
  });

  test('that fails to restart leaves the session as it was', async () => {
    const { factory, publish, patch, endpoint } = await start();
    const created = await publish();
    const session = factory.sessions[0] as FakeSession;
    session.failure = new MillraceError('rtc/stopping', 'Stopping.');
    expect((await patch(created, '*', restartWith('gen2'))).status).toBe(503);
    session.failure = undefined;
    expect(session.isClosed).toBe(false);
    expect(endpoint.size).toBe(1);
    expect((await patch(created, created.headers.etag, TRICKLE)).status).toBe(204);
  });

  test('waits for those before it, and not too many wait', async () => {
    const { factory, publish, patch } = await start();
    const created = await publish();
    const session = factory.sessions[0] as FakeSession;
    const gate = Promise.withResolvers<void>();
    session.gate = gate.promise;
    const waiting = Array.from({ length: 9 }, (_, index) => patch(created, '*', restartWith(`gen${index}`)));
    const refused = await Promise.race(waiting);
    expect([refused.status, refused.headers['retry-after']]).toEqual([429, '1']);
    gate.resolve();
    const statuses = (await Promise.all(waiting)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(8);
    expect(session.restarts).toHaveLength(8);
  });
});

describe('what is left behind', () => {
  test('a client that goes away while its session is made leaves none', async () => {
    const { asking, factory, endpoint } = await start();
    const gate = Promise.withResolvers<void>();
    factory.gate = gate.promise;
    const offer = offerText('obs-30-whip');
    const socket = connect(asking.port, '127.0.0.1');
    socket.write(`POST /whip HTTP/1.1\r\nHost: a\r\nContent-Type: ${SDP}\r\nAuthorization: Bearer ${KEY}\r\nContent-Length: ${offer.length}\r\n\r\n${offer}`);
    while (factory.requests.length === 0) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    const { signal } = factory.requests[0]!;
    socket.destroy();
    await once(signal, 'abort');
    gate.resolve();
    while (factory.sessions[0]?.isClosed !== true) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(endpoint.size).toBe(0);
  });

  test('a session that ends by itself is forgotten', async () => {
    const { factory, publish, endpoint, ask } = await start();
    const created = await publish();
    factory.sessions[0]?.close();
    await factory.sessions[0]?.closed;
    expect((await ask('GET', created.headers.location!)).status).toBe(404);
    expect(endpoint.size).toBe(0);
  });

  test('closing ends every session and takes no more, those in the making included', async () => {
    const { factory, publish, endpoint } = await start();
    await publish();
    const gate = Promise.withResolvers<void>();
    factory.gate = gate.promise;
    const late = publish();
    while (factory.requests.length < 2) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all([endpoint.close(), endpoint.close()]);
    gate.resolve();
    const answer = await late;
    expect([answer.status, codeOf(answer), answer.headers['retry-after']]).toEqual([503, 'signalling/stopping', '5']);
    expect(factory.sessions.map(({ isClosed }) => isClosed)).toEqual([true, true]);
    expect((await publish()).status).toBe(503);
  });
});
