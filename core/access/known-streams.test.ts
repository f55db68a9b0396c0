import { afterEach, describe, expect, it } from 'vitest';

import { createLocalBus } from '../bus/local/local-bus.ts';
import { KnownStreams } from './known-streams.ts';

describe('known streams', () => {
  const bus = createLocalBus();

  afterEach(() => bus.close());

  it('are those that were last told of; damage takes none away', async () => {
    const known = new KnownStreams(bus);
    const heard: (readonly string[])[] = [];
    known.onChange((streams) => heard.push(streams));
    await bus.shared.put('streams/known', ['cam1', 'cam2', 'cam1', 'NO', 7]);
    expect(known.list()).toEqual(['cam1', 'cam2']);
    await bus.shared.put('streams/known', 'cam3');
    await bus.shared.put('streams/known-too', ['cam4']);
    await bus.shared.delete('streams/known');
    expect(known.list()).toEqual(['cam1', 'cam2']);
    await bus.shared.put('streams/known', ['cam2']);
    expect(heard).toEqual([[], ['cam1', 'cam2'], ['cam2']]);
    known.close();
    await bus.shared.put('streams/known', []);
    expect(heard).toHaveLength(3);
  });
});
