import type { ExperimentProgress } from "../paper/experiment-run.ts";
import { percent, type Terminal } from "./terminal.ts";

const PROGRESS_EVERY_MS = 200; // five times a second is as fast as a person reads
const LOG_EVERY_MS = 60_000; // what takes hours shows in a log that it goes on

/** Tells a person how far an experiment is; where nobody watches, in a line per minute. */
export class PaperNarrator {
  readonly #terminal: Terminal;
  readonly #nowMs: () => number;
  #shownAtMs: number;

  constructor(terminal: Terminal, nowMs: () => number = () => performance.now()) {
    this.#terminal = terminal;
    this.#nowMs = nowMs;
    this.#shownAtMs = terminal.interactive ? -Infinity : nowMs();
  }

  /** Something to know about the results; also where nobody watches. */
  note(message: string): void {
    this.#terminal.line(`${this.#terminal.style("yellow", "note")} ${message}`);
  }

  /** Shows where the work is, now and then. */
  tell({ seed, doing, rowsDone, rows, share, secondsLeft }: ExperimentProgress): void {
    const nowMs = this.#nowMs();
    const { interactive } = this.#terminal;
    if (nowMs - this.#shownAtMs < (interactive ? PROGRESS_EVERY_MS : LOG_EVERY_MS)) return;
    this.#shownAtMs = nowMs;
    const left = secondsLeft === null ? "" : `  ${duration(secondsLeft)} left`;
    const text = `${percent(share)}${left}  row ${Math.min(rows, rowsDone + 1)} of ${rows}  seed ${seed}: ${doing}`;
    if (interactive) this.#terminal.progress(text);
    else this.#terminal.line(text);
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
