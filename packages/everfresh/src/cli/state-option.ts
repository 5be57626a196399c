import path from "node:path";
import { EverfreshError } from "@everfresh/core";
import { findConfig, loadConfig } from "../config/load-config.ts";

/** Options that say which run is meant. */
export interface RunPlaceOptions {
  readonly state?: string;
  readonly config?: string;
}

/** The state directory that is meant: the one given, or that of the configuration as `run` finds it. */
export async function stateDirectoryOf({ state, config }: RunPlaceOptions): Promise<string> {
  if (state !== undefined) return state;
  const file = config ?? findConfig(process.cwd());
  const loaded = file === undefined ? null : await loadConfig(file);
  const name = loaded?.definition.name ?? "digits";
  return path.join(loaded?.directory ?? ".", ".everfresh", name);
}

/** Whether an error says that a run works in the state directory. */
export function isLocked(error: unknown): boolean {
  return error instanceof EverfreshError && error.code === "EF_LOG_LOCKED";
}
