/** A field to draw on, and what is drawn there in the form that digit models learn from. */

const SIDE = 28;
/** A digit fills this square, as those of MNIST do; the rest is margin. */
const DIGIT_SIDE = 20;
const PEN = 22; // pixels of the pad: about two of the 28

/** What a pad tells its page. */
export interface Pad {
  /** The drawing as 28 × 28 grey pixels, white on black; null while there is none. */
  image(): Uint8Array | null;
  clear(): void;
}

/** Lets people draw on `canvas` by mouse, pen or finger; calls `onChange` as they do. */
export function openPad(canvas: HTMLCanvasElement, onChange: () => void): Pad {
  const context = contextOf(canvas);
  let last: { readonly x: number; readonly y: number } | null = null;
  const pointOf = ({ clientX, clientY }: PointerEvent): { x: number; y: number } => {
    const { left, top, width, height } = canvas.getBoundingClientRect();
    return {
      x: ((clientX - left) * canvas.width) / width,
      y: ((clientY - top) * canvas.height) / height,
    };
  };
  const draw = (event: PointerEvent): void => {
    if (last === null) return;
    const point = pointOf(event);
    context.lineWidth = PEN;
    context.lineCap = "round";
    context.strokeStyle = "white";
    context.beginPath();
    context.moveTo(last.x, last.y);
    context.lineTo(point.x, point.y);
    context.stroke();
    last = point;
    onChange();
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    last = pointOf(event);
    draw(event);
  });
  canvas.addEventListener("pointermove", draw);
  canvas.addEventListener("pointerup", () => (last = null));
  canvas.addEventListener("pointercancel", () => (last = null));
  return {
    image: () => digitOf(canvas),
    clear() {
      context.clearRect(0, 0, canvas.width, canvas.height);
      onChange();
    },
  };
}

/** The drawing, scaled into a square and with its centre of mass in the middle, as MNIST is made. */
function digitOf(canvas: HTMLCanvasElement): Uint8Array | null {
  const { width, height } = canvas;
  const ink = inkOf(contextOf(canvas), width, height);
  let [left, top, right, bottom, sum, sumX, sumY] = [width, height, 0, 0, 0, 0, 0];
  for (let i = 0; i < ink.length; i++) {
    const [value, x, y] = [ink[i] ?? 0, i % width, Math.floor(i / width)];
    if (value === 0) continue;
    [left, top] = [Math.min(left, x), Math.min(top, y)];
    [right, bottom] = [Math.max(right, x + 1), Math.max(bottom, y + 1)];
    [sum, sumX, sumY] = [sum + value, sumX + value * x, sumY + value * y];
  }
  if (sum === 0) return null;
  const scale = DIGIT_SIDE / Math.max(right - left, bottom - top);
  const small = new OffscreenCanvas(SIDE, SIDE);
  const context = small.getContext("2d");
  if (context === null) throw new Error("this browser has no 2D canvas");
  context.imageSmoothingQuality = "high";
  context.translate(SIDE / 2, SIDE / 2);
  context.scale(scale, scale);
  context.drawImage(canvas, -sumX / sum, -sumY / sum);
  return inkOf(context, SIDE, SIDE);
}

/** Where the pen was: 0 to 255 per pixel. */
function inkOf(
  context: CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D,
  width: number,
  height: number,
): Uint8Array {
  const { data } = context.getImageData(0, 0, width, height);
  return Uint8Array.from({ length: width * height }, (_, i) => data[4 * i + 3] ?? 0);
}

function contextOf(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (context === null) throw new Error("this browser has no 2D canvas");
  return context;
}
