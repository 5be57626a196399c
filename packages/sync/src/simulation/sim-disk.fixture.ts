import type { Random } from "@everfresh/core";

import type { StoreFiles } from "../replica/store-files.ts";
import type { SimTime } from "./sim-time.fixture.ts";

/** Longest time that a write takes, in milliseconds. */
const WRITE_MS_MAX = 4;

/** How a write can end when its process dies at it. */
type CrashPoint = "before" | "within" | "after";

const CRASH_POINTS: readonly CrashPoint[] = ["before", "within", "after"];

/** Options of {@link SimDisk}. */
export interface SimDiskOptions {
  readonly time: SimTime;
  readonly random: Random;
  /** A mutation: files are written in place, so that a crash leaves half of both contents. */
  readonly isTorn: boolean;
}

/** The disk of one process. It outlives the process, which may die at any write. */
export class SimDisk implements StoreFiles {
  readonly where: string = "disk";
  readonly #options: SimDiskOptions;
  readonly #files = new Map<string, Uint8Array>();
  #onCrash: (() => void) | null = null;
  /** Counts which process writes: one that died writes no more. */
  #life = 0;

  constructor(options: SimDiskOptions) {
    this.#options = options;
  }

  /** A new process uses the disk. */
  mount(): StoreFiles {
    const life = ++this.#life;
    return {
      where: this.where,
      read: (name) => this.read(name),
      replace: (name, bytes) => this.#write(life, name, bytes, "replace"),
      append: (name, bytes) => this.#write(life, name, bytes, "append"),
    };
  }

  /** The process dies: what it has not written never will be. */
  unmount(): void {
    this.#life++;
  }

  /** The next write is the last thing that the process does. */
  crashAtNextWrite(crash: () => void): void {
    this.#onCrash = crash;
  }

  /** No crash waits any more. */
  heal(): void {
    this.#onCrash = null;
  }

  /** Whether a crash waits for the next write. */
  get willCrash(): boolean {
    return this.#onCrash !== null;
  }

  async read(name: string): Promise<Uint8Array | null> {
    await Promise.resolve();
    return this.#files.get(name)?.slice() ?? null;
  }

  replace(name: string, bytes: Uint8Array): Promise<void> {
    return this.#write(this.#life, name, bytes, "replace");
  }

  append(name: string, bytes: Uint8Array): Promise<void> {
    return this.#write(this.#life, name, bytes, "append");
  }

  #write(life: number, name: string, bytes: Uint8Array, how: "replace" | "append"): Promise<void> {
    const { time, random } = this.#options;
    const content = bytes.slice();
    return new Promise((resolve) => {
      time.after(1 + random.below(WRITE_MS_MAX), () => {
        if (life !== this.#life) return;
        const crash = this.#onCrash;
        if (crash === null) {
          this.#put(name, content, how);
          resolve();
          return;
        }
        this.#onCrash = null;
        const point = CRASH_POINTS[random.below(CRASH_POINTS.length)] ?? "before";
        this.#crashAt(point, name, content, how);
        crash();
      });
    });
  }

  #crashAt(point: CrashPoint, name: string, bytes: Uint8Array, how: "replace" | "append"): void {
    const { random, isTorn } = this.#options;
    if (point === "after") this.#put(name, bytes, how);
    if (point !== "within") return;
    const part = bytes.subarray(0, random.below(bytes.length + 1));
    if (how === "append") this.#put(name, part, how);
    else if (isTorn) {
      const old = this.#files.get(name) ?? new Uint8Array(0);
      const torn = new Uint8Array(Math.max(old.length, part.length));
      torn.set(old);
      torn.set(part);
      this.#files.set(name, torn);
    }
  }

  #put(name: string, bytes: Uint8Array, how: "replace" | "append"): void {
    if (how === "replace") {
      this.#files.set(name, bytes);
      return;
    }
    const old = this.#files.get(name) ?? new Uint8Array(0);
    const grown = new Uint8Array(old.length + bytes.length);
    grown.set(old);
    grown.set(bytes, old.length);
    this.#files.set(name, grown);
  }
}
