import { until } from '#test/support/until.ts';

/** Environment of a server that can be asked by its inspector. */
export const INSPECTED = { NODE_OPTIONS: '--inspect=127.0.0.1:0' };

/** A process's inspector (Chrome DevTools protocol). */
export type Inspector = {
  call(method: string, parameters?: object): Promise<Readonly<Record<string, unknown>>>;
  close(): void;
};

/** A function's share of a profile. */
export type ProfileEntry = { readonly place: string; readonly share: number };

type Profile = {
  readonly nodes: readonly { readonly id: number; readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number } }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
};

/** Connects to a process that was started with {@link INSPECTED}. `log`: what it has written. */
export async function connectInspector(log: () => string): Promise<Inspector> {
  const url = await until('the inspector', () => /Debugger listening on (ws:\S+)/.exec(log())?.[1]);
  const socket = new WebSocket(url);
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve);
    socket.addEventListener('error', () => reject(new Error('the inspector does not answer')));
  });
  const waiting = new Map<number, (result: Readonly<Record<string, unknown>>) => void>();
  socket.addEventListener('message', ({ data }) => {
    const { id, result } = JSON.parse(String(data)) as { id?: number; result?: Readonly<Record<string, unknown>> };
    if (id !== undefined) {
      waiting.get(id)?.(result ?? {});
      waiting.delete(id);
    }
  });
  let next = 0;
  return {
    call: (method, params = {}) => {
      next += 1;
      const id = next;
      return new Promise((resolve) => {
        waiting.set(id, resolve);
        socket.send(JSON.stringify({ id, method, params }));
      });
    },
    close: () => socket.close(),
  };
}

/** Where the busy time goes, by function itself, dearest first. */
export async function takeProfile(inspector: Inspector, millis: number): Promise<readonly ProfileEntry[]> {
  await inspector.call('Profiler.enable');
  await inspector.call('Profiler.setSamplingInterval', { interval: 500 });
  await inspector.call('Profiler.start');
  await new Promise((resolve) => setTimeout(resolve, millis));
  const { profile } = (await inspector.call('Profiler.stop')) as { profile: Profile };
  const names = new Map(profile.nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const times = new Map<string, number>();
  profile.samples.forEach((sample, i) => {
    const name = names.get(sample) ?? '';
    times.set(name, (times.get(name) ?? 0) + (profile.timeDeltas[i] ?? 0));
  });
  const busy = [...times].filter(([name]) => name !== '(idle)').reduce((sum, [, time]) => sum + time, 0);
  return [...times]
    .filter(([name]) => name !== '(idle)')
    .map(([place, time]) => ({ place, share: time / busy }))
    .toSorted((a, b) => b.share - a.share);
}

function nameOf({ functionName, url, lineNumber }: Profile['nodes'][number]['callFrame']): string {
  const file = url.replace(/^file:\/\//, '').replace(`${process.cwd()}/`, '');
  return file === '' ? functionName : `${functionName === '' ? '(anonymous)' : functionName} ${file}:${lineNumber + 1}`;
}
