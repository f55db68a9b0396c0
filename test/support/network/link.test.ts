import { describe, expect, it } from 'vitest';

import { LinkDirection } from './link.ts';

const packet = (size = 1000, protocol = 17): Uint8Array => {
  const bytes = new Uint8Array(size);
  bytes[0] = 0x45;
  bytes[9] = protocol;
  return bytes;
};

describe('one direction of an emulated link', () => {
  it('holds a packet for the delay', () => {
    const link = new LinkDirection(1);
    link.set({ delayMillis: 30 });
    link.push(packet(), 100);
    expect(link.pop(129)).toBeUndefined();
    expect(link.pop(130)).toBeDefined();
  });

  it('lets through what the rate allows, and drops what finds the queue full', () => {
    const link = new LinkDirection(1);
    link.set({ rate: 800_000, queueMillis: 50 });
    Array.from({ length: 20 }, () => link.push(packet(1000), 0));
    // 10 ms each: six enter before more than 50 ms wait.
    expect(link.counts.overflowed).toBe(14);
    expect([9, 10, 59, 60].map((now) => Number(link.pop(now) !== undefined))).toEqual([0, 1, 1, 1]);
  });

  it('loses the asked share, the same packets each time', () => {
    const arrived = (): string => {
      const link = new LinkDirection(7);
      link.set({ loss: 0.05 });
      return Array.from({ length: 4000 }, (_, i) => {
        link.push(packet(), i);
        return link.pop(i) === undefined ? '0' : '1';
      }).join('');
    };
    const first = arrived();
    expect(first).toBe(arrived());
    expect(first.split('0').length - 1).toBeGreaterThan(150);
    expect(first.split('0').length - 1).toBeLessThan(250);
  });

  it('stops a blocked protocol and no other', () => {
    const link = new LinkDirection(1);
    link.set({ blockedProtocols: [17] });
    link.push(packet(100, 17), 0);
    link.push(packet(100, 6), 0);
    expect(link.pop(1)?.[9]).toBe(6);
    expect(link.pop(1)).toBeUndefined();
  });

  it('stops a blocked port of either side', () => {
    const link = new LinkDirection(1);
    link.set({ blockedPorts: [8189] });
    const ports = (source: number, destination: number): Uint8Array => {
      const bytes = packet();
      new DataView(bytes.buffer).setUint16(20, source);
      new DataView(bytes.buffer).setUint16(22, destination);
      return bytes;
    };
    [ports(8189, 5000), ports(5000, 8189), ports(5000, 8080)].forEach((each) => link.push(each, 0));
    expect(link.pop(1)).toEqual(ports(5000, 8080));
    expect(link.pop(1)).toBeUndefined();
  });
});
