/** Options of the built-in networks for colour images. */
export interface ImageModelOptions {
  /** Classes: one logit each. @default 10 */
  readonly classes?: number;
  /** Height and width of the images, which have 3 channels. @default 32 */
  readonly inputSize?: number;
  /** Seed of the initial weights. @default 0 */
  readonly seed?: number;
}
