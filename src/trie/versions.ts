/**
 * Weight versions as the trie stores them: one int32 code each.
 *
 * @module
 */
import { NO_VERSION, type TrieWeightVersion } from "./token_trie.ts";

/** Most different labels one trie remembers. More are refused: a label per reply is a fault of the engine. */
export const VERSION_LABELS_MAX = 65_536;

const INTEGER_VERSION_MAX = 0x7fff_ffff;
const INTEGER_LIKE = /^(0|[1-9][0-9]*)$/;

/**
 * Codes of versions: integers in [0, 2^31) are themselves, no version is -1, everything else (labels, larger integers)
 * is interned to a code ≤ -2, which does not order.
 */
export class VersionCodes {
  readonly #codes = new Map<string, number>();
  readonly #labels: string[] = [];

  /** `labels` are those in use, in order of their codes. */
  constructor(labels: readonly string[] = []) {
    for (const label of labels) this.#intern(label);
  }

  /** All labels in use, in order of their codes. A copy. */
  get labels(): string[] {
    return [...this.#labels];
  }

  /** The code of `version`, or undefined when it is not a version or the labels are used up. */
  encode(version: TrieWeightVersion | null | undefined): number | undefined {
    if (version === null || version === undefined || version === NO_VERSION) return NO_VERSION;
    if (typeof version === "number") {
      if (!Number.isFinite(version)) return undefined;
      return isOrdered(version) ? version : this.#intern(String(version));
    }
    if (typeof version !== "string") return undefined;
    const integer = INTEGER_LIKE.test(version) ? Number(version) : NaN;
    return isOrdered(integer) ? integer : this.#intern(version);
  }

  /** The label behind a code ≤ -2; undefined for other codes. */
  label(code: number): string | undefined {
    return this.#labels[-2 - code];
  }

  #intern(label: string): number | undefined {
    const known = this.#codes.get(label);
    if (known !== undefined) return known;
    if (this.#labels.length === VERSION_LABELS_MAX) return undefined;
    this.#labels.push(label);
    const code = -1 - this.#labels.length;
    this.#codes.set(label, code);
    return code;
  }
}

function isOrdered(version: number): boolean {
  return Number.isInteger(version) && version >= 0 && version <= INTEGER_VERSION_MAX;
}
