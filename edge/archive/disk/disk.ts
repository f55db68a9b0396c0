import type { WallTime } from '#core/media/time.ts';

/** The file system as the archive uses it: asynchronous throughout, so that a slow one delays nobody but the archive. */
export interface Disk {
  /** `read`: the file must be there. `write`: made where it is missing, kept as it is where not. */
  open(path: string, how: 'read' | 'write'): Promise<DiskFile>;
  readFile(path: string): Promise<Buffer>;
  /** Replaces a file in one step: after a crash there is the old text or the new, on disk. */
  replaceFile(path: string, text: string): Promise<void>;
  /** Names in a folder; none where there is no such folder. */
  list(folder: string): Promise<readonly string[]>;
  stat(path: string): Promise<{ readonly size: number; readonly changedAt: WallTime }>;
  /** Makes a folder and those above it. */
  makeFolder(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Removes a file, or a folder with all that is in it. Nothing happens where it is missing. */
  remove(path: string): Promise<void>;
  /** Bytes that this process may still write to the file system of a folder. */
  freeBytes(folder: string): Promise<number>;
}

/** An open file. */
export interface DiskFile {
  /** Writes all of the buffers from a position on. Where it throws, a part of them may be there. */
  write(buffers: readonly Uint8Array[], at: number): Promise<void>;
  /** Reads until the buffer is full or the file ends; returns the bytes read. */
  read(into: Uint8Array, at: number): Promise<number>;
  truncate(length: number): Promise<void>;
  /** Settles when what was written is on the medium. */
  sync(): Promise<void>;
  /** Its size, and whether it still has a name: a file that was unlinked takes writes all the same. */
  stat(): Promise<{ readonly size: number; readonly linked: boolean }>;
  close(): Promise<void>;
}

/** A file's size; undefined where it is missing. */
export async function sizeOf(disk: Disk, path: string): Promise<number | undefined> {
  try {
    return (await disk.stat(path)).size;
  } catch (error) {
    if (isMissing(error)) {
      return undefined;
    }
    throw error;
  }
}

/** Whether an error says that a file or folder is not there. */
export function isMissing(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'ESTALE'].includes(diskCode(error) ?? '');
}

/** The system's code of an error of a disk: `ENOSPC`, `ENOENT`, ... */
export function diskCode(error: unknown): string | undefined {
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === 'string' ? code : undefined;
}
