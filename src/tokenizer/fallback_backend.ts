/**
 * A fast backend with a slower one behind it, for the texts that the fast one cannot take.
 *
 * @module
 */
import { getLogger } from "@logtape/logtape";
import type { EncodeBackend } from "./backend.ts";

/**
 * Encodes with `primary`, and with the fallback what is beyond `primary` or makes it fail.
 *
 * A WebAssembly library that has trapped may have left its memory in disorder. A wrong token is worse than a slow one, so
 * after a failure `primary` is not asked again.
 *
 * @param isBeyond whether `primary` is known to fail on a text: it is not given that text, and stays in use
 * @param makeFallback makes the other backend, when first needed
 */
export function withFallback(
  primary: EncodeBackend,
  isBeyond: (text: string) => boolean,
  makeFallback: () => EncodeBackend,
): EncodeBackend {
  let fallback: EncodeBackend | null = null;
  let hasFailed = false;
  const encodeSlowly = (text: string) => (fallback ??= makeFallback()).encode(text);
  return {
    name: primary.name,
    encode: function encodeOrFallBack(text) {
      if (hasFailed || isBeyond(text)) return encodeSlowly(text);
      try {
        return primary.encode(text);
      } catch (error) {
        hasFailed = true;
        getLogger(["slime-router", "tokenizer"]).warn(
          "{backend} failed on a text of {units} characters and is replaced by the slower backend: {error}",
          {
            backend: primary.name,
            units: text.length,
            error: error instanceof Error ? error.message : String(error),
          },
        );
        return encodeSlowly(text);
      }
    },
    close: function closeBoth() {
      fallback?.close();
      if (!hasFailed) primary.close();
    },
  };
}
