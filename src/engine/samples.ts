/**
 * The samples of one streamed reply, by index.
 *
 * @module
 */

/** Makes each sample when its first frame comes, and holds them to the number that was asked for. */
export class Samples<Sample> {
  readonly #byIndex = new Map<number, Sample>();
  readonly #sampleCount: number;
  readonly #make: (index: number) => Sample;

  constructor(sampleCount: number, make: (index: number) => Sample) {
    this.#sampleCount = sampleCount;
    this.#make = make;
  }

  /** The sample of an index. @throws {Error} for an index that was not asked for */
  at(index: number): Sample {
    const known = this.#byIndex.get(index);
    if (known !== undefined) return known;
    if (index >= this.#sampleCount) {
      throw new Error(`the engine sent sample ${index}, ${this.#sampleCount} were asked for`);
    }
    const sample = this.#make(index);
    this.#byIndex.set(index, sample);
    return sample;
  }

  /** All samples in order of index. @throws {Error} when some never came */
  all(): Sample[] {
    if (this.#byIndex.size !== this.#sampleCount) throw countMismatch(this.#byIndex.size, this.#sampleCount);
    return [...this.#byIndex].sort(([a], [b]) => a - b).map(([, sample]) => sample);
  }
}

/** What to say when a reply has another number of samples. */
export function countMismatch(sent: number, asked: number): Error {
  return new Error(`the engine sent ${sent} samples, ${asked} were asked for`);
}
