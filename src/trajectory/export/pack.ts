/**
 * Lists of numbers as little-endian bytes, whatever the host's order, and back.
 *
 * @module
 */

/** Bytes that a `Response` body and a hash both take. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** Ids as unsigned 32-bit integers. */
export function packIds(ids: ArrayLike<number>): Bytes {
  return pack(ids, 4, (view, at, id) => view.setUint32(at, id, true));
}

/** Ids and offsets as signed 64-bit integers: what tensor libraries index with. */
export function packLongs(values: ArrayLike<number>): Bytes {
  return pack(values, 8, (view, at, value) => {
    view.setUint32(at, value % 2 ** 32, true);
    view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
  });
}

/** Small numbers as bytes. */
export function packBytes(values: ArrayLike<number>): Bytes {
  return Uint8Array.from(values);
}

/** Doubles; null is NaN. */
export function packFloats(values: ArrayLike<number | null>): Bytes {
  return pack(values, 8, (view, at, value) => view.setFloat64(at, value ?? NaN, true));
}

/** Indexes as signed 32-bit integers; null is -1. */
export function packTurns(values: ArrayLike<number | null>): Bytes {
  return pack(values, 4, (view, at, value) => view.setInt32(at, value ?? -1, true));
}

/** Reverses {@link packLongs}. */
export function unpackLongs(bytes: Uint8Array): number[] {
  return unpack(bytes, 8, (view, at) => view.getUint32(at, true) + view.getInt32(at + 4, true) * 2 ** 32);
}

/** Reverses {@link packFloats}. */
export function unpackFloats(bytes: Uint8Array): (number | null)[] {
  return unpack(bytes, 8, (view, at) => {
    const value = view.getFloat64(at, true);
    return Number.isNaN(value) ? null : value;
  });
}

/** Reverses {@link packTurns}. */
export function unpackTurns(bytes: Uint8Array): (number | null)[] {
  return unpack(bytes, 4, (view, at) => {
    const value = view.getInt32(at, true);
    return value < 0 ? null : value;
  });
}

function pack<T>(
  values: ArrayLike<T>,
  width: number,
  write: (view: DataView, at: number, value: T) => void,
): Bytes {
  const view = new DataView(new ArrayBuffer(values.length * width));
  for (let i = 0; i < values.length; i++) write(view, i * width, values[i] as T);
  return new Uint8Array(view.buffer);
}

function unpack<T>(bytes: Uint8Array, width: number, read: (view: DataView, at: number) => T): T[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: Math.floor(bytes.length / width) }, (_, i) => read(view, i * width));
}
