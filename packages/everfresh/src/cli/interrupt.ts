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
