/** How a bench understands its arguments. */
export interface BenchOptions<Settings> {
  /** What `--help` shows, and what follows a complaint. */
  readonly usage: string;
  /** "help" when that was asked for; throws an Error that says what is wrong. */
  readonly parse: (args: readonly string[]) => Settings | "help";
}

/**
 * Runs a bench with the settings that its arguments say; returns its exit status, which is 2 for
 * arguments that nobody understands.
 */
export async function withSettings<Settings>(
  args: readonly string[],
  { usage, parse }: BenchOptions<Settings>,
  run: (settings: Settings) => Promise<number> | number,
): Promise<number> {
  let settings: Settings | "help";
  try {
    settings = parse(args);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    return 2;
  }
  if (settings !== "help") return run(settings);
  console.log(usage);
  return 0;
}
