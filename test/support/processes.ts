import { readdir, readFile } from 'node:fs/promises';

/** Ids of a process's living descendants whose command has the given name (Linux). */
export async function childrenOf(parent: number, name: string): Promise<number[]> {
  const processes = await Promise.all(
    (await readdir('/proc'))
      .filter((entry) => /^\d+$/.test(entry))
      .map(async (entry) => {
        // `pid (command) state parent ...`; the command may hold spaces and brackets.
        const stat = await readFile(`/proc/${entry}/stat`, 'utf8').catch(() => '');
        const match = /^(\d+) \((.*)\) (\S) (\d+)/.exec(stat);
        return match === null ? undefined : { pid: Number(match[1]), command: match[2], state: match[3], parent: Number(match[4]) };
      }),
  );
  const living = processes.filter((entry) => entry !== undefined && entry.state !== 'Z').map((entry) => entry!);
  const family = new Set([parent]);
  for (let grown = true; grown; ) {
    const before = family.size;
    living.filter((entry) => family.has(entry.parent)).forEach((entry) => family.add(entry.pid));
    grown = family.size > before;
  }
  return living.filter(({ pid, command }) => pid !== parent && family.has(pid) && command === name).map(({ pid }) => pid);
}

/** CPU time used so far, in seconds, and resident memory, in bytes, of a process alone (Linux). */
export async function usageOf(pid: number): Promise<{ readonly cpuSeconds: number; readonly rss: number }> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // Fields are counted from the bracket on: utime and stime are the 12th and 13th after it, in 1/100 s; rss the 22nd, in pages.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ').map(Number);
  return { cpuSeconds: ((fields[11] ?? 0) + (fields[12] ?? 0)) / 100, rss: (fields[21] ?? 0) * 4096 };
}
