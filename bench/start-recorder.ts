import { startBenchProcess } from "./bench-process.ts";

/** What the recording process is told. */
export interface ToRecorder {
  readonly count: number;
  readonly ratio: number;
}

/** What the recording process says. */
export interface FromRecorder {
  readonly updates: readonly Uint8Array[];
}

/** As `recordUpdates`, in a process of its own. */
export async function recordElsewhere(
  count: number,
  ratio: number,
): Promise<readonly Uint8Array[]> {
  await using recorder = startBenchProcess<ToRecorder, FromRecorder>(
    new URL("./recorder.worker.ts", import.meta.url),
  );
  recorder.send({ count, ratio });
  const { updates } = await recorder.next();
  return updates;
}
