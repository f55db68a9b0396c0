import { diskCode, type Disk, type DiskFile } from './disk.ts';

type Opened = { readonly file: Promise<DiskFile>; users: number; isDropped: boolean };

/** Files open for reading: the last ones used stay open, because a viewer who goes back reads one volume for a long time. */
export class OpenFiles {
  readonly #disk: Disk;
  readonly #max: number;
  /** The least lately used first. */
  readonly #files = new Map<string, Opened>();
  #open = 0;

  constructor(disk: Disk, max = 32) {
    this.#disk = disk;
    this.#max = max;
  }

  /** Files that are open now. */
  get count(): number {
    return this.#open;
  }

  /** Reads from a file; undefined where it is gone, or ends before. */
  async read(path: string, at: number, bytes: number): Promise<Buffer | undefined> {
    const opened = this.#take(path);
    try {
      const file = await opened.file;
      const buffer = Buffer.allocUnsafeSlow(bytes);
      return (await file.read(buffer, at)) === bytes ? buffer : undefined;
    } catch (error) {
      this.#drop(path, opened);
      if (diskCode(error) === undefined) {
        throw error;
      }
      return undefined;
    } finally {
      this.#leave(opened);
    }
  }

  /** Closes what is below a path, a file or a folder, once nobody reads it. */
  forget(path: string): void {
    for (const [name, opened] of this.#files) {
      if (name === path || name.startsWith(`${path}/`)) {
        this.#drop(name, opened);
      }
    }
  }

  /** Closes all that nobody reads. */
  close(): void {
    this.#files.forEach((opened, path) => this.#drop(path, opened));
  }

  #take(path: string): Opened {
    let opened = this.#files.get(path);
    if (opened === undefined) {
      opened = { file: this.#disk.open(path, 'read'), users: 0, isDropped: false };
      opened.file.then(() => this.#open++, () => undefined);
    }
    this.#files.delete(path);
    this.#files.set(path, opened);
    opened.users++;
    for (const [name, other] of this.#files) {
      if (this.#files.size <= this.#max) {
        break;
      }
      this.#drop(name, other);
    }
    return opened;
  }

  #leave(opened: Opened): void {
    opened.users--;
    this.#closeUnused(opened);
  }

  #drop(path: string, opened: Opened): void {
    if (this.#files.get(path) === opened) {
      this.#files.delete(path);
    }
    if (!opened.isDropped) {
      opened.isDropped = true;
      this.#closeUnused(opened);
    }
  }

  #closeUnused(opened: Opened): void {
    if (opened.isDropped && opened.users === 0) {
      void opened.file.then((file) => file.close()).then(() => this.#open--).catch(() => undefined);
    }
  }
}
