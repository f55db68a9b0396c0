import { constants } from 'node:fs';
import { mkdir, open, readFile, readdir, rename, rm, stat, statfs, type FileHandle } from 'node:fs/promises';

import { wallTime } from '#core/media/time.ts';

import { isMissing, type Disk, type DiskFile } from './disk.ts';
import { Turns } from './turns.ts';

const WRITE = constants.O_RDWR | constants.O_CREAT;

/** Archives hold what only some may watch. */
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

/**
 * The system's files. Node does all work on files in four threads, which also serve the player's pages and the ledger: writing, reading and
 * syncing take one each at a time, so that a disk that hangs leaves one to the rest of the server.
 */
export function systemDisk(): Disk {
  const writing = new Turns();
  const reading = new Turns();
  const syncing = new Turns();
  const fileOf = (handle: FileHandle): DiskFile => ({
    write: (buffers, at) => writing.take(() => writeAll(handle, buffers, at)),
    read: (into, at) => reading.take(() => readAll(handle, into, at)),
    truncate: (length) => writing.take(() => handle.truncate(length)),
    sync: () => syncing.take(() => handle.datasync()),
    stat: async () => {
      const { size, nlink } = await reading.take(() => handle.stat());
      return { size, linked: nlink > 0 };
    },
    close: () => handle.close(),
  });
  return {
    open: async (path, how) => fileOf(await (how === 'read' ? reading.take(() => open(path, 'r')) : writing.take(() => open(path, WRITE, FILE_MODE)))),
    readFile: (path) => reading.take(() => readFile(path)),
    replaceFile: (path, text) => writing.take(() => replaceFile(path, text)),
    list: (folder) => reading.take(() => readdir(folder).catch(ifMissing([]))),
    stat: async (path) => {
      const { size, mtimeMs } = await reading.take(() => stat(path));
      return { size, changedAt: wallTime(mtimeMs) };
    },
    makeFolder: async (path) => void (await writing.take(() => mkdir(path, { recursive: true, mode: FOLDER_MODE }))),
    rename: (from, to) => writing.take(() => rename(from, to)),
    remove: (path) => writing.take(() => rm(path, { recursive: true, force: true })),
    freeBytes: async (folder) => {
      const { bavail, bsize } = await reading.take(() => statfs(folder));
      return bavail * bsize;
    },
  };
}

/** One `writev` takes what it can: on a disk that fills up, less than was asked for. */
async function writeAll(handle: FileHandle, buffers: readonly Uint8Array[], at: number): Promise<void> {
  let left = buffers.filter(({ length }) => length > 0);
  let position = at;
  while (left.length > 0) {
    const { bytesWritten } = await handle.writev(left, position);
    position += bytesWritten;
    left = after(left, bytesWritten);
  }
}

/** What is left of buffers when so many bytes are taken off their front. */
function after(buffers: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let index = 0;
  let rest = bytes;
  while (index < buffers.length && rest >= buffers[index]!.length) {
    rest -= buffers[index]!.length;
    index++;
  }
  const [first, ...others] = buffers.slice(index);
  return first === undefined ? [] : [first.subarray(rest), ...others];
}

async function readAll(handle: FileHandle, into: Uint8Array, at: number): Promise<number> {
  let done = 0;
  while (done < into.length) {
    const { bytesRead } = await handle.read(into, done, into.length - done, at + done);
    if (bytesRead === 0) {
      break;
    }
    done += bytesRead;
  }
  return done;
}

async function replaceFile(path: string, text: string): Promise<void> {
  const handle = await open(`${path}.new`, 'w', FILE_MODE);
  try {
    await handle.writeFile(text);
    // Renamed before its bytes are on the medium it could be empty after a loss of power.
    await handle.datasync();
  } finally {
    await handle.close();
  }
  await rename(`${path}.new`, path);
}

function ifMissing<T>(value: T): (error: unknown) => T {
  return (error) => {
    if (isMissing(error)) {
      return value;
    }
    throw error;
  };
}
