import { useEffect, useState, type ReactNode } from "react";
import { copyText } from "./copy-text.ts";

/** Properties of {@link CopyButton}. */
interface CopyButtonProps {
  readonly text: string;
  /** What is copied, for the label: "Copy the fingerprint". */
  readonly what: string;
}

const SHOWN_MS = 1_600;

type Outcome = "none" | "copied" | "refused";

const labels: { readonly [K in Outcome]: (what: string) => string } = {
  none: (what) => `Copy ${what}`,
  copied: () => "Copied",
  refused: () => "The browser refused to copy",
};

const pictures: { readonly [K in Outcome]: string } = {
  none: "M6 5h7q1 0 1 1v7q0 1-1 1H6q-1 0-1-1V6q0-1 1-1ZM11 2H3q-1 0-1 1v8",
  copied: "M3 8.5 6.5 12 13 4.5",
  refused: "M4 4l8 8M12 4l-8 8",
};

/** A small button that copies a text and says so. */
export function CopyButton({ text, what }: CopyButtonProps): ReactNode {
  const [outcome, setOutcome] = useState<Outcome>("none");
  useEffect(() => {
    if (outcome === "none") return;
    const timer = setTimeout(() => setOutcome("none"), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [outcome]);
  const label = labels[outcome](what);
  return (
    <button
      type="button"
      className={`copy copy-${outcome}`}
      aria-label={label}
      title={label}
      onClick={() => {
        void copyText(text).then((copied) => setOutcome(copied ? "copied" : "refused"));
      }}
    >
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <path d={pictures[outcome]} />
      </svg>
    </button>
  );
}
