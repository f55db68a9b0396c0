import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { millis } from '../../../media/time.ts';
import { createLog } from '../../../runtime/log.ts';
import type { Entry } from '../kv/entry.ts';
import { decodeRecord, encodeRecord } from '../kv/record.ts';
import { Registers, type RegisterBucket } from './registers.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const { log } = createLog({ level: 'silent' });

/** A server that is a map: what is written to it is told to all registers when the test says so. */
class FakeServer implements RegisterBucket {
  readonly name = 'test';
  readonly entries = new Map<string, Entry>();
  /** Calls that were made, and an error for the next. */
  readonly calls: string[] = [];
  failure: Error | undefined;
  /** Called before each writing: another is quicker. */
  before: () => void = () => undefined;
  #revision = 0;

  write(key: string, record: { readonly fence: number; readonly by: string; readonly body: string } | undefined): Entry {
    this.#revision += 1;
    const entry = { revision: this.#revision, bytes: record === undefined ? undefined : encodeRecord({ ...record, body: bytes(record.body) }) };
    this.entries.set(key, entry);
    return entry;
  }

  async put(key: string, content: Uint8Array, expected: number): Promise<number | undefined> {
    await Promise.resolve();
    this.before();
    const failure = this.failure;
    this.failure = undefined;
    this.calls.push(`put ${key} ${read(content)} after ${expected}`);
    if (failure !== undefined) {
      throw failure;
    }
    if ((this.entries.get(key)?.revision ?? 0) !== expected) {
      return undefined;
    }
    this.#revision += 1;
    this.entries.set(key, { revision: this.#revision, bytes: content });
    return this.#revision;
  }

  read(key: string): Promise<Entry | undefined> {
    return Promise.resolve(this.entries.get(key));
  }

  async remove(key: string, expected: number): Promise<boolean> {
    await Promise.resolve();
    this.calls.push(`remove ${key} after ${expected}`);
    if (this.entries.get(key)?.revision !== expected) {
      return false;
    }
    this.write(key, undefined);
    return true;
  }

  has(key: string): string | undefined {
    const content = this.entries.get(key)?.bytes;
    return content === undefined ? undefined : read(content);
  }
}

/** `fence by body`. */
function read(content: Uint8Array): string {
  const { fence, by, body } = decodeRecord(content)!;
  return `${fence} ${by} ${new TextDecoder().decode(body)}`;
}

let server: FakeServer;
let registers: Registers;
let seen: string[];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  server = new FakeServer();
  seen = [];
  registers = new Registers({ session: 'me', pace: () => millis(100), log }, (_, record, here) =>
    seen.push(`${record === undefined ? 'nothing' : read(encodeRecord(record))}${here ? '' : ' there'}`),
  );
});
afterEach(() => vi.useRealTimers());

const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(1000);

describe('registers', () => {
  it('show at once what is written here, and write it when NATS is there', async () => {
    registers.set('a', 1, bytes('x'));
    expect(seen).toEqual(['1 me x']);
    await settle();
    expect(server.calls).toEqual([]);
    registers.online(server);
    await settle();
    expect(server.has('a')).toBe('1 me x');
    expect(registers.waiting).toBe(0);
  });

  it('write the newest of what comes quickly', async () => {
    registers.online(server);
    for (let i = 0; i < 50; i += 1) {
      registers.set('a', 1, bytes(`${i}`));
    }
    await vi.advanceTimersByTimeAsync(50);
    expect(server.calls).toEqual(['put a 1 me 0 after 0']);
    await settle();
    expect(server.calls).toEqual(['put a 1 me 0 after 0', 'put a 1 me 49 after 1']);
  });

  it('write nothing that is there already', async () => {
    registers.online(server);
    registers.set('a', 1, bytes('x'));
    await settle();
    registers.set('a', 1, bytes('x'));
    await settle();
    expect(server.calls).toHaveLength(1);
  });

  it('take what others write under the same fence or a higher one, and not what comes under a lower', () => {
    registers.online(server);
    registers.arrived('a', server.write('a', { fence: 5, by: 'other', body: 'x' }));
    registers.arrived('a', server.write('a', { fence: 4, by: 'zombie', body: 'y' }));
    registers.arrived('a', server.write('a', { fence: 5, by: 'third', body: 'z' }));
    expect(seen).toEqual(['5 other x there', '5 third z there']);
    expect(registers.set('a', 4, bytes('mine'))).toBe(false);
    expect(seen).toHaveLength(2);
  });

  it('write over an equal fence that was quicker, and give in to a higher one', async () => {
    registers.online(server);
    server.before = () => {
      server.before = () => undefined;
      server.write('a', { fence: 5, by: 'other', body: 'x' });
    };
    registers.set('a', 5, bytes('mine'));
    await settle();
    expect(server.has('a')).toBe('5 me mine');
    server.before = () => {
      server.before = () => undefined;
      server.write('a', { fence: 6, by: 'other', body: 'y' });
    };
    registers.set('a', 5, bytes('again'));
    await settle();
    expect(server.has('a')).toBe('6 other y');
    expect(seen).toEqual(['5 me mine', '5 me again', '6 other y there']);
  });

  it('are not misled by the watch, which tells of things late', async () => {
    registers.online(server);
    const others = server.write('a', { fence: 5, by: 'other', body: 'x' });
    registers.set('a', 5, bytes('mine'));
    await settle();
    registers.arrived('a', others);
    registers.arrived('a', server.entries.get('a'));
    expect(seen).toEqual(['5 me mine']);
    expect(registers.waiting).toBe(0);
  });

  it('try again what failed', async () => {
    registers.online(server);
    server.failure = new Error('no answer');
    registers.set('a', 1, bytes('x'));
    await vi.advanceTimersByTimeAsync(100);
    expect([server.has('a'), registers.waiting]).toEqual([undefined, 1]);
    await settle();
    expect(server.has('a')).toBe('1 me x');
  });

  it('write again what is theirs and the server lost, in whole or in part', async () => {
    registers.online(server);
    registers.set('a', 1, bytes('old'));
    await settle();
    const old = server.entries.get('a');
    registers.set('a', 1, bytes('new'));
    await settle();
    registers.offline();
    server.entries.delete('a');
    registers.arrived('a', undefined);
    registers.online(server);
    await settle();
    expect(server.has('a')).toBe('1 me new');
    registers.offline();
    server.entries.set('a', old!);
    registers.arrived('a', old);
    registers.online(server);
    await settle();
    expect(server.has('a')).toBe('1 me new');
    expect(seen).toEqual(['1 me old', '1 me new']);
  });

  it('do not bring back what was taken away', async () => {
    registers.online(server);
    registers.set('a', 1, bytes('x'));
    await settle();
    registers.arrived('a', server.write('a', undefined));
    await settle();
    expect([seen.at(-1), server.has('a'), [...registers.keys()]]).toEqual(['nothing there', undefined, []]);
  });

  it('take away what is there, whoever wrote it, and nothing that is newer', async () => {
    registers.online(server);
    registers.arrived('a', server.write('a', { fence: 1, by: 'other', body: 'x' }));
    registers.remove('a');
    await settle();
    expect([seen.at(-1), server.has('a')]).toEqual(['nothing', undefined]);
    registers.arrived('b', server.write('b', { fence: 1, by: 'other', body: 'x' }));
    registers.remove('b');
    const newer = server.write('b', { fence: 1, by: 'other', body: 'y' });
    await settle();
    registers.arrived('b', newer);
    expect([seen.at(-1), server.has('b'), registers.waiting]).toEqual(['1 other y there', '1 other y', 0]);
  });

  it('drop here what others take away', async () => {
    registers.online(server);
    registers.arrived('a', server.write('a', { fence: 1, by: 'other', body: 'x' }));
    registers.drop('a');
    await settle();
    expect([seen.at(-1), [...registers.keys()], server.calls]).toEqual(['nothing', [], []]);
  });

  it('give in to who overtook them while NATS was away', async () => {
    registers.online(server);
    registers.set('a', 5, bytes('x'));
    await settle();
    registers.offline();
    registers.set('a', 5, bytes('zombie'));
    registers.arrived('a', server.write('a', { fence: 6, by: 'successor', body: 'y' }));
    registers.online(server);
    await settle();
    expect([seen.at(-1), server.has('a')]).toEqual(['6 successor y there', '6 successor y']);
  });
});
