import type { ReactNode } from "react";

/** The leaf and the name. */
export function WordMark(): ReactNode {
  return (
    <span className="word-mark">
      <svg viewBox="0 0 32 32" aria-hidden="true">
        <path d="M8 24C7 13 13 7.5 25 7c.5 12-5 18-15.5 17.2" />
        <path d="M6.5 26 17.5 14.5" />
      </svg>
      Everfresh
    </span>
  );
}
