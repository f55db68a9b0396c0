import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A process of the benchmark that answers one message with one message. */
export type Worker<Command, Report> = {
  readonly process: ChildProcess;
  ask(command: Command): Promise<Report>;
  stop(): void;
};

/** Starts a file of this folder and waits for its first message. It ends with us. */
export async function startWorker<Command extends object, Report>(file: string, args: readonly (string | number)[]): Promise<Worker<Command, Report>> {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), args.map(String), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const gone = once(child, 'exit').then(() => {
    throw new Error(`${file} ended early`);
  });
  gone.catch(() => undefined);
  const answer = async (): Promise<unknown> => ((await Promise.race([once(child, 'message'), gone])) as readonly unknown[])[0];
  await answer();
  return {
    process: child,
    ask: async (command) => {
      const reply = answer();
      child.send(command);
      return (await reply) as Report;
    },
    stop: () => void child.kill('SIGKILL'),
  };
}
