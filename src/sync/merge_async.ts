/**
 * Several asynchronous sequences as one.
 *
 * @module
 */

/**
 * The items of all sources, each as soon as it is there. What one source throws is thrown; the others are then ended, and
 * also when the caller stops. Each source is asked for one item ahead at most.
 */
export async function* mergeAsync<T>(sources: readonly AsyncGenerator<T, void>[]): AsyncGenerator<T, void> {
  const next = new Map(sources.map((source) => [source, ask(source)]));
  try {
    while (next.size > 0) {
      const { source, result } = await Promise.race(next.values());
      if (result.done) {
        next.delete(source);
        continue;
      }
      next.set(source, ask(source));
      yield result.value;
    }
  } finally {
    // A source that is waiting for its item ends after it: nobody waits for that.
    for (const [source, pending] of next) {
      pending.catch(() => {});
      source.return().catch(() => {});
    }
  }
}

async function ask<T>(source: AsyncGenerator<T, void>) {
  return { source, result: await source.next() };
}
