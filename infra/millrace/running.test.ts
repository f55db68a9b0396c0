import { describe, expect, test } from 'vitest';

import type { Stage } from '#core/runtime/stage.ts';

import { Running } from './running.ts';

/** A stage that notes when it is closed. */
function stage(name: string, notes: string[], closed = new Promise<void>(() => {})): Stage {
  return {
    closed,
    close: () => {
      notes.push(name);
      return name === 'stuck' ? Promise.reject(new Error('stuck')) : Promise.resolve();
    },
  };
}

describe('what is running', () => {
  test('is closed once, from the last started to the first', async () => {
    const notes: string[] = [];
    const running = new Running();
    await running.start(() => Promise.resolve(stage('bus', notes)));
    await running.start(() => Promise.resolve(stage('edge', notes)));
    await Promise.all([running.close(), running.close()]);
    expect(notes).toEqual(['edge', 'bus']);
    await running.closed;
  });

  test('is closed to the end where one cannot close, and then fails', async () => {
    const notes: string[] = [];
    const running = new Running();
    await running.start(() => Promise.resolve(stage('bus', notes)));
    await running.start(() => Promise.resolve(stage('stuck', notes)));
    await expect(running.close()).rejects.toThrow('stuck');
    expect(notes).toEqual(['stuck', 'bus']);
  });

  test('a stage that comes up while all is being closed is closed too', async () => {
    const notes: string[] = [];
    const running = new Running();
    const late = Promise.withResolvers<Stage>();
    const start = running.start(() => late.promise);
    await running.close();
    late.resolve(stage('late', notes));
    await expect(start).rejects.toMatchObject({ code: 'startup/stopped' });
    expect(notes).toEqual(['late']);
    await expect(running.start(() => Promise.resolve(stage('never', notes)))).rejects.toMatchObject({ code: 'startup/stopped' });
    expect(notes).toEqual(['late']);
  });

  test('ends where a stage cannot go on', async () => {
    const running = new Running();
    await running.start(() => Promise.resolve(stage('edge', [], Promise.reject(new Error('gone')))));
    await expect(running.closed).rejects.toThrow('gone');
  });
});
