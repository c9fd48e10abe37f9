/**
 * Token ids written as JSON digits.
 *
 * @module
 */
export { idsToDigits } from "../engine/id_digits.ts";
