/** The browser of the journeys that need one. */

/** Where it is, if it is installed. */
export const CHROMIUM: string = process.env["EVERFRESH_CHROMIUM"] ?? "/usr/bin/chromium";

/** What keeps it from doing anything that it is not asked for. */
export const QUIET: readonly string[] = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
