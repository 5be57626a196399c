import { useEffect, useReducer } from "react";
import { afterEvent, initialConnection, type Connection } from "./connection.ts";
import { watchModel } from "./watch.ts";

/** Follows a model's status (null: the first model's) for as long as the page shows it. */
export function useConnection(base: URL, model: string | null, now: () => number): Connection {
  const [connection, emit] = useReducer(afterEvent, initialConnection);
  useEffect(() => {
    const abort = new AbortController();
    emit({ kind: "restarted" });
    void watchModel({ base, model, now, emit, signal: abort.signal });
    return () => abort.abort();
  }, [base, model, now]);
  return connection;
}
