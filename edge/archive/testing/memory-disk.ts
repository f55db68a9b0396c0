import { dirname } from 'node:path';

import { wallTime, type WallTime } from '#core/media/time.ts';

import type { Disk, DiskFile } from '../disk/disk.ts';

/** A change to a disk, as small as a crash can tell apart. */
export type Change =
  | { readonly do: 'create'; readonly path: string }
  | { readonly do: 'write'; readonly path: string; readonly at: number; readonly bytes: Buffer }
  | { readonly do: 'truncate'; readonly path: string; readonly length: number }
  | { readonly do: 'replace'; readonly path: string; readonly bytes: Buffer }
  | { readonly do: 'rename'; readonly from: string; readonly to: string }
  | { readonly do: 'remove'; readonly path: string };

/** A disk in memory that notes every change, so that a crash after any of them, and in the middle of a write, can be played. */
export class MemoryDisk implements Disk {
  readonly files = new Map<string, Buffer>();
  readonly journal: Change[] = [];
  /** Throws where an operation is to fail, or waits where it is to be slow. */
  before: (operation: string, path: string, bytes: number) => Promise<void> | void = () => undefined;
  free = 1e15;
  now: () => WallTime = () => wallTime(0);

  /** The disk as a crash leaves it: after so many changes, and so many bytes of the next one where it is a write. */
  static after(journal: readonly Change[], changes: number, bytes = 0): MemoryDisk {
    const disk = new MemoryDisk();
    journal.slice(0, changes).forEach((change) => disk.#apply(change));
    const next = journal[changes];
    if (next?.do === 'write' && bytes > 0) {
      disk.#apply({ ...next, bytes: next.bytes.subarray(0, bytes) });
    }
    disk.journal.length = 0;
    return disk;
  }

  async open(path: string, how: 'read' | 'write'): Promise<DiskFile> {
    await this.before('open', path, 0);
    if (!this.files.has(path)) {
      if (how === 'read') {
        throw missing(path);
      }
      this.#apply({ do: 'create', path });
    }
    return {
      write: async (buffers, at) => {
        const bytes = Buffer.concat(buffers);
        await this.before('write', path, bytes.length);
        this.#apply({ do: 'write', path, at, bytes });
      },
      read: async (into, at) => {
        await this.before('read', path, into.length);
        return this.#content(path).copy(into, 0, at);
      },
      truncate: async (length) => {
        await this.before('truncate', path, 0);
        if (length !== this.#content(path).length) {
          this.#apply({ do: 'truncate', path, length });
        }
      },
      sync: async () => {
        await this.before('sync', path, 0);
      },
      stat: () => Promise.resolve({ size: this.files.get(path)?.length ?? 0, linked: this.files.has(path) }),
      close: () => Promise.resolve(),
    };
  }

  async readFile(path: string): Promise<Buffer> {
    await this.before('read', path, 0);
    return Buffer.from(this.#content(path));
  }

  async replaceFile(path: string, text: string): Promise<void> {
    await this.before('replace', path, text.length);
    this.#apply({ do: 'replace', path, bytes: Buffer.from(text) });
  }

  async list(folder: string): Promise<readonly string[]> {
    await this.before('list', folder, 0);
    const below = [...this.files.keys()].filter((path) => path.startsWith(`${folder}/`));
    return [...new Set(below.map((path) => path.slice(folder.length + 1).split('/')[0]!))].toSorted();
  }

  async stat(path: string): Promise<{ readonly size: number; readonly changedAt: WallTime }> {
    await this.before('stat', path, 0);
    return { size: this.#content(path).length, changedAt: this.now() };
  }

  async makeFolder(path: string): Promise<void> {
    await this.before('makeFolder', path, 0);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.before('rename', from, 0);
    this.#apply({ do: 'rename', from, to });
  }

  async remove(path: string): Promise<void> {
    await this.before('remove', path, 0);
    this.#apply({ do: 'remove', path });
  }

  freeBytes(): Promise<number> {
    return Promise.resolve(this.free);
  }

  #content(path: string): Buffer {
    const content = this.files.get(path);
    if (content === undefined) {
      throw missing(path);
    }
    return content;
  }

  #apply(change: Change): void {
    this.journal.push(change);
    switch (change.do) {
      case 'create':
        this.files.set(change.path, Buffer.alloc(0));
        break;
      case 'write': {
        const { path, at, bytes } = change;
        const before = this.files.get(path) ?? Buffer.alloc(0);
        const after = Buffer.alloc(Math.max(before.length, at + bytes.length));
        before.copy(after);
        bytes.copy(after, at);
        this.files.set(path, after);
        break;
      }
      case 'truncate': {
        const after = Buffer.alloc(change.length);
        this.files.get(change.path)?.copy(after);
        this.files.set(change.path, after);
        break;
      }
      case 'replace':
        this.files.set(change.path, change.bytes);
        break;
      case 'rename':
        for (const [path, content] of [...this.files]) {
          if (path === change.from || dirname(path) === change.from) {
            this.files.delete(path);
            this.files.set(change.to + path.slice(change.from.length), content);
          }
        }
        break;
      case 'remove':
        [...this.files.keys()].filter((path) => path === change.path || path.startsWith(`${change.path}/`)).forEach((path) => this.files.delete(path));
    }
  }
}

function missing(path: string): Error {
  return Object.assign(new Error(`ENOENT: no such file or directory, '${path}'`), { code: 'ENOENT' });
}
