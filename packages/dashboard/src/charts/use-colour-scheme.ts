import { useSyncExternalStore } from "react";

const QUERY = "(prefers-color-scheme: dark)";

/** The scheme the reader prefers, followed while it changes. */
export function useColourScheme(): "light" | "dark" {
  return useSyncExternalStore(
    subscribe,
    () => (matchMedia(QUERY).matches ? "dark" : "light"),
    () => "light",
  );
}

function subscribe(changed: () => void): () => void {
  const query = matchMedia(QUERY);
  query.addEventListener("change", changed);
  return () => query.removeEventListener("change", changed);
}
