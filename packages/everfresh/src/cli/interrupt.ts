const EXIT_INTERRUPTED = 130; // 128 + SIGINT, as shells count

/**
 * A signal that aborts on the first Ctrl-C (or SIGTERM, or when the process that started this one goes
 * away), so that everything can end well; a second Ctrl-C ends at once.
 */
export function interruptSignal(): { readonly signal: AbortSignal } & Disposable {
  const controller = new AbortController();
  const interrupt = (): void => {
    if (controller.signal.aborted) process.exit(EXIT_INTERRUPTED);
    controller.abort();
  };
  process.on("SIGINT", interrupt);
  process.on("SIGTERM", interrupt);
  process.on("disconnect", interrupt);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      process.off("SIGINT", interrupt);
      process.off("SIGTERM", interrupt);
      process.off("disconnect", interrupt);
    },
  };
}

/** Resolves when `signal` aborts. */
export async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** The items of `iterable` until it ends or `signal` aborts, whichever comes first. */
export async function* untilAborted<Item>(
  iterable: AsyncIterable<Item>,
  signal: AbortSignal,
): AsyncGenerator<Item, void, undefined> {
  const iterator = iterable[Symbol.asyncIterator]();
  const stopped = aborted(signal).then(() => null);
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), stopped]);
      if (next === null || next.done === true) return;
      yield next.value;
    }
  } finally {
    // Not awaited: an iterator that waits for its next item would keep us waiting too.
    void iterator.return?.();
  }
}
