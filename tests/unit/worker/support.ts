/** What the worker tests share. */
import type { Fetch } from "../../../src/types.ts";
import { WorkerPool, type WorkerPoolOptions } from "../../../src/worker/pool.ts";
import type { WorkerState } from "../../../src/worker/worker_state.ts";
import { FakeClock, settle } from "../../support/fake_clock.ts";

/** A pool on a fake clock, with ids `w-001`, `w-002`, … */
export function testPool(options: Partial<WorkerPoolOptions> = {}): { pool: WorkerPool; clock: FakeClock } {
  const clock = new FakeClock();
  let ids = 0;
  const pool = new WorkerPool({ clock, newId: () => `w-${String(++ids).padStart(3, "0")}`, ...options });
  return { pool, clock };
}

/** Opens a worker's circuit. */
export function trip(worker: WorkerState, failures = 5): void {
  for (let i = 0; i < failures; i++) worker.recordConnectFailure();
}

/** URLs of workers, without the scheme. */
export function names(workers: readonly { url: string }[]): string[] {
  return workers.map((worker) => worker.url.replace("http://", ""));
}

/** `pending`, `resolved` or `rejected`, after one turn of the event loop. */
export async function stateOf(promise: Promise<unknown>): Promise<string> {
  let state = "pending";
  promise.then(() => state = "resolved", () => state = "rejected");
  await settle();
  return state;
}

/** How a host answers: a status, silence until cancelled, silence for ever, or a broken connection. */
export type Answer = number | "hangs" | "ignores cancel" | "refuses";

/** Hosts that answer health probes as told, and remember them. */
export class HealthHosts {
  readonly asked: string[] = [];
  /** Probes under way, now and at most. */
  open = 0;
  openMax = 0;
  readonly #answers: Record<string, Answer>;

  constructor(answers: Record<string, Answer> = {}) {
    this.#answers = answers;
  }

  answer(host: string, answer: Answer): void {
    this.#answers[host] = answer;
  }

  /** How often a host was asked. */
  count(host: string): number {
    return this.asked.filter((url) => new URL(url).hostname === host).length;
  }

  readonly fetch: Fetch = async (input, init) => {
    const url = String(input);
    this.asked.push(url);
    this.openMax = Math.max(this.openMax, ++this.open);
    try {
      return await this.#reply(this.#answers[new URL(url).hostname] ?? 200, init?.signal ?? null);
    } finally {
      this.open--;
    }
  };

  async #reply(answer: Answer, signal: AbortSignal | null): Promise<Response> {
    await Promise.resolve();
    if (answer === "refuses") throw new TypeError("connection refused");
    if (typeof answer === "number") return new Response(answer === 204 ? null : "ok", { status: answer });
    return new Promise((_, reject) => {
      if (answer === "hangs") signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
  }
}
