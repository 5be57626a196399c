/** Processes of a bench: each does one part of what is measured, and talks with the one that started it. */
import { fork } from "node:child_process";
import { once } from "node:events";

/** Loading a program takes seconds on a busy machine; after this something is stuck. */
const ANSWER_MS_MAX = 180_000;

/** The side of the process that started another one. */
export interface BenchProcess<Sent, Received> extends AsyncDisposable {
  readonly pid: number;
  send(message: Sent): void;
  /** The next message, in the order in which they were sent. Rejects when the process ends before. */
  next(): Promise<Received>;
}

/** Options of {@link startBenchProcess}. */
export interface BenchProcessOptions {
  /** Of Node, beside those of this process. */
  readonly execArgv?: readonly string[];
}

/**
 * Starts a file as a process in a session of its own, as services are: the scheduler then shares the
 * cores out among processes first, and only then among threads. It ends when this one does.
 */
export function startBenchProcess<Sent extends object, Received>(
  file: URL,
  { execArgv = [] }: BenchProcessOptions = {},
): BenchProcess<Sent, Received> {
  const child = fork(file, {
    detached: true,
    serialization: "advanced",
    execArgv: [...process.execArgv, ...execArgv],
  });
  const received: Received[] = [];
  let wake: (() => void) | null = null;
  let isOver = false;
  const changed = (): void => {
    wake?.();
    wake = null;
  };
  child.on("message", (message) => {
    received.push(message as Received);
    changed();
  });
  child.on("exit", () => {
    isOver = true;
    changed();
  });
  return {
    pid: child.pid ?? -1,
    send: (message) => void child.send(message),
    async next() {
      const deadlineMs = performance.now() + ANSWER_MS_MAX;
      for (;;) {
        const message = received.shift();
        if (message !== undefined) return message;
        if (isOver)
          throw new Error(`${file.pathname} ended with status ${child.exitCode ?? "none"}`);
        const leftMs = deadlineMs - performance.now();
        if (leftMs <= 0)
          throw new Error(`${file.pathname} has said nothing for ${ANSWER_MS_MAX} ms`);
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, leftMs);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
    },
    async [Symbol.asyncDispose]() {
      if (isOver) return;
      const exit = once(child, "exit");
      if (child.connected) child.disconnect();
      const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
      await exit;
      clearTimeout(timer);
    },
  };
}

/** The side of the process that was started. */
export interface BenchParent<Sent, Received> {
  send(message: Sent): void;
  /** The next message, in the order in which they were sent. */
  next(): Promise<Received>;
}

/** The process that started this one. This one ends at once when that one goes, or lets it go. */
export function benchParent<Sent extends object, Received>(): BenchParent<Sent, Received> {
  const waiting: ((message: Received) => void)[] = [];
  const received: Received[] = [];
  process.on("message", (message) => {
    const resolve = waiting.shift();
    if (resolve === undefined) received.push(message as Received);
    else resolve(message as Received);
  });
  process.on("disconnect", () => process.exit());
  return {
    send: (message) => void process.send?.(message),
    next: () => {
      const message = received.shift();
      if (message !== undefined) return Promise.resolve(message);
      return new Promise((resolve) => waiting.push(resolve));
    },
  };
}
