import type { ReactNode } from "react";
import { formatTime } from "../format.ts";
import type { Connection, LossReason } from "../live/connection.ts";

/** Properties of {@link Banner}. */
interface BannerProps {
  readonly connection: Connection;
}

const lossTexts: { readonly [K in LossReason]: string } = {
  unreachable: "No connection to the trainer, trying again",
  unreadable: "The trainer speaks another version than this page, reload it",
  noModel: "This trainer has no model yet, trying again",
};

/** One line above everything while no status arrives. */
export function Banner({ connection }: BannerProps): ReactNode {
  const text = bannerText(connection);
  return (
    <div className="banner-region" role="alert">
      {text === null ? null : (
        <p className="banner">
          <svg viewBox="0 0 16 16" aria-hidden="true">
            <path d="M8 1.8 15 14H1L8 1.8ZM8 6.4v3.4M8 11.6v.4" />
          </svg>
          {text}
        </p>
      )}
    </div>
  );
}

/** The banner's words; null while the line is up. */
export function bannerText({ link, received }: Connection): string | null {
  if (link.kind !== "lost") return null;
  if (received === null || link.reason === "unreadable") return lossTexts[link.reason];
  const figures = `figures are from ${formatTime(received.atMs)}`;
  if (received.status.phase === "finished") return `The trainer has finished and left, ${figures}`;
  return `${lossTexts[link.reason]}; ${figures}`;
}
