import type { ExperimentProgress } from "../paper/experiment-run.ts";
import { percent, type Terminal } from "./terminal.ts";

const PROGRESS_EVERY_MS = 200; // five times a second is as fast as a person reads

/** Tells a person how far an experiment is; quiet where nobody watches. */
export class PaperNarrator {
  readonly #terminal: Terminal;
  #shownAtMs = -Infinity;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** Something to know about the results; also where nobody watches. */
  note(message: string): void {
    this.#terminal.line(`${this.#terminal.style("yellow", "note")} ${message}`);
  }

  /** Shows where the work is, now and then. */
  tell({ seed, doing, rowsDone, rows, share, secondsLeft }: ExperimentProgress): void {
    const nowMs = performance.now();
    if (nowMs - this.#shownAtMs < PROGRESS_EVERY_MS) return;
    this.#shownAtMs = nowMs;
    const left = secondsLeft === null ? "" : `  ${duration(secondsLeft)} left`;
    this.#terminal.progress(
      `${percent(share)}${left}  row ${Math.min(rows, rowsDone + 1)} of ${rows}  seed ${seed}: ${doing}`,
    );
  }

  /** Shows where the results are. */
  conclude(directory: string): void {
    if (this.#terminal.interactive) this.#terminal.line(`results, tables and charts: ${directory}`);
  }
}

/** Seconds as people say them: `40 s`, `12 min`, `3 h 5 min`. */
function duration(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
