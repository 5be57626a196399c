import sharp from "sharp";
import { SourceFormatError } from "../errors.ts";
import type { RowFault } from "../tables/row-fault.ts";

/** Largest image, in pixels: a small file can claim to be one that fills all memory. */
const PIXELS_MAX = 2 ** 26;

/** What becomes of images of another size: an error, scaled to it, or scaled and cut at the sides. */
export type OtherSizes = "refuse" | "fill" | "cover";

/** Pixels of an image. */
export interface ImageShape {
  readonly width: number;
  readonly height: number;
  /** 1 for grey, 3 for red, green, blue. */
  readonly channels: 1 | 3;
}

/** Pixels from 0 to 255 as planes (channel, row, column). @throws SourceFormatError */
export async function decodeImage(
  path: string,
  { width, height, channels }: ImageShape,
  otherSizes: OtherSizes,
  failOn: "truncated" | "none" = "truncated",
): Promise<Uint8Array> {
  try {
    const image = sharp(path, { failOn, limitInputPixels: PIXELS_MAX })
      .removeAlpha()
      .toColourspace(channels === 1 ? "b-w" : "srgb");
    const fit = otherSizes === "refuse" ? "fill" : otherSizes;
    const { data, info } = await image
      .resize({ width, height, fit })
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    return planesOf(data, width * height, channels, info.channels);
  } catch (cause) {
    throw notAnImage(path, cause);
  }
}

/** From pixel after pixel to plane after plane. */
function planesOf(data: Uint8Array, area: number, channels: number, stride: number): Uint8Array {
  const planes = new Uint8Array(channels * area);
  for (let channel = 0; channel < channels; channel++) {
    // A grey image that stayed grey has one number per pixel, which stands for all channels.
    const offset = Math.min(channel, stride - 1);
    for (let i = 0; i < area; i++) planes[channel * area + i] = data[i * stride + offset] ?? 0;
  }
  return planes;
}

/** What the head of an image file says. @throws SourceFormatError */
export async function sizeOf(
  path: string,
): Promise<{ readonly width: number; readonly height: number }> {
  try {
    const { width, height } = await sharp(path, { limitInputPixels: PIXELS_MAX }).metadata();
    return { width, height };
  } catch (cause) {
    throw notAnImage(path, cause);
  }
}

function notAnImage(path: string, cause: unknown): SourceFormatError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new SourceFormatError(
    `"${path}" is no image that can be decoded (${reason}); fix or remove it`,
    { path },
  );
}

/** What is wrong with an image; null when it can be decoded, and has the size that it must have. */
export async function imageFault(
  path: string,
  shape: ImageShape,
  otherSizes: OtherSizes,
): Promise<RowFault | null> {
  const fault = (kind: RowFault["kind"], reason: string): RowFault => ({
    kind,
    column: null,
    reason,
  });
  try {
    const { width, height } = await sizeOf(path);
    if (otherSizes === "refuse" && (width !== shape.width || height !== shape.height)) {
      const needed = `${shape.width}×${shape.height}`;
      return fault("wrongType", `an image of ${width}×${height} pixels, not ${needed}`);
    }
    await decodeImage(path, shape, otherSizes);
    return null;
  } catch (error) {
    if (!(error instanceof SourceFormatError)) throw error;
    if (/exceeds pixel limit/.test(error.message)) return fault("hugeValue", error.message);
    const isCut = await decodeImage(path, shape, otherSizes, "none").then(
      () => true,
      () => false,
    );
    return fault(isCut ? "truncated" : "syntax", error.message);
  }
}
