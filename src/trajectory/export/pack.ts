/**
 * Lists of numbers as little-endian bytes, whatever the host's order, and back.
 *
 * @module
 */

/** Bytes that a `Response` body and a hash both take. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** Ids as unsigned 32-bit integers. */
export function packIds(ids: ArrayLike<number>): Bytes {
  return littleEndian(new Uint32Array(ids));
}

/** Ids and offsets as signed 64-bit integers: what tensor libraries index with. */
export function packLongs(values: ArrayLike<number>): Bytes {
  const halves = new Uint32Array(2 * values.length);
  for (let i = 0; i < values.length; i++) {
    halves[2 * i] = values[i]!;
    halves[2 * i + 1] = values[i]! / 2 ** 32;
  }
  return littleEndian(halves);
}

/** Small numbers as bytes. */
export function packBytes(values: ArrayLike<number>): Bytes {
  return new Uint8Array(values);
}

/** Doubles; null is NaN. */
export function packFloats(values: ArrayLike<number | null>): Bytes {
  const floats = new Float64Array(values.length);
  for (let i = 0; i < values.length; i++) floats[i] = values[i] ?? NaN;
  return littleEndian(floats);
}

/** Indexes as signed 32-bit integers; null is -1. */
export function packTurns(values: ArrayLike<number | null>): Bytes {
  const turns = new Int32Array(values.length);
  for (let i = 0; i < values.length; i++) turns[i] = values[i] ?? -1;
  return littleEndian(turns);
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

const HOST_IS_LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/** Bytes of an array, least significant first in each element: a view where the host writes them so. */
function littleEndian(values: Uint32Array | Int32Array | Float64Array): Bytes {
  const bytes = new Uint8Array(values.buffer as ArrayBuffer, values.byteOffset, values.byteLength);
  if (HOST_IS_LITTLE_ENDIAN) return bytes;
  const width = values.BYTES_PER_ELEMENT;
  for (let at = 0; at < bytes.length; at += width) bytes.subarray(at, at + width).reverse();
  return bytes;
}

function unpack<T>(bytes: Uint8Array, width: number, read: (view: DataView, at: number) => T): T[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: Math.floor(bytes.length / width) }, (_, i) => read(view, i * width));
}
