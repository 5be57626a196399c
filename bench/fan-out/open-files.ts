import { readFileSync } from "node:fs";

/** Files that a process needs beside its connections. */
const OTHER_FILES = 200;

/**
 * How many files a process may have open, as `/proc/self/limits` says; null where it does not.
 * @param limits the text of that file
 */
export function openFilesMax(limits: string): number | null {
  const match = /^Max open files\s+(\d+|unlimited)/m.exec(limits);
  if (match === null) return null;
  return match[1] === "unlimited" ? Infinity : Number(match[1]);
}

/** @throws Error that says what to do, when so many connections are more than this shell allows */
export function checkOpenFiles(connections: number): void {
  const allowed = openFilesMax(readFileSync("/proc/self/limits", "utf8"));
  const needed = connections + OTHER_FILES;
  if (allowed !== null && allowed < needed) {
    throw new Error(
      `${connections} connections take ${needed} open files and this shell allows ${allowed}: ` +
        `run "ulimit -n ${needed}" before, or ask for fewer with --connections`,
    );
  }
}
