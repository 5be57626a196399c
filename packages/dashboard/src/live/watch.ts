import type { ConnectionEvent } from "./connection.ts";
import { readDrift, readModelNames, readStatus } from "./messages.ts";

/** A trainer that restarts is back within seconds, and one request in two seconds is no load. */
const RETRY_MS = 2_000;
/** A server that takes longer for a list of names is as good as gone. */
const LIST_TIMEOUT_MS = 10_000;

/** What {@link watchModel} needs. */
interface WatchOptions {
  /** Address of the page, below which the server's paths lie. */
  readonly base: URL;
  /** The model to watch; null takes the first. */
  readonly model: string | null;
  readonly now: () => number;
  readonly emit: (event: ConnectionEvent) => void;
  readonly signal: AbortSignal;
}

/**
 * Follows a model until the signal aborts and never gives up: a page left open overnight shows the
 * trainer that was started in the morning. Everything that goes wrong becomes a `lost` event.
 */
export async function watchModel(options: WatchOptions): Promise<void> {
  const { base, model, signal } = options;
  // What was under way when the signal aborted speaks of a model that is not shown any more.
  const emit = (event: ConnectionEvent): void => {
    if (!signal.aborted) options.emit(event);
  };
  while (!signal.aborted) {
    const names = await fetchModelNames(base, signal);
    if (typeof names === "string") {
      emit({ kind: "lost", reason: names });
    } else {
      emit({ kind: "models", names });
      const chosen = model !== null && names.includes(model) ? model : names[0];
      if (chosen === undefined) emit({ kind: "lost", reason: "noModel" });
      else await followEvents(new URL(eventsPath(chosen), base), { ...options, emit });
    }
    await delay(RETRY_MS, signal);
  }
}

/** Where a model's events are, relative to the page. */
export function eventsPath(model: string): string {
  return `v1/models/${encodeURIComponent(model)}/events`;
}

async function fetchModelNames(
  base: URL,
  signal: AbortSignal,
): Promise<readonly string[] | "unreachable" | "unreadable"> {
  try {
    const response = await fetch(new URL("v1/models", base), {
      signal: AbortSignal.any([signal, AbortSignal.timeout(LIST_TIMEOUT_MS)]),
      headers: { accept: "application/json" },
    });
    if (!response.ok) return "unreachable";
    return readModelNames(await response.json()) ?? "unreadable";
  } catch (error) {
    // A body that is not JSON is an answer; everything else that fetch rejects with is none.
    return error instanceof SyntaxError ? "unreadable" : "unreachable";
  }
}

/** Resolves when the browser will not reconnect by itself any more, or the signal aborts. */
function followEvents(address: URL, options: WatchOptions): Promise<void> {
  const { emit, now, signal } = options;
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const source = new EventSource(address);
    const end = (): void => {
      source.close();
      signal.removeEventListener("abort", end);
      resolve();
    };
    signal.addEventListener("abort", end);
    source.addEventListener("status", (event: MessageEvent<string>) => {
      const status = readStatus(event.data);
      if (status === null) emit({ kind: "lost", reason: "unreadable" });
      else emit({ kind: "status", status, atMs: now() });
    });
    source.addEventListener("drift", (event: MessageEvent<string>) => {
      const drift = readDrift(event.data);
      if (drift === null) emit({ kind: "lost", reason: "unreadable" });
      else emit({ kind: "drift", drift });
    });
    source.addEventListener("error", () => {
      emit({ kind: "lost", reason: "unreachable" });
      if (source.readyState === EventSource.CLOSED) end();
    });
  });
}

function delay(durationMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, durationMs);
    signal.addEventListener("abort", end);
    if (signal.aborted) end();
  });
}
