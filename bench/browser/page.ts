/** The page whose frames are measured: it draws all the time, and holds a replica. */
import { type Client, connect } from "@everfresh/client";

/** What a page saw while it was watched. */
export interface Watched {
  /** Time from each frame to the next, in milliseconds. */
  readonly framesMs: readonly number[];
  /** Tasks of the main thread of 50 ms and more, in milliseconds. */
  readonly longTasksMs: readonly number[];
}

/** What the bench can ask the page for. */
export interface BenchPage {
  /** Joins; resolves with how long that took, in milliseconds. */
  connect(url: string): Promise<number>;
  /** Begins to watch frames. */
  watch(): void;
  /** Ends to watch. */
  watched(): Watched;
  /** Resolves with the time, on this machine's clock, at which the page knew of each version. */
  knew(version: number): Promise<readonly number[]>;
  /** How long a prediction of zeros takes, in milliseconds. */
  predict(length: number): Promise<number>;
}

let client: Client | null = null;
const knownAtMs: number[] = [];
let framesMs: number[] = [];
let longTasksMs: number[] = [];
let last = performance.now();

// The time that a frame is given is the one at which it was due; what counts is when it comes.
function frame(): void {
  const now = performance.now();
  framesMs.push(now - last);
  last = now;
  requestAnimationFrame(frame);
}

const observer = new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) longTasksMs.push(duration);
});

async function follow(followed: Client): Promise<void> {
  for await (const { version } of followed.states()) {
    knownAtMs[version] ??= performance.timeOrigin + performance.now();
  }
}

function connected(): Client {
  if (client === null) throw new Error("not connected");
  return client;
}

const page: BenchPage = {
  async connect(url) {
    const startedMs = performance.now();
    client = await connect(url);
    void follow(client);
    return performance.now() - startedMs;
  },
  watch() {
    framesMs = [];
    longTasksMs = [];
    last = performance.now();
  },
  watched: () => ({ framesMs: framesMs.slice(1), longTasksMs }),
  async knew(version) {
    for await (const status of connected().states()) if (status.version >= version) break;
    return knownAtMs;
  },
  async predict(length) {
    const startedMs = performance.now();
    await connected().predict({ image: new Uint8Array(length) });
    return performance.now() - startedMs;
  },
};
observer.observe({ type: "longtask" });
requestAnimationFrame(frame);
Object.assign(globalThis, { benchPage: page });
