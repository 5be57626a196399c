import { useEffect, useState } from "react";

/** The time in milliseconds since the epoch, read again every `everyMs`. */
export function useNow(now: () => number, everyMs: number): number {
  const [time, setTime] = useState(now);
  useEffect(() => {
    const timer = setInterval(() => setTime(now()), everyMs);
    return () => clearInterval(timer);
  }, [now, everyMs]);
  return time;
}
