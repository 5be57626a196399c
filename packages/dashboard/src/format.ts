/** Numbers as the page writes them; one locale, because the words around them are English. */

const LOCALE = "en-US";
/** Keeps a number and its unit on one line. */
const NARROW_NO_BREAK_SPACE = "\u202f";
const NO_VALUE = "–";
const FINGERPRINT_DIGITS_SHOWN = 8;

const wholeNumber = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 0 });
const compactNumber = new Intl.NumberFormat(LOCALE, {
  notation: "compact",
  maximumFractionDigits: 1,
});
const upToThreeDigits = new Intl.NumberFormat(LOCALE, { maximumSignificantDigits: 3 });
// Figures that change several times a second keep their width: "2.0 kB", not "2 kB".
const threeDigits = new Intl.NumberFormat(LOCALE, {
  minimumSignificantDigits: 3,
  maximumSignificantDigits: 3,
});
const twoDigits = new Intl.NumberFormat(LOCALE, {
  minimumSignificantDigits: 2,
  maximumSignificantDigits: 2,
});
const percentage = new Intl.NumberFormat(LOCALE, {
  style: "percent",
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});
const smallPercentage = new Intl.NumberFormat(LOCALE, {
  style: "percent",
  maximumSignificantDigits: 3,
});
const wallTime = new Intl.DateTimeFormat(LOCALE, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});

/** A whole number with group separators, "12,344". */
export function formatCount(value: number): string {
  return Number.isFinite(value) ? wholeNumber.format(value) : NO_VALUE;
}

/** A whole number with its noun, "1 version", "2 versions". */
export function formatQuantity(value: number, noun: string): string {
  return `${formatCount(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** A short number for axes, "12.3K". */
export function formatCompact(value: number): string {
  return Number.isFinite(value) ? compactNumber.format(value) : NO_VALUE;
}

/** A share from 0 to 1 with one decimal, "97.3%"; null is a dash. */
export function formatAccuracy(share: number | null): string {
  return share !== null && Number.isFinite(share) ? percentage.format(share) : NO_VALUE;
}

/** A share from 0 to 1 with as many digits as it needs, "0.1%". */
export function formatRatio(share: number): string {
  return Number.isFinite(share) ? smallPercentage.format(share) : NO_VALUE;
}

/** A value without a unit and with as many digits as it needs, "0.5", "117". */
export function formatTick(value: number): string {
  return Number.isFinite(value) ? upToThreeDigits.format(value) : NO_VALUE;
}

/** A size on an axis of decades, "1 kB", "100 kB". */
export function formatBytesTick(bytes: number): string {
  if (!Number.isFinite(bytes)) return NO_VALUE;
  const { value, unit } = scaleBytes(bytes);
  return `${upToThreeDigits.format(value)}${NARROW_NO_BREAK_SPACE}${unit}`;
}

/** A plain figure with three significant digits, "0.0521". */
export function formatFigure(value: number | null): string {
  return value !== null && Number.isFinite(value) ? threeDigits.format(value) : NO_VALUE;
}

/** Bytes in SI units of 1,000, "386 B", "2.1 kB", "247 kB". */
export function formatBytes(bytes: number | null): string {
  if (bytes === null || !Number.isFinite(bytes)) return NO_VALUE;
  const { value, unit } = scaleBytes(bytes);
  return `${byteDigits(value, unit).format(value)}${NARROW_NO_BREAK_SPACE}${unit}`;
}

/** A duration given in milliseconds, "0.42 ms", "1.2 s"; null is a dash. */
export function formatMilliseconds(durationMs: number | null): string {
  if (durationMs === null || !Number.isFinite(durationMs)) return NO_VALUE;
  if (durationMs >= 1000)
    return `${threeDigits.format(durationMs / 1000)}${NARROW_NO_BREAK_SPACE}s`;
  const digits = durationMs < 10 ? twoDigits : threeDigits;
  return `${digits.format(durationMs)}${NARROW_NO_BREAK_SPACE}ms`;
}

/** How long ago something was, in its largest unit: "just now", "12 s ago", "3 min ago". */
export function formatAgo(agoMs: number): string {
  const seconds = Math.floor(agoMs / 1000);
  // Clocks of two machines differ a little; a moment in the future is now.
  if (!Number.isFinite(seconds) || seconds < 2) return "just now";
  const units = [
    [86_400, "d"],
    [3_600, "h"],
    [60, "min"],
    [1, "s"],
  ] as const;
  for (const [size, unit] of units) {
    if (seconds >= size) {
      return `${formatCount(Math.floor(seconds / size))}${NARROW_NO_BREAK_SPACE}${unit} ago`;
    }
  }
  return "just now";
}

/** The wall-clock time of a moment, "14:03:22". */
export function formatTime(atMs: number): string {
  return wallTime.format(atMs);
}

/** The first digits of a fingerprint, enough to compare by eye. */
export function shortFingerprint(fingerprint: string): string {
  return fingerprint.slice(0, FINGERPRINT_DIGITS_SHOWN);
}

function byteDigits(value: number, unit: string): Intl.NumberFormat {
  if (unit === "B") return upToThreeDigits;
  return value < 10 ? twoDigits : threeDigits;
}

function scaleBytes(bytes: number): { readonly value: number; readonly unit: string } {
  // 999.5 and more would round to a four-digit figure, so it already takes the next unit.
  if (bytes < 999.5) return { value: bytes, unit: "B" };
  if (bytes < 999.5e3) return { value: bytes / 1e3, unit: "kB" };
  if (bytes < 999.5e6) return { value: bytes / 1e6, unit: "MB" };
  return { value: bytes / 1e9, unit: "GB" };
}
